# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that index by tensors.

The dialect has no operation that reads at computed positions: such an index is compared with every
position instead, which is exact, and refused where it would be much more work than the reading.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.movement import runs
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations, is_float
from torshjit.errors import ShapeError

__all__: list[str] = []

#: The most comparisons of an index with a position.
_MOST_COMPARISONS = 1 << 20

#: The most slices that a known index becomes.
_MOST_SLICES = 64


def _count(node: Node, *extents: int) -> None:
    if math.prod(extents) > _MOST_COMPARISONS:
        raise node.fail(
            f"an index computed by the program would take {math.prod(extents)} comparisons"
        )


def _from_front(g: Operations, indices: Any, extent: int) -> Any:
    """Indices of which negative ones count from the end."""
    indices = g.cast(indices, "i64")
    return g.where(g.compare("lt", indices, 0), g.math("add", indices, extent), indices)


def _sum_of_selected(g: Operations, is_here: Any, value: Any, axis: int) -> Any:
    """Along `axis` one element at most is selected: it, or zero."""
    if value.dtype == "i1":
        return g.reduce("any", g.emit("and", is_here, value), [axis])
    selected = g.emit("select", is_here, value, g.scalar(0, value.dtype))
    return g.reduce("sum", selected, [axis])


def _outer_inner(shape: Any, axis: int) -> tuple[int, int]:
    return math.prod(shape[:axis]), math.prod(shape[axis + 1 :])


@lowers("Gather")
def _gather(g: Operations, node: Node) -> Any:
    indices = node.raw(1)
    value = node.value(0)
    axis = node.axis(node.attribute("axis", 0), len(value.shape))
    extent = value.shape[axis]
    shape = (*value.shape[:axis], *indices.shape, *value.shape[axis + 1 :])
    if isinstance(indices, np.ndarray):
        places = [int(each) for each in indices.reshape(-1)]
        if any(not -extent <= place < extent for place in places):
            raise ShapeError(f"{node}: an index is out of range for extent {extent}")
        if not places:
            return g.filled(0, value.dtype, shape)
        parts = runs(g, value, axis, [place % extent for place in places])
        if len(parts) <= _MOST_SLICES:
            return g.reshape(g.concat(parts, axis), shape)
    outer, inner = _outer_inner(value.shape, axis)
    many = math.prod(indices.shape)
    _count(node, outer, many, extent, inner)
    # (outer, many, extent, inner), of which the extent is summed.
    picked = g.reshape(_from_front(g, g.value(indices), extent), (1, many, 1, 1))
    here = g.compare("eq", g.iota((1, 1, extent, 1), 2, "i64"), picked)
    source = g.reshape(value, (outer, 1, extent, inner))
    return g.reshape(_sum_of_selected(g, here, source, 2), shape)


@lowers("GatherElements")
def _gather_elements(g: Operations, node: Node) -> Any:
    value, indices = node.value(0), node.value(1)
    rank = len(value.shape)
    axis = node.axis(node.attribute("axis", 0), rank)
    extent, many = value.shape[axis], indices.shape[axis]
    ranges = [(0, n, 1) for n in indices.shape]
    ranges[axis] = (0, extent, 1)
    value = g.slices(value, ranges)
    outer, inner = _outer_inner(indices.shape, axis)
    _count(node, outer, many, extent, inner)
    picked = g.reshape(_from_front(g, indices, extent), (outer, many, 1, inner))
    here = g.compare("eq", g.iota((1, 1, extent, 1), 2, "i64"), picked)
    source = g.reshape(value, (outer, 1, extent, inner))
    return g.reshape(_sum_of_selected(g, here, source, 2), indices.shape)


def _flat_index(g: Operations, indices: Any, extents: list[int]) -> Any:
    """One index for the last axis of `indices`, which has one for each of `extents`."""
    flat = None
    for place, extent in enumerate(extents):
        part = g.slice(indices, len(indices.shape) - 1, place, place + 1)
        part = _from_front(g, part, extent)
        scaled = part if flat is None else g.math("mul", flat, extent)
        flat = part if flat is None else g.emit("add", scaled, part)
    return g.reshape(flat, indices.shape[:-1])


