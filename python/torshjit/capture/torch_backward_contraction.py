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
from torshjit.capture.transposed_convolution import (
    convolution_with_margins,
    transposed_convolution,
)
from torshjit.errors import ShapeError

__all__ = ["attention_scores", "repeated_heads"]


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
    result = convolution_with_margins(g, turned, kernel, None, dilation, margins, stride, groups)
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
        gradients[0] = convolution_with_margins(
            g, incoming, kernel, None, stride, margins, dilation, groups
        )
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
