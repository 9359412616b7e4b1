# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that read an image between its elements, at positions that are data."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations, wider
from torshjit.errors import ShapeError

__all__: list[str] = []

#: A neighbour along an axis: its position as i64, and its weight.
Neighbour = tuple[Any, Any]


def _sum(g: Operations, parts: Sequence[Any]) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = g.emit("add", total, part)
    return total


def _interpolated(
    g: Operations, data: Any, lead: Sequence[Any], axes: Sequence[int], sides: Sequence[Any]
) -> Any:
    """The sum of the elements at all combinations of neighbours, times their weights.

    `lead` are positions of the axes that are not interpolated, which come first among `axes`;
    `sides` has the neighbours along each of the others. Axes that are not indexed become the last.
    """
    total = []
    for combination in itertools.product(*sides):
        places = [*lead, *(position for position, _ in combination)]
        element = g.emit("gather", data, places, axes=list(axes))
        weight = None
        for _, part in combination:
            weight = part if weight is None else g.emit("mul", weight, part)
        if weight is None:
            return element
        kept = len(element.shape) - len(weight.shape)
        weight = g.reshape(weight, (*weight.shape, *[1] * kept))
        total.append(g.emit("mul", element, g.cast(weight, element.dtype)))
    return _sum(g, total)


def _inside(g: Operations, position: Any, extent: int) -> Any:
    return g.emit("and", g.compare("ge", position, 0), g.compare("lt", position, extent))


def _zero_outside(g: Operations, position: Any, offset: int, weight: Any, extent: int) -> Neighbour:
    """A neighbour of a floored position, with weight zero where it is out of range."""
    place = g.math("add", position, offset)
    return place, g.where(_inside(g, place, extent), weight, 0.0)


def _linear_sides(g: Operations, x: Any, extent: int) -> list[Neighbour]:
    """The two neighbours of a position, zeros around the axis."""
    x = g.math("minimum", g.math("maximum", x, -4.0), extent + 4.0)
    below = g.emit("floor", x)
    rest = g.emit("sub", x, below)
    place = g.cast(below, "i64")
    return [
        _zero_outside(g, place, 0, g.math("sub", 1.0, rest), extent),
        _zero_outside(g, place, 1, rest, extent),
    ]


# GridSample.


def _reflected(g: Operations, x: Any, low: float, high: float) -> Any:
    """A position reflected at both borders until it is between them."""
    span = high - low
    if span <= 0:
        return g.broadcast(g.scalar(low, x.dtype), x.shape)
    is_below = g.compare("lt", x, low)
    beyond = g.where(is_below, g.math("sub", low, x), g.math("sub", x, high))
    count = g.emit("floor", g.math("div", beyond, span))
    rest = g.emit("sub", beyond, g.math("mul", count, span))
    is_even = g.compare("eq", g.math("remainder", count, 2.0), 0.0)
    from_low, from_high = g.math("add", rest, low), g.math("sub", high, rest)
    below = g.emit("select", is_even, from_low, from_high)
    above = g.emit("select", is_even, from_high, from_low)
    inner = g.emit("select", g.compare("gt", x, high), above, x)
    return g.emit("select", is_below, below, inner)


def _cubic_weights(g: Operations, t: Any) -> list[Any]:
    """The weights of the neighbours at -1, 0, 1 and 2 for a rest of `t`."""
    a = -0.75

    def polynomial(value: Any, *factors: float) -> Any:
        result = g.broadcast(g.scalar(factors[0], value.dtype), value.shape)
        for factor in factors[1:]:
            result = g.math("add", g.emit("mul", result, value), factor)
        return result

    def outer(value: Any) -> Any:
        return polynomial(value, a, -5 * a, 8 * a, -4 * a)

    def inner(value: Any) -> Any:
        return polynomial(value, a + 2, -(a + 3), 0.0, 1.0)

    rest = g.math("sub", 1.0, t)
    return [outer(g.math("add", t, 1.0)), inner(t), inner(rest), outer(g.math("add", rest, 1.0))]


