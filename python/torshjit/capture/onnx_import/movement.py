# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that move elements."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations
from torshjit.errors import ShapeError

__all__ = ["runs"]


@lowers("Identity")
def _identity(g: Operations, node: Node) -> Any:
    return (node.raw(0),)


@lowers("Reshape")
def _reshape(g: Operations, node: Node) -> Any:
    value = node.value(0)
    wanted = node.integers("shape") if node.version < 5 else None
    if wanted is None:
        wanted = node.known_integers(1, "the shape")
    shape = list(wanted)
    if not node.attribute("allowzero", 0):
        if any(not each and place >= len(value.shape) for place, each in enumerate(shape)):
            raise ShapeError(f"{node}: the shape {wanted} copies an axis that is not there")
        shape = [each or value.shape[place] for place, each in enumerate(shape)]
    if any(extent < 0 for extent in value.shape):
        return g.reshape(value, [-1, *shape[1:]])
    if -1 in shape:
        known = -math.prod(shape)
        if shape.count(-1) > 1 or known <= 0 or math.prod(value.shape) % known:
            raise ShapeError(f"{node}: shape {tuple(value.shape)} cannot become {wanted}")
        shape[shape.index(-1)] = math.prod(value.shape) // known
    return g.reshape(value, shape)


@lowers("Flatten")
def _flatten(g: Operations, node: Node) -> Any:
    value = node.value(0)
    axis, rank = node.attribute("axis", 1), len(value.shape)
    if not -rank <= axis <= rank:
        raise ShapeError(f"{node}: axis {axis} is out of range for a tensor of rank {rank}")
    axis += rank if axis < 0 else 0
    return g.reshape(value, (math.prod(value.shape[:axis]), math.prod(value.shape[axis:])))


@lowers("Transpose")
def _transpose(g: Operations, node: Node) -> Any:
    value = node.value(0)
    rank = len(value.shape)
    order = node.integers("perm", list(range(rank))[::-1]) or []
    if sorted(order) != list(range(rank)):
        raise ShapeError(f"{node}: {order} is no order of {rank} axes")
    return g.permute(value, order)


@lowers("Squeeze")
def _squeeze(g: Operations, node: Node) -> Any:
    value = node.value(0)
    shape = list(value.shape)
    axes = node.axes(1, len(shape))
    if axes is None:
        axes = [axis for axis, extent in enumerate(shape) if extent == 1]
    if any(shape[axis] != 1 for axis in axes):
        raise ShapeError(f"{node}: an axis of shape {tuple(shape)} among {axes} is not 1")
    return g.reshape(value, [n for axis, n in enumerate(shape) if axis not in axes])


@lowers("Unsqueeze")
def _unsqueeze(g: Operations, node: Node) -> Any:
    value = node.value(0)
    axes = node.integers("axes")
    if axes is None:
        axes = node.known_integers(1, "the list of axes")
    rank = len(value.shape) + len(axes)
    places = {node.axis(axis, rank) for axis in axes}
    if len(places) != len(axes):
        raise ShapeError(f"{node}: the axes {axes} repeat")
    extents = iter(value.shape)
    return g.reshape(value, [1 if place in places else next(extents) for place in range(rank)])


@lowers("Expand")
def _expand(g: Operations, node: Node) -> Any:
    value = node.value(0)
    wanted = tuple(node.known_integers(1, "the shape"))
    try:
        shape = np.broadcast_shapes(tuple(value.shape), wanted)
    except ValueError:
        raise ShapeError(
            f"{node}: shape {tuple(value.shape)} cannot be broadcast to {wanted}"
        ) from None
    return g.broadcast(value, shape)


@lowers("Concat")
def _concat(g: Operations, node: Node) -> Any:
    values = node.values()
    # Before version 4 the axis had a default.
    return g.concat(values, node.axis(node.attribute("axis", 1), len(values[0].shape)))


