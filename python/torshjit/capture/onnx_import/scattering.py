# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that write at positions that are data."""

from __future__ import annotations

from typing import Any

from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.indexing import columns, positions
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations
from torshjit.errors import ShapeError

__all__: list[str] = []

_REDUCTIONS = ("none", "add", "mul", "max", "min")


def _reduction(node: Node, dtype: str) -> str:
    name = node.attribute("reduction", "none")
    if name not in _REDUCTIONS or (dtype == "i1" and name != "none"):
        raise node.fail(f"reduction {name!r} of {dtype} is not covered")
    return name


@lowers("ScatterElements", "Scatter")
def _scatter_elements(g: Operations, node: Node) -> Any:
    data, updates = node.value(0), node.value(2)
    rank = len(data.shape)
    axis = node.axis(node.attribute("axis", 0), rank)
    picked = positions(g, node, node.raw(1), data.shape[axis])
    reduction = _reduction(node, data.dtype)
    if tuple(picked.shape) != tuple(updates.shape) or len(picked.shape) != rank:
        raise ShapeError(
            f"{node}: indices {tuple(picked.shape)} and updates {tuple(updates.shape)} do not fit"
        )
    extents = [n if at != axis else picked.shape[axis] for at, n in enumerate(data.shape)]
    if extents == list(picked.shape):
        return g.emit("put_along_axis", data, picked, updates, axis=axis, reduction=reduction)
    if any(n > m for n, m in zip(picked.shape, extents, strict=True)):
        raise ShapeError(f"{node}: indices {tuple(picked.shape)} of data {tuple(data.shape)}")
    places = []
    for at, extent in enumerate(picked.shape):
        shape = [1] * rank
        shape[at] = extent
        places.append(picked if at == axis else g.iota(shape, at, "i64"))
    axes = list(range(rank))
    return g.emit("scatter", data, updates, places, axes=axes, reduction=reduction)


@lowers("ScatterND")
def _scatter_nd(g: Operations, node: Node) -> Any:
    data, indices, updates = node.value(0), node.raw(1), node.value(2)
    depth = indices.shape[-1]
    if not 0 < depth <= len(data.shape):
        raise ShapeError(f"{node}: {depth} positions for rank {len(data.shape)}")
    places = columns(g, node, indices, list(data.shape[:depth]))
    axes, reduction = list(range(depth)), _reduction(node, data.dtype)
    return g.emit("scatter", data, updates, places, axes=axes, reduction=reduction)


@lowers("TensorScatter")
def _tensor_scatter(g: Operations, node: Node) -> Any:
    """Writes a sequence into a cache, for each of a batch from a position of its own."""
    cache, update = node.value(0), node.value(1)
    rank = len(cache.shape)
    axis = node.axis(node.attribute("axis", -2), rank)
    extent, batch = cache.shape[axis], cache.shape[0]
    begins = node.optional(2)
    begins = g.filled(0, "i64", (batch,)) if begins is None else g.cast(begins, "i64")
    shape = [1] * rank
    shape[axis] = update.shape[axis]
    steps = g.iota(shape, axis, "i64")
    where = g.emit("add", g.reshape(begins, [batch, *[1] * (rank - 1)]), steps)
    if node.attribute("mode", "linear") == "circular":
        where = g.math("remainder", where, extent)
    else:
        g.require_inside(where, extent, f"{node}: the update does not fit extent {extent}")
    where = g.broadcast(where, update.shape)
    return g.emit("put_along_axis", cache, where, update, axis=axis)