@lowers("GatherND")
def _gather_nd(g: Operations, node: Node) -> Any:
    value, indices = node.value(0), node.value(1)
    batch = node.attribute("batch_dims", 0)
    depth = indices.shape[-1]
    extents = list(value.shape[batch : batch + depth])
    lead, total = math.prod(value.shape[:batch]), math.prod(extents)
    inner = math.prod(value.shape[batch + depth :])
    many = math.prod(indices.shape[batch:-1])
    _count(node, lead, many, total, inner)
    picked = g.reshape(_flat_index(g, indices, extents), (lead, many, 1, 1))
    here = g.compare("eq", g.iota((1, 1, total, 1), 2, "i64"), picked)
    source = g.reshape(value, (lead, 1, total, inner))
    shape = (*indices.shape[:-1], *value.shape[batch + depth :])
    return g.reshape(_sum_of_selected(g, here, source, 2), shape)


_REDUCTIONS = {"add": "add", "mul": "mul", "max": "maximum", "min": "minimum"}


def _neutral(name: str, dtype: str) -> float | int:
    """The number that a reduction leaves others unchanged with."""
    if name in ("add", "mul"):
        return int(name == "mul")
    if is_float(dtype):
        return -math.inf if name == "max" else math.inf
    limits = np.iinfo(numpy_dtype(dtype))
    return int(limits.min if name == "max" else limits.max)


def _written(g: Operations, node: Node, data: Any, here: Any, updates: Any, count: int) -> Any:
    """`data` (outer, extent, inner) with updates (outer, many, inner) where `here`
    (outer, many, extent, inner) is true: one after the other, the last one wins."""
    name = node.attribute("reduction", "none")
    if name not in ("none", *_REDUCTIONS):
        raise node.fail(f"reduction {name!r} is not covered")
    if count > _MOST_SLICES:
        raise node.fail(f"{count} updates are not covered")
    for place in range(count):
        is_here = g.slice(here, 1, place, place + 1)
        is_here = g.reshape(is_here, (is_here.shape[0], *is_here.shape[2:]))
        update = g.slice(updates, 1, place, place + 1)
        if name == "none":
            data = g.emit("select", is_here, update, data)
        else:
            # Data is read once: chains in which each value is read twice are slow to compile.
            neutral = g.scalar(_neutral(name, data.dtype), data.dtype)
            data = g.emit(_REDUCTIONS[name], data, g.emit("select", is_here, update, neutral))
    return data


@lowers("ScatterElements", "Scatter")
def _scatter_elements(g: Operations, node: Node) -> Any:
    data, indices, updates = (node.value(place) for place in range(3))
    axis = node.axis(node.attribute("axis", 0), len(data.shape))
    extent, many = data.shape[axis], indices.shape[axis]
    margin = [n - m for n, m in zip(data.shape, indices.shape, strict=True)]
    margin[axis] = 0
    low = [0] * len(margin)
    # An index of -1 after counting from the front is nowhere.
    placed = g.pad(_from_front(g, indices, extent), low, margin, -1)
    values = g.pad(updates, low, margin)
    outer, inner = _outer_inner(data.shape, axis)
    _count(node, outer, many, extent, inner)
    picked = g.reshape(placed, (outer, many, 1, inner))
    here = g.compare("eq", g.iota((1, 1, extent, 1), 2, "i64"), picked)
    flat = g.reshape(data, (outer, extent, inner))
    updates = g.reshape(values, (outer, many, inner))
    return g.reshape(_written(g, node, flat, here, updates, many), data.shape)


