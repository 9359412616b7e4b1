# SPDX-License-Identifier: Apache-2.0
"""What an index of NumPy means for a shape, and reads and writes at positions that are data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from torshjit.capture.numpy_trace.known_arrays import plain
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.values import (
    as_tracer,
    broadcast_shapes,
    broadcast_value,
    cast_value,
    is_tracer,
    reshape_value,
    scalar_constant,
)

__all__ = ["Selection", "check_bounds", "gathered", "require", "scattered"]

Range = tuple[int, int, int]

#: An Ellipsis that stands for no axis, which still separates arrays of positions.
_GAP = object()


class Selection:
    """What an index means for an array of a given shape.

    Attributes:
        ranges: (start, stop, step) for every axis; whole for those that positions index.
        positions: the positions of each axis that an array indexes, by axis.
        shape: that of the result.
        is_element: whether NumPy returns a scalar.
        copies: whether the result is no view: an array of positions is among the index.
        mask: the traced mask that the whole index is, if it is one.
        broadcast: the shape that the positions broadcast to.
        front: whether the axes of the positions come first in the result.
    """

    def __init__(self, session: TraceSession, shape: tuple[int, ...], key: Any) -> None:
        self._session = session
        self.mask: Tracer | None = None
        self.positions: dict[int, Position] = {}
        self.ranges: list[Range] = []
        self.shape: list[int] = []
        self.broadcast: tuple[int, ...] = ()
        self.front = False
        self.copies = self.is_element = False
        parts = self._expanded(key, shape)
        if parts is not None:
            self._select(parts, shape)

    def _expanded(self, key: Any, shape: tuple[int, ...]) -> list[Any] | None:
        """The parts of the key, with masks as positions and no Ellipsis; None for a traced mask."""
        given = list(key) if isinstance(key, tuple) else [key]
        parts: list[Any] = []
        for part in given:
            part = self._array_part(plain(part))
            if is_tracer(part) and part.dtype == np.bool_:
                if (
                    len([each for each in given if each is not Ellipsis]) > 1
                    or given[0] is Ellipsis
                ):
                    self._session.refuse("a traced mask among several indices needs its values")
                if part.shape != shape[: part.ndim]:
                    raise IndexError(
                        f"boolean index of shape {part.shape} does not match the indexed array of "
                        f"shape {shape}"
                    )
                self.mask = part
                return None
            if isinstance(part, np.ndarray) and not is_tracer(part) and part.dtype == np.bool_:
                parts += self._mask_positions(part, parts, shape)
            else:
                parts.append(part)
        consumed = sum(part is not None and part is not Ellipsis for part in parts)
        if sum(part is Ellipsis for part in parts) > 1:
            raise IndexError("an index can only have a single ellipsis ('...')")
        if consumed > len(shape):
            raise IndexError(
                f"too many indices for array: array is {len(shape)}-dimensional, but {consumed} "
                "were indexed"
            )
        self._has_ellipsis = any(part is Ellipsis for part in parts)
        rest: list[Any] = [slice(None)] * (len(shape) - consumed)
        if not self._has_ellipsis:
            return parts + rest
        place = next(i for i, part in enumerate(parts) if part is Ellipsis)
        return [*parts[:place], *(rest or [_GAP]), *parts[place + 1 :]]

    @staticmethod
    def _array_part(part: Any) -> Any:
        """Lists as arrays; everything else as it is, if it may be an index."""
        if isinstance(part, (list, range)):
            if any(is_tracer(item) for item in part):
                return part
            array = np.asarray(part)
            return array.astype(np.intp) if array.size == 0 else array
        if isinstance(part, (bool, np.bool_)):
            return np.asarray(part)
        if part is None or part is Ellipsis or isinstance(part, (slice, np.ndarray)):
            return part
        if not hasattr(type(part), "__index__"):
            raise IndexError(
                "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and "
                "integer or boolean arrays are valid indices"
            )
        return part

    def _mask_positions(
        self, mask: np.ndarray, before: list[Any], shape: tuple[int, ...]
    ) -> list[Any]:
        """Positions of the true elements of a mask that is known while tracing."""
        if mask.ndim == 0:
            self._session.unsupported("numpy.ndarray.__getitem__", "indexed by True or False")
        axis = sum(part is not None for part in before)
        if any(part is Ellipsis for part in before):
            self._session.unsupported("numpy.ndarray.__getitem__", "a mask behind an Ellipsis")
        if mask.shape != shape[axis : axis + mask.ndim]:
            raise IndexError(
                f"boolean index of shape {mask.shape} does not match axes {axis} and following of "
                f"the indexed array of shape {shape}"
            )
        return list(np.nonzero(mask))

    def _select(self, parts: list[Any], shape: tuple[int, ...]) -> None:
        session = self._session
        self.copies = any(isinstance(part, (np.ndarray, list)) for part in parts)
        layout: list[Any] = []
        for part in parts:
            axis = len(self.ranges)
            if part is None:
                layout.append(1)
            elif part is _GAP:
                layout.append(_GAP)
            elif isinstance(part, slice):
                start, stop, step = part.indices(shape[axis])
                length = len(range(start, stop, step))
                # An empty range in the one form that is within the bounds of any axis.
                self.ranges.append((start, stop, step) if length else (0, 0, 1))
                layout.append(length)
            elif is_tracer(part) or self.copies:
                self.positions[axis] = _position(session, part, axis, shape[axis])
                self.ranges.append((0, shape[axis], 1))
                layout.append(self)
            else:
                index = _checked(int(part), shape[axis], axis)
                self.ranges.append((index, index + 1, 1))
        self.is_element = (
            not self._has_ellipsis
            and not any(isinstance(part, slice) or part is None for part in parts)
            and not any(position.shape for position in self.positions.values())
        )
        if not self.positions:
            self.shape = [item for item in layout if item is not _GAP]
            return
        self.broadcast = broadcast_shapes(
            session, "numpy.ndarray.__getitem__", *(each.shape for each in self.positions.values())
        )
        for axis, position in self.positions.items():
            if shape[axis] == 0 and 0 not in self.broadcast:
                raise IndexError(f"index is out of bounds for axis {axis} with size 0")
            if not position.is_known:
                check_bounds(session, position.value, axis, shape[axis])
        # Arrays and integers next to each other give their axes there, else in front.
        places = [i for i, item in enumerate(layout) if item is self]
        self.front = places[-1] - places[0] + 1 != len(places)
        kept = [item for item in layout if item is not self and item is not _GAP]
        before = 0 if self.front else sum(item is not _GAP for item in layout[: places[0]])
        self.shape = [*kept[:before], *self.broadcast, *kept[before:]]


class Position:
    """The positions along one axis: a graph value, and whether they are known to be within it."""

    def __init__(self, value: Any, is_known: bool) -> None:
        self.value = value
        self.shape = tuple(value.shape)
        self.is_known = is_known


def _position(session: TraceSession, part: Any, axis: int, extent: int) -> Position:
    is_array = isinstance(part, (np.ndarray, list))
    if is_tracer(part) or isinstance(part, list):
        traced = as_tracer(session, part)
        if traced.dtype.kind not in "iu":
            raise IndexError("arrays used as indices must be of integer (or boolean) type")
        return Position(traced.value, False)
    known = np.asarray(part) if is_array else np.asarray(_checked(int(part), extent, axis))
    if known.dtype.kind not in "iu":
        raise IndexError("arrays used as indices must be of integer (or boolean) type")
    outside = known[(known < -extent) | (known >= extent)]
    if outside.size:
        raise IndexError(f"index {outside[0]} is out of bounds for axis {axis} with size {extent}")
    counted = np.where(known < 0, known + extent, known).astype(np.int64)
    return Position(session.constant(counted), True)


def _checked(index: int, extent: int, axis: int) -> int:
    if not -extent <= index < extent:
        raise IndexError(f"index {index} is out of bounds for axis {axis} with size {extent}")
    return index + extent if index < 0 else index


def check_bounds(session: TraceSession, positions: Any, axis: int, extent: int) -> None:
    """Has the program raise IndexError where a position is outside of an axis."""
    dtype: np.dtype = np.dtype(np.int64)
    is_unsigned = positions.dtype.startswith("u")
    if is_unsigned and positions.dtype == "ui64":
        dtype = np.dtype(np.uint64)
    wide = cast_value(session, positions, dtype)
    end = scalar_constant(session, extent, dtype)
    inside = session.create("compare", [wide, end], {"predicate": "lt"})
    if not is_unsigned:
        start = scalar_constant(session, -extent, dtype)
        above = session.create("compare", [wide, start], {"predicate": "ge"})
        inside = session.create("and", [inside, above])
    require(session, inside, f"index out of bounds for axis {axis} with size {extent}")


def require(session: TraceSession, condition: Any, message: str) -> None:
    """Has the program raise an error unless a graph value of bools is true everywhere."""
    if len(condition.shape):
        axes = list(range(len(condition.shape)))
        condition = session.create("all", [condition], {"axes": axes, "keepdims": False})
    session.num_required += 1
    session.builder.create("assert", [condition], {"message": message}, loc=session.location())


def gathered(session: TraceSession, value: Any, selection: Selection) -> Any:
    """The elements of a sliced array at a selection's positions, new axes left out."""
    axes = sorted(selection.positions)
    indices = [selection.positions[axis].value for axis in axes]
    result = session.create("gather", [value, indices], {"axes": axes})
    if selection.front and axes[0] > 0:
        # The axes of the positions stand where the first indexed axis was.
        count, before = len(selection.broadcast), axes[0]
        order = [*range(before, before + count), *range(before)]
        order += range(before + count, len(result.shape))
        result = session.create("permute", [result], {"permutation": order})
    return result


