# SPDX-License-Identifier: Apache-2.0
"""ONNX GridSample: reads an image between its elements, at positions that are data."""

from __future__ import annotations

from typing import Any

from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.interpolation import Neighbour, inside, interpolated
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations, wider
from torshjit.errors import ShapeError

__all__: list[str] = []


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
            return place, g.where(inside(g, place, self.extent), weight, 0.0)
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
    result = interpolated(g, data, [batch], [0, *range(2, rank + 2)], sides)
    return g.cast(g.permute(result, (0, rank + 1, *range(1, rank + 1))), dtype)
