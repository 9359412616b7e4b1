# SPDX-License-Identifier: Apache-2.0
"""ONNX DeformConv and RoiAlign: windows and boxes of an image, read between its elements."""

from __future__ import annotations

import itertools
import math
from typing import Any

from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.interpolation import Neighbour, inside, interpolated
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations, wider
from torshjit.errors import ShapeError

__all__: list[str] = []


# DeformConv.


def _zero_outside(g: Operations, position: Any, offset: int, weight: Any, extent: int) -> Neighbour:
    """A neighbour of a floored position, with weight zero where it is out of range."""
    place = g.math("add", position, offset)
    return place, g.where(inside(g, place, extent), weight, 0.0)


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
    found = interpolated(g, split, lead, [0, 1, 3, 4], sides)
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
        found = interpolated(g, image, lead, [0, 2, 3], sides)
        found = g.reduce("mean", found, [3, 4])
    else:
        corners = [
            interpolated(g, image, lead, [0, 2, 3], [[row], [column]])
            for row, column in itertools.product(*sides)
        ]
        found = corners[0]
        for corner in corners[1:]:
            found = g.emit("maximum", found, corner)
        found = g.reduce("amax", found, [3, 4])
    return g.cast(g.permute(found, (0, 3, 1, 2)), dtype)
