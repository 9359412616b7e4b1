# SPDX-License-Identifier: Apache-2.0
"""Reference functions of reads and writes at positions that are data, of scans and orders."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from torshjit.interpreter.element_types import widened
from torshjit.interpreter.registry import Call, reference

_COMBINATIONS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "add": np.add,
    "mul": np.multiply,
    "min": np.minimum,
    "max": np.maximum,
}
_SCANS = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}


def _from_start(positions: np.ndarray, extent: int) -> np.ndarray:
    """Positions counted from the start, as int64; -1 for what lies outside of the axis."""
    if positions.dtype == np.uint64:
        positions = np.minimum(positions, np.uint64(np.iinfo(np.int64).max))
    positions = positions.astype(np.int64)
    positions = np.where(positions < 0, positions + extent, positions)
    return np.where((positions < 0) | (positions >= extent), -1, positions)


def _nearest(positions: np.ndarray, extent: int) -> np.ndarray:
    """Positions counted from the start, the nearest element for those outside of the axis."""
    if positions.dtype == np.uint64:
        positions = np.minimum(positions, np.uint64(np.iinfo(np.int64).max))
    positions = positions.astype(np.int64)
    positions = np.where(positions < 0, positions + extent, positions)
    return np.clip(positions, 0, max(extent - 1, 0))


@reference("torsh.gather")
def _gather(call: Call) -> np.ndarray:
    data, axes = call.operand(0), call.attributes["axes"]
    positions = np.broadcast_arrays(
        *(
            _nearest(index, data.shape[axis])
            for index, axis in zip(call.groups[1], axes, strict=True)
        )
    )
    rest = [axis for axis in range(data.ndim) if axis not in axes]
    moved = np.transpose(data, [*axes, *rest])
    if 0 in moved.shape[: len(axes)]:
        picked = np.zeros((*positions[0].shape, *moved.shape[len(axes) :]), data.dtype)
        _require_nothing_to_read(call, picked)
    else:
        picked = moved[tuple(positions)]
    # The axes of the positions stand first; they belong where the first indexed axis was.
    count, before = positions[0].ndim, axes[0]
    order = [*range(count, count + before), *range(count), *range(count + before, picked.ndim)]
    return np.transpose(picked, order)


def _require_nothing_to_read(call: Call, result: np.ndarray) -> None:
    if result.size:
        raise call.shape_error("an axis that is read at positions has no element")


@reference("torsh.take_along_axis")
def _take_along_axis(call: Call) -> np.ndarray:
    data, indices, axis = call.operand(0), call.operand(1), call.attributes["axis"]
    _require_rows(call, data, indices, axis)
    if data.shape[axis] == 0:
        _require_nothing_to_read(call, indices)
        return np.zeros(indices.shape, data.dtype)
    return np.take_along_axis(data, _nearest(indices, data.shape[axis]), axis)


@reference("torsh.scatter")
def _scatter(call: Call) -> np.ndarray:
    data, updates, axes = call.operand(0), call.operand(1), list(call.attributes["axes"])
    positions = np.broadcast_arrays(
        *(
            _from_start(index, data.shape[axis])
            for index, axis in zip(call.groups[2], axes, strict=True)
        )
    )
    count, before = positions[0].ndim, axes[0]
    rest = [axis for axis in range(data.ndim) if axis not in axes]
    picked = [*(data.shape[axis] for axis in rest[:before]), *positions[0].shape]
    picked += [data.shape[axis] for axis in rest[before:]]
    if list(updates.shape) != picked:
        raise call.shape_error(f"updates have the shape {updates.shape}, not {tuple(picked)}")
    result = np.transpose(widened(data), [*axes, *rest]).copy()
    order = [*range(before, before + count), *range(before)]
    ordered = np.transpose(updates, [*order, *range(before + count, updates.ndim)])
    for place in np.ndindex(*positions[0].shape):
        target = tuple(int(position[place]) for position in positions)
        if -1 not in target:
            _combine(call, result, target, ordered[place])
    return np.transpose(result, np.argsort([*axes, *rest]))


@reference("torsh.put_along_axis")
def _put_along_axis(call: Call) -> np.ndarray:
    data, indices, updates = call.operand(0), call.operand(1), call.operand(2)
    axis = call.attributes["axis"]
    _require_rows(call, data, indices, axis)
    if updates.shape != indices.shape:
        raise call.shape_error(f"updates have the shape {updates.shape}, not {indices.shape}")
    result = np.moveaxis(widened(data), axis, -1).copy()
    positions = np.moveaxis(_from_start(indices, data.shape[axis]), axis, -1)
    ordered = np.moveaxis(updates, axis, -1)
    for place in np.ndindex(*positions.shape):
        if positions[place] >= 0:
            _combine(call, result, (*place[:-1], int(positions[place])), ordered[place])
    return np.moveaxis(result, -1, axis)


def _combine(call: Call, result: np.ndarray, target: tuple, update: np.ndarray) -> None:
    combination = _COMBINATIONS.get(call.attributes["reduction"])
    result[target] = update if combination is None else combination(result[target], update)


def _require_rows(call: Call, data: np.ndarray, other: np.ndarray, axis: int) -> None:
    for i, (extent, own) in enumerate(zip(data.shape, other.shape, strict=True)):
        if i != axis and extent != own:
            raise call.shape_error(f"extents differ along axis {i}: {extent} and {own}")


@reference("torsh.scan")
def _scan(call: Call) -> np.ndarray:
    x, axis, kind = call.operand(0), call.attributes["axis"], call.attributes["kind"]
    x = np.flip(x, axis) if call.attributes["reverse"] else x
    result = _SCANS[kind].accumulate(x, axis=axis, dtype=x.dtype)
    if call.attributes["exclusive"] and x.shape[axis]:
        first = list(x.shape)
        first[axis] = 1
        neutral = np.full(first, _neutral(kind, x.dtype), x.dtype)
        kept = np.take(result, range(x.shape[axis] - 1), axis)
        result = np.concatenate([neutral, kept], axis=axis)
    return np.flip(result, axis) if call.attributes["reverse"] else result


def _neutral(kind: str, dtype: np.dtype) -> float:
    """What an exclusive scan begins with."""
    if kind in ("sum", "prod"):
        return 0 if kind == "sum" else 1
    if dtype.kind == "f":
        return -np.inf if kind == "max" else np.inf
    limits = np.iinfo(dtype)
    return limits.min if kind == "max" else limits.max


@reference("torsh.rank")
def _rank(call: Call) -> np.ndarray:
    order = _stable_order(call)
    axis = call.attributes["axis"]
    shape = [-1 if i == axis else 1 for i in range(order.ndim)]
    ranks = np.broadcast_to(np.arange(order.shape[axis]).reshape(shape), order.shape)
    result = np.empty(order.shape, np.int64)
    np.put_along_axis(result, order, ranks, axis)
    return result


@reference("torsh.argsort")
def _argsort(call: Call) -> np.ndarray:
    return _stable_order(call)


def _stable_order(call: Call) -> np.ndarray:
    """NumPy's stable sort has NaN last; for the descending order the row is read backwards."""
    x, axis = call.operand(0), call.attributes["axis"]
    if not call.attributes["descending"]:
        return np.argsort(x, axis=axis, kind="stable").astype(np.int64)
    backwards = np.argsort(np.flip(x, axis), axis=axis, kind="stable")
    return np.flip(x.shape[axis] - 1 - backwards, axis).astype(np.int64)
