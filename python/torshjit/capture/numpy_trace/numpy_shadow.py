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

from torshjit.capture.graph_function import tree_map
from torshjit.capture.numpy_trace.joining import array_of
from torshjit.capture.numpy_trace.known_arrays import call_known, known_array, plain
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
            made = original(a, dtype, *args, **kwargs)
            is_new = copies or not isinstance(a, np.ndarray)
            return known_array(session, made) if is_new else made
        if is_tracer(a) and a.known is not None:
            return call_known(session, original, (a, dtype, *args), kwargs)
        unknown = set(kwargs) - {"copy", "order", "subok", "ndmin", "like", "device"}
        if unknown or args:
            session.unsupported(f"numpy.{original.__name__}", "of a traced array, so called")
        array = a if is_tracer(a) else array_of(session, a)
        least = kwargs.get("ndmin", 0)
        if array.ndim < least:
            array = np.expand_dims(array, tuple(range(least - array.ndim)))  # type: ignore[type-var]
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
            return known_array(session, np.full(plain(shape), fill_value, dtype, **kwargs))
        return call_function(
            session, np.full_like, (fill_value, fill_value, dtype), {"shape": shape}
        )

    return full


def _making(session: TraceSession, original: Callable) -> Callable:
    """A function that makes an array of plain values, here one whose contents are known."""
    function = np.zeros if original is np.empty else original

    def make(*args: Any, **kwargs: Any) -> Any:
        args = tuple(tree_map(plain, each) for each in args)
        kwargs = {key: tree_map(plain, each) for key, each in kwargs.items()}
        return known_array(session, function(*args, **kwargs))

    make.__name__ = original.__name__
    return make


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
        for name in ("zeros", "ones", "empty", "eye", "identity", "arange", "linspace", "tri"):
            setattr(self, name, _making(session, getattr(np, name)))

    def __getattr__(self, name: str) -> Any:
        if name == "random":
            from torshjit.capture.numpy_trace.random_numbers import random_shadow

            return random_shadow(self._session)
        return getattr(np, name)


def numpy_shadow(session: TraceSession) -> ModuleType:
    """Returns the stand-in for ``numpy`` in one capture."""
    return _NumpyShadow(session)
