# SPDX-License-Identifier: Apache-2.0
"""ATen operations on the bits of numbers: shifts, signs, neighbours, exponents."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from torshjit.capture.torch_elementwise import binary_dtype, float_dtype
from torshjit.capture.torch_lowering import Lowering, dialect_dtype, is_float, lowers
from torshjit.errors import DTypeError

__all__: list[str] = []

#: The bits of a float's mantissa, and what the exponent of numbers in [1/2, 1) is stored as.
_FORMS = {"f16": (10, 14), "bf16": (7, 126), "f32": (23, 126), "f64": (52, 1022)}


def _bits_dtype(dtype: str) -> str:
    return {"f16": "i16", "bf16": "i16", "f32": "i32", "f64": "i64"}[dtype]


def _as_bits(g: Lowering, value: Any) -> Any:
    return g.create("bitcast", (value,), {"dtype": _bits_dtype(value.dtype)})


def _shift_rule(op: str) -> Callable[..., Any]:
    def rule(g: Lowering, left: Any, right: Any) -> Any:
        dtype = binary_dtype(left, right)
        if is_float(dtype):
            # torch's older spelling multiplies floats by a power of two.
            sign = 1 if op == "shift_left" else -1
            exponent = g.emit("mul", g.operand(right, dtype), g.scalar(sign, dtype))
            power = g.emit("pow", g.scalar(2, dtype), exponent)
            return g.emit("mul", g.operand(left, dtype), power)
        if dtype == "i1":
            raise DTypeError(f"{g.op}: bool tensors have no bits to shift")
        return g.emit(op, g.operand(left, dtype), g.operand(right, dtype))

    return rule


for _side in ("left", "right"):
    lowers(
        f"aten.bitwise_{_side}_shift.Tensor",
        f"aten.bitwise_{_side}_shift.Tensor_Scalar",
        f"aten.bitwise_{_side}_shift.Scalar_Tensor",
        f"aten.__{_side[0]}shift__.Tensor",
        f"aten.__{_side[0]}shift__.Scalar",
    )(_shift_rule(f"shift_{_side}"))


def _is_negative(g: Lowering, value: Any) -> Any:
    """Where the sign is set, of zeros and NaNs too."""
    if is_float(value.dtype):
        value = _as_bits(g, value)
    return g.compare("lt", value, g.scalar(0, value.dtype))


@lowers("aten.signbit.default")
def signbit(g: Lowering, x: torch.Tensor) -> Any:
    if x.dtype == torch.bool:
        return g.broadcast(g.scalar(False, "i1"), x.shape)
    return _is_negative(g, g.value(x))


@lowers("aten.copysign.Tensor", "aten.copysign.Scalar")
def copysign(g: Lowering, size: Any, sign: Any) -> Any:
    dtype = float_dtype(size, sign)
    magnitude = g.emit("abs", g.operand(size, dtype))
    negative = _is_negative(g, g.operand(sign, dtype))
    return g.emit("select", negative, g.emit("neg", magnitude), magnitude)


@lowers("aten.nextafter.default")
def nextafter(g: Lowering, start: Any, towards: Any) -> Any:
    dtype = binary_dtype(start, towards)
    x, y = g.operand(start, dtype), g.operand(towards, dtype)
    bits = _as_bits(g, x)
    one = g.scalar(1, bits.dtype)
    # Away from zero the bits count up, towards it down, on both sides of it.
    outward = g.emit("xor", g.compare("lt", x, y), g.compare("lt", x, g.scalar(0, dtype)))
    step = g.emit("select", outward, one, g.emit("neg", one))
    moved = g.create("bitcast", (g.emit("add", bits, step),), {"dtype": dtype})
    smallest = g.create("bitcast", (one,), {"dtype": dtype})
    below = g.compare("lt", y, g.scalar(0, dtype))
    least = g.emit("select", below, g.emit("neg", smallest), smallest)
    result = g.emit("select", g.compare("eq", x, g.scalar(0, dtype)), least, moved)
    result = g.emit("select", g.compare("eq", x, y), y, result)
    result = g.emit("select", g.emit("isnan", y), y, result)
    return g.emit("select", g.emit("isnan", x), x, result)


@lowers("aten.frexp.Tensor")
def frexp(g: Lowering, x: torch.Tensor) -> tuple[Any, Any]:
    dtype = dialect_dtype(x.dtype)
    if not is_float(dtype):
        raise DTypeError(f"{g.op}: the input must be of a float dtype, not {x.dtype}")
    mantissa_bits, half = _FORMS[dtype]
    value = g.value(x)
    # What is below the normal numbers is brought up among them first.
    tiny = g.compare("lt", g.emit("abs", value), g.scalar(2.0 ** (2 - half), dtype))
    raised = g.emit("mul", value, g.scalar(2.0**mantissa_bits, dtype))
    raised = g.emit("mul", raised, g.scalar(2.0, dtype))
    value = g.emit("select", tiny, raised, value)
    bits = _as_bits(g, value)
    integer = bits.dtype
    mask = (1 << (half.bit_length() + 1)) - 1
    stored = g.emit("shift_right", bits, g.scalar(mantissa_bits, integer))
    stored = g.emit("and", stored, g.scalar(mask, integer))
    exponent = g.emit("sub", g.cast(stored, "i32"), g.scalar(half, "i32"))
    lowered = g.emit("sub", exponent, g.scalar(mantissa_bits + 1, "i32"))
    exponent = g.emit("select", tiny, lowered, exponent)
    kept = g.emit("and", bits, g.scalar(~(mask << mantissa_bits), integer))
    kept = g.emit("or", kept, g.scalar(half << mantissa_bits, integer))
    mantissa = g.create("bitcast", (kept,), {"dtype": dtype})
    zero = g.compare("eq", value, g.scalar(0, dtype))
    finite = g.compare("lt", g.emit("abs", value), g.scalar(math.inf, dtype))
    plain = g.emit("or", zero, g.emit("not", finite))
    mantissa = g.emit("select", plain, value, mantissa)
    return mantissa, g.emit("select", plain, g.scalar(0, "i32"), exponent)


@lowers("aten.angle.default")
def angle(g: Lowering, x: torch.Tensor) -> Any:
    dtype = float_dtype(x)
    value = g.operand(x, dtype)
    negative = g.compare("lt", value, g.scalar(0, dtype))
    result = g.emit("select", negative, g.scalar(math.pi, dtype), g.scalar(0, dtype))
    return g.emit("select", g.emit("isnan", value), value, result)
