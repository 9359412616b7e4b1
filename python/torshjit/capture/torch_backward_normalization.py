# SPDX-License-Identifier: Apache-2.0
"""Gradients of ATen's layer norm and batch norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from torshjit.capture.torch_batch_norm import (
    inverse_deviation_of,
    per_channel,
    statistics_dtype,
)
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
    wide = statistics_dtype(x)
    if training:
        center, inverse = g.optional(mean, wide), g.optional(inverse_deviation, wide)
    else:
        assert running_variance is not None
        center = g.optional(running_mean, wide)
        inverse = inverse_deviation_of(g, running_variance, eps, wide)
    axes = [0, *range(2, x.ndim)]
    incoming, scale = g.operand(grad, wide), per_channel(g, inverse, x.ndim)
    centered = g.emit("sub", g.operand(x, wide), per_channel(g, center, x.ndim))
    normalized = g.emit("mul", centered, scale)
    gradients: list[Any] = [None, None, None]
    if wanted[0]:
        weighted = incoming
        if weight is not None:
            weighted = g.emit("mul", incoming, per_channel(g, g.operand(weight, wide), x.ndim))
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
