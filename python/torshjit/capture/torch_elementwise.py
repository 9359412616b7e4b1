# SPDX-License-Identifier: Apache-2.0
"""ATen arithmetic of two and more operands, element by element."""

from __future__ import annotations

import math
from typing import Any

import torch

from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.torch_lowering import (
    Lowering,
    accumulation_dtype,
    dialect_dtype,
    is_float,
    lowers,
)
from torshjit.errors import DTypeError

__all__ = ["arithmetic_dtype", "binary", "binary_dtype", "float_dtype"]

Number = bool | int | float


def binary_dtype(*operands: Any) -> str:
    """The dialect's name of torch's promoted type of tensors and numbers."""
    tensors = [operand for operand in operands if isinstance(operand, torch.Tensor)]
    if all(tensor.dtype == tensors[0].dtype for tensor in tensors):
        promoted = tensors[0].dtype
    else:
        # result_type ranks a tensor without axes below one with axes, as arithmetic does.
        promoted = torch.result_type(tensors[0], tensors[1])
        for tensor in tensors[2:]:
            ranked = max(tensors, key=lambda t: t.ndim)
            promoted = torch.result_type(
                torch.empty(ranked.shape, dtype=promoted, device="meta"), tensor
            )
    for operand in operands:
        if not isinstance(operand, torch.Tensor):
            promoted = _with_number(promoted, operand)
    return dialect_dtype(promoted)


def _with_number(dtype: torch.dtype, number: Any) -> torch.dtype:
    """`dtype` promoted by a Python number, which only a kind above its own changes."""
    if isinstance(number, bool) or dtype.is_floating_point:
        return dtype
    if isinstance(number, int):
        return torch.int64 if dtype == torch.bool else dtype
    return torch.get_default_dtype()


def float_dtype(*operands: Any) -> str:
    """The promoted type, or torch's default float type where that is not a float."""
    dtype = binary_dtype(*operands)
    return dtype if is_float(dtype) else dialect_dtype(torch.get_default_dtype())


def _is_inexact(operand: Any, dtype: str) -> bool:
    """Whether a number would be rounded in the half type `dtype`; torch takes it in f32."""
    if dtype not in ("f16", "bf16") or isinstance(operand, torch.Tensor):
        return False
    rounded = float(numpy_dtype(dtype).type(operand))
    return not (rounded == operand or math.isnan(operand))


def arithmetic_dtype(dtype: str, *operands: Any) -> str:
    """The type to compute in: f32 where a number would be rounded in a half type."""
    inexact = any(_is_inexact(operand, dtype) for operand in operands)
    return "f32" if inexact else dtype


def binary(g: Lowering, op: str, left: Any, right: Any, dtype: str) -> Any:
    """A torsh operation on two operands as element type `dtype`."""
    wide = arithmetic_dtype(dtype, left, right)
    return g.cast(g.emit(op, g.operand(left, wide), g.operand(right, wide)), dtype)


# Sums, differences, products.

_LOGICAL = {"add": "or", "mul": "and", "maximum": "or", "minimum": "and"}


def _scaled(g: Lowering, value: Any, factor: Number, dtype: str) -> Any:
    return value if factor == 1 else g.emit("mul", value, g.scalar(factor, dtype))


@lowers("aten.add.Tensor", "aten.add.Scalar")
def add(g: Lowering, left: Any, right: Any, alpha: Number = 1) -> Any:
    return _sum(g, "add", left, right, alpha)


@lowers(
    "aten.sub.Tensor",
    "aten.sub.Scalar",
)
def sub(g: Lowering, left: Any, right: Any, alpha: Number = 1) -> Any:
    return _sum(g, "sub", left, right, alpha)


@lowers("aten.rsub.Tensor", "aten.rsub.Scalar")
def rsub(g: Lowering, left: Any, right: Any, alpha: Number = 1) -> Any:
    return _sum(g, "sub", right, left, alpha)


def _sum(g: Lowering, op: str, left: Any, right: Any, alpha: Number) -> Any:
    dtype = binary_dtype(left, right)
    if dtype == "i1":
        if op == "sub" or alpha != 1:
            raise DTypeError(f"{g.op}: bool tensors cannot be subtracted or scaled")
        return g.emit("or", g.operand(left, dtype), g.operand(right, dtype))
    if isinstance(alpha, float) and not is_float(dtype):
        raise DTypeError(f"{g.op}: a float alpha needs float tensors")
    if alpha == 1:
        return binary(g, op, left, right, dtype)
    wide = accumulation_dtype(dtype)
    scaled = _scaled(g, g.operand(right, wide), alpha, wide)
    return g.cast(g.emit(op, g.operand(left, wide), scaled), dtype)


