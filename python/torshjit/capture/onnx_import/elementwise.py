# SPDX-License-Identifier: Apache-2.0
"""ONNX arithmetic, comparison and logic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations, is_float, wider

__all__ = ["truncated_quotient"]

_UNARY = {
    "Abs": "abs",
    "BitwiseNot": "not",
    "Ceil": "ceil",
    "Cos": "cos",
    "Erf": "erf",
    "Exp": "exp",
    "Floor": "floor",
    "IsNaN": "isnan",
    "Log": "log",
    "Neg": "neg",
    "Not": "not",
    "Reciprocal": "reciprocal",
    "Round": "round",
    "Sign": "sign",
    "Sin": "sin",
    "Sqrt": "sqrt",
    "Tanh": "tanh",
}

_BINARY = {
    "Add": "add",
    "And": "and",
    "BitwiseAnd": "and",
    "BitwiseOr": "or",
    "BitwiseXor": "xor",
    "Mul": "mul",
    "Or": "or",
    "Sub": "sub",
    "Xor": "xor",
}

_COMPARISONS = {
    "Equal": "eq",
    "Greater": "gt",
    "GreaterOrEqual": "ge",
    "Less": "lt",
    "LessOrEqual": "le",
}

_VARIADIC = {"Max": "maximum", "Min": "minimum", "Sum": "add"}


def _unary(op: str) -> Callable[[Operations, Node], Any]:
    return lambda g, node: g.emit(op, node.value(0))


for _name, _op in _UNARY.items():
    lowers(_name)(_unary(_op))


def _pair(g: Operations, node: Node) -> tuple[Any, Any]:
    """Two operands; before version 7 the second is aligned at an axis."""
    left, right = node.value(0), node.value(1)
    axis = node.attribute("axis")
    if node.version < 7 and node.attribute("broadcast") and axis is not None:
        axis = node.axis(axis, len(left.shape))
        trailing = len(left.shape) - axis - len(right.shape)
        right = g.reshape(right, (*right.shape, *[1] * max(0, trailing)))
    return left, right


def _binary(op: str) -> Callable[[Operations, Node], Any]:
    return lambda g, node: g.emit(op, *_pair(g, node))


for _name, _op in _BINARY.items():
    lowers(_name)(_binary(_op))


def _comparison(predicate: str) -> Callable[[Operations, Node], Any]:
    return lambda g, node: g.compare(predicate, *_pair(g, node))


for _name, _predicate in _COMPARISONS.items():
    lowers(_name)(_comparison(_predicate))


def _variadic(op: str) -> Callable[[Operations, Node], Any]:
    def handler(g: Operations, node: Node) -> Any:
        first, *others = node.values()
        for other in others:
            first = g.emit(op, first, other)
        return first

    return handler


for _name, _op in _VARIADIC.items():
    lowers(_name)(_variadic(_op))


@lowers("Mean")
def _mean(g: Operations, node: Node) -> Any:
    total = _variadic("add")(g, node)
    return g.math("div", total, len(node.operands))


def truncated_quotient(g: Operations, left: Any, right: Any) -> Any:
    """The quotient of integers, rounded towards zero as in C."""
    quotient = g.emit("floor_divide", left, right)
    rest = g.emit("sub", left, g.emit("mul", quotient, right))
    signs = g.emit("xor", g.compare("lt", left, 0), g.compare("lt", right, 0))
    is_below = g.emit("and", signs, g.compare("ne", rest, 0))
    return g.emit("add", quotient, g.cast(is_below, left.dtype))


@lowers("Div")
def _div(g: Operations, node: Node) -> Any:
    left, right = _pair(g, node)
    if is_float(left.dtype):
        return g.emit("div", left, right)
    return truncated_quotient(g, left, right)


@lowers("Mod")
def _mod(g: Operations, node: Node) -> Any:
    left, right = node.value(0), node.value(1)
    if not node.attribute("fmod", 0):
        return g.emit("remainder", left, right)
    if not is_float(left.dtype):
        product = g.emit("mul", truncated_quotient(g, left, right), right)
        return g.emit("sub", left, product)
    size = g.emit("remainder", g.emit("abs", left), g.emit("abs", right))
    return g.where(g.compare("lt", left, 0), g.emit("neg", size), size)


@lowers("Pow")
def _pow(g: Operations, node: Node) -> Any:
    base, exponent = _pair(g, node)
    if base.dtype == exponent.dtype:
        return g.emit("pow", base, exponent)
    if is_float(base.dtype):
        return g.emit("pow", base, g.cast(exponent, base.dtype))
    if is_float(exponent.dtype):
        result = g.emit("pow", g.cast(base, "f64"), g.cast(exponent, "f64"))
        return g.cast(result, base.dtype)
    # As wide as both, and of the exponent's sign: the base may wrap around, the power does too.
    bits = max(numpy_dtype(each.dtype).itemsize * 8 for each in (base, exponent))
    wide = exponent.dtype.rstrip("0123456789") + str(bits)
    return g.cast(g.emit("pow", g.cast(base, wide), g.cast(exponent, wide)), base.dtype)


@lowers("Where")
def _where(g: Operations, node: Node) -> Any:
    return g.emit("select", node.value(0), node.value(1), node.value(2))


@lowers("IsInf")
def _isinf(g: Operations, node: Node) -> Any:
    value = node.value(0)
    up = g.compare("eq", value, float("inf"))
    down = g.compare("eq", value, float("-inf"))
    positive, negative = node.attribute("detect_positive", 1), node.attribute("detect_negative", 1)
    if positive and negative:
        return g.emit("or", up, down)
    if positive or negative:
        return up if positive else down
    return g.filled(False, "i1", value.shape)


@lowers("Clip")
def _clip(g: Operations, node: Node) -> Any:
    value = node.value(0)
    if node.version < 11:
        low, high = node.attribute("min"), node.attribute("max")
        low = None if low is None else g.scalar(low, value.dtype)
        high = None if high is None else g.scalar(high, value.dtype)
    else:
        low, high = node.optional(1), node.optional(2)
    if low is not None:
        value = g.emit("maximum", value, g.reshape(low, ()))
    if high is not None:
        value = g.emit("minimum", value, g.reshape(high, ()))
    return value


# Trigonometry and hyperbolic functions, of elementary ones.


def _composite(operator: str) -> Callable[[Callable[[Operations, Any], Any]], Any]:
    """Registers a function of one float Value, computed in f32 for shorter floats."""

    def register(function: Callable[[Operations, Any], Any]) -> Any:
        @lowers(operator)
        def handler(g: Operations, node: Node) -> Any:
            value = node.value(0)
            return g.cast(function(g, g.cast(value, wider(value.dtype))), value.dtype)

        return function

    return register


@_composite("Tan")
def _tan(g: Operations, x: Any) -> Any:
    return g.emit("div", g.emit("sin", x), g.emit("cos", x))


def _complement(g: Operations, x: Any) -> Any:
    """The square root of ``1 - x * x``, accurate near one."""
    return g.emit("sqrt", g.emit("mul", g.math("sub", 1.0, x), g.math("add", x, 1.0)))


@_composite("Asin")
def _asin(g: Operations, x: Any) -> Any:
    return g.emit("atan2", x, _complement(g, x))


@_composite("Acos")
def _acos(g: Operations, x: Any) -> Any:
    return g.emit("atan2", _complement(g, x), x)


@_composite("Atan")
def _atan(g: Operations, x: Any) -> Any:
    return g.math("atan2", x, 1.0)


@_composite("Sinh")
def _sinh(g: Operations, x: Any) -> Any:
    size = g.emit("expm1", g.emit("abs", x))
    # Through exp(x / 2) twice, so that the largest results do not overflow on the way.
    half = g.emit("exp", g.math("mul", g.emit("abs", x), 0.5))
    large = g.emit("mul", g.math("mul", half, 0.5), half)
    small = g.math("mul", g.emit("add", size, g.emit("div", size, g.math("add", size, 1.0))), 0.5)
    result = g.where(g.compare("gt", g.emit("abs", x), 20.0), large, small)
    return g.where(g.compare("lt", x, 0.0), g.emit("neg", result), result)


@_composite("Cosh")
def _cosh(g: Operations, x: Any) -> Any:
    half = g.emit("exp", g.math("mul", g.emit("abs", x), 0.5))
    back = g.emit("exp", g.emit("neg", g.emit("abs", x)))
    return g.emit("add", g.emit("mul", g.math("mul", half, 0.5), half), g.math("mul", back, 0.5))


@_composite("Asinh")
def _asinh(g: Operations, x: Any) -> Any:
    size = g.emit("abs", x)
    square = g.emit("mul", size, size)
    root = g.emit("sqrt", g.math("add", square, 1.0))
    step = g.emit("div", square, g.math("add", root, 1.0))
    small = g.emit("log1p", g.emit("add", size, step))
    large = g.math("add", g.emit("log", size), float(np.log(2.0)))
    result = g.where(g.compare("gt", size, 1e9), large, small)
    return g.where(g.compare("lt", x, 0.0), g.emit("neg", result), result)


@_composite("Acosh")
def _acosh(g: Operations, x: Any) -> Any:
    rest = g.math("sub", x, 1.0)
    root = g.emit("sqrt", g.emit("mul", rest, g.math("add", rest, 2.0)))
    small = g.emit("log1p", g.emit("add", rest, root))
    large = g.math("add", g.emit("log", x), float(np.log(2.0)))
    return g.where(g.compare("gt", x, 1e9), large, small)


@_composite("Atanh")
def _atanh(g: Operations, x: Any) -> Any:
    difference = g.emit("sub", g.emit("log1p", x), g.emit("log1p", g.emit("neg", x)))
    return g.math("mul", difference, 0.5)