class _Axis:
    """How GridSample reads along one axis."""

    def __init__(self, node: Node, extent: int) -> None:
        self.extent = extent
        self.mode = {"bilinear": "linear", "bicubic": "cubic"}.get(
            node.attribute("mode", "linear"), node.attribute("mode", "linear")
        )
        self.padding = node.attribute("padding_mode", "zeros")
        self.is_aligned = bool(node.attribute("align_corners", 0))
        if self.mode not in ("nearest", "linear", "cubic"):
            raise node.fail(f"mode {self.mode!r} is not covered")
        if self.padding not in ("zeros", "border", "reflection"):
            raise node.fail(f"padding_mode {self.padding!r} is not covered")
        edge = 0.0 if self.is_aligned else 0.5
        self.low, self.high = -edge, extent - 1 + edge

    def position(self, g: Operations, n: Any) -> Any:
        """What -1 to 1 is in elements."""
        n = g.math("add", n, 1.0)
        if self.is_aligned:
            return g.math("mul", g.math("div", n, 2.0), float(self.extent - 1))
        return g.math("div", g.math("sub", g.math("mul", n, float(self.extent)), 1.0), 2.0)

    def neighbours(self, g: Operations, n: Any) -> list[Neighbour]:
        x = self.position(g, n)
        if self.mode == "nearest":
            x = g.emit("round", x)
        if self.padding == "border":
            cut = g.math("minimum", g.math("maximum", x, 0.0), float(self.extent - 1))
            is_out = g.emit("or", g.compare("lt", x, self.low), g.compare("gt", x, self.high))
            x = g.emit("select", is_out, cut, x)
        elif self.padding == "reflection":
            x = _reflected(g, x, self.low, self.high)
        else:
            # Further away there is nothing to read either, and positions stay integers.
            x = g.math("minimum", g.math("maximum", x, -4.0), self.extent + 4.0)
        if self.mode == "nearest":
            one = g.broadcast(g.scalar(1.0, x.dtype), x.shape)
            return [self._placed(g, g.cast(x, "i64"), one)]
        below = g.emit("floor", x)
        rest = g.emit("sub", x, below)
        place = g.cast(below, "i64")
        if self.mode == "linear":
            weights = [g.math("sub", 1.0, rest), rest]
        else:
            weights = _cubic_weights(g, rest)
        first = -(len(weights) // 2 - 1)
        return [
            self._placed(g, g.math("add", place, first + number), weight)
            for number, weight in enumerate(weights)
        ]

    def _placed(self, g: Operations, place: Any, weight: Any) -> Neighbour:
        if self.padding == "zeros":
            return place, g.where(_inside(g, place, self.extent), weight, 0.0)
        if self.padding == "border":
            return g.math("minimum", g.math("maximum", place, 0), self.extent - 1), weight
        turned = _reflected(g, g.cast(place, weight.dtype), self.low, self.high)
        return g.cast(turned, "i64"), weight


@lowers("GridSample")
def _grid_sample(g: Operations, node: Node) -> Any:
    data, grid = node.value(0), node.value(1)
    rank = len(data.shape) - 2
    if len(grid.shape) != rank + 2 or grid.shape[-1] != rank or 0 in data.shape[2:]:
        raise ShapeError(f"{node}: a grid of {tuple(grid.shape)} for {tuple(data.shape)}")
    dtype = data.dtype
    if dtype[0] not in "fb":
        raise node.fail(f"an image of {dtype} is not covered")
    grid = g.cast(grid, wider(grid.dtype))
    data = g.cast(data, wider(dtype))
    sides = []
    for axis in range(rank):
        # The grid has its coordinates in reverse order.
        n = g.slice(grid, rank + 1, rank - 1 - axis, rank - axis)
        n = g.reshape(n, grid.shape[:-1])
        sides.append(_Axis(node, data.shape[2 + axis]).neighbours(g, n))
    batch = g.iota((data.shape[0], *[1] * rank), 0, "i64")
    result = _interpolated(g, data, [batch], [0, *range(2, rank + 2)], sides)
    return g.cast(g.permute(result, (0, rank + 1, *range(1, rank + 1))), dtype)


# DeformConv.


@lowers("DeformConv")
def _deform_conv(g: Operations, node: Node) -> Any:
    """Reads the image at the displaced places of the window, and multiplies by the weights."""
    data, weight, offset = node.value(0), node.value(1), node.value(2)
    if len(data.shape) != 4:
        raise node.fail(f"an input of rank {len(data.shape)} is not covered")
    dtype, wide = data.dtype, wider(data.dtype)
    groups, parts = node.attribute("group", 1), node.attribute("offset_group", 1)
    window = list(weight.shape[2:])
    pads = node.integers("pads", [0] * 4) or []
    stride, dilation = node.integers("strides", [1, 1]), node.integers("dilations", [1, 1])
    n, channels = data.shape[:2]
    size, shape = math.prod(window), list(offset.shape[2:])
    fits = offset.shape[1] == parts * size * 2 and channels % parts == 0
    if not fits or channels != weight.shape[1] * groups:
        raise ShapeError(
            f"{node}: an offset of {tuple(offset.shape)} and weights of {tuple(weight.shape)} "
            f"for {tuple(data.shape)}"
        )
    moved = g.reshape(g.cast(offset, wide), (n, parts, *window, 2, *shape))
    sides = []
    for axis in range(2):
        places = [1] * 6
        places[4 + axis] = shape[axis]
        steps = g.math("mul", g.iota(places, 4 + axis, wide), float((stride or [])[axis]))
        places = [1] * 6
        places[2 + axis] = window[axis]
        inner = g.math("mul", g.iota(places, 2 + axis, wide), float((dilation or [])[axis]))
        base = g.math("sub", g.emit("add", steps, inner), float(pads[axis]))
        part = g.reshape(g.slice(moved, 4, axis, axis + 1), (n, parts, *window, *shape))
        sides.append(_linear_sides(g, g.emit("add", base, part), data.shape[2 + axis]))
    split = g.reshape(g.cast(data, wide), (n, parts, channels // parts, *data.shape[2:]))
    lead = [g.iota((n, 1, 1, 1, 1, 1), 0, "i64"), g.iota((1, parts, 1, 1, 1, 1), 1, "i64")]
    found = _interpolated(g, split, lead, [0, 1, 3, 4], sides)
    if node.has(4):
        mask = g.reshape(node.value(4, wide), (n, parts, *window, *shape, 1))
        found = g.emit("mul", found, mask)
    # (n, parts, window, shape, channels of a part) becomes columns of a matrix product.
    columns = g.permute(found, (0, 1, 6, 2, 3, 4, 5))
    columns = g.reshape(columns, (n, groups, channels // groups * size, math.prod(shape)))
    filters = weight.shape[0]
    kernel = g.reshape(
        g.cast(weight, wide), (1, groups, filters // groups, channels // groups * size)
    )
    kernel = g.broadcast(kernel, (n, *kernel.shape[1:]))
    result = g.reshape(g.emit("matmul", kernel, columns), (n, filters, *shape))
    if node.has(3):
        result = g.emit("add", result, g.reshape(node.value(3, wide), (1, filters, 1, 1)))
    return g.cast(result, dtype)


# RoiAlign.


def _roi_sides(g: Operations, x: Any, extent: int) -> list[Neighbour]:
    """The two neighbours of a position that is moved to the border, and nothing a step outside."""
    reads = g.emit("and", g.compare("ge", x, -1.0), g.compare("le", x, float(extent)))
    x = g.math("minimum", g.math("maximum", x, 0.0), float(extent - 1))
    below = g.emit("floor", x)
    rest = g.emit("sub", x, below)
    place = g.cast(below, "i64")
    above = g.math("minimum", g.math("add", place, 1), extent - 1)
    return [
        (place, g.where(reads, g.math("sub", 1.0, rest), 0.0)),
        (above, g.where(reads, rest, 0.0)),
    ]


@lowers("RoiAlign")
def _roi_align(g: Operations, node: Node) -> Any:
    data, boxes, batch = node.value(0), node.value(1), node.value(2)
    ratio = int(node.attribute("sampling_ratio", 0))
    if ratio <= 0:
        raise node.fail(
            "the number of samples follows from the contents of the boxes; set sampling_ratio"
        )
    dtype, wide = data.dtype, wider(data.dtype)
    count = boxes.shape[0]
    default = "half_pixel" if node.version >= 16 else "output_half_pixel"
    is_half = node.attribute("coordinate_transformation_mode", default) == "half_pixel"
    scaled = g.math("mul", g.cast(boxes, wide), float(node.attribute("spatial_scale", 1.0)))
    scaled = g.math("sub", scaled, 0.5 if is_half else 0.0)
    sides = []
    cells = (node.attribute("output_height", 1), node.attribute("output_width", 1))
    for axis, number in enumerate(cells):
        # Boxes are x1, y1, x2, y2. Positions have the axes box, row, column, sample, sample.
        begin, end = (
            g.reshape(g.slice(scaled, 1, at, at + 1), (count, 1, 1, 1, 1))
            for at in (1 - axis, 3 - axis)
        )
        length = g.emit("sub", end, begin)
        if not is_half:
            length = g.math("maximum", length, 1.0)
        step = g.math("div", length, float(number))
        shape = [1] * 5
        shape[1 + axis] = number
        cell = g.iota(shape, 1 + axis, wide)
        shape = [1] * 5
        shape[3 + axis] = ratio
        sample = g.math("div", g.math("add", g.iota(shape, 3 + axis, wide), 0.5), float(ratio))
        x = g.emit("add", begin, g.emit("mul", step, g.emit("add", cell, sample)))
        sides.append(_roi_sides(g, x, data.shape[2 + axis]))
    g.require_inside(batch, data.shape[0], f"{node}: a batch index is out of range")
    lead = [g.reshape(batch, (count, 1, 1, 1, 1))]
    image = g.cast(data, wide)
    if node.attribute("mode", "avg") == "avg":
        found = _interpolated(g, image, lead, [0, 2, 3], sides)
        found = g.reduce("mean", found, [3, 4])
    else:
        corners = [
            _interpolated(g, image, lead, [0, 2, 3], [[row], [column]])
            for row, column in itertools.product(*sides)
        ]
        found = corners[0]
        for corner in corners[1:]:
            found = g.emit("maximum", found, corner)
        found = g.reduce("amax", found, [3, 4])
    return g.cast(g.permute(found, (0, 3, 1, 2)), dtype)