@lowers("Split")
def _split(g: Operations, node: Node) -> Any:
    value = node.value(0)
    axis = node.axis(node.attribute("axis", 0), len(value.shape))
    extent = value.shape[axis]
    sizes = node.integers("split")
    if sizes is None:
        sizes = node.known_integers(1, "the list of sizes", None)
    if sizes is None:
        count = node.attribute("num_outputs") or len(node.outputs)
        size = -(-extent // count)
        sizes = [max(0, min(size, extent - size * place)) for place in range(count)]
    if sum(sizes) != extent or any(size < 0 for size in sizes):
        raise ShapeError(f"{node}: extent {extent} cannot be split into {sizes}")
    parts, start = [], 0
    for size in sizes:
        parts.append(g.slice(value, axis, start, start + size))
        start += size
    return tuple(parts)


@lowers("Slice")
def _slice(g: Operations, node: Node) -> Any:
    value = node.value(0)
    rank = len(value.shape)
    if node.version < 10:
        starts, ends = node.integers("starts") or [], node.integers("ends") or []
        axes, steps = node.integers("axes"), None
    else:
        starts = node.known_integers(1, "the list of starts")
        ends = node.known_integers(2, "the list of ends")
        axes = node.known_integers(3, "the list of axes", None)
        steps = node.known_integers(4, "the list of steps", None)
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    if len({len(starts), len(ends), len(axes), len(steps)}) != 1 or 0 in steps:
        raise ShapeError(f"{node}: starts, ends, axes and steps do not fit each other")
    ranges = [(0, extent, 1) for extent in value.shape]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        axis, extent = node.axis(axis, rank), value.shape[node.axis(axis, rank)]
        ranges[axis] = slice(start, end, step).indices(extent)
    return g.slices(value, ranges)


@lowers("Tile")
def _tile(g: Operations, node: Node) -> Any:
    value = node.value(0)
    if node.version < 6:
        tiles = int(node.known(1, "the number of tiles").reshape(-1)[0])
        axis = int(node.known(2, "the axis").reshape(-1)[0])
        repeats = [tiles if place == axis else 1 for place in range(len(value.shape))]
    else:
        repeats = node.known_integers(1, "the list of repeats")
    if len(repeats) != len(value.shape) or any(count < 0 for count in repeats):
        raise ShapeError(f"{node}: {len(repeats)} repeats for {len(value.shape)} axes")
    shape = list(value.shape)
    apart = [part for extent in shape for part in (1, extent)]
    wide = [part for pair in zip(repeats, shape, strict=True) for part in pair]
    joined = [count * extent for count, extent in zip(repeats, shape, strict=True)]
    return g.reshape(g.broadcast(g.reshape(value, apart), wide), joined)


@lowers("DepthToSpace")
def _depth_to_space(g: Operations, node: Node) -> Any:
    value = node.value(0)
    n, c, h, w = value.shape
    size = node.attribute("blocksize")
    if node.attribute("mode", "DCR") == "DCR":
        parts = g.reshape(value, (n, size, size, c // size**2, h, w))
        turned = g.permute(parts, (0, 3, 4, 1, 5, 2))
    else:
        parts = g.reshape(value, (n, c // size**2, size, size, h, w))
        turned = g.permute(parts, (0, 1, 4, 2, 5, 3))
    return g.reshape(turned, (n, c // size**2, h * size, w * size))


@lowers("SpaceToDepth")
def _space_to_depth(g: Operations, node: Node) -> Any:
    value = node.value(0)
    n, c, h, w = value.shape
    size = node.attribute("blocksize")
    parts = g.reshape(value, (n, c, h // size, size, w // size, size))
    if node.attribute("mode", "DCR") == "DCR":
        turned = g.permute(parts, (0, 3, 5, 1, 2, 4))
    else:
        turned = g.permute(parts, (0, 1, 3, 5, 2, 4))
    return g.reshape(turned, (n, c * size * size, h // size, w // size))


@lowers("Trilu")
def _trilu(g: Operations, node: Node) -> Any:
    value = node.value(0)
    offset = node.known_integers(1, "the diagonal", [0])[0]
    shape = list(value.shape[-2:])
    if 0 in value.shape:
        return value
    rows, columns = g.iota(shape, 0, "i64"), g.iota(shape, 1, "i64")
    diagonal = g.math("add", rows, int(np.clip(offset, -shape[0] - 1, shape[1] + 1)))
    keeps = g.compare("ge" if node.attribute("upper", 1) else "le", columns, diagonal)
    zero = g.scalar(0, value.dtype)
    return g.emit("select", keeps, value, zero)


@lowers("Pad")
def _pad(g: Operations, node: Node) -> Any:
    value = node.value(0)
    rank = len(value.shape)
    margins = node.integers("pads") or node.integers("paddings")
    fill = g.scalar(node.attribute("value", 0.0), value.dtype)
    axes = list(range(rank))
    if node.version >= 11:
        margins = node.known_integers(1, "the list of margins")
        fill = node.optional(2)
        fill = g.scalar(0, value.dtype) if fill is None else g.reshape(fill, ())
        given = node.known_integers(3, "the list of axes", None)
        axes = axes if given is None else [node.axis(axis, rank) for axis in given]
    if margins is None or len(margins) != 2 * len(axes):
        raise ShapeError(f"{node}: {margins} does not fit {len(axes)} axes")
    low, high = [0] * rank, [0] * rank
    for place, axis in enumerate(axes):
        low[axis], high[axis] = margins[place], margins[place + len(axes)]
    mode = node.attribute("mode", "constant")
    # A negative margin removes elements.
    cut = [
        (max(0, -before), extent - max(0, -after), 1)
        for before, after, extent in zip(low, high, value.shape, strict=True)
    ]
    value = g.slices(value, cut)
    low, high = [max(0, each) for each in low], [max(0, each) for each in high]
    if mode == "constant":
        return g.pad(value, low, high, fill)
    for axis in range(rank):
        if low[axis] or high[axis]:
            value = _extended(g, node, value, axis, low[axis], high[axis], mode)
    return value


def _extended(
    g: Operations, node: Node, value: Any, axis: int, low: int, high: int, mode: str
) -> Any:
    """`value` with margins along an axis that are made of its own elements."""
    kinds = {"edge": "edge", "reflect": "reflect", "wrap": "wrap"}
    extent = value.shape[axis]
    if mode not in kinds or not extent:
        raise node.fail(f"mode {mode!r} of extent {extent} is not covered")
    places = np.pad(np.arange(extent), (low, high), mode=kinds[mode])  # type: ignore[call-overload]
    return g.concat(runs(g, value, axis, [int(place) for place in places]), axis)


def runs(g: Operations, value: Any, axis: int, places: list[int]) -> list[Any]:
    """Slices that hold the elements at `places`, in order; runs of equal steps are one slice."""
    parts, begin = [], 0
    while begin < len(places):
        end, step = begin + 1, 1
        if end < len(places) and abs(places[end] - places[begin]) == 1:
            step = places[end] - places[begin]
            while end < len(places) and places[end] - places[end - 1] == step:
                end += 1
        parts.append(g.slice(value, axis, places[begin], places[end - 1] + step, step))
        begin = end
    return parts
