# SPDX-License-Identifier: Apache-2.0
"""ONNX pools."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.onnx_import.contraction import window_padding
from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations, is_float

__all__: list[str] = []


class _Window:
    """A pool's window with the margins that its mode of padding and rounding ask for."""

    def __init__(self, node: Node, value: Any) -> None:
        self.size = node.integers("kernel_shape") or []
        axes = len(self.size)
        if len(value.shape) != axes + 2 or not 1 <= axes <= 3:
            raise node.fail(f"a window of {axes} axes on rank {len(value.shape)} is not covered")
        self.extents = list(value.shape[2:])
        self.stride = node.integers("strides", [1] * axes) or []
        self.dilation = node.integers("dilations", [1] * axes) or []
        self.low, self.high = window_padding(
            node, self.extents, self.size, self.stride, self.dilation
        )
        #: What rounding up adds at the end of each axis beyond the padding.
        self.extra = [0] * axes
        if node.attribute("ceil_mode", 0) and node.attribute("auto_pad", "NOTSET") == "NOTSET":
            self.extra = [self._extra(axis) for axis in range(axes)]
        self.reach = [d * (w - 1) + 1 for d, w in zip(self.dilation, self.size, strict=True)]

    def _extra(self, axis: int) -> int:
        n, s = self.extents[axis], self.stride[axis]
        padded = n + self.low[axis] + self.high[axis]
        reach = self.dilation[axis] * (self.size[axis] - 1) + 1
        count = -(-(padded - reach) // s) + 1
        if (count - 1) * s >= n + self.low[axis]:
            count -= 1  # A window must begin in the input or the padding before it.
        return max(0, (count - 1) * s + reach - padded)

    def padded(self, g: Operations, value: Any, fill: Any) -> Any:
        """`value` with every margin filled."""
        after = [a + b for a, b in zip(self.high, self.extra, strict=True)]
        return g.pad(value, [0, 0, *self.low], [0, 0, *after], fill)

    def parts(self, g: Operations, padded: Any) -> list[Any]:
        """What each place of the window sees, from the padded input."""
        counts = [
            (extent - reach) // step + 1
            for extent, reach, step in zip(padded.shape[2:], self.reach, self.stride, strict=True)
        ]
        result = []
        for place in np.ndindex(*self.size):
            ranges = [(0, extent, 1) for extent in padded.shape[:2]]
            for axis, offset in enumerate(place):
                start = offset * self.dilation[axis]
                step = self.stride[axis]
                ranges.append((start, start + (counts[axis] - 1) * step + 1, step))
            result.append(g.slices(padded, ranges))
        return result


def _lowest(dtype: str) -> float | int:
    return -math.inf if is_float(dtype) else int(np.iinfo(numpy_dtype(dtype)).min)


@lowers("MaxPool")
def _max_pool(g: Operations, node: Node) -> Any:
    value = node.value(0)
    if any(node.outputs[1:]):
        return _max_pool_with_indices(g, node, value)
    window = _Window(node, value)
    high = [a + b for a, b in zip(window.high, window.extra, strict=True)]
    low = window.low
    if any(max(a, b) >= r for a, b, r in zip(low, high, window.reach, strict=True)):
        value = window.padded(g, value, _lowest(value.dtype))
        low = high = [0] * len(low)
    return g.emit(
        "max_pool",
        value,
        window=window.size,
        stride=window.stride,
        padding_low=low,
        padding_high=high,
        dilation=window.dilation,
    )


#: Windows of more elements are not unrolled.
_LARGEST_UNROLLED = 128


def _max_pool_with_indices(g: Operations, node: Node, value: Any) -> Any:
    """The largest elements, and the first place of each in the order of the tensor's memory."""
    window = _Window(node, value)
    if math.prod(window.size) > _LARGEST_UNROLLED:
        raise node.fail(f"the indices of a window of {window.size} are not covered")
    order = list(range(len(value.shape)))
    if node.attribute("storage_order", 0):
        order = [0, 1, *range(len(value.shape) - 1, 1, -1)]
    turned = [value.shape[axis] for axis in order]
    count = math.prod(value.shape)
    places = g.reshape(g.iota((count,), 0, "i64"), turned)
    places = g.permute(places, [order.index(axis) for axis in range(len(order))])
    padded = window.padded(g, value, _lowest(value.dtype))
    zeros = [0] * len(window.size)
    largest = g.emit(
        "max_pool",
        padded,
        window=window.size,
        stride=window.stride,
        padding_low=zeros,
        padding_high=zeros,
        dilation=window.dilation,
    )
    found = g.scalar(count, "i64")
    indices = window.parts(g, window.padded(g, places, count))
    for other, index in zip(window.parts(g, padded), indices, strict=True):
        is_here = g.compare("eq", other, largest)
        found = g.emit("minimum", found, g.where(is_here, index, count))
    return largest, found


@lowers("AveragePool")
def _average_pool(g: Operations, node: Node) -> Any:
    value = node.value(0)
    window = _Window(node, value)
    counts_padding = bool(node.attribute("count_include_pad", 0))
    fits = all(max(a, b) < r for a, b, r in zip(window.low, window.high, window.reach, strict=True))
    if set(window.dilation) <= {1} and not any(window.extra) and fits:
        return g.emit(
            "avg_pool",
            value,
            window=window.size,
            stride=window.stride,
            padding_low=window.low,
            padding_high=window.high,
            count_include_pad=counts_padding,
        )
    if math.prod(window.size) > _LARGEST_UNROLLED:
        raise node.fail(f"a window of {window.size} with dilation or ceil_mode is not covered")
    total = _total(g, window.parts(g, window.padded(g, value, 0.0)))
    # What divides is the number of elements, with those of the padding where they count.
    ones = g.filled(1.0, value.dtype, (1, 1, *window.extents))
    if counts_padding:
        ones = g.pad(ones, [0, 0, *window.low], [0, 0, *window.high], 1.0)
        ones = g.pad(ones, [0] * len(ones.shape), [0, 0, *window.extra])
    else:
        ones = window.padded(g, ones, 0.0)
    return g.emit("div", total, _total(g, window.parts(g, ones)))


def _total(g: Operations, parts: Sequence[Any]) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = g.emit("add", total, part)
    return total


@lowers("LpPool")
def _lp_pool(g: Operations, node: Node) -> Any:
    value = node.value(0)
    window = _Window(node, value)
    power = float(node.attribute("p", 2))
    if math.prod(window.size) > _LARGEST_UNROLLED:
        raise node.fail(f"a window of {window.size} is not covered")
    raised = g.math("pow", g.emit("abs", value), power)
    total = _total(g, window.parts(g, window.padded(g, raised, 0.0)))
    return g.math("pow", total, 1.0 / power)


@lowers("GlobalAveragePool")
def _global_average_pool(g: Operations, node: Node) -> Any:
    value = node.value(0)
    return g.reduce("mean", value, list(range(2, len(value.shape))), keepdims=True)


@lowers("GlobalMaxPool")
def _global_max_pool(g: Operations, node: Node) -> Any:
    value = node.value(0)
    return g.reduce("amax", value, list(range(2, len(value.shape))), keepdims=True)


@lowers("GlobalLpPool")
def _global_lp_pool(g: Operations, node: Node) -> Any:
    value = node.value(0)
    power = float(node.attribute("p", 2))
    raised = g.math("pow", g.emit("abs", value), power)
    total = g.reduce("sum", raised, list(range(2, len(value.shape))), keepdims=True)
    return g.math("pow", total, 1.0 / power)
