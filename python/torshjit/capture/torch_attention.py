# SPDX-License-Identifier: Apache-2.0
"""ATen's scaled dot-product attention, in all the forms it takes on the CPU."""

from __future__ import annotations

import math
from typing import Any

import torch

from torshjit.capture.torch_backward_contraction import attention_scores, repeated_heads
from torshjit.capture.torch_lowering import (
    Deferred,
    Lowering,
    accumulation_dtype,
    dialect_dtype,
    lowers,
)
from torshjit.capture.torch_random import dropped
from torshjit.errors import ShapeError, UnsupportedOpError

__all__: list[str] = []


def _causal_mask(g: Lowering, rows: int, columns: int) -> Any:
    """True where a query may see a key: up to its own position, counted from the first."""
    position = g.iota((rows, 1), 0, "i32")
    return g.compare("ge", position, g.iota((1, columns), 1, "i32"))


def _is_whole(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    grouped: bool,
) -> bool:
    """Whether `torsh.attention` takes the operands: only key and value broadcast, as it does."""
    lead = query.shape[:-2]
    if mask is not None:
        scores = (*lead, query.shape[-2], key.shape[-2])
        aligned = scores[len(scores) - mask.ndim :] if mask.ndim <= len(scores) else ()
        if len(aligned) != mask.ndim or any(
            extent not in (1, own) for extent, own in zip(mask.shape, aligned, strict=True)
        ):
            return False
    for each in (key, value):
        for axis, (own, extent) in enumerate(zip(lead, each.shape[:-2], strict=True)):
            shared = grouped and axis == len(lead) - 1 and extent > 0 and own % extent == 0
            if extent not in (1, own) and not shared:
                return False
    return key.shape[:-2] == value.shape[:-2] or not grouped


def _attention(
    g: Lowering,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    causal: bool,
    scale: float | None,
    grouped: bool,
    dropout_p: float = 0.0,
) -> Any:
    if query.ndim < 2 or query.ndim != key.ndim or key.ndim != value.ndim:
        raise ShapeError(f"{g.op}: operands of rank {query.ndim}, {key.ndim} and {value.ndim}")
    if causal and mask is not None:
        raise ShapeError(f"{g.op}: is_causal and attn_mask exclude each other")
    dtype = dialect_dtype(query.dtype)
    wide = accumulation_dtype(dtype)
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    if dropout_p == 0 and _is_whole(query, key, value, mask, grouped):
        if mask is not None:
            mask = g.value(mask) if mask.dtype == torch.bool else g.operand(mask, wide)
        # A query that sees no key gives zeros, as torch's kernels do, not 0 / 0.
        return g.emit(
            "attention", *g.operands((query, key, value), dtype), mask,
            scale=factor, causal=causal, zero_masked_rows=mask is not None,
        )  # fmt: skip
    q, k, v = g.operands((query, key, value), wide)
    if grouped:
        k, v = (repeated_heads(g, each, query.shape[-3]) for each in (k, v))
    scores = g.emit("matmul", q, g.swap_last(k))
    scores = g.emit("mul", scores, g.scalar(factor, wide))
    minus_infinity = g.scalar(-math.inf, wide)
    visible = None
    if causal:
        allowed = _causal_mask(g, query.shape[-2], key.shape[-2])
        scores = g.emit("select", allowed, scores, minus_infinity)
    elif mask is not None and mask.dtype == torch.bool:
        allowed = g.value(mask)
        scores = g.emit("select", allowed, scores, minus_infinity)
        visible = g.reduce("any", allowed, [mask.ndim - 1], keepdims=True)
    elif mask is not None:
        bias = g.operand(mask, wide)
        scores = g.emit("add", scores, bias)
        finite = g.compare("ne", bias, minus_infinity)
        visible = g.reduce("any", finite, [mask.ndim - 1], keepdims=True)
    weights = g.emit("softmax", scores, axis=len(scores.shape) - 1)
    if visible is not None:
        # A query that sees no key gives zeros, as torch's kernels do, not 0 / 0.
        weights = g.emit("select", visible, weights, g.scalar(0, wide))
    if dropout_p > 0:
        weights, _ = dropped(g, weights, dropout_p)
    return g.cast(g.emit("matmul", weights, v), dtype)


@lowers("aten.scaled_dot_product_attention.default")
def attention(
    g: Lowering,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    return _attention(g, query, key, value, attn_mask, is_causal, scale, enable_gqa, dropout_p)


def _log_sum(
    g: Lowering,
    query: torch.Tensor,
    key: torch.Tensor,
    causal: bool,
    mask: torch.Tensor | None,
    scale: float | None,
) -> Deferred:
    """The logarithm of the sum of each query's exponentials, for the gradient."""
    wide = accumulation_dtype(dialect_dtype(query.dtype))
    values = g.value(query), g.value(key), None if mask is None else g.value(mask)
    shape = tuple(query.shape)

    def compute() -> Any:
        factor = g.scalar(1 / math.sqrt(shape[-1]) if scale is None else scale, wide)
        q, k, allowed = values
        k = repeated_heads(g, k, shape[-3])
        scores = attention_scores(g, g.cast(q, wide), g.cast(k, wide), factor, causal, allowed)
        axis = [len(shape) - 1]
        highest = g.reduce("amax", scores, axis, keepdims=True)
        # A query that sees no key has 0 in torch's kernels; -inf - -inf would be NaN.
        zero = g.scalar(0, wide)
        seen = g.compare("ne", highest, g.scalar(-math.inf, wide))
        highest = g.emit("select", seen, highest, zero)
        total = g.reduce("sum", g.emit("exp", g.emit("sub", scores, highest)), axis)
        result = g.emit("add", g.emit("log", total), g.reshape(highest, shape[:-1]))
        return g.emit("select", g.reshape(seen, shape[:-1]), result, zero)

    return Deferred(compute, wide, query.shape[:-1])


@lowers("aten._scaled_dot_product_flash_attention_for_cpu.default")
def flash_attention_for_cpu(
    g: Lowering,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    attn_mask: torch.Tensor | None = None,
    scale: float | None = None,
) -> Any:
    if dropout_p > 0:
        raise UnsupportedOpError(f"{g.op} draws random numbers for dropout, which is not captured")
    # torch passes grouped heads without a word about them.
    result = attention(g, query, key, value, attn_mask, dropout_p, is_causal, scale, True)
    return result, _log_sum(g, query, key, is_causal, attn_mask, scale)