@lowers(
    "aten.mul.Tensor",
    "aten.mul.Scalar",
)
def mul(g: Lowering, left: Any, right: Any) -> Any:
    dtype = binary_dtype(left, right)
    return binary(g, _LOGICAL["mul"] if dtype == "i1" else "mul", left, right, dtype)


@lowers("aten.maximum.default", "aten.max.other")
def maximum(g: Lowering, left: Any, right: Any) -> Any:
    return extremum(g, "maximum", left, right)


@lowers("aten.minimum.default", "aten.min.other")
def minimum(g: Lowering, left: Any, right: Any) -> Any:
    return extremum(g, "minimum", left, right)


def extremum(g: Lowering, op: str, left: Any, right: Any) -> Any:
    """The larger or smaller of two operands, NaN if either is."""
    dtype = binary_dtype(left, right)
    return binary(g, _LOGICAL[op] if dtype == "i1" else op, left, right, dtype)


@lowers("aten.fmax.default")
def fmax(g: Lowering, left: Any, right: Any) -> Any:
    return _extremum_without_nan(g, "maximum", left, right)


@lowers("aten.fmin.default")
def fmin(g: Lowering, left: Any, right: Any) -> Any:
    return _extremum_without_nan(g, "minimum", left, right)


def _extremum_without_nan(g: Lowering, op: str, left: Any, right: Any) -> Any:
    dtype = binary_dtype(left, right)
    if not is_float(dtype):
        return extremum(g, op, left, right)
    a, b = g.operand(left, dtype), g.operand(right, dtype)
    chosen = g.emit("select", g.emit("isnan", b), a, g.emit(op, a, b))
    return g.emit("select", g.emit("isnan", a), b, chosen)


# Quotients and powers.


@lowers(
    "aten.div.Tensor",
    "aten.div.Scalar",
    "aten.div.Tensor_mode",
    "aten.div.Scalar_mode",
)
def div(g: Lowering, left: Any, right: Any, rounding_mode: str | None = None) -> Any:
    if rounding_mode == "floor":
        return floor_divide(g, left, right)
    if rounding_mode == "trunc":
        dtype = binary_dtype(left, right)
        if is_float(dtype):
            return g.emit("trunc", binary(g, "div", left, right, dtype))
        return _truncated_quotient(g, g.operand(left, dtype), g.operand(right, dtype))
    return binary(g, "div", left, right, float_dtype(left, right))


@lowers("aten.floor_divide.default", "aten.floor_divide.Scalar")
def floor_divide(g: Lowering, left: Any, right: Any) -> Any:
    return binary(g, "floor_divide", left, right, binary_dtype(left, right))


def _truncated_quotient(g: Lowering, left: Any, right: Any) -> Any:
    """Integer division towards zero: one more than the floor where that is negative and inexact."""
    zero = g.scalar(0, left.dtype)
    floor = g.emit("floor_divide", left, right)
    inexact = g.compare("ne", g.emit("remainder", left, right), zero)
    raised = g.emit("and", inexact, g.compare("lt", floor, zero))
    return g.emit("select", raised, g.emit("add", floor, g.scalar(1, left.dtype)), floor)


@lowers("aten.remainder.Tensor", "aten.remainder.Scalar", "aten.remainder.Scalar_Tensor")
def remainder(g: Lowering, left: Any, right: Any) -> Any:
    return binary(g, "remainder", left, right, binary_dtype(left, right))


@lowers("aten.fmod.Tensor", "aten.fmod.Scalar")
def fmod(g: Lowering, left: Any, right: Any) -> Any:
    dtype = binary_dtype(left, right)
    a, b = g.operand(left, dtype), g.operand(right, dtype)
    # Of magnitudes, remainder and fmod agree; the sign is that of the dividend.
    size = g.emit("remainder", g.emit("abs", a), g.emit("abs", b))
    negative = g.compare("lt", a, g.scalar(0, dtype))
    return g.emit("select", negative, g.emit("neg", size), size)


@lowers(
    "aten.pow.Tensor_Tensor",
    "aten.pow.Scalar",
)
def pow_tensor(g: Lowering, base: Any, exponent: Any) -> Any:
    return binary(g, "pow", base, exponent, binary_dtype(base, exponent))


@lowers("aten.pow.Tensor_Scalar")
def pow_scalar(g: Lowering, base: torch.Tensor, exponent: Number) -> Any:
    dtype = binary_dtype(base, exponent)
    if not is_float(dtype) and exponent < 0:
        raise g.fail("integers to a negative power are not supported")
    wide = accumulation_dtype(dtype)
    x = g.operand(base, wide)
    return g.cast(_power(g, x, exponent, wide), dtype)


