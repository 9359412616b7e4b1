# SPDX-License-Identifier: Apache-2.0
"""ONNX quantisation: conversion by scales, and products of quantised operands, exact in i32."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.matrix_product import matrix_product
from torshjit.capture.numpy_dtypes import dialect_dtype, is_supported
from torshjit.capture.onnx_import.contraction import convolution
from torshjit.capture.onnx_import.conversion import element_type, element_type_of
from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.narrow_types import decoded, encoded, is_narrow
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations, wider
from torshjit.errors import ShapeError

__all__: list[str] = []

_RANGES = {
    "int2": (-2, 1),
    "int4": (-8, 7),
    "int8": (-128, 127),
    "int16": (-32768, 32767),
    "uint2": (0, 3),
    "uint4": (0, 15),
    "uint8": (0, 255),
    "uint16": (0, 65535),
}

#: Quotients are cut to this before they become integers; zero points are smaller.
_FAR = 262144.0


def _number(g: Operations, operand: Any, dtype: str) -> Any:
    """An operand of any element type as numbers of `dtype`."""
    if is_narrow(operand.dtype):
        return g.cast(decoded(g, g.narrow(operand)), dtype)
    return g.cast(g.value(operand), dtype)


def _along(g: Operations, node: Node, value: Any, shape: Any, axis: int) -> Any:
    """A scale or a zero point so that it broadcasts to `shape`: one, one by axis, or by block."""
    rank, block = len(shape), node.attribute("block_size", 0)
    count = int(np.prod(value.shape))
    if not value.shape or count == 1:
        return g.reshape(value, ())
    axis = node.axis(axis, rank)
    if not block:
        if len(value.shape) != 1 or value.shape[0] != shape[axis]:
            raise ShapeError(
                f"{node}: a scale of {tuple(value.shape)} along axis {axis} of {shape}"
            )
        return g.reshape(value, [count if at == axis else 1 for at in range(rank)])
    blocks = [*value.shape]
    apart = g.reshape(value, [*blocks[: axis + 1], 1, *blocks[axis + 1 :]])
    wide = g.broadcast(apart, [*blocks[: axis + 1], block, *blocks[axis + 1 :]])
    blocks[axis] *= block
    wide = g.reshape(wide, blocks)
    if blocks[axis] < shape[axis]:
        raise ShapeError(f"{node}: {value.shape[axis]} blocks of {block} for extent {shape[axis]}")
    wide = g.slice(wide, axis, 0, shape[axis])
    if tuple(wide.shape) != tuple(shape):
        raise ShapeError(f"{node}: a scale of {tuple(value.shape)} for shape {tuple(shape)}")
    return wide


def _saturated(g: Operations, value: Any, zero: Any, dtype: np.dtype) -> Any:
    """A float rounded half to even, plus an i32, cut to the range of an integer type."""
    whole = g.math("maximum", g.math("minimum", g.emit("round", value), _FAR), -_FAR)
    whole = g.cast(whole, "i32")
    if zero is not None:
        whole = g.emit("add", whole, zero)
    low, high = _RANGES[dtype.name]
    cut = g.math("minimum", g.math("maximum", whole, low), high)
    return encoded(g, cut, dtype) if is_narrow(dtype) else g.cast(cut, dialect_dtype(dtype))


def _result_type(node: Node, operand: int, default: np.dtype) -> np.dtype:
    """The element type of the zero point, of the attribute, or the default."""
    dtype = default
    if node.attribute("output_dtype", 0):
        dtype = element_type(node, node.attribute("output_dtype"))
    if node.has(operand):
        dtype = element_type_of(node.raw(operand))
    if not is_narrow(dtype) and (dtype.name not in _RANGES or not is_supported(dtype)):
        raise node.fail(f"results of {dtype} are not covered")
    return dtype


@lowers("QuantizeLinear")
def _quantize_linear(g: Operations, node: Node) -> Any:
    value, axis = node.value(0), node.attribute("axis", 1)
    dtype = _result_type(node, 2, np.dtype(np.uint8))
    scale_type = element_type_of(node.raw(1))
    # The quotient is rounded as one of the operands' type; of integers it is one of f64.
    inner = value.dtype if value.dtype[0] in "fb" else "f64"
    if node.attribute("precision", 0):
        inner = dialect_dtype(element_type(node, node.attribute("precision")))
    elif not is_narrow(scale_type) and dialect_dtype(scale_type) != inner:
        inner = "f64" if inner == "f64" else "f32"
    scale = _along(g, node, _number(g, node.raw(1), inner), value.shape, axis)
    quotient = g.emit("div", g.cast(value, inner), scale)
    quotient = g.cast(quotient, wider(inner))
    if dtype.name in _RANGES:
        zero = None
        if node.has(2):
            zero = _along(g, node, _number(g, node.raw(2), "i32"), value.shape, axis)
        return _saturated(g, quotient, zero, dtype)
    if dtype.name == "float4_e2m1fn" and node.has(2):
        zero = _number(g, node.raw(2), quotient.dtype)
        quotient = g.emit("add", quotient, _along(g, node, zero, value.shape, axis))
    return encoded(g, quotient, dtype, bool(node.attribute("saturate", 1)))


@lowers("DequantizeLinear")
def _dequantize_linear(g: Operations, node: Node) -> Any:
    source, axis = node.raw(0), node.attribute("axis", 1)
    shape = source.shape
    scale_type = element_type_of(node.raw(1))
    target = scale_type
    if node.attribute("output_dtype", 0):
        target = element_type(node, node.attribute("output_dtype"))
    if is_narrow(target) or not is_supported(target):
        raise node.fail(f"results of {target} are not covered")
    number = _number(g, source, "f32")
    if node.has(2):
        zero = _along(g, node, _number(g, node.raw(2), "f32"), shape, axis)
        number = g.emit("sub", number, zero)
    inner = "f64" if scale_type == np.float64 else "f32"
    scale = _along(g, node, _number(g, node.raw(1), inner), shape, axis)
    return g.cast(g.emit("mul", g.cast(number, inner), scale), dialect_dtype(target))


def _centred(g: Operations, node: Node, operand: int, zero: int, shape: Any) -> Any:
    """An operand as i32, its zero point, reshaped by `shape`, taken off."""
    value = node.value(operand, "i32")
    if not node.has(zero):
        return value
    return g.emit("sub", value, shape(node.value(zero, "i32")))


def _requantized(g: Operations, node: Node, total: Any, factor: Any, zero: int) -> Any:
    """An i32 times a float, rounded into the type of the zero point."""
    dtype = _result_type(node, zero, element_type_of(node.raw(0)))
    scaled = g.emit("mul", g.cast(total, "f64"), g.cast(factor, "f64"))
    return _saturated(g, scaled, node.optional(zero, "i32"), dtype)


@lowers("QLinearMatMul")
def _qlinear_matmul(g: Operations, node: Node) -> Any:
    def by_row(value: Any) -> Any:
        """One number for each row of the first operand."""
        is_list = len(value.shape) == 1 and value.shape[0] > 1
        return g.reshape(value, (value.shape[0], 1)) if is_list else _flat(g, value)

    left = _centred(g, node, 0, 2, by_row)
    right = _centred(g, node, 3, 5, lambda value: _flat(g, value))
    factor = g.emit("mul", by_row(node.value(1)), _flat(g, node.value(4)))
    factor = g.emit("div", factor, _flat(g, node.value(6)))
    return _requantized(g, node, matrix_product(g, left, right), factor, 7)


def _flat(g: Operations, value: Any) -> Any:
    """A list of one as a number."""
    return g.reshape(value, ()) if tuple(value.shape) == (1,) else value


@lowers("QLinearConv")
def _qlinear_conv(g: Operations, node: Node) -> Any:
    rank = len(node.raw(3).shape)

    def by_channel(value: Any, after: int) -> Any:
        value = _flat(g, value)
        return g.reshape(value, (*value.shape, *[1] * after)) if value.shape else value

    value = _centred(g, node, 0, 2, lambda zero: _flat(g, zero))
    weight = _centred(g, node, 3, 5, lambda zero: by_channel(zero, rank - 1))
    total = convolution(g, node, value, weight, node.optional(8, "i32"))
    factor = g.emit("mul", _flat(g, node.value(1)), by_channel(node.value(4), rank - 2))
    factor = g.emit("div", factor, _flat(g, node.value(6)))
    return _requantized(g, node, total, factor, 7)


@lowers("DynamicQuantizeLinear")
def _dynamic_quantize_linear(g: Operations, node: Node) -> Any:
    if not is_supported(np.dtype(np.uint8)):
        raise node.fail("results of uint8 are not covered")
    value = node.value(0)
    axes = list(range(len(value.shape)))
    high = g.math("maximum", g.reduce("amax", value, axes), 0.0)
    low = g.math("minimum", g.reduce("amin", value, axes), 0.0)
    span = g.emit("sub", high, low)
    scale = g.where(g.compare("eq", span, 0.0), 1.0, span)
    scale = g.math("div", scale, 255.0)
    zero = g.emit("neg", g.emit("div", low, scale))
    zero = g.emit("round", g.math("minimum", g.math("maximum", zero, 0.0), 255.0))
    rounded = g.emit("add", g.emit("round", g.emit("div", value, scale)), zero)
    cut = g.math("minimum", g.math("maximum", rounded, 0.0), 255.0)
    return g.cast(cut, "ui8"), scale, g.cast(zero, "ui8")
