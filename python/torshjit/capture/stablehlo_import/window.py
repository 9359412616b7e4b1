# SPDX-License-Identifier: Apache-2.0
"""StableHLO windows: pools, running sums, and the gradient of a maximum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from torshjit.capture.onnx_import.operations import Operations
from torshjit.capture.stablehlo_import.combining import (
    Combine,
    combination,
    is_neutral,
    region_function,
)
from torshjit.capture.stablehlo_import.handlers import lowers
from torshjit.capture.stablehlo_import.movement import pad, spread
from torshjit.capture.stablehlo_import.operation import HloOp

__all__: list[str] = []

_SCANS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}

#: Windows of more elements are not taken apart.
_LARGEST_UNROLLED = 128


@lowers("stablehlo.reduce_window")
def _reduce_window(g: Any, op: HloOp) -> Any:
    count = len(op.operands) // 2
    values, starts = op.operands[:count], op.operands[count:]
    rank = len(values[0].shape)
    ones = [1] * rank
    window = op.integers("window_dimensions", ones)
    stride = op.integers("window_strides", ones)
    dilation = op.integers("window_dilations", ones)
    padding = op.pairs("padding", rank)
    if 0 in op.shape:
        return tuple(g.filled(0, dtype, shape) for dtype, shape in op.result_types)
    gaps = [each - 1 for each in op.integers("base_dilations", ones)]
    values = [_spread(g, value, gaps, start) for value, start in zip(values, starts, strict=True)]
    kind = combination(op.block()) if count == 1 else None
    if kind is not None and is_neutral(kind, starts[0]):
        result = _scan(g, op, kind, values[0], window, stride, dilation, padding)
        if result is None and kind == "maximum":
            result = _max_pool(g, op, values[0], window, stride, dilation, padding)
        if result is not None:
            return result
    padded = [
        pad(g, value, [a for a, _ in padding], [b for _, b in padding], [0] * rank, start)
        for value, start in zip(values, starts, strict=True)
    ]
    # A box is a window along each axis in turn.
    combine = region_function(g, op)
    for axis in range(rank):
        padded = _slide(g, padded, axis, window[axis], stride[axis], dilation[axis], combine)
    return (
        tuple(combine(starts, padded)) if not (kind and is_neutral(kind, starts[0])) else padded[0]
    )


def _spread(g: Operations, value: Any, gaps: Sequence[int], start: Any) -> Any:
    for axis, gap in enumerate(gaps):
        value = spread(g, value, axis, gap, start)
    return value


def _slide(
    g: Operations,
    values: Sequence[Any],
    axis: int,
    size: int,
    stride: int,
    dilation: int,
    combine: Combine,
) -> list[Any]:
    """Combines `size` elements along an axis, `dilation` apart, every `stride` elements."""
    extent = values[0].shape[axis]
    reach = (size - 1) * dilation + 1
    places = (extent - reach) // stride + 1

    def shifted(parts: Sequence[Any], start: int, length: int) -> list[Any]:
        return [g.slice(part, axis, start, start + length) for part in parts]

    # Windows of 1, 2, 4, ... elements at every place, joined by the bits of the size.
    power, doubled = 1, list(values)
    done, result = 0, None
    total = (places - 1) * stride + 1
    while power <= size:
        if size & power:
            part = shifted(doubled, done * dilation, total)
            result = part if result is None else combine(result, part)
            done += power
        if 2 * power <= size:
            length = doubled[0].shape[axis] - power * dilation
            doubled = combine(
                shifted(doubled, 0, length), shifted(doubled, power * dilation, length)
            )
        power *= 2
    assert result is not None
    return [g.slice(part, axis, 0, total, stride) for part in result]


def _scan(
    g: Operations,
    op: HloOp,
    kind: str,
    value: Any,
    window: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[tuple[int, int]],
) -> Any:
    """A window that reaches from each element to one end is a running combination."""
    axes = [axis for axis, size in enumerate(window) if size != 1]
    if kind not in _SCANS or value.dtype == "i1" or len(axes) != 1:
        return None
    axis = axes[0]
    extent = value.shape[axis]
    plain = all(each == 1 for each in (*stride, *dilation)) and all(
        margins == (0, 0) for place, margins in enumerate(padding) if place != axis
    )
    if not plain or window[axis] != extent:
        return None
    for margins, reverse in (((extent - 1, 0), False), ((0, extent - 1), True)):
        if padding[axis] == margins:
            return g.emit(
                "scan", value, kind=_SCANS[kind], axis=axis, reverse=reverse, exclusive=False
            )
    return None


def _max_pool(
    g: Operations,
    op: HloOp,
    value: Any,
    window: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[tuple[int, int]],
) -> Any:
    """A maximum over at most three axes is a pool."""
    spatial = [
        axis
        for axis in range(len(window))
        if window[axis] != 1 or stride[axis] != 1 or padding[axis] != (0, 0)
    ]
    if not 1 <= len(spatial) <= 3 or value.dtype == "i1":
        return None
    low = [padding[axis][0] for axis in spatial]
    high = [padding[axis][1] for axis in spatial]
    reach = [(window[axis] - 1) * dilation[axis] + 1 for axis in spatial]
    if any(min(a, b) < 0 or max(a, b) >= r for a, b, r in zip(low, high, reach, strict=True)):
        return None
    outer = [axis for axis in range(len(window)) if axis not in spatial]
    turned = g.permute(value, [*outer, *spatial])
    lead = list(turned.shape[: len(outer)])
    pooled = g.emit(
        "max_pool",
        g.reshape(turned, [1, math.prod(lead), *turned.shape[len(outer) :]]),
        window=[window[axis] for axis in spatial],
        stride=[stride[axis] for axis in spatial],
        padding_low=low,
        padding_high=high,
        dilation=[dilation[axis] for axis in spatial],
    )
    order = [*outer, *spatial]
    result = g.reshape(pooled, [*lead, *pooled.shape[2:]])
    return g.permute(result, [order.index(axis) for axis in range(len(order))])


@lowers("stablehlo.select_and_scatter")
def _select_and_scatter(g: Any, op: HloOp) -> Any:
    """Each window passes its source on to the element that it selects."""
    value, source, start = op.operands
    rank = len(value.shape)
    window = op.integers("window_dimensions", [1] * rank)
    stride = op.integers("window_strides", [1] * rank)
    padding = op.pairs("padding", rank)
    if combination(op.block(1)) != "add":
        op.refuse("a combination other than a sum is not covered")
    if math.prod(window) > _LARGEST_UNROLLED:
        op.refuse(f"a window of {window} is not covered")
    # The smallest value is never selected before an element: padding goes last.
    kept = _selection(op)
    fill = g.scalar(_last_choice(kept, value.dtype), value.dtype)
    margins = [a for a, _ in padding], [b for _, b in padding]
    padded = pad(g, value, *margins, [0] * rank, fill)
    counts = list(source.shape)
    places = list(np.ndindex(*window))

    def seen(place: Sequence[int]) -> Any:
        ranges = [
            (offset, offset + (count - 1) * step + 1, step)
            for offset, count, step in zip(place, counts, stride, strict=True)
        ]
        return g.slices(padded, ranges)

    best, chosen = seen(places[0]), g.scalar(0, "i64")
    for number, place in enumerate(places[1:], start=1):
        other = seen(place)
        stays = g.block_results(op.block(0), [best, other])[0]
        best = g.emit("select", stays, best, other)
        chosen = g.where(stays, chosen, number)
    zero = g.scalar(0, source.dtype)
    total = None
    for number, place in enumerate(places):
        part = g.emit("select", g.compare("eq", chosen, number), source, zero)
        part = g.broadcast(part, counts)
        span = [(count - 1) * step + 1 for count, step in zip(counts, stride, strict=True)]
        after = [
            extent - offset - reach
            for extent, offset, reach in zip(padded.shape, place, span, strict=True)
        ]
        spaced = pad(g, part, place, after, [step - 1 for step in stride], zero)
        total = spaced if total is None else g.emit("add", total, spaced)
    ranges = [(low, low + extent, 1) for (low, _), extent in zip(padding, value.shape, strict=True)]
    result = g.slices(total, ranges)
    return result if is_neutral("add", start) else g.emit("add", result, start)


def _selection(op: HloOp) -> str:
    """The comparison by which a window keeps the first of two elements."""
    operations = [each.operation for each in op.block(0).operations]
    first = operations[0]
    arguments = list(op.block(0).arguments)
    if (
        len(operations) == 2
        and first.name == "stablehlo.compare"
        and list(first.operands) == arguments
    ):
        text = str(first.attributes["comparison_direction"]).rstrip(">").rpartition(" ")[2]
        if text in ("GE", "GT", "LE", "LT"):
            return text
    return op.refuse("a selection other than by one comparison is not covered")


def _last_choice(kept: str, dtype: str) -> float | int:
    from torshjit.capture.numpy_dtypes import numpy_dtype

    largest = kept in ("GE", "GT")
    if dtype[0] in "fb":
        return -math.inf if largest else math.inf
    limits = np.iinfo(numpy_dtype(dtype))
    return int(limits.min if largest else limits.max)