def _power(g: Lowering, x: Any, exponent: Number, dtype: str) -> Any:
    if exponent == 0:
        return g.broadcast(g.scalar(1, dtype), x.shape)
    if exponent == 1:
        return x
    if exponent == 2:
        return g.emit("mul", x, x)
    if exponent == 3:
        return g.emit("mul", g.emit("mul", x, x), x)
    if exponent == 0.5:
        return g.emit("sqrt", x)
    if exponent == -0.5:
        return g.emit("rsqrt", x)
    if exponent == -1:
        return g.emit("reciprocal", x)
    if exponent == -2:
        return g.emit("reciprocal", g.emit("mul", x, x))
    return g.emit("pow", x, g.scalar(exponent, dtype))


@lowers(
    "aten.atan2.default",
)
def atan2(g: Lowering, left: Any, right: Any) -> Any:
    return binary(g, "atan2", left, right, float_dtype(left, right))


@lowers("aten.hypot.default")
def hypot(g: Lowering, left: Any, right: Any) -> Any:
    dtype = float_dtype(left, right)
    wide = accumulation_dtype(dtype)
    a, b = g.emit("abs", g.operand(left, wide)), g.emit("abs", g.operand(right, wide))
    large, small = g.emit("maximum", a, b), g.emit("minimum", a, b)
    # Scaling by the larger keeps the squares in range; equal operands cover 0/0 and inf/inf.
    ratio = g.emit("select", g.compare("eq", a, b), g.scalar(1, wide), g.emit("div", small, large))
    root = g.emit("sqrt", g.emit("add", g.emit("mul", ratio, ratio), g.scalar(1, wide)))
    return g.cast(g.emit("mul", large, root), dtype)


@lowers("aten.xlogy.Tensor", "aten.xlogy.Scalar_Self", "aten.xlogy.Scalar_Other")
def xlogy(g: Lowering, left: Any, right: Any) -> Any:
    dtype = float_dtype(left, right)
    wide = accumulation_dtype(dtype)
    x, y = g.operand(left, wide), g.operand(right, wide)
    zero = g.scalar(0, wide)
    product = g.emit("mul", x, g.emit("log", y))
    result = g.emit("select", g.compare("eq", x, zero), zero, product)
    return g.cast(g.emit("select", g.emit("isnan", y), y, result), dtype)


@lowers("aten.logaddexp.default")
def logaddexp(g: Lowering, left: Any, right: Any) -> Any:
    dtype = float_dtype(left, right)
    wide = accumulation_dtype(dtype)
    a, b = g.operand(left, wide), g.operand(right, wide)
    gap = g.emit("neg", g.emit("abs", g.emit("sub", a, b)))
    # Equal operands may both be infinite, where the difference is NaN.
    gap = g.emit("select", g.compare("eq", a, b), g.scalar(0, wide), gap)
    tail = g.emit("log1p", g.emit("exp", gap))
    return g.cast(g.emit("add", g.emit("maximum", a, b), tail), dtype)


# Compositions of arithmetic.


@lowers("aten.addcmul.default")
def addcmul(g: Lowering, x: Any, a: Any, b: Any, value: Number = 1) -> Any:
    return _add_scaled(g, "mul", x, a, b, value)


@lowers("aten.addcdiv.default")
def addcdiv(g: Lowering, x: Any, a: Any, b: Any, value: Number = 1) -> Any:
    return _add_scaled(g, "div", x, a, b, value)


def _add_scaled(g: Lowering, op: str, x: Any, a: Any, b: Any, value: Number) -> Any:
    dtype = binary_dtype(x, a, b)
    wide = accumulation_dtype(dtype)
    term = g.emit(op, _scaled(g, g.operand(a, wide), value, wide), g.operand(b, wide))
    return g.cast(g.emit("add", g.operand(x, wide), term), dtype)


@lowers("aten.lerp.Scalar", "aten.lerp.Tensor")
def lerp(g: Lowering, start: torch.Tensor, end: torch.Tensor, weight: Any) -> Any:
    dtype = binary_dtype(start, end)
    wide = accumulation_dtype(dtype)
    a, b, w = g.operand(start, wide), g.operand(end, wide), g.operand(weight, wide)
    step = g.emit("sub", b, a)
    near = g.emit("add", a, g.emit("mul", w, step))
    # From the end where that is nearer, as torch does, so that a weight of one gives the end.
    rest = g.emit("sub", g.scalar(1, wide), w)
    far = g.emit("sub", b, g.emit("mul", step, rest))
    half = g.compare("lt", g.emit("abs", w), g.scalar(0.5, wide))
    return g.cast(g.emit("select", half, near, far), dtype)