@lowers("ScatterND")
def _scatter_nd(g: Operations, node: Node) -> Any:
    data, indices, updates = (node.value(place) for place in range(3))
    depth = indices.shape[-1]
    extents = list(data.shape[:depth])
    total, inner = math.prod(extents), math.prod(data.shape[depth:])
    many = math.prod(indices.shape[:-1])
    _count(node, many, total, inner)
    picked = g.reshape(_flat_index(g, indices, extents), (1, many, 1, 1))
    here = g.compare("eq", g.iota((1, 1, total, 1), 2, "i64"), picked)
    flat = g.reshape(data, (1, total, inner))
    parts = g.reshape(updates, (1, many, inner))
    return g.reshape(_written(g, node, flat, here, parts, many), data.shape)


@lowers("TensorScatter")
def _tensor_scatter(g: Operations, node: Node) -> Any:
    """Writes a sequence into a cache, for each of a batch from a position of its own."""
    cache, update = node.value(0), node.value(1)
    rank = len(cache.shape)
    axis = node.axis(node.attribute("axis", -2), rank)
    extent, many, batch = cache.shape[axis], update.shape[axis], cache.shape[0]
    begins = node.optional(2)
    begins = g.filled(0, "i64", (batch,)) if begins is None else g.cast(begins, "i64")
    lead = [batch, *[1] * (rank - 1)]
    for place in range(many):
        where = g.math("add", g.reshape(begins, lead), place)
        if node.attribute("mode", "linear") == "circular":
            where = g.math("remainder", where, extent)
        shape = [1] * rank
        shape[axis] = extent
        here = g.compare("eq", g.iota(shape, axis, "i64"), where)
        cache = g.emit("select", here, g.slice(update, axis, place, place + 1), cache)
    return cache


@lowers("OneHot")
def _one_hot(g: Operations, node: Node) -> Any:
    indices, values = node.value(0), node.value(2)
    depth = node.known_integers(1, "the depth")[0]
    rank = len(indices.shape) + 1
    axis = node.axis(node.attribute("axis", -1), rank)
    if indices.dtype[0] != "i":
        indices = g.cast(indices, "i64")
    picked = _from_front(g, indices, depth)
    shape = list(indices.shape)
    picked = g.reshape(picked, (*shape[:axis], 1, *shape[axis:]))
    extents = [1] * rank
    extents[axis] = depth
    here = g.compare("eq", g.iota(extents, axis, "i64"), picked)
    off, on = (g.reshape(g.slice(values, 0, place, place + 1), ()) for place in range(2))
    return g.emit("select", here, on, off)


@lowers("Compress")
def _compress(g: Operations, node: Node) -> Any:
    value = node.value(0)
    condition = node.known(1, "the condition").reshape(-1)
    axis = node.attribute("axis")
    if axis is None:
        value, axis = g.reshape(value, (math.prod(value.shape),)), 0
    axis = node.axis(axis, len(value.shape))
    places = [int(place) for place in np.flatnonzero(condition[: value.shape[axis]])]
    if not places:
        return g.slice(value, axis, 0, 0)
    parts = runs(g, value, axis, places)
    if len(parts) > _MOST_SLICES:
        raise node.fail(f"a selection of {len(parts)} pieces is not covered")
    return g.concat(parts, axis)


@lowers("ReverseSequence")
def _reverse_sequence(g: Operations, node: Node) -> Any:
    value = node.value(0)
    rank = len(value.shape)
    time = node.axis(node.attribute("time_axis", 0), rank)
    batch = node.axis(node.attribute("batch_axis", 1), rank)
    lengths = node.known_integers(1, "the list of lengths")
    if len(lengths) != value.shape[batch] or max(lengths) > value.shape[time]:
        raise ShapeError(f"{node}: lengths {lengths} do not fit shape {tuple(value.shape)}")
    rows = []
    for place, length in enumerate(lengths):
        row = g.slice(value, batch, place, place + 1)
        head = g.flip(g.slice(row, time, 0, length), time) if length else None
        tail = g.slice(row, time, length, value.shape[time])
        parts = [part for part in (head, tail) if part is not None and part.shape[time]]
        rows.append(g.concat(parts, time))
    return g.concat(rows, batch)
