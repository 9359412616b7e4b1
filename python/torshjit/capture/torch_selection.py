# SPDX-License-Identifier: Apache-2.0
"""ATen comparison, logic, selection and clamping, element by element."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from torshjit.capture.torch_elementwise import arithmetic_dtype, binary, binary_dtype
from torshjit.capture.torch_lowering import Lowering, dialect_dtype, is_float, lowers

# Comparison, logic, bits.


def _comparison(predicate: str) -> Callable[..., Any]:
    def rule(g: Lowering, left: Any, right: Any) -> Any:
        dtype = binary_dtype(left, right)
        wide = arithmetic_dtype(dtype, left, right)
        return g.compare(predicate, g.operand(left, wide), g.operand(right, wide))

    return rule


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    lowers(f"aten.{_name}.Tensor", f"aten.{_name}.Scalar")(_comparison(_name))


def _logical(op: str) -> Callable[..., Any]:
    def rule(g: Lowering, left: Any, right: Any) -> Any:
        return g.emit(op, g.is_true(g.value(left)), g.is_true(g.value(right)))

    return rule


def _bitwise(op: str) -> Callable[..., Any]:
    def rule(g: Lowering, left: Any, right: Any) -> Any:
        return binary(g, op, left, right, binary_dtype(left, right))

    return rule


for _name in ("and", "or", "xor"):
    lowers(f"aten.logical_{_name}.default")(_logical(_name))
    lowers(
        f"aten.bitwise_{_name}.Tensor",
        f"aten.bitwise_{_name}.Scalar",
        f"aten.bitwise_{_name}.Scalar_Tensor",
    )(_bitwise(_name))


@lowers("aten.bitwise_not.default")
def bitwise_not(g: Lowering, x: torch.Tensor) -> Any:
    return g.emit("not", g.value(x))


@lowers("aten.logical_not.default")
def logical_not(g: Lowering, x: torch.Tensor) -> Any:
    return g.emit("not", g.is_true(g.value(x)))


@lowers("aten.isnan.default")
def isnan(g: Lowering, x: torch.Tensor) -> Any:
    value = g.value(x)
    if not is_float(value.dtype):
        return g.broadcast(g.scalar(False, "i1"), value.shape)
    return g.emit("isnan", value)


@lowers("aten.isinf.default")
def isinf(g: Lowering, x: torch.Tensor) -> Any:
    value = g.value(x)
    if not is_float(value.dtype):
        return g.broadcast(g.scalar(False, "i1"), value.shape)
    return g.compare("eq", g.emit("abs", value), g.scalar(math.inf, value.dtype))


@lowers("aten.isfinite.default")
def isfinite(g: Lowering, x: torch.Tensor) -> Any:
    value = g.value(x)
    if not is_float(value.dtype):
        return g.broadcast(g.scalar(True, "i1"), value.shape)
    return g.compare("lt", g.emit("abs", value), g.scalar(math.inf, value.dtype))


# Selection and clamping.


@lowers("aten.where.self", "aten.where.ScalarSelf", "aten.where.ScalarOther", "aten.where.Scalar")
def where(g: Lowering, condition: torch.Tensor, on_true: Any, on_false: Any) -> Any:
    if isinstance(on_true, torch.Tensor) or isinstance(on_false, torch.Tensor):
        dtype = binary_dtype(on_true, on_false)
    else:
        dtype = dialect_dtype(torch.result_type(on_true, on_false))
    return g.emit(
        "select",
        g.is_true(g.value(condition)),
        g.operand(on_true, dtype),
        g.operand(on_false, dtype),
    )


@lowers("aten.masked_fill.Scalar", "aten.masked_fill.Tensor")
def masked_fill(g: Lowering, x: torch.Tensor, mask: torch.Tensor, value: Any) -> Any:
    dtype = dialect_dtype(x.dtype)
    return g.emit("select", g.value(mask), g.operand(value, dtype), g.value(x))


@lowers(
    "aten.clamp.default",
    "aten.clamp.Tensor",
)
def clamp(g: Lowering, x: torch.Tensor, low: Any = None, high: Any = None) -> Any:
    bounds = [bound for bound in (low, high) if bound is not None]
    dtype = binary_dtype(x, *bounds)
    wide = arithmetic_dtype(dtype, *bounds)
    value = g.operand(x, wide)
    if low is not None:
        value = g.emit("maximum", value, g.operand(low, wide))
    if high is not None:
        value = g.emit("minimum", value, g.operand(high, wide))
    return g.cast(value, dtype)


@lowers("aten.clamp_min.default", "aten.clamp_min.Tensor")
def clamp_min(g: Lowering, x: torch.Tensor, low: Any) -> Any:
    return clamp(g, x, low)


@lowers("aten.clamp_max.default", "aten.clamp_max.Tensor")
def clamp_max(g: Lowering, x: torch.Tensor, high: Any) -> Any:
    return clamp(g, x, None, high)


@lowers("aten.nan_to_num.default")
def nan_to_num(
    g: Lowering,
    x: torch.Tensor,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Any:
    value = g.value(x)
    if not is_float(value.dtype):
        return value
    limits = torch.finfo(x.dtype)
    high = limits.max if posinf is None else posinf
    low = limits.min if neginf is None else neginf
    dtype = value.dtype
    result = g.emit("select", g.emit("isnan", value), g.scalar(nan or 0.0, dtype), value)
    at_top = g.compare("eq", value, g.scalar(math.inf, dtype))
    result = g.emit("select", at_top, g.scalar(high, dtype), result)
    at_bottom = g.compare("eq", value, g.scalar(-math.inf, dtype))
    return g.emit("select", at_bottom, g.scalar(low, dtype), result)


@lowers("aten.fill.Scalar", "aten.fill.Tensor")
def fill(g: Lowering, x: torch.Tensor, value: Any) -> Any:
    return g.broadcast(g.operand(value, dialect_dtype(x.dtype)), x.shape)


@lowers("aten.zero.default")
def zero(g: Lowering, x: torch.Tensor) -> Any:
    return fill(g, x, 0)
