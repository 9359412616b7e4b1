# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that read and write at positions that are data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.movement import runs
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations
from torshjit.errors import ShapeError

__all__ = ["columns", "positions"]

#: A known index of so few runs is slices, which fuse with what is around them.
_MOST_SLICES = 8


def positions(g: Operations, node: Node, operand: Any, extent: int) -> Any:
    """An operand as positions along an axis; those below zero count from the end.

    Raises:
        ShapeError: a known position is out of range. Others are checked when the program runs.
    """
    if not isinstance(operand, np.ndarray):
        value = g.value(operand)
        g.require_inside(value, extent, f"{node}: an index is out of range for extent {extent}")
        return value
    if operand.size and not (-extent <= operand.min() and operand.max() < extent):
        raise ShapeError(f"{node}: an index is out of range for extent {extent}")
    return g.value(operand)


@lowers("Gather")
def _gather(g: Operations, node: Node) -> Any:
    indices, value = node.raw(1), node.value(0)
    axis = node.axis(node.attribute("axis", 0), len(value.shape))
    extent = value.shape[axis]
    picked = positions(g, node, indices, extent)
    if isinstance(indices, np.ndarray) and extent >= 0 and indices.size:
        parts = runs(g, value, axis, [int(each) % extent for each in indices.reshape(-1)])
        if len(parts) <= _MOST_SLICES and all(each >= 0 for each in value.shape):
            shape = (*value.shape[:axis], *indices.shape, *value.shape[axis + 1 :])
            return g.reshape(g.concat(parts, axis), shape)
    return g.emit("gather", value, [picked], axes=[axis])


@lowers("GatherElements")
def _gather_elements(g: Operations, node: Node) -> Any:
    value = node.value(0)
    axis = node.axis(node.attribute("axis", 0), len(value.shape))
    picked = positions(g, node, node.raw(1), value.shape[axis])
    if len(picked.shape) != len(value.shape):
        raise ShapeError(f"{node}: data of rank {len(value.shape)}, indices of {len(picked.shape)}")
    ranges = [(0, extent, 1) for extent in picked.shape]
    ranges[axis] = (0, value.shape[axis], 1)
    return g.emit("take_along_axis", g.slices(value, ranges), picked, axis=axis)


def columns(g: Operations, node: Node, operand: Any, extents: list[int]) -> list[Any]:
    """The positions along each of some axes that the last axis of an operand lists."""
    rank = len(operand.shape)
    result = []
    for place, extent in enumerate(extents):
        if isinstance(operand, np.ndarray):
            part: Any = operand[..., place]
        else:
            part = g.slice(operand, rank - 1, place, place + 1)
            part = g.reshape(part, operand.shape[:-1])
        result.append(positions(g, node, part, extent))
    return result


@lowers("GatherND")
def _gather_nd(g: Operations, node: Node) -> Any:
    value, indices = node.value(0), node.raw(1)
    batch, depth = node.attribute("batch_dims", 0), indices.shape[-1]
    if not depth or batch + depth > len(value.shape):
        raise ShapeError(f"{node}: {depth} positions for rank {len(value.shape)}")
    lead = len(indices.shape) - 1
    # Batches are positions too: each picks from its own part.
    picked = []
    for axis in range(batch):
        shape = [1] * lead
        shape[axis] = value.shape[axis]
        picked.append(g.iota(shape, axis, "i64"))
    picked += columns(g, node, indices, list(value.shape[batch : batch + depth]))
    return g.emit("gather", value, picked, axes=list(range(batch + depth)))


@lowers("OneHot")
def _one_hot(g: Operations, node: Node) -> Any:
    indices, values = node.value(0), node.value(2)
    depth = node.known_integers(1, "the depth")[0]
    rank = len(indices.shape) + 1
    axis = node.axis(node.attribute("axis", -1), rank)
    picked = g.cast(indices, "i64")
    picked = g.where(g.compare("lt", picked, 0), g.math("add", picked, depth), picked)
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
    places = np.flatnonzero(condition[: value.shape[axis]])
    if not places.size:
        return g.slice(value, axis, 0, 0)
    parts = runs(g, value, axis, [int(place) for place in places])
    if len(parts) <= _MOST_SLICES:
        return g.concat(parts, axis)
    return g.emit("gather", value, [g.value(places)], axes=[axis])


@lowers("ReverseSequence")
def _reverse_sequence(g: Operations, node: Node) -> Any:
    value, lengths = node.value(0), node.raw(1)
    rank = len(value.shape)
    time = node.axis(node.attribute("time_axis", 0), rank)
    batch = node.axis(node.attribute("batch_axis", 1), rank)
    if {time, batch} != {0, 1} or tuple(lengths.shape) != (value.shape[batch],):
        raise ShapeError(f"{node}: lengths {tuple(lengths.shape)} do not fit {tuple(value.shape)}")
    extent = value.shape[time]
    if isinstance(lengths, np.ndarray) and lengths.size and int(lengths.max()) > extent:
        raise ShapeError(f"{node}: length {int(lengths.max())} is more than extent {extent}")
    shape = [1, 1]
    shape[batch] = value.shape[batch]
    lengths = g.reshape(g.cast(g.value(lengths), "i64"), shape)
    g.require_inside(
        g.math("sub", lengths, 1), extent, f"{node}: a length is more than extent {extent}"
    )
    shape = [1, 1]
    shape[time] = extent
    steps = g.iota(shape, time, "i64")
    turned = g.math("sub", g.emit("sub", lengths, steps), 1)
    places = [g.where(g.compare("ge", turned, 0), turned, steps)] * 2
    shape = [1, 1]
    shape[batch] = value.shape[batch]
    places[batch] = g.iota(shape, batch, "i64")
    return g.emit("gather", value, places, axes=[0, 1])
