# SPDX-License-Identifier: Apache-2.0
"""Turning what a NumPy call was given into the graph's values, and back into tracers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import dialect_dtype, is_supported, numpy_dtype
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tracer import Storage, Tracer
from torshjit.errors import ShapeError

__all__ = [
    "GraphMath",
    "as_operand",
    "as_tracer",
    "astype",
    "broadcast_shapes",
    "broadcast_value",
    "cast_value",
    "is_tracer",
    "operand_dtype",
    "reshape_value",
    "scalar_constant",
    "slice_value",
    "traced",
    "wrap",
]

#: NumPy, called on tracers: its type stubs know only arrays.
traced: Any = np

#: Python numbers: weak in NumPy's type promotion.
_WEAK = (int, float)


def is_tracer(value: object) -> bool:
    """Whether `value` is a tracer; isinstance() cannot tell, tracers claim to be ndarrays."""
    return type(value) is Tracer


def wrap(
    session: TraceSession,
    value: Any,
    dtype: np.dtype,
    storage: Storage | None = None,
    is_scalar: bool | None = None,
) -> Tracer:
    """Returns a tracer of a graph value; 0-d results are NumPy scalars unless said otherwise."""
    shape = tuple(value.shape)
    scalar = shape == () if is_scalar is None else is_scalar
    return Tracer(session, value, dtype, shape, storage, scalar)


def as_operand(session: TraceSession, value: Any) -> Tracer | int | float:
    """Returns a tracer, or a Python number as it is.

    Raises:
        CaptureError: the value is not an array of a supported dtype.
    """
    if type(value) is Tracer:
        if value.session is not session:
            session.refuse("an array of another capture is used; it must not outlive its call")
        return value
    if type(value) in _WEAK:
        return value
    if type(value) is complex or getattr(getattr(value, "dtype", None), "kind", "") == "c":
        session.unsupported("complex numbers", "they stay between calls of NumPy")
    if isinstance(value, np.ndarray):
        return session.bind_object(value)
    if isinstance(value, (list, tuple)):
        if any(is_tracer(item) for item in _flat(value)):
            from torshjit.capture.numpy_trace.joining import array_of

            return array_of(session, value)
        value = np.asarray(value)
    elif isinstance(value, (np.generic, bool)):
        value = np.asarray(value)[()]
    else:
        session.refuse(f"a value of type {type(value).__name__} meets a traced array")
    if not is_supported(value.dtype):
        session.refuse(f"a constant of dtype {value.dtype} meets a traced array; not supported")
    array = np.asarray(value)
    return wrap(session, session.constant(array), array.dtype)


def _flat(value: Any) -> Any:
    for item in value:
        if isinstance(item, (list, tuple)):
            yield from _flat(item)
        else:
            yield item


def as_tracer(session: TraceSession, value: Any, dtype: np.dtype | None = None) -> Tracer:
    """Returns a tracer of `value`; a Python number becomes a constant of `dtype`.

    Raises:
        CaptureError: the value is not an array of a supported dtype.
        OverflowError: a Python integer does not fit `dtype`.
    """
    operand = as_operand(session, value)
    if type(operand) is Tracer:
        return operand
    array = np.array(operand, dtype=dtype)
    return wrap(session, session.constant(array), array.dtype)


def operand_dtype(operand: Tracer | int | float) -> Any:
    """What NumPy's promotion takes for an operand: a dtype, or the type of a Python number."""
    return operand.dtype if type(operand) is Tracer else type(operand)


def cast_value(session: TraceSession, value: Any, dtype: np.dtype) -> Any:
    """Casts a graph value, where its dtype differs."""
    name = dialect_dtype(dtype)
    if value.dtype == name:
        return value
    return session.create("cast", [value], {"dtype": name})


def scalar_constant(session: TraceSession, number: Any, dtype: np.dtype) -> Any:
    """Returns a 0-d constant value."""
    return session.constant(np.array(number, dtype=dtype))


def astype(tracer: Tracer, dtype: np.dtype) -> Tracer:
    """Returns a new array of another dtype."""
    value = cast_value(tracer.session, tracer.value, dtype)
    return wrap(tracer.session, value, dtype, is_scalar=tracer.is_scalar)


def reshape_value(session: TraceSession, value: Any, shape: Sequence[int]) -> Any:
    """Reshapes a graph value, where its shape differs."""
    if tuple(value.shape) == tuple(shape):
        return value
    return session.create("reshape", [value], result_type=(value.dtype, list(shape)))


def broadcast_value(session: TraceSession, value: Any, shape: Sequence[int]) -> Any:
    """Broadcasts a graph value, where its shape differs."""
    if tuple(value.shape) == tuple(shape):
        return value
    return session.create("broadcast", [value], result_type=(value.dtype, list(shape)))


def slice_value(session: TraceSession, value: Any, ranges: list[tuple[int, int, int]]) -> Any:
    """Slices a graph value, where the ranges leave anything out."""
    whole = [(0, extent, 1) for extent in value.shape]
    if ranges == whole:
        return value
    start, stop, stride = (list(part) for part in zip(*ranges, strict=True))
    return session.create("slice", [value], {"start": start, "stop": stop, "stride": stride})


def broadcast_shapes(session: TraceSession, op: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the shape that NumPy broadcasts to.

    Raises:
        ShapeError: the shapes do not broadcast; it names `op`.
    """
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = ", ".join(map(str, shapes))
        session.fail(ShapeError(f"{op}: shapes {listed} cannot be broadcast together", op=op))


class GraphMath:
    """Writes arithmetic on graph values as calls: ``math("add", a, b)``."""

    def __init__(self, session: TraceSession) -> None:
        self.session = session

    def __call__(self, op: str, *operands: Any, **attributes: Any) -> Any:
        return self.session.create(op, operands, attributes)

    def constant(self, number: float, like: Any) -> Any:
        """A 0-d constant of the dtype of a value."""
        return scalar_constant(self.session, number, numpy_dtype(like.dtype))

    def compare(self, predicate: str, lhs: Any, rhs: Any) -> Any:
        """A bool value; `rhs` may be a Python number."""
        if isinstance(rhs, (int, float)):
            rhs = self.constant(rhs, lhs)
        return self.session.create("compare", [lhs, rhs], {"predicate": predicate})

    def cast(self, value: Any, dtype: str) -> Any:
        """The value in a dtype of the dialect."""
        return cast_value(self.session, value, numpy_dtype(dtype))
