# SPDX-License-Identifier: Apache-2.0
"""Functions that NumPy itself writes in terms of others: traced through its own code.

A copy of the implementation runs on the traced arrays, in which what NumPy would do to plain
arrays alone (`asarray`, `zeros`, ...) is that of the capture. Where the code asks for a value, or
does anything else that cannot be traced, the call is made on the host instead.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from torshjit.capture.numpy_trace.function_names import names_of
from torshjit.capture.numpy_trace.numpy_shadow import numpy_shadow
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.values import as_tracer, is_tracer

__all__ = ["TRACED_THROUGH", "implementation"]

#: Functions whose implementation is traced. Others are called on the host: their code asks for
#: values, or is compiled.
TRACED_THROUGH: frozenset[Callable] = frozenset(
    {
        np.angle,
        np.apply_along_axis,
        np.apply_over_axes,
        np.corrcoef,
        np.cov,
        np.cross,
        np.delete,
        np.diff,
        np.ediff1d,
        np.fft.fftshift,
        np.fft.ifftshift,
        np.gradient,
        np.insert,
        np.isneginf,
        np.isposinf,
        np.ix_,
        np.linalg.cross,
        np.linspace,
        np.pad,
        np.polyadd,
        np.polyder,
        np.polyint,
        np.polysub,
        np.polyval,
        np.real_if_close,
        np.resize,
        np.rot90,
        np.sinc,
        np.trapezoid,
        np.unwrap,
        np.vander,
    }
)

#: What the copies use in the place of NumPy's own.
_CONVERSIONS = (
    "asarray",
    "asanyarray",
    "ascontiguousarray",
    "array",
    "zeros",
    "ones",
    "empty",
    "full",
    "arange",
    "eye",
    "linspace",
    "identity",
)

_MODULES = ("numpy", "numpy._core.numeric", "numpy._core.fromnumeric", "numpy._core")


def implementation(session: TraceSession, function: Callable) -> Callable[..., Any] | None:
    """Returns the copy of a function's implementation, or None if it is not to be traced."""
    if function not in TRACED_THROUGH:
        return None
    original = getattr(function, "_implementation", None)
    if type(original) is not FunctionType:
        return None
    return _Copies(session).of(original)


class _Copies:
    """The copies of the functions that an implementation consists of."""

    def __init__(self, session: TraceSession) -> None:
        self._session = session
        self._numpy = numpy_shadow(session)
        self._made: dict[int, FunctionType] = {}

    def of(self, function: FunctionType) -> FunctionType:
        """The copy of a Python function of NumPy's."""
        made = self._made.get(id(function))
        if made is not None:
            return made
        namespace: dict[str, Any] = {"__builtins__": __builtins__, "__name__": function.__module__}
        copy = FunctionType(
            function.__code__,
            namespace,
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )
        copy.__kwdefaults__ = function.__kwdefaults__
        self._made[id(function)] = copy
        for name in names_of(function.__code__).globals:
            if name in function.__globals__:
                namespace[name] = self._stand_in(name, function.__globals__[name])
        return copy

    def _stand_in(self, name: str, value: Any) -> Any:
        if isinstance(value, ModuleType) and value.__name__ in _MODULES:
            return _Module(value, self)
        if name == "_array_converter":
            return functools.partial(_Converter, self._session)
        if name in _CONVERSIONS and callable(value):
            return getattr(self._numpy, name)
        if type(value) is FunctionType and (value.__module__ or "").startswith("numpy."):
            return self.of(value)
        return value


class _Module(ModuleType):
    """A module of NumPy with the capture's conversions."""

    def __init__(self, module: ModuleType, copies: _Copies) -> None:
        super().__init__(module.__name__)
        self._module = module
        self._copies = copies

    def __getattr__(self, name: str) -> Any:
        return self._copies._stand_in(name, getattr(self._module, name))


class _Converter:
    """What NumPy's own `_array_converter` does, for traced arrays."""

    def __init__(self, session: TraceSession, *arrays: Any) -> None:
        self._given = arrays
        self._arrays = [
            each
            if isinstance(each, np.ndarray) and not is_tracer(each)
            else as_tracer(session, each)
            for each in arrays
        ]
        self._session = session

    @property
    def scalar_input(self) -> tuple[bool, ...]:
        return tuple(not isinstance(each, (np.ndarray, list, tuple)) for each in self._given)

    def __getitem__(self, index: int) -> Any:
        return self._array(self._arrays[index])

    def __len__(self) -> int:
        return len(self._arrays)

    def __iter__(self) -> Any:
        return iter([self._array(each) for each in self._arrays])

    def _array(self, value: Any) -> Any:
        if is_tracer(value) and value.is_scalar:
            return Tracer(self._session, value.value, value.dtype, value.shape)
        return value

    def as_arrays(self, *, subok: bool = True, pyscalars: str = "convert_if_no_array") -> tuple:
        has_array = any(isinstance(each, np.ndarray) for each in self._given)
        keeps = pyscalars == "preserve" or (pyscalars == "convert_if_no_array" and has_array)
        return tuple(
            given if keeps and type(given) in (int, float, complex) else self._array(each)
            for given, each in zip(self._given, self._arrays, strict=True)
        )

    def result_type(self, extra_dtype: Any = None, ensure_inexact: bool = False) -> np.dtype:
        kinds: list[Any] = [
            given if type(given) in (int, float, complex) else each.dtype
            for given, each in zip(self._given, self._arrays, strict=True)
        ]
        if extra_dtype is not None:
            kinds.append(extra_dtype)
        if ensure_inexact:
            kinds.append(0.0)
        return np.result_type(*kinds)

    def wrap(self, array: Any, /, to_scalar: bool | None = None) -> Any:
        if not is_tracer(array) or array.ndim:
            return array
        scalar = all(self.scalar_input) if to_scalar is None else to_scalar
        return Tracer(self._session, array.value, array.dtype, (), array.storage, scalar)
