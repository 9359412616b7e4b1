# SPDX-License-Identifier: Apache-2.0
"""ATen's gradients of activations and of softmax.

Each rule gets the gradient of the result first, and gives that of the input.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from torshjit.capture.torch_elementwise import binary_dtype, float_dtype
from torshjit.capture.torch_lowering import (
    Lowering,
    accumulation_dtype,
    axis_of,
    dialect_dtype,
    lowers,
)

__all__: list[str] = []


def _elementwise(
    slope: Callable[..., Any],
) -> Callable[..., Any]:
    """A rule ``grad * slope(g, value, *options)``, of the saved tensor that the overload gets."""

    def rule(
        g: Lowering, grad: torch.Tensor, saved: torch.Tensor, *options: Any, **named: Any
    ) -> Any:
        dtype = binary_dtype(grad, saved)
        wide = accumulation_dtype(dtype)
        factor = slope(g, g.operand(saved, wide), *options, **named)
        return g.cast(g.emit("mul", g.operand(grad, wide), factor), dtype)

    return rule


def _one_minus(g: Lowering, value: Any) -> Any:
    return g.emit("sub", g.scalar(1, value.dtype), value)


@lowers("aten.tanh_backward.default")
@_elementwise
def tanh_backward(g: Lowering, result: Any) -> Any:
    return _one_minus(g, g.emit("mul", result, result))


@lowers("aten.sigmoid_backward.default")
@_elementwise
def sigmoid_backward(g: Lowering, result: Any) -> Any:
    return g.emit("mul", _one_minus(g, result), result)


@lowers("aten.silu_backward.default")
@_elementwise
def silu_backward(g: Lowering, x: Any) -> Any:
    share = g.emit("sigmoid", x)
    inner = g.emit("mul", x, _one_minus(g, share))
    return g.emit("mul", share, g.emit("add", inner, g.scalar(1, x.dtype)))


@lowers("aten.gelu_backward.default")
@_elementwise
def gelu_backward(g: Lowering, x: Any, approximate: str = "none") -> Any:
    half, one = g.scalar(0.5, x.dtype), g.scalar(1, x.dtype)
    square = g.emit("mul", x, x)
    if approximate == "none":
        scaled = g.emit("mul", x, g.scalar(math.sqrt(0.5), x.dtype))
        below = g.emit("mul", half, g.emit("add", one, g.emit("erf", scaled)))
        density = g.emit("exp", g.emit("mul", square, g.scalar(-0.5, x.dtype)))
        density = g.emit("mul", density, g.scalar(1 / math.sqrt(2 * math.pi), x.dtype))
        return g.emit("add", below, g.emit("mul", x, density))
    beta, kappa = math.sqrt(2 / math.pi), 0.044715
    cubic = g.emit("mul", square, g.scalar(kappa, x.dtype))
    inner = g.emit("mul", g.emit("mul", x, g.emit("add", cubic, one)), g.scalar(beta, x.dtype))
    bent = g.emit("tanh", inner)
    left = g.emit("mul", half, g.emit("add", one, bent))
    steep = g.emit("mul", g.emit("add", g.emit("mul", cubic, g.scalar(3, x.dtype)), one), half)
    steep = g.emit("mul", steep, g.scalar(beta, x.dtype))
    slope = g.emit("mul", _one_minus(g, g.emit("mul", bent, bent)), steep)
    return g.emit("add", left, g.emit("mul", x, slope))


# Pieces: the gradient passes where the input lies in a range.


def _passed(g: Lowering, grad: torch.Tensor, blocked: Any, otherwise: Any = 0) -> Any:
    """The gradient, or `otherwise` (a number) where `blocked`."""
    dtype = dialect_dtype(grad.dtype)
    return g.emit("select", blocked, g.scalar(otherwise, dtype), g.value(grad))


@lowers("aten.threshold_backward.default")
def threshold_backward(g: Lowering, grad: torch.Tensor, x: torch.Tensor, threshold: float) -> Any:
    value = g.value(x)
    return _passed(g, grad, g.compare("le", value, g.scalar(threshold, value.dtype)))


@lowers("aten.hardtanh_backward.default")
def hardtanh_backward(
    g: Lowering, grad: torch.Tensor, x: torch.Tensor, low: float, high: float
) -> Any:
    value = g.value(x)
    below = g.compare("le", value, g.scalar(low, value.dtype))
    above = g.compare("ge", value, g.scalar(high, value.dtype))
    return _passed(g, grad, g.emit("or", below, above))


@lowers("aten.leaky_relu_backward.default")
def leaky_relu_backward(
    g: Lowering, grad: torch.Tensor, x: torch.Tensor, slope: float, of_result: bool = False
) -> Any:
    dtype = binary_dtype(grad, x)
    wide = accumulation_dtype(dtype)
    value, incoming = g.operand(x, wide), g.operand(grad, wide)
    reduced = g.emit("mul", incoming, g.scalar(slope, wide))
    is_positive = g.compare("gt", value, g.scalar(0, wide))
    return g.cast(g.emit("select", is_positive, incoming, reduced), dtype)


@lowers("aten.native_dropout_backward.default")
def dropout_backward(g: Lowering, grad: torch.Tensor, mask: torch.Tensor, scale: float) -> Any:
    dtype = float_dtype(grad)
    wide = accumulation_dtype(dtype)
    kept = g.emit("mul", g.operand(mask, wide), g.scalar(scale, wide))
    return g.cast(g.emit("mul", g.operand(grad, wide), kept), dtype)


# Softmax.


def _softmax_backward(is_logarithm: bool) -> Callable[..., Any]:
    def rule(
        g: Lowering,
        grad: torch.Tensor,
        result: torch.Tensor,
        dim: int,
        input_dtype: torch.dtype,
    ) -> Any:
        wide = accumulation_dtype(dialect_dtype(grad.dtype))
        incoming, value = g.operand(grad, wide), g.operand(result, wide)
        axes = [axis_of(dim, grad.ndim)] if grad.ndim else []
        if is_logarithm:
            total = g.reduce("sum", incoming, axes, keepdims=True)
            answer = g.emit("sub", incoming, g.emit("mul", g.emit("exp", value), total))
        else:
            product = g.emit("mul", incoming, value)
            total = g.reduce("sum", product, axes, keepdims=True)
            answer = g.emit("sub", product, g.emit("mul", value, total))
        return g.cast(answer, dialect_dtype(input_dtype))

    return rule


lowers("aten._softmax_backward_data.default")(_softmax_backward(is_logarithm=False))
lowers("aten._log_softmax_backward_data.default")(_softmax_backward(is_logarithm=True))
