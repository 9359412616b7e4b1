# SPDX-License-Identifier: Apache-2.0
"""ATen's gradients of convolutions and of attention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from torshjit.capture.torch_lowering import (
    Lowering,
    accumulation_dtype,
    dialect_dtype,
    lowers,
)
from torshjit.errors import ShapeError

__all__ = ["attention_scores", "repeated_heads", "spread", "transposed_convolution"]


def spread(g: Lowering, value: Any, axis: int, step: int) -> Any:
    """`value` with ``step - 1`` zeros between the elements along an axis."""
    if step == 1 or value.shape[axis] <= 1:
        return value
    shape = list(value.shape)
    apart = g.reshape(value, [*shape[: axis + 1], 1, *shape[axis + 1 :]])
    padded = _pad(g, apart, axis + 1, 0, step - 1)
    joined = g.reshape(padded, [*shape[:axis], shape[axis] * step, *shape[axis + 1 :]])
    return g.slice(joined, axis, 0, shape[axis] * step - step + 1)


def _pad(g: Lowering, value: Any, axis: int, low: int, high: int) -> Any:
    """`value` with zeros before and after along one axis; a negative number takes elements away."""
    start, stop = max(0, -low), value.shape[axis] - max(0, -high)
    value = g.slice(value, axis, start, max(start, stop))
    if low <= 0 and high <= 0:
        return value
    lows, highs = [0] * len(value.shape), [0] * len(value.shape)
    lows[axis], highs[axis] = max(0, low), max(0, high)
    return g.emit("pad", value, g.scalar(0, value.dtype), low=lows, high=highs)


def _flipped(g: Lowering, value: Any, axes: Sequence[int]) -> Any:
    shape = list(value.shape)
    if 0 in shape or all(shape[axis] == 1 for axis in axes):
        return value
    return g.emit(
        "slice",
        value,
        start=[n - 1 if axis in axes else 0 for axis, n in enumerate(shape)],
        stop=[-1 - n if axis in axes else n for axis, n in enumerate(shape)],
        stride=[-1 if axis in axes else 1 for axis in range(len(shape))],
    )


def _convolution(
    g: Lowering,
    value: Any,
    weight: Any,
    bias: Any,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int,
) -> Any:
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


def transposed_convolution(
    g: Lowering,
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
    (n, o, extents...). It is a convolution of the input with gaps of zeros by the flipped weight.
    """
    axes, window = len(stride), weight.shape[2:]
    margins = []
    for axis in range(axes):
        value = spread(g, value, axis + 2, stride[axis])
        reach = dilation[axis] * (window[axis] - 1)
        low = reach - padding[axis]
        # What the windows did not reach at the end gets zeros.
        margins.append((low, extents[axis] + reach - low - value.shape[axis + 2]))
    inner, outer = weight.shape[0] // groups, weight.shape[1]
    parts = g.reshape(weight, (groups, inner, outer, *window))
    turned = g.permute(parts, (0, 2, 1, *range(3, 3 + axes)))
    kernel = g.reshape(turned, (groups * outer, inner, *window))
    kernel = _flipped(g, kernel, range(2, 2 + axes))
    return _convolution(g, value, kernel, bias, [1] * axes, margins, dilation, groups)


