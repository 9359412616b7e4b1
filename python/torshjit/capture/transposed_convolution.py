# SPDX-License-Identifier: Apache-2.0
"""The transposes of convolutions, which are convolutions: torch's, ONNX's and gradients."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from torshjit.capture.graph_builder import GraphBuilder, flipped

__all__ = ["convolution_with_margins", "spread", "transposed_convolution"]


def spread(g: GraphBuilder, value: Any, axis: int, step: int) -> Any:
    """`value` with ``step - 1`` zeros between the elements along an axis."""
    if step == 1 or value.shape[axis] <= 1:
        return value
    shape = list(value.shape)
    apart = g.reshape(value, [*shape[: axis + 1], 1, *shape[axis + 1 :]])
    padded = _pad(g, apart, axis + 1, 0, step - 1)
    joined = g.reshape(padded, [*shape[:axis], shape[axis] * step, *shape[axis + 1 :]])
    return g.slice(joined, axis, 0, shape[axis] * step - step + 1)


def _pad(g: GraphBuilder, value: Any, axis: int, low: int, high: int) -> Any:
    """`value` with zeros before and after along one axis; a negative number takes elements away."""
    start, stop = max(0, -low), value.shape[axis] - max(0, -high)
    value = g.slice(value, axis, start, max(start, stop))
    if low <= 0 and high <= 0:
        return value
    lows, highs = [0] * len(value.shape), [0] * len(value.shape)
    lows[axis], highs[axis] = max(0, low), max(0, high)
    return g.emit("pad", value, g.scalar(0, value.dtype), low=lows, high=highs)


def convolution_with_margins(
    g: GraphBuilder,
    value: Any,
    weight: Any,
    bias: Any,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int,
) -> Any:
    """The convolution by `padding`, zeros before and after each axis, or elements taken away."""
    for axis, (low, high) in enumerate(padding):
        value = _pad(g, value, axis + 2, min(low, 0), min(high, 0))
    return g.emit(
        "conv",
        value,
        weight,
        bias,
        stride=list(stride),
        padding_low=[max(0, low) for low, _ in padding],
        padding_high=[max(0, high) for _, high in padding],
        dilation=list(dilation),
        groups=groups,
    )


def _turned(g: GraphBuilder, weight: Any, groups: int) -> Any:
    """Weights (c, o / groups, window...) as (o, c / groups, window...), the windows flipped."""
    axes = len(weight.shape) - 2
    inner, outer, window = weight.shape[0] // groups, weight.shape[1], weight.shape[2:]
    parts = g.reshape(weight, (groups, inner, outer, *window))
    turned = g.permute(parts, (0, 2, 1, *range(3, 3 + axes)))
    kernel = g.reshape(turned, (groups * outer, inner, *window))
    return flipped(g, kernel, range(2, 2 + axes))


def _convolution_by_phases(
    g: GraphBuilder,
    value: Any,
    weight: Any,
    bias: Any,
    stride: Sequence[int],
    padding: Sequence[int],
    groups: int,
    extents: Sequence[int],
) -> Any:
    """A transposed convolution that multiplies no gaps (Shi et al. 2016, "Is the deconvolution
    layer the same as a convolutional layer?").

    Element y of the result, counted with the padding, is that of phase ``y % stride``: the weights
    at that place and every `stride` after it, by the inputs up to ``y // stride``.
    """
    axes = len(stride)
    counts = [-(-(p + e) // s) for p, e, s in zip(padding, extents, stride, strict=True)]
    phases = []
    for phase in itertools.product(*map(range, stride)):
        own = weight
        for axis, (first, step) in enumerate(zip(phase, stride, strict=True)):
            own = g.slice(own, axis + 2, first, weight.shape[axis + 2], step)
        # As many places as all phases have, the first of which has one input.
        margins = [
            (taps - 1, count - n)
            for taps, count, n in zip(own.shape[2:], counts, value.shape[2:], strict=True)
        ]
        ones = [1] * axes
        result = convolution_with_margins(
            g, value, _turned(g, own, groups), bias, ones, margins, ones, groups
        )
        phases.append(g.reshape(result, (*result.shape[:2], 1, *counts)))
    apart = g.concat(phases, 2)
    apart = g.reshape(apart, (*apart.shape[:2], *stride, *counts))
    order = [place for axis in range(axes) for place in (2 + axes + axis, 2 + axis)]
    whole = g.permute(apart, (0, 1, *order))
    sizes = [count * step for count, step in zip(counts, stride, strict=True)]
    whole = g.reshape(whole, (*whole.shape[:2], *sizes))
    for axis, (low, extent) in enumerate(zip(padding, extents, strict=True)):
        whole = g.slice(whole, axis + 2, low, low + extent)
    return whole


def transposed_convolution(
    g: GraphBuilder,
    value: Any,
    weight: Any,
    bias: Any,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    extents: Sequence[int],
) -> Any:
    """The linear map whose transpose is the convolution by `weight`, to the spatial `extents`.

    `value` is (n, c, spatial...), `weight` (c, o / groups, window...), the result
    (n, o, extents...). It is a convolution of the input with gaps of zeros by the flipped weight,
    or convolutions of the input for the places between two of its elements, if each has a weight.
    """
    axes, window = len(stride), weight.shape[2:]
    if (
        max(stride) > 1
        and max(dilation) == 1
        and min(padding) >= 0
        and all(s <= w for s, w in zip(stride, window, strict=True))
    ):
        return _convolution_by_phases(g, value, weight, bias, stride, padding, groups, extents)
    margins = []
    for axis in range(axes):
        value = spread(g, value, axis + 2, stride[axis])
        reach = dilation[axis] * (window[axis] - 1)
        low = reach - padding[axis]
        # What the windows did not reach at the end gets zeros.
        margins.append((low, extents[axis] + reach - low - value.shape[axis + 2]))
    kernel = _turned(g, weight, groups)
    return convolution_with_margins(g, value, kernel, bias, [1] * axes, margins, dilation, groups)
