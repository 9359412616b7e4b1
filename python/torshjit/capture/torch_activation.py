# SPDX-License-Identifier: Apache-2.0
"""ATen activations."""

from __future__ import annotations

from typing import Any

import torch

from torshjit.capture.torch_lowering import (
    Lowering,
    accumulation_dtype,
    axis_of,
    dialect_dtype,
    lowers,
)
from torshjit.capture.torch_selection import clamp
from torshjit.capture.torch_unary import float_rule

__all__: list[str] = []


def _positive(g: Lowering, value: Any, threshold: float = 0) -> Any:
    return g.compare("gt", value, g.scalar(threshold, value.dtype))


def _wide(g: Lowering, x: torch.Tensor) -> tuple[Any, str, str]:
    """The operand in its accumulation type, that type, and its own."""
    dtype = dialect_dtype(x.dtype)
    wide = accumulation_dtype(dtype)
    return g.operand(x, wide), wide, dtype


@lowers("aten.gelu.default")
def gelu(g: Lowering, x: torch.Tensor, approximate: str = "none") -> Any:
    return g.emit("gelu", g.value(x), approximate=approximate)


@lowers("aten.silu.default")
def silu(g: Lowering, x: torch.Tensor) -> Any:
    return g.emit("silu", g.value(x))


@lowers("aten.hardswish.default")
def hardswish(g: Lowering, x: torch.Tensor) -> Any:
    return g.emit("hardswish", g.value(x))


@lowers("aten.hardsigmoid.default")
def hardsigmoid(g: Lowering, x: torch.Tensor) -> Any:
    return g.emit("hardsigmoid", g.value(x))


@lowers("aten.relu6.default")
def relu6(g: Lowering, x: torch.Tensor) -> Any:
    return clamp(g, x, 0, 6)


@lowers("aten.hardtanh.default")
def hardtanh(g: Lowering, x: torch.Tensor, low: float = -1, high: float = 1) -> Any:
    dtype = dialect_dtype(x.dtype)
    value = g.emit("maximum", g.value(x), g.scalar(low, dtype))
    return g.emit("minimum", value, g.scalar(high, dtype))


@lowers("aten.leaky_relu.default")
def leaky_relu(g: Lowering, x: torch.Tensor, negative_slope: float = 0.01) -> Any:
    return g.emit("leaky_relu", g.value(x), negative_slope=float(negative_slope))


@lowers("aten.elu.default")
def elu(
    g: Lowering, x: torch.Tensor, alpha: float = 1, scale: float = 1, input_scale: float = 1
) -> Any:
    if scale == 1 and input_scale == 1:
        return g.emit("elu", g.value(x), alpha=float(alpha))
    value, wide, dtype = _wide(g, x)
    falling = g.emit("expm1", g.emit("mul", value, g.scalar(input_scale, wide)))
    falling = g.emit("mul", falling, g.scalar(alpha * scale, wide))
    rising = g.emit("mul", value, g.scalar(scale, wide))
    return g.cast(g.emit("select", _positive(g, value), rising, falling), dtype)


@lowers("aten.celu.default")
def celu(g: Lowering, x: torch.Tensor, alpha: float = 1) -> Any:
    return elu(g, x, alpha, 1, 1 / alpha)


@lowers("aten.selu.default")
def selu(g: Lowering, x: torch.Tensor) -> Any:
    return elu(g, x, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946)


@lowers("aten.softplus.default")
def softplus(g: Lowering, x: torch.Tensor, beta: float = 1, threshold: float = 20) -> Any:
    value, wide, dtype = _wide(g, x)
    scaled = value if beta == 1 else g.emit("mul", value, g.scalar(beta, wide))
    soft = g.emit("softplus", scaled)
    if beta != 1:
        soft = g.emit("div", soft, g.scalar(beta, wide))
    linear = _positive(g, scaled, threshold)
    return g.cast(g.emit("select", linear, value, soft), dtype)


@lowers("aten.mish.default")
@float_rule
def mish(g: Lowering, x: Any) -> Any:
    return g.emit("mul", x, g.emit("tanh", g.emit("softplus", x)))


@lowers("aten.log_sigmoid.default")
@float_rule
def log_sigmoid(g: Lowering, x: Any) -> Any:
    return g.emit("neg", g.emit("softplus", g.emit("neg", x)))


@lowers("aten.threshold.default")
def threshold(g: Lowering, x: torch.Tensor, limit: float, value: float) -> Any:
    operand = g.value(x)
    kept = g.compare("le", operand, g.scalar(limit, operand.dtype))
    return g.emit("select", kept, g.scalar(value, operand.dtype), operand)


@lowers("aten.hardshrink.default")
def hardshrink(g: Lowering, x: torch.Tensor, lambd: float = 0.5) -> Any:
    value = g.value(x)
    inside = g.compare("le", g.emit("abs", value), g.scalar(lambd, value.dtype))
    return g.emit("select", inside, g.scalar(0, value.dtype), value)


@lowers("aten.softshrink.default")
def softshrink(g: Lowering, x: torch.Tensor, lambd: float = 0.5) -> Any:
    value, wide, dtype = _wide(g, x)
    low = g.emit("minimum", value, g.scalar(-lambd, wide))
    high = g.emit("maximum", value, g.scalar(lambd, wide))
    # One of the two is at its bound, so that the sum is the excess over the other.
    return g.cast(g.emit("add", low, high), dtype)


@lowers("aten._prelu_kernel.default")
def prelu(g: Lowering, x: torch.Tensor, weight: torch.Tensor) -> Any:
    value = g.value(x)
    slope = g.value(weight)
    if weight.numel() == 1:
        slope = g.reshape(slope, ())
    elif weight.ndim == 1:
        slope = g.reshape(slope, (weight.shape[0], *[1] * max(x.ndim - 2, 0)))
    return g.emit("select", _positive(g, value), value, g.emit("mul", value, slope))


@lowers("aten.glu.default")
def glu(g: Lowering, x: torch.Tensor, dim: int = -1) -> Any:
    value = g.value(x)
    axis = axis_of(dim, x.ndim)
    extent = value.shape[axis]
    if extent % 2:
        raise g.fail(f"extent {extent} of axis {axis} is odd")
    kept = g.slice(value, axis, 0, extent // 2)
    gate = g.slice(value, axis, extent // 2, extent)
    return g.emit("mul", kept, g.emit("sigmoid", gate))
