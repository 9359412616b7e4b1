# SPDX-License-Identifier: Apache-2.0
"""The tables that NumPy's functions, ufuncs and array methods are looked up in.

Each family of operations fills them as it is imported. A function's entry takes the session
and then NumPy's own arguments, under NumPy's names; a method's entry takes the tracer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from torshjit.errors import TorshError

if TYPE_CHECKING:
    from torshjit.capture.numpy_trace.session import TraceSession
    from torshjit.capture.numpy_trace.tracer import Tracer

__all__ = [
    "FUNCTIONS",
    "METHODS",
    "REDUCTIONS",
    "UFUNCS",
    "call_function",
    "call_method",
    "function",
    "method",
    "qualified_name",
    "reject_arguments",
]

#: NumPy function -> ``handler(session, *args, **kwargs)``.
FUNCTIONS: dict[Callable, Callable] = {}

#: Name of an ndarray method -> ``handler(tracer, *args, **kwargs)``.
METHODS: dict[str, Callable] = {}

#: Ufunc -> ``lowering(graph_math, *values)``; the values have the dtypes of the ufunc's loop.
UFUNCS: dict[np.ufunc, Callable] = {}

#: Ufunc -> the NumPy function that its ``reduce`` method is.
REDUCTIONS: dict[np.ufunc, Callable] = {}


def function(*numpy_functions: Callable) -> Callable[[Callable], Callable]:
    """Registers a handler for NumPy functions."""

    def register(handler: Callable) -> Callable:
        for numpy_function in numpy_functions:
            FUNCTIONS[numpy_function] = handler
        return handler

    return register


def method(*names: str) -> Callable[[Callable], Callable]:
    """Registers a handler for ndarray methods."""

    def register(handler: Callable) -> Callable:
        for name in names:
            METHODS[name] = handler
        return handler

    return register


def qualified_name(numpy_function: Any) -> str:
    """Returns the name a user knows a NumPy function by, such as ``numpy.linalg.svd``."""
    module = getattr(numpy_function, "__module__", None) or "numpy"
    name = getattr(numpy_function, "__name__", None) or repr(numpy_function)
    if module.startswith("numpy.") and module.split(".")[1].startswith("_"):
        module = "numpy"
    return f"{module}.{name}"


def call_function(
    session: TraceSession, numpy_function: Callable, args: tuple, kwargs: dict[str, Any]
) -> Any:
    """Runs the entry of a NumPy function.

    Raises:
        UnsupportedOpError: the table has no entry, or the entry lacks one of the arguments, and
            the host cannot be called instead.
    """
    from torshjit.capture.numpy_trace.host_fallback import recovered

    return recovered(
        session,
        lambda: _lowered(session, numpy_function, args, kwargs),
        qualified_name(numpy_function),
        numpy_function,
        args,
        kwargs,
    )


def call_method(array: Tracer, name: str, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Runs the entry of an ndarray method.

    Raises:
        UnsupportedOpError: as `call_function`.
    """
    from torshjit.capture.numpy_trace.host_fallback import recovered

    path = f"numpy.ndarray.{name}"

    def attempt() -> Any:
        handler = METHODS.get(name)
        if handler is None:
            array.session.unsupported(path)
        return handler(array, *args, **kwargs)

    plain = getattr(np.ndarray, name)
    return recovered(array.session, attempt, path, plain, (array, *args), kwargs)


def _lowered(
    session: TraceSession, numpy_function: Callable, args: tuple, kwargs: dict[str, Any]
) -> Any:
    handler = FUNCTIONS.get(numpy_function)
    if handler is None:
        session.unsupported(qualified_name(numpy_function))
    try:
        return handler(session, *args, **kwargs)
    except TorshError:
        raise
    except TypeError as error:
        try:
            inspect.signature(handler).bind(session, *args, **kwargs)
        except TypeError:
            given = ", ".join(sorted(kwargs)) or f"{len(args)} positional arguments"
            session.unsupported(qualified_name(numpy_function), f"called with {given}")
        raise error


def reject_arguments(session: TraceSession, op: str, **values: Any) -> None:
    """Raises UnsupportedOpError if an argument is neither None nor NumPy's `no value`."""
    for name, value in values.items():
        if value is not None and value is not np._NoValue:
            session.unsupported(op, f"with the argument {name}")
