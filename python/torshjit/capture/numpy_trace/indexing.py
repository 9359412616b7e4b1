# SPDX-License-Identifier: Apache-2.0
"""Indexing, read and written: integers, slices, Ellipsis, newaxis, and arrays of positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from torshjit.capture.numpy_trace.movement import view
from torshjit.capture.numpy_trace.positions import Selection, gathered, scattered
from torshjit.capture.numpy_trace.selected import Selected
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import method
from torshjit.capture.numpy_trace.tracer import Tracer, View
from torshjit.capture.numpy_trace.values import (
    as_tracer,
    astype,
    broadcast_shapes,
    broadcast_value,
    cast_value,
    is_tracer,
    reshape_value,
    slice_value,
    wrap,
)
from torshjit.errors import ShapeError

__all__ = ["getitem", "patched_value", "setitem"]


@method("__getitem__")
def getitem(self: Tracer, key: Any) -> Tracer:
    """``array[key]``: a view, a NumPy scalar for one element, or a copy of chosen elements."""
    session = self.session
    selection = Selection(session, self.shape, key)
    if selection.mask is not None:
        if selection.mask.shape == self.shape:
            return Selected(wrap(session, self.value, self.dtype), selection.mask)  # type: ignore[return-value]
        session.refuse("the shape of a result indexed by a traced mask needs its values")
    value = slice_value(session, self.value, selection.ranges)
    if selection.positions:
        value = gathered(session, value, selection)
    value = reshape_value(session, value, selection.shape)
    if selection.is_element:
        return wrap(session, value, self.dtype, is_scalar=True)
    if selection.copies:
        return wrap(session, value, self.dtype, is_scalar=False)
    part = view(self, value)
    note_view(self, part, key)
    return part


@method("note view")
def note_view(whole: Tracer, part: Tracer, key: Any) -> None:
    """Says that `part` is ``whole[key]``, for writes to either."""
    session, shape, dtype = whole.session, whole.shape, whole.dtype

    def read(value: Any) -> Any:
        return getitem(Tracer(session, value, dtype, shape), key).value

    def write(value: Any, patch: Any) -> Any:
        return patched_value(
            Tracer(session, value, dtype, shape), key, wrap(session, patch, dtype, is_scalar=False)
        )

    part.source = View(whole, read, write, key)


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
    if source is not None and source.whole is self and _equal_keys(source.key, key):
        # The end of `array[key] += ...`, which has written through the view already.
        return
    self.assign(wrap(self.session, patched_value(self, key, value), self.dtype, is_scalar=False))


def _equal_keys(first: Any, second: Any) -> bool:
    """Whether two keys are the same basic index; arrays among them are compared by identity."""
    if isinstance(first, tuple) and isinstance(second, tuple):
        return len(first) == len(second) and all(map(_equal_keys, first, second))
    if first is second:
        return True
    if any(isinstance(key, (np.ndarray, list)) or is_tracer(key) for key in (first, second)):
        return False
    return type(first) is type(second) and first == second


@method("patched value")
def patched_value(self: Tracer, key: Any, value: Any) -> Any:
    """The graph value of this array with `value` at the index `key`.

    Raises:
        ShapeError: the value does not fit.
    """
    session = self.session
    selection = Selection(session, self.shape, key)
    if type(value) is Selected:
        if selection.mask is not value.mask or value.whole.shape != self.shape:
            session.refuse("elements that a traced mask chose are written through another index")
        mask = cast_value(session, value.mask.value, np.dtype(bool))
        return session.create("select", [mask, astype(value.whole, self.dtype).value, self.value])
    stored = astype(as_tracer(session, value, self.dtype), self.dtype)
    if selection.mask is not None:
        return _masked(session, self, selection.mask, stored)
    shape = tuple(selection.shape)
    # NumPy drops leading axes of extent 1 that the value has too many of.
    trimmed = stored.value
    while len(trimmed.shape) > len(shape) and trimmed.shape[0] == 1:
        trimmed = reshape_value(session, trimmed, trimmed.shape[1:])
    if broadcast_shapes(session, "assignment to an index", shape, tuple(trimmed.shape)) != shape:
        session.fail(ShapeError(f"assignment of shape {stored.shape} to an index of shape {shape}"))
    patch = broadcast_value(session, trimmed, shape)
    if selection.positions or any(step not in (1, -1) for _, _, step in selection.ranges):
        return scattered(session, self.value, selection, patch)
    return _pasted(session, self.value, selection.ranges, patch)


def _masked(session: TraceSession, array: Tracer, mask: Tracer, stored: Tracer) -> Any:
    """`array` with `stored` where the mask is true; it must be the same for every place."""
    rest = array.shape[mask.ndim :]
    value = stored.value
    if stored.ndim > len(rest):
        if stored.ndim != len(rest) + 1 or stored.shape[0] != 1:
            session.refuse(
                "an assignment of as many values as a traced mask is true needs its values"
            )
        value = reshape_value(session, value, stored.shape[1:])
    if broadcast_shapes(session, "assignment to a mask", rest, tuple(value.shape)) != rest:
        session.fail(ShapeError(f"assignment of shape {stored.shape} to a mask over {rest}"))
    chosen = reshape_value(
        session, cast_value(session, mask.value, np.dtype(bool)), (*mask.shape, *([1] * len(rest)))
    )
    return session.create("select", [chosen, value, array.value])


def _pasted(
    session: TraceSession, value: Any, ranges: Sequence[tuple[int, int, int]], patch: Any
) -> Any:
    """`value` with the block at `ranges`, of steps 1 and -1, replaced by `patch`."""
    forward = [
        (start, stop) if step == 1 else (stop + 1, start + 1) for start, stop, step in ranges
    ]
    # The patch in the array's own axes, each run forwards.
    extents = [stop - start for start, stop in forward]
    patch = reshape_value(session, patch, extents)
    turned = [
        (0, extent, 1) if step == 1 else (extent - 1, -1 - extent, -1)
        for extent, (_, _, step) in zip(extents, ranges, strict=True)
    ]
    if any(step == -1 for _, _, step in ranges):
        patch = slice_value(session, patch, turned)
    return _replaced(session, value, forward, patch, 0)


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
