# SPDX-License-Identifier: Apache-2.0
"""StableHLO operations on the bits of integers."""

from __future__ import annotations

from typing import Any

from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.onnx_import.operations import Operations
from torshjit.capture.stablehlo_import.elementwise import bitcast
from torshjit.capture.stablehlo_import.handlers import lowers
from torshjit.capture.stablehlo_import.operation import HloOp

__all__: list[str] = []


def _unsigned(dtype: str) -> str:
    return dtype if dtype[0] == "u" else f"u{dtype}"


def _signed(dtype: str) -> str:
    return dtype.removeprefix("u")


@lowers("stablehlo.shift_left")
def _shift_left(g: Operations, op: HloOp) -> Any:
    return g.emit("shift_left", *op.operands)


@lowers("stablehlo.shift_right_logical")
def _shift_right_logical(g: Operations, op: HloOp) -> Any:
    value, distance = op.operands
    unsigned = _unsigned(value.dtype)
    moved = g.emit("shift_right", bitcast(g, value, unsigned), bitcast(g, distance, unsigned))
    return bitcast(g, moved, value.dtype)


@lowers("stablehlo.shift_right_arithmetic")
def _shift_right_arithmetic(g: Operations, op: HloOp) -> Any:
    value, distance = op.operands
    signed = _signed(value.dtype)
    moved = g.emit("shift_right", bitcast(g, value, signed), bitcast(g, distance, signed))
    return bitcast(g, moved, value.dtype)


def _population(g: Operations, bits: Any) -> Any:
    """The number of set bits of unsigned integers: sums of neighbours, pairs, fours, ..."""
    width = numpy_dtype(bits.dtype).itemsize * 8
    step = 1
    while step < width:
        # Every second group of `step` bits.
        mask = sum(((1 << step) - 1) << start for start in range(0, width, 2 * step))
        upper = g.math("shift_right", bits, step)
        bits = g.emit("add", g.math("and", bits, mask), g.math("and", upper, mask))
        step *= 2
    return bits


@lowers("stablehlo.popcnt")
def _popcnt(g: Operations, op: HloOp) -> Any:
    value = op.operands[0]
    return bitcast(g, _population(g, bitcast(g, value, _unsigned(value.dtype))), value.dtype)


@lowers("stablehlo.count_leading_zeros")
def _count_leading_zeros(g: Operations, op: HloOp) -> Any:
    value = op.operands[0]
    bits = bitcast(g, value, _unsigned(value.dtype))
    width = numpy_dtype(bits.dtype).itemsize * 8
    step = 1
    while step < width:
        bits = g.emit("or", bits, g.math("shift_right", bits, step))
        step *= 2
    return bitcast(g, _population(g, g.emit("not", bits)), value.dtype)


@lowers("chlo.next_after")
def _next_after(g: Operations, op: HloOp) -> Any:
    """The next float from one towards another: the next integer, but around zero."""
    x, y = op.operands
    bits = f"i{numpy_dtype(x.dtype).itemsize * 8}"
    number = bitcast(g, x, bits)
    grows = g.emit("xor", g.compare("lt", x, y), g.compare("lt", x, 0.0))
    step = g.emit("select", grows, g.scalar(1, bits), g.scalar(-1, bits))
    stepped = g.emit("add", number, step)
    smallest = bitcast(g, g.scalar(1, bits), x.dtype)
    tiny = g.emit("select", g.compare("lt", y, 0.0), g.emit("neg", smallest), smallest)
    result = g.emit("select", g.compare("eq", x, 0.0), tiny, bitcast(g, stepped, x.dtype))
    result = g.emit("select", g.compare("eq", x, y), y, result)
    is_nan = g.emit("or", g.emit("isnan", x), g.emit("isnan", y))
    return g.emit("select", is_nan, g.emit("add", x, y), result)
