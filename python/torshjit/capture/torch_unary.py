# SPDX-License-Identifier: Apache-2.0
"""ATen mathematics of one operand, element by element."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from torshjit.capture.torch_elementwise import float_dtype
from torshjit.capture.torch_lowering import (
    Lowering,
    accumulation_dtype,
    is_float,
    lowers,
)
from torshjit.errors import DTypeError

__all__ = ["float_rule"]


def float_rule(body: Callable[[Lowering, Any], Any]) -> Callable[..., Any]:
    """A rule that computes `body` in f32 or wider, with integers as torch's default float."""

    def rule(g: Lowering, x: torch.Tensor) -> Any:
        dtype = float_dtype(x)
        return g.cast(body(g, g.operand(x, accumulation_dtype(dtype))), dtype)

    rule.__module__ = body.__module__
    return rule


# Operations that the dialect has.


def _float_operation(op: str) -> Callable[..., Any]:
    def rule(g: Lowering, x: torch.Tensor) -> Any:
        return g.emit(op, g.operand(x, float_dtype(x)))

    return rule


for _op in (
    "exp",
    "expm1",
    "log",
    "log1p",
    "sqrt",
    "rsqrt",
    "reciprocal",
    "sin",
    "cos",
    "tanh",
    "erf",
    "sigmoid",
):
    lowers(f"aten.{_op}.default")(_float_operation(_op))


def _rounding(op: str) -> Callable[..., Any]:
    def rule(g: Lowering, x: torch.Tensor) -> Any:
        value = g.value(x)
        return g.emit(op, value) if is_float(value.dtype) else value

    return rule


for _op in ("floor", "ceil", "trunc", "round"):
    lowers(f"aten.{_op}.default")(_rounding(_op))


@lowers(
    "aten.neg.default",
)
def neg(g: Lowering, x: torch.Tensor) -> Any:
    if x.dtype == torch.bool:
        raise DTypeError(f"{g.op}: a bool tensor has no negative")
    return g.emit("neg", g.value(x))


@lowers(
    "aten.abs.default",
)
def absolute(g: Lowering, x: torch.Tensor) -> Any:
    return g.value(x) if x.dtype == torch.bool else g.emit("abs", g.value(x))


@lowers("aten.sign.default", "aten.sgn.default")
def sign(g: Lowering, x: torch.Tensor) -> Any:
    if x.dtype == torch.bool:
        return g.value(x)
    value = g.value(x)
    result = g.emit("sign", value)
    if not is_float(value.dtype):
        return result
    # torch gives 0 for NaN.
    return g.emit("select", g.emit("isnan", value), g.scalar(0, value.dtype), result)


@lowers("aten.relu.default")
def relu(g: Lowering, x: torch.Tensor) -> Any:
    return g.emit("relu", g.value(x))


@lowers("aten.square.default")
def square(g: Lowering, x: torch.Tensor) -> Any:
    value = g.operand(x, "i64") if x.dtype == torch.bool else g.value(x)
    return g.emit("mul", value, value)


# Compositions.


@lowers("aten.frac.default")
def frac(g: Lowering, x: torch.Tensor) -> Any:
    value = g.value(x)
    return g.emit("sub", value, g.emit("trunc", value))


def _times(g: Lowering, value: Any, factor: float) -> Any:
    return g.emit("mul", value, g.scalar(factor, value.dtype))


@lowers("aten.log2.default")
@float_rule
def log2(g: Lowering, x: Any) -> Any:
    return _times(g, g.emit("log", x), 1 / math.log(2))


@lowers("aten.log10.default")
@float_rule
def log10(g: Lowering, x: Any) -> Any:
    return _times(g, g.emit("log", x), 1 / math.log(10))


@lowers(
    "aten.exp2.default",
)
@float_rule
def exp2(g: Lowering, x: Any) -> Any:
    # The integer part by pow: exp of a large rounded product would lose digits.
    return g.emit("pow", g.scalar(2, x.dtype), x)


@lowers("aten.tan.default")
@float_rule
def tan(g: Lowering, x: Any) -> Any:
    return g.emit("div", g.emit("sin", x), g.emit("cos", x))


@lowers("aten.sinh.default")
@float_rule
def sinh(g: Lowering, x: Any) -> Any:
    # With m = exp(|x| / 2) - 1: sinh(|x|) = 2 sinh(|x| / 2) cosh(|x| / 2), without
    # cancellation near zero nor early overflow.
    one = g.scalar(1, x.dtype)
    m = g.emit("expm1", _times(g, g.emit("abs", x), 0.5))
    n = g.emit("add", m, one)
    # Bounded, so that an infinite m does not give inf / inf.
    bounded = g.emit("minimum", m, g.scalar(2.0**60, x.dtype))
    ratio = g.emit("div", bounded, g.emit("add", bounded, one))
    double_sinh = g.emit("add", m, ratio)
    cosh_half = _times(g, g.emit("add", n, g.emit("reciprocal", n)), 0.5)
    size = g.emit("mul", double_sinh, cosh_half)
    negative = g.compare("lt", x, g.scalar(0, x.dtype))
    return g.emit("select", negative, g.emit("neg", size), size)


@lowers("aten.cosh.default")
@float_rule
def cosh(g: Lowering, x: Any) -> Any:
    root = g.emit("exp", _times(g, g.emit("abs", x), 0.5))
    half = g.scalar(0.5, x.dtype)
    grown = g.emit("mul", g.emit("mul", root, half), root)
    return g.emit("add", grown, g.emit("div", g.emit("div", half, root), root))


@lowers(
    "aten.atan.default",
)
@float_rule
def atan(g: Lowering, x: Any) -> Any:
    return g.emit("atan2", x, g.scalar(1, x.dtype))


def _cosine_of_sine(g: Lowering, x: Any) -> Any:
    """sqrt(1 - x^2), factored so that it keeps its digits near one."""
    one = g.scalar(1, x.dtype)
    return g.emit("sqrt", g.emit("mul", g.emit("sub", one, x), g.emit("add", one, x)))


@lowers(
    "aten.asin.default",
)
@float_rule
def asin(g: Lowering, x: Any) -> Any:
    return g.emit("atan2", x, _cosine_of_sine(g, x))


@lowers(
    "aten.acos.default",
)
@float_rule
def acos(g: Lowering, x: Any) -> Any:
    return g.emit("atan2", _cosine_of_sine(g, x), x)


@lowers("aten.logit.default")
def logit(g: Lowering, x: torch.Tensor, eps: float | None = None) -> Any:
    dtype = float_dtype(x)
    wide = accumulation_dtype(dtype)
    value = g.operand(x, wide)
    if eps is not None:
        value = g.emit("maximum", value, g.scalar(eps, wide))
        value = g.emit("minimum", value, g.scalar(1 - eps, wide))
    odds = g.emit("div", value, g.emit("sub", g.scalar(1, wide), value))
    return g.cast(g.emit("log", odds), dtype)
