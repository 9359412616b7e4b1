# SPDX-License-Identifier: Apache-2.0
"""ATen's layer norm and batch norm in training, and their gradients."""

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

__all__: list[str] = []


def _normalized_gradient(
    g: Lowering, grad: Any, normalized: Any, inverse_deviation: Any, axes: Sequence[int]
) -> Any:
    """The gradient through ``(x - mean) / deviation``, both taken over `axes`."""
    mean = g.mean(grad, axes, keepdims=True)
    along = g.mean(g.emit("mul", grad, normalized), axes, keepdims=True)
    rest = g.emit("sub", g.emit("sub", grad, mean), g.emit("mul", normalized, along))
    return g.emit("mul", rest, inverse_deviation)


@lowers("aten.native_layer_norm_backward.default")
def native_layer_norm_backward(
    g: Lowering,
    grad: torch.Tensor,
    x: torch.Tensor,
    normalized_shape: Sequence[int],
    mean: torch.Tensor,
    inverse_deviation: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    wanted: Sequence[bool],
) -> Any:
    dtype = dialect_dtype(x.dtype)
    wide = accumulation_dtype(dtype)
    kept = x.ndim - len(normalized_shape)
    inner, outer = list(range(kept, x.ndim)), list(range(kept))
    incoming, scale = g.operand(grad, wide), g.operand(inverse_deviation, wide)
    normalized = g.emit("mul", g.emit("sub", g.operand(x, wide), g.operand(mean, wide)), scale)
    gradients: list[Any] = [None, None, None]
    if wanted[0]:
        weighted = incoming
        if weight is not None:
            weighted = g.emit("mul", incoming, g.operand(weight, wide))
        gradients[0] = g.cast(_normalized_gradient(g, weighted, normalized, scale, inner), dtype)
    if wanted[1] and weight is not None:
        total = g.reduce("sum", g.emit("mul", incoming, normalized), outer)
        gradients[1] = g.cast(total, dialect_dtype(weight.dtype))
    if wanted[2] and bias is not None:
        gradients[2] = g.cast(g.reduce("sum", incoming, outer), dialect_dtype(bias.dtype))
    return tuple(gradients)


# Batch norm. Statistics are of shape (channels,), parameters too.


def _per_channel(g: Lowering, value: Any, rank: int) -> Any:
    return g.reshape(value, (1, *value.shape, *[1] * (rank - 2)))


def _statistics_dtype(x: torch.Tensor) -> str:
    return accumulation_dtype(dialect_dtype(x.dtype))


@lowers(
    "aten._native_batch_norm_legit_functional.default",
)
def batch_norm_functional(
    g: Lowering,
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    mean: torch.Tensor,
    variance: torch.Tensor,
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    """(result, saved mean, saved inverse deviation, new running mean, new running variance)."""
    wide = _statistics_dtype(x)
    if not training:
        result = _scaled(
            g, x, g.operand(mean, wide), _inverse(g, variance, eps, wide), weight, bias
        )
        none = g.builder.constant(torch.empty(0).numpy(), loc=g.location)
        empty = g.cast(none, wide)
        return result, empty, empty, g.value(mean), g.value(variance)
    axes = [0, *range(2, x.ndim)]
    spread, center = g.variance(g.operand(x, wide), axes, 0)
    inverse = g.emit("rsqrt", g.emit("add", spread, g.scalar(eps, wide)))
    result = _scaled(g, x, center, inverse, weight, bias)
    count = math.prod(x.shape[axis] for axis in axes)
    unbiased = g.emit("mul", spread, g.scalar(count / max(count - 1, 1), wide))
    new_mean = _moved(g, mean, center, momentum)
    new_variance = _moved(g, variance, unbiased, momentum)
    return result, center, inverse, new_mean, new_variance


def _inverse(g: Lowering, variance: torch.Tensor, eps: float, wide: str) -> Any:
    return g.emit("rsqrt", g.emit("add", g.operand(variance, wide), g.scalar(eps, wide)))


def _scaled(
    g: Lowering,
    x: torch.Tensor,
    mean: Any,
    inverse: Any,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
) -> Any:
    wide = mean.dtype
    result = g.emit("sub", g.operand(x, wide), _per_channel(g, mean, x.ndim))
    result = g.emit("mul", result, _per_channel(g, inverse, x.ndim))
    if weight is not None:
        result = g.emit("mul", result, _per_channel(g, g.operand(weight, wide), x.ndim))
    if bias is not None:
        result = g.emit("add", result, _per_channel(g, g.operand(bias, wide), x.ndim))
    return g.cast(result, dialect_dtype(x.dtype))


def _moved(g: Lowering, running: torch.Tensor, batch: Any, momentum: float) -> Any:
    dtype = dialect_dtype(running.dtype)
    old = g.emit("mul", g.operand(running, batch.dtype), g.scalar(1 - momentum, batch.dtype))
    new = g.emit("mul", batch, g.scalar(momentum, batch.dtype))
    return g.cast(g.emit("add", old, new), dtype)


@lowers("aten.native_batch_norm_backward.default")
def native_batch_norm_backward(
    g: Lowering,
    grad: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor | None,
    running_mean: torch.Tensor | None,
    running_variance: torch.Tensor | None,
    mean: torch.Tensor | None,
    inverse_deviation: torch.Tensor | None,
    training: bool,
    eps: float,
    wanted: Sequence[bool],
) -> Any:
    wide = _statistics_dtype(x)
    if training:
        center, inverse = g.optional(mean, wide), g.optional(inverse_deviation, wide)
    else:
        assert running_variance is not None
        center, inverse = g.optional(running_mean, wide), _inverse(g, running_variance, eps, wide)
    axes = [0, *range(2, x.ndim)]
    incoming, scale = g.operand(grad, wide), _per_channel(g, inverse, x.ndim)
    centered = g.emit("sub", g.operand(x, wide), _per_channel(g, center, x.ndim))
    normalized = g.emit("mul", centered, scale)
    gradients: list[Any] = [None, None, None]
    if wanted[0]:
        weighted = incoming
        if weight is not None:
            weighted = g.emit("mul", incoming, _per_channel(g, g.operand(weight, wide), x.ndim))
        if training:
            result = _normalized_gradient(g, weighted, normalized, scale, axes)
        else:
            result = g.emit("mul", weighted, scale)
        gradients[0] = g.cast(result, dialect_dtype(x.dtype))
    parameters = wide if weight is None else dialect_dtype(weight.dtype)
    if wanted[1]:
        total = g.reduce("sum", g.emit("mul", incoming, normalized), axes)
        gradients[1] = g.cast(total, parameters)
    if wanted[2]:
        gradients[2] = g.cast(g.reduce("sum", incoming, axes), parameters)
    return tuple(gradients)