def _weight_gradient(
    g: Lowering,
    value: Any,
    grad: Any,
    window: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Any:
    """The gradient of a convolution's weight: the input convolved by the gradient of the result.

    `value` is (n, c, spatial...), `grad` (n, o, spatial...), the result (o, c / groups, window...).
    The batch is summed over, so it takes the place of the channels.
    """
    count, channels, *extents = value.shape
    axes = range(3, 3 + len(extents))
    per_group = channels // groups
    parts = g.reshape(value, (count, groups, per_group, *extents))
    turned = g.permute(parts, (2, 1, 0, *axes))
    turned = g.reshape(turned, (per_group, groups * count, *extents))
    kernel = g.permute(grad, (1, 0, *range(2, 2 + len(extents))))
    margins = []
    for axis, extent in enumerate(extents):
        # Only as much of the input as the windows reach, so that the result is the window.
        reach = (grad.shape[axis + 2] - 1) * stride[axis] + (window[axis] - 1) * dilation[axis] + 1
        margins.append((padding[axis], reach - extent - padding[axis]))
    result = _convolution(g, turned, kernel, None, dilation, margins, stride, groups)
    return g.permute(result, (1, 0, *range(2, 2 + len(extents))))


@lowers("aten.convolution_backward.default")
def convolution_backward(
    g: Lowering,
    grad: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    bias_sizes: Sequence[int] | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
    wanted: Sequence[bool],
) -> Any:
    axes = weight.ndim - 2
    stride, padding, dilation = (
        [*numbers] * axes if len(numbers) == 1 else list(numbers)
        for numbers in (stride, padding, dilation)
    )
    dtype = dialect_dtype(x.dtype)
    incoming, value, kernel = g.value(grad), g.value(x), g.value(weight)
    gradients: list[Any] = [None, None, None]
    if 0 in (*grad.shape, *x.shape, *weight.shape):
        raise g.fail("empty tensors are not covered")
    geometry = (stride, padding, dilation)
    if wanted[0] and transposed:
        margins = [
            (p, reach * d + 1 + (n - 1) * s - p - m)
            for n, m, s, p, d, reach in zip(
                x.shape[2:],
                grad.shape[2:],
                *geometry,
                [w - 1 for w in weight.shape[2:]],
                strict=True,
            )
        ]
        gradients[0] = _convolution(g, incoming, kernel, None, stride, margins, dilation, groups)
    elif wanted[0]:
        gradients[0] = transposed_convolution(
            g, incoming, kernel, None, *geometry, groups, x.shape[2:]
        )
    if wanted[1]:
        source, result = (incoming, value) if transposed else (value, incoming)
        gradients[1] = _weight_gradient(g, source, result, weight.shape[2:], *geometry, groups)
    if wanted[2]:
        wide = accumulation_dtype(dtype)
        total = g.reduce("sum", g.cast(incoming, wide), [0, *range(2, grad.ndim)])
        gradients[2] = g.cast(total, dtype)
    return tuple(gradients)


@lowers("aten._scaled_dot_product_flash_attention_for_cpu_backward.default")
def attention_backward(
    g: Lowering,
    grad: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    result: torch.Tensor,
    log_sum: torch.Tensor,
    dropout_p: float,
    is_causal: bool,
    attn_mask: torch.Tensor | None = None,
    scale: float | None = None,
) -> Any:
    """Gradients of query, key and value; the weights are computed again from `log_sum`."""
    if dropout_p > 0:
        raise g.fail("dropout inside of attention is not covered")
    dtype = dialect_dtype(query.dtype)
    wide = accumulation_dtype(dtype)
    q, k, v, incoming, answer = g.operands((query, key, value, grad, result), wide)
    heads, own = query.shape[-3], key.shape[-3]
    k, v = repeated_heads(g, k, heads), repeated_heads(g, v, heads)
    factor = g.scalar(1 / math.sqrt(query.shape[-1]) if scale is None else scale, wide)
    mask = None if attn_mask is None else g.value(attn_mask)
    scores = attention_scores(g, q, k, factor, is_causal, mask)
    total = g.reshape(g.operand(log_sum, wide), (*query.shape[:-1], 1))
    weights = g.emit("exp", g.emit("sub", scores, total))
    value_gradient = g.emit("matmul", g.swap_last(weights), incoming)
    along = g.emit("matmul", incoming, g.swap_last(v))
    # The sum of weights times `along` is the result times the incoming gradient.
    mean = g.reduce("sum", g.emit("mul", incoming, answer), [query.ndim - 1], keepdims=True)
    steep = g.emit("mul", g.emit("mul", weights, g.emit("sub", along, mean)), factor)
    query_gradient = g.emit("matmul", steep, k)
    key_gradient = g.emit("matmul", g.swap_last(steep), q)
    gradients = [query_gradient]
    for each in (key_gradient, value_gradient):
        # The heads of a group share their key and value.
        *lead, _, length, width = each.shape
        if own != heads:
            groups = g.reshape(each, (*lead, own, heads // own, length, width))
            each = g.reduce("sum", groups, [len(lead) + 1])
        gradients.append(each)
    return tuple(g.cast(each, dtype) for each in gradients)


def attention_scores(
    g: Lowering, query: Any, key: Any, factor: Any, causal: bool, mask: Any
) -> Any:
    """Scaled products of queries and keys, -inf where a query does not see a key."""
    wide = query.dtype
    scores = g.emit("mul", g.emit("matmul", query, g.swap_last(key)), factor)
    lowest = g.scalar(-math.inf, wide)
    if causal:
        position = g.iota((query.shape[-2], 1), 0, "i32")
        mask = g.compare("ge", position, g.iota((1, key.shape[-2]), 1, "i32"))
    if mask is not None and mask.dtype == "i1":
        return g.emit("select", mask, scores, lowest)
    if mask is not None:
        return g.emit("add", scores, g.cast(mask, wide))
    return scores


def repeated_heads(g: Lowering, value: Any, heads: int) -> Any:
    """Each head of a grouped key or value, repeated for the query heads that share it."""
    *lead, own, length, width = value.shape
    if own == heads:
        return value
    if heads % own:
        raise ShapeError(f"{g.op}: {heads} query heads cannot share {own} key heads")
    split = g.reshape(value, (*lead, own, 1, length, width))
    repeated = g.broadcast(split, (*lead, own, heads // own, length, width))
    return g.reshape(repeated, (*lead, heads, length, width))
