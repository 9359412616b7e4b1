# SPDX-License-Identifier: Apache-2.0
"""Basic indexing: integers, slices, Ellipsis and newaxis, read and written."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.numpy_trace.movement import view
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import method
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.values import (
    as_tracer,
    astype,
    broadcast_shapes,
    broadcast_value,
    is_tracer,
    reshape_value,
    wrap,
)
from torshjit.errors import ShapeError

__all__ = ["slice_value"]


class _Selection:
    """What an index means for an array of a given shape.

    `ranges` has (start, stop, step) for every axis; `shape` is that of the result, from which
    integer axes are dropped and into which new axes are put.
    """

    def __init__(self, session: TraceSession, shape: tuple[int, ...], key: Any) -> None:
        parts = list(key) if isinstance(key, tuple) else [key]
        for part in parts:
            self._require_basic(session, part)
        consumed = sum(part is not None and part is not Ellipsis for part in parts)
        ellipses = sum(part is Ellipsis for part in parts)
        if ellipses > 1:
            raise IndexError("an index can only have a single ellipsis ('...')")
        if consumed > len(shape):
            raise IndexError(
                f"too many indices for array: array is {len(shape)}-dimensional, but {consumed} "
                "were indexed"
            )
        #: Whether every axis is indexed by an integer, so that NumPy returns a scalar.
        self.is_element = not ellipses and consumed == len(shape) == len(parts)
        if not ellipses:
            parts.append(Ellipsis)
        self.ranges: list[tuple[int, int, int]] = []
        self.shape: list[int] = []
        for part in parts:
            axis = len(self.ranges)
            if part is None:
                self.shape.append(1)
            elif part is Ellipsis:
                for extent in shape[axis : axis + len(shape) - consumed]:
                    self.ranges.append((0, extent, 1))
                    self.shape.append(extent)
            elif isinstance(part, slice):
                self.is_element = False
                start, stop, step = part.indices(shape[axis])
                length = len(range(start, stop, step))
                # An empty range in the one form that is within the bounds of any axis.
                self.ranges.append((start, stop, step) if length else (0, 0, 1))
                self.shape.append(length)
            else:
                self.ranges.append(self._element(session, int(part), shape[axis], axis))

    @staticmethod
    def _require_basic(session: TraceSession, part: Any) -> None:
        if is_tracer(part):
            if part.dtype == np.bool_:
                session.refuse("the shape of a result indexed by a traced mask needs its values")
            session.unsupported("numpy.ndarray.__getitem__", "indexed by a traced array")
        if isinstance(part, (bool, np.bool_, list, np.ndarray)):
            session.unsupported("numpy.ndarray.__getitem__", "indexed by an array or a list")
        if part is None or part is Ellipsis or isinstance(part, (slice, int, np.integer)):
            return
        if not hasattr(type(part), "__index__"):
            raise IndexError(
                "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and "
                "integer or boolean arrays are valid indices"
            )

    @staticmethod
    def _element(session: TraceSession, index: int, extent: int, axis: int) -> tuple[int, int, int]:
        if not -extent <= index < extent:
            raise IndexError(f"index {index} is out of bounds for axis {axis} with size {extent}")
        index += extent if index < 0 else 0
        return index, index + 1, 1


def slice_value(session: TraceSession, value: Any, ranges: list[tuple[int, int, int]]) -> Any:
    """Slices a graph value, where the ranges leave anything out."""
    whole = [(0, extent, 1) for extent in value.shape]
    if ranges == whole:
        return value
    start, stop, stride = (list(part) for part in zip(*ranges, strict=True))
    return session.create("slice", [value], {"start": start, "stop": stop, "stride": stride})


@method("__getitem__")
def getitem(self: Tracer, key: Any) -> Tracer:
    """``array[key]``: a view, or a NumPy scalar for one element."""
    session = self.session
    selection = _Selection(session, self.shape, key)
    value = slice_value(session, self.value, selection.ranges)
    value = reshape_value(session, value, selection.shape)
    if selection.is_element:
        return wrap(session, value, self.dtype, is_scalar=True)
    part = view(self, value)
    part.source = (self, key)
    return part


@method("__setitem__")
def setitem(self: Tracer, key: Any, value: Any) -> None:
    """``array[key] = value``, on an array that the traced function made.

    Raises:
        CaptureError: the array is an argument or has views.
        ShapeError: the value does not fit.
    """
    if self.is_scalar:
        raise TypeError("'numpy generic' object does not support item assignment")
    source = value.source if is_tracer(value) else None
    if source is not None and source[0] is self and source[1] == key:
        # The end of `array[key] += ...`, which has written through the view already.
        return
    self.assign(wrap(self.session, patched_value(self, key, value), self.dtype, is_scalar=False))


@method("patched value")
def patched_value(self: Tracer, key: Any, value: Any) -> Any:
    """The graph value of this array with `value` at the index `key`.

    Raises:
        ShapeError: the value does not fit.
    """
    session = self.session
    selection = _Selection(session, self.shape, key)
    stored = astype(as_tracer(session, value, self.dtype), self.dtype)
    shape = tuple(selection.shape)
    if broadcast_shapes(session, "assignment to an index", shape, stored.shape) != shape:
        session.fail(ShapeError(f"assignment of shape {stored.shape} to an index of shape {shape}"))
    patch = broadcast_value(session, stored.value, shape)
    forward = []
    for start, stop, step in selection.ranges:
        if step not in (1, -1):
            session.unsupported("numpy.ndarray.__setitem__", f"with a step of {step}")
        forward.append((start, stop) if step == 1 else (stop + 1, start + 1))
    # The patch in the array's own axes, each run forwards.
    extents = [stop - start for start, stop in forward]
    patch = reshape_value(session, patch, extents)
    turned = [
        (0, extent, 1) if step == 1 else (extent - 1, -1 - extent, -1)
        for extent, (_, _, step) in zip(extents, selection.ranges, strict=True)
    ]
    if any(step == -1 for _, _, step in selection.ranges):
        patch = slice_value(session, patch, turned)
    return _replaced(session, self.value, forward, patch, 0)


def _replaced(
    session: TraceSession, value: Any, ranges: list[tuple[int, int]], patch: Any, axis: int
) -> Any:
    """`value` with the block at `ranges` replaced by `patch`, looking at axes from `axis` on."""
    shape = tuple(value.shape)
    while axis < len(shape) and ranges[axis] == (0, shape[axis]):
        axis += 1
    if axis == len(shape):
        return patch
    start, stop = ranges[axis]
    if start == stop:
        return value

    def part(low: int, high: int) -> Any:
        bounds = [(0, extent, 1) for extent in shape]
        bounds[axis] = (low, high, 1)
        return slice_value(session, value, bounds)

    inner_ranges = list(ranges)
    inner_ranges[axis] = (0, stop - start)
    pieces = [_replaced(session, part(start, stop), inner_ranges, patch, axis)]
    if start > 0:
        pieces.insert(0, part(0, start))
    if stop < shape[axis]:
        pieces.append(part(stop, shape[axis]))
    return session.create("concat", [pieces], {"axis": axis})
