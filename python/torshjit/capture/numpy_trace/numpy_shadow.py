# SPDX-License-Identifier: Apache-2.0
"""The stand-in for the module ``numpy`` inside a traced function.

Some of NumPy's functions do not offer their arguments to `__array_function__`: those that
make an array of anything, and the random generators. Everything else is NumPy's own.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from torshjit.capture.numpy_trace.joining import array_of
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import METHODS, call_function
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.values import is_tracer

__all__ = ["numpy_shadow"]


def _holds_tracer(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds_tracer(item) for item in value)
    return is_tracer(value)


def _converting(session: TraceSession, original: Callable, copies: bool) -> Callable:
    """``np.asarray`` and its kin, which take traced arrays too."""

    def convert(a: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        if not _holds_tracer(a):
            return original(a, dtype, *args, **kwargs)
        unknown = set(kwargs) - {"copy", "order", "subok", "ndmin", "like", "device"}
        if unknown or args or kwargs.get("ndmin", 0):
            session.unsupported(f"numpy.{original.__name__}", "of a traced array, so called")
        array = a if is_tracer(a) else array_of(session, a)
        fresh = not is_tracer(a) or kwargs.get("copy", copies)
        if dtype is not None and np.dtype(dtype) != array.dtype:
            array, fresh = array.astype(dtype), False
        if array.is_scalar:
            # Converting a NumPy scalar makes a 0-d array.
            return Tracer(session, array.value, array.dtype, array.shape)
        return METHODS["copy"](array) if fresh else array

    convert.__name__ = original.__name__
    return convert


def _full(session: TraceSession) -> Callable:
    def full(shape: Any, fill_value: Any, dtype: Any = None, **kwargs: Any) -> Any:
        if not is_tracer(fill_value):
            return np.full(shape, fill_value, dtype, **kwargs)
        return call_function(
            session, np.full_like, (fill_value, fill_value, dtype), {"shape": shape}
        )

    return full


class _NumpyShadow(ModuleType):
    """Attributes that are not its own are NumPy's."""

    def __init__(self, session: TraceSession) -> None:
        super().__init__("numpy")
        self._session = session
        for name, copies in (
            ("asarray", False),
            ("asanyarray", False),
            ("ascontiguousarray", False),
            ("asfortranarray", False),
            ("array", True),
        ):
            setattr(self, name, _converting(session, getattr(np, name), copies))
        self.full = _full(session)

    def __getattr__(self, name: str) -> Any:
        if name == "random":
            self._session.refuse(
                "numpy.random is used; its numbers would be the same at each call", "numpy.random"
            )
        return getattr(np, name)


def numpy_shadow(session: TraceSession) -> ModuleType:
    """Returns the stand-in for ``numpy`` in one capture."""
    return _NumpyShadow(session)