def scattered(
    session: TraceSession, value: Any, selection: Selection, patch: Any, reduction: str = "none"
) -> Any:
    """`value` with the elements of a selection replaced by `patch`, or combined with it.

    `patch` has the selection's shape.
    """
    shape = tuple(value.shape)
    # Axes that a slice takes a part of are positions too, each along an axis of its own.
    parts = [
        axis
        for axis, (start, stop, step) in enumerate(selection.ranges)
        if axis not in selection.positions and (start, stop, step) != (0, shape[axis], 1)
    ]
    kept = [axis for axis in range(len(shape)) if axis not in selection.positions]
    extents = {axis: len(range(*selection.ranges[axis])) for axis in kept}
    count = len(selection.broadcast)
    # The patch without new axes: positions, then kept axes.
    before = 0
    if not selection.front and selection.positions:
        before = sum(axis < min(selection.positions) for axis in kept)
    layout = [*(extents[axis] for axis in kept[:before]), *selection.broadcast]
    layout += [extents[axis] for axis in kept[before:]]
    patch = reshape_value(session, patch, layout)
    place_of = {axis: i if i < before else i + count for i, axis in enumerate(kept)}
    axes = sorted([*selection.positions, *parts])
    if not axes:
        return patch if reduction == "none" else session.create(reduction, [value, patch])
    whole = [axis for axis in kept if axis not in parts]
    order = [place_of[axis] for axis in whole if axis < axes[0]]
    order += range(before, before + count)
    order += [place_of[axis] for axis in parts]
    order += [place_of[axis] for axis in whole if axis > axes[0]]
    if order != list(range(len(order))):
        patch = session.create("permute", [patch], {"permutation": order})
    joint = (*selection.broadcast, *(extents[axis] for axis in parts))
    indices = []
    for axis in axes:
        if axis in parts:
            along: Any = np.arange(*selection.ranges[axis], dtype=np.int64)
            along = along.reshape([-1 if axis == each else 1 for each in parts])
            indices.append(session.constant(along))
        else:
            own = selection.positions[axis].value
            indices.append(reshape_value(session, own, (*own.shape, *([1] * len(parts)))))
    indices = _broadcast_together(session, indices, joint)
    attributes: dict[str, Any] = {"axes": axes, "reduction": reduction}
    return session.create("scatter", [value, patch, indices], attributes)


def _broadcast_together(
    session: TraceSession, indices: list[Any], shape: Sequence[int]
) -> list[Any]:
    """The indices, the first with the shape that all broadcast to, where none of them has it."""
    if any(tuple(index.shape) == tuple(shape) for index in indices):
        return indices
    found = np.broadcast_shapes(*(tuple(index.shape) for index in indices))
    if found == tuple(shape):
        return indices
    return [broadcast_value(session, indices[0], shape), *indices[1:]]
