# SPDX-License-Identifier: Apache-2.0
"""What ``array[mask]`` reads where the mask is traced: elements whose number is not known.

They can be computed with element by element, written back through the same mask, and reduced;
the program computes with the whole array and leaves out what the mask does. Anything else needs
their number, and is refused.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from torshjit.capture.numpy_trace.positions import require
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.values import as_tracer, astype, traced

__all__ = ["Selected"]


class Selected(np.lib.mixins.NDArrayOperatorsMixin):
    """The elements of `whole` where `mask`, an array of bools of its shape, is true."""

    __slots__ = ("mask", "session", "whole")

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, whole: Tracer, mask: Tracer) -> None:
        self.session: TraceSession = whole.session
        self.whole = whole
        self.mask = mask

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # type: ignore[override]
        return np.ndarray

    @property
    def dtype(self) -> np.dtype:
        return self.whole.dtype

    @property
    def ndim(self) -> int:
        return 1

    def refuse(self) -> NoReturn:
        """Raises CaptureError."""
        self.session.refuse("the shape of a result indexed by a traced mask needs its values")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.refuse()

    def __len__(self) -> int:
        self.refuse()

    def __iter__(self) -> Any:
        self.refuse()

    def __getitem__(self, key: Any) -> Any:
        self.refuse()

    def __setitem__(self, key: Any, value: Any) -> None:
        self.refuse()

    def __bool__(self) -> bool:
        self.refuse()

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        self.refuse()

    # Element by element.

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        if method != "__call__" or kwargs or (out is not None and out != (self,)):
            self.refuse()
        wholes = []
        for each in inputs:
            if type(each) is Selected:
                if each.mask is not self.mask:
                    self.refuse()
                wholes.append(each.whole)
            elif type(each) in (bool, int, float) or np.ndim(each) == 0:
                wholes.append(each)
            else:
                self.refuse()
        result = ufunc(*wholes)
        if isinstance(result, tuple):
            return tuple(Selected(as_tracer(self.session, each), self.mask) for each in result)
        if out is not None:
            if not np.can_cast(result.dtype, self.dtype, "same_kind"):
                raise np.exceptions.DTypePromotionError(
                    f"Cannot cast ufunc output from {result.dtype} to {self.dtype}"
                )
            result = astype(result, self.dtype)
        return Selected(as_tracer(self.session, result), self.mask)

    def __pow__(self, exponent: Any) -> Any:
        if type(exponent) is Selected:
            return np.power(self, exponent)
        return Selected(self.whole**exponent, self.mask)

    def astype(self, dtype: Any) -> Selected:
        return Selected(self.whole.astype(dtype), self.mask)

    def copy(self) -> Selected:
        return Selected(self.whole.copy(), self.mask)

    # Reduced.

    def __array_function__(self, function: Any, types: Any, args: tuple, kwargs: dict) -> Any:
        name = getattr(function, "__name__", "")
        name = {"amax": "max", "amin": "min"}.get(name, name)
        if name not in ("sum", "prod", "mean", "any", "all", "var", "std", "max", "min"):
            self.refuse()
        if type(args[0]) is not Selected or len(args) > 1:
            self.refuse()
        return getattr(args[0], name)(**kwargs)

    def sum(self, axis: Any = None, dtype: Any = None) -> Any:
        self._require_whole(axis)
        return traced.sum(self.whole, dtype=dtype, where=self.mask)

    def prod(self, axis: Any = None, dtype: Any = None) -> Any:
        self._require_whole(axis)
        return traced.prod(self.whole, dtype=dtype, where=self.mask)

    def any(self, axis: Any = None) -> Any:
        self._require_whole(axis)
        return traced.any(self.whole, where=self.mask)

    def all(self, axis: Any = None) -> Any:
        self._require_whole(axis)
        return traced.all(self.whole, where=self.mask)

    def max(self, axis: Any = None) -> Any:
        return self._extremum(axis, traced.max, -np.inf, "maximum")

    def min(self, axis: Any = None) -> Any:
        return self._extremum(axis, traced.min, np.inf, "minimum")

    def _extremum(self, axis: Any, reduce: Any, neutral: float, name: str) -> Any:
        self._require_whole(axis)
        require(
            self.session,
            traced.any(self.mask).value,
            f"zero-size array to reduction operation {name} which has no identity",
        )
        dtype, last = self.dtype, neutral
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            last = limits.min if neutral < 0 else limits.max
        elif dtype.kind == "b":
            last = neutral > 0
        return reduce(traced.where(self.mask, self.whole, dtype.type(last)))

    def mean(self, axis: Any = None) -> Any:
        self._require_whole(axis)
        return traced.mean(self.whole, where=self.mask)

    def var(self, axis: Any = None, ddof: int = 0) -> Any:
        centred = self.whole - self.mean(axis)
        count = traced.sum(self.mask) - ddof
        total = traced.sum(centred * centred, where=self.mask)
        return astype(total / traced.maximum(count, 0), centred.dtype)

    def std(self, axis: Any = None, ddof: int = 0) -> Any:
        return traced.sqrt(self.var(axis, ddof))

    def _require_whole(self, axis: Any) -> None:
        if axis not in (None, 0, -1):
            self.refuse()
