# SPDX-License-Identifier: Apache-2.0
"""StableHLO arithmetic, comparison, selection and conversion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.onnx_import.elementwise import truncated_quotient
from torshjit.capture.onnx_import.operations import Operations, is_float, wider
from torshjit.capture.stablehlo_import.handlers import lowers
from torshjit.capture.stablehlo_import.operation import HloOp

__all__ = ["bitcast", "computed_wide", "is_negative", "signed_as"]

_UNARY = {
    "ceil": "ceil",
    "cosine": "cos",
    "exponential": "exp",
    "exponential_minus_one": "expm1",
    "floor": "floor",
    "log": "log",
    "log_plus_one": "log1p",
    "logistic": "sigmoid",
    "not": "not",
    "round_nearest_even": "round",
    "rsqrt": "rsqrt",
    "sign": "sign",
    "sine": "sin",
    "sqrt": "sqrt",
    "tanh": "tanh",
}

_BINARY = {"and": "and", "atan2": "atan2", "or": "or", "power": "pow", "xor": "xor"}

#: Arithmetic, and what it is on bools.
_MODULAR = {
    "add": ("add", "or"),
    "maximum": ("maximum", "or"),
    "minimum": ("minimum", "and"),
    "multiply": ("mul", "and"),
    "subtract": ("sub", "xor"),
}

_PREDICATES = {"EQ": "eq", "NE": "ne", "LT": "lt", "LE": "le", "GT": "gt", "GE": "ge"}


def _unary(name: str) -> Callable[[Operations, HloOp], Any]:
    return lambda g, op: g.emit(name, op.operands[0])


def _binary(name: str, on_bools: str) -> Callable[[Operations, HloOp], Any]:
    def handler(g: Operations, op: HloOp) -> Any:
        left, right = op.operands
        return g.emit(on_bools if left.dtype == "i1" else name, left, right)

    return handler


for _name, _op in _UNARY.items():
    lowers(f"stablehlo.{_name}")(_unary(_op))
for _name, _op in _BINARY.items():
    lowers(f"stablehlo.{_name}")(_binary(_op, _op))
for _name, (_op, _on_bools) in _MODULAR.items():
    lowers(f"stablehlo.{_name}")(_binary(_op, _on_bools))


def computed_wide(
    formula: Callable[..., Any],
) -> Callable[[Operations, HloOp], Any]:
    """A formula of several steps as a handler: f16 and bf16 are computed in f32."""

    def handler(g: Operations, op: HloOp) -> Any:
        dtype = op.operands[0].dtype
        wide = wider(dtype)
        result = formula(g, *(g.cast(each, wide) for each in op.operands))
        return g.cast(result, dtype) if result.dtype == wide else result

    return handler


def is_negative(g: Operations, value: Any) -> Any:
    """Whether the sign of a float is set, also that of -0.0."""
    below = g.compare("lt", value, 0.0)
    # 1 / -0 is negative too.
    return g.emit("or", below, g.compare("lt", g.emit("reciprocal", value), 0.0))


def signed_as(g: Operations, magnitude: Any, value: Any) -> Any:
    """`magnitude`, which is not negative, with the sign of `value`."""
    return g.emit("select", is_negative(g, value), g.emit("neg", magnitude), magnitude)


def bitcast(g: Operations, value: Any, dtype: str) -> Any:
    """The bits of `value` as another element type of its width."""
    return value if value.dtype == dtype else g.emit("bitcast", value, dtype=dtype)


@lowers("stablehlo.abs")
def _abs(g: Operations, op: HloOp) -> Any:
    value = op.operands[0]
    return value if value.dtype[0] == "u" else g.emit("abs", value)


@lowers("stablehlo.negate")
def _negate(g: Operations, op: HloOp) -> Any:
    value = op.operands[0]
    if value.dtype[0] == "u":
        return g.math("sub", 0, value)
    return g.emit("neg", value)


@lowers("stablehlo.is_finite")
def _is_finite(g: Operations, op: HloOp) -> Any:
    return g.compare("lt", g.emit("abs", op.operands[0]), np.inf)


@lowers("chlo.is_inf")
def _is_inf(g: Operations, op: HloOp) -> Any:
    return g.compare("eq", g.emit("abs", op.operands[0]), np.inf)


@lowers("stablehlo.divide")
def _divide(g: Operations, op: HloOp) -> Any:
    left, right = op.operands
    if is_float(left.dtype):
        return g.emit("div", left, right)
    # Division by zero is -1, all bits set.
    ones = g.scalar(
        -1 if left.dtype[0] == "i" else np.iinfo(numpy_dtype(left.dtype)).max, left.dtype
    )
    quotient = (
        g.emit("floor_divide", left, right)
        if left.dtype[0] == "u"
        else truncated_quotient(g, left, right)
    )
    return g.emit("select", g.compare("eq", right, 0), ones, quotient)


@lowers("stablehlo.remainder")
def _remainder(g: Operations, op: HloOp) -> Any:
    """The remainder with the sign of the dividend; that of a division by zero is the dividend."""
    left, right = op.operands
    if is_float(left.dtype):
        wide = wider(left.dtype)
        x, y = g.cast(left, wide), g.cast(right, wide)
        rest = g.emit("remainder", g.emit("abs", x), g.emit("abs", y))
        return g.cast(signed_as(g, rest, x), left.dtype)
    rest = g.emit("remainder", left, right)
    if left.dtype[0] == "i":
        signs = g.emit("xor", g.compare("lt", left, 0), g.compare("lt", right, 0))
        is_other = g.emit("and", signs, g.compare("ne", rest, 0))
        rest = g.emit("select", is_other, g.emit("sub", rest, right), rest)
    return g.emit("select", g.compare("eq", right, 0), left, rest)


@lowers("stablehlo.round_nearest_afz")
@computed_wide
def _round_away(g: Operations, value: Any) -> Any:
    whole = g.emit("trunc", value)
    rest = g.emit("abs", g.emit("sub", value, whole))
    magnitude = g.emit("abs", whole)
    grown = g.where(g.compare("ge", rest, 0.5), g.math("add", magnitude, 1.0), magnitude)
    return signed_as(g, grown, value)


@lowers("stablehlo.cbrt")
@computed_wide
def _cube_root(g: Operations, value: Any) -> Any:
    magnitude = g.emit("abs", value)
    root = g.math("pow", magnitude, 1.0 / 3.0)
    # One step of Newton's method makes up for the third that is rounded.
    excess = g.emit("sub", root, g.emit("div", magnitude, g.emit("mul", root, root)))
    better = g.emit("sub", root, g.math("div", excess, 3.0))
    is_plain = g.emit("and", g.compare("gt", magnitude, 0.0), g.compare("lt", magnitude, np.inf))
    return signed_as(g, g.emit("select", is_plain, better, root), value)


@lowers("stablehlo.clamp")
def _clamp(g: Operations, op: HloOp) -> Any:
    low, value, high = op.operands
    largest, smallest = ("maximum", "minimum") if value.dtype != "i1" else ("or", "and")
    return g.emit(smallest, g.emit(largest, value, low), high)


@lowers("stablehlo.compare")
def _compare(g: Operations, op: HloOp) -> Any:
    left, right = op.operands
    if op.word("compare_type") == "TOTALORDER" and is_float(left.dtype):
        left, right = _ordered_bits(g, left), _ordered_bits(g, right)
    return g.compare(_PREDICATES[op.word("comparison_direction")], left, right)


def _ordered_bits(g: Operations, value: Any) -> Any:
    """Integers in the total order of floats: -NaN, -inf, ..., -0, 0, ..., inf, NaN."""
    width = numpy_dtype(value.dtype).itemsize * 8
    dtype = f"i{width}"
    bits = bitcast(g, value, dtype)
    flipped = g.math("xor", bits, np.iinfo(numpy_dtype(dtype)).max)
    return g.emit("select", g.compare("lt", bits, 0), flipped, bits)


@lowers("stablehlo.select")
def _select(g: Operations, op: HloOp) -> Any:
    return g.emit("select", *op.operands)


@lowers("stablehlo.convert")
def _convert(g: Operations, op: HloOp) -> Any:
    return g.cast(op.operands[0], op.dtype)


@lowers("stablehlo.bitcast_convert")
def _bitcast_convert(g: Operations, op: HloOp) -> Any:
    value, dtype = op.operands[0], op.dtype
    if tuple(value.shape) != op.shape or "i1" in (value.dtype, dtype):
        op.refuse(f"from {value.dtype} to {dtype}, which has another width, is not covered")
    return bitcast(g, value, dtype)


@lowers("stablehlo.reduce_precision")
def _reduce_precision(g: Operations, op: HloOp) -> Any:
    value = op.operands[0]
    kept = (op.integer("exponent_bits"), op.integer("mantissa_bits"))
    if kept in ((8, 23), (11, 52)) and kept[1] >= _mantissa(value.dtype):
        return value
    narrow = {(8, 7): "bf16", (5, 10): "f16"}.get(kept)
    if narrow is None or value.dtype != "f32":
        op.refuse(f"of {value.dtype} to {kept[0]} bits of exponent and {kept[1]} of mantissa")
    return g.cast(g.cast(value, narrow), value.dtype)


def _mantissa(dtype: str) -> int:
    return {"f16": 10, "bf16": 7, "f32": 23, "f64": 52}[dtype]
