# SPDX-License-Identifier: Apache-2.0
"""Ufuncs that are short programs of the dialect's operations.

Each is written so that it neither overflows nor cancels where the function itself does not.
f16 and bf16 are computed in f32 and rounded once, as NumPy does.
"""

from __future__ import annotations

import math as python_math
from collections.abc import Callable
from typing import Any

import numpy as np

from torshjit.capture.numpy_trace.tables import UFUNCS
from torshjit.capture.numpy_trace.values import GraphMath

__all__: list[str] = []

_INFINITY = float("inf")
_LN2 = python_math.log(2.0)


def _ufunc(ufunc: np.ufunc) -> Callable[[Callable], Callable]:
    def register(lower: Callable) -> Callable:
        def in_wide_type(math: GraphMath, *values: Any) -> Any:
            dtype = values[0].dtype
            if dtype not in ("f16", "bf16"):
                return lower(math, *values)
            result = lower(math, *(math.cast(value, "f32") for value in values))
            return result if result.dtype == "i1" else math.cast(result, dtype)

        UFUNCS[ufunc] = in_wide_type
        return lower

    return register


def _scaled(math: GraphMath, x: Any, factor: float) -> Any:
    return math("mul", x, math.constant(factor, x))


def _plus(math: GraphMath, x: Any, term: float) -> Any:
    return math("add", x, math.constant(term, x))


@_ufunc(np.exp2)
def _exp2(math: GraphMath, x: Any) -> Any:
    return math("pow", math.constant(2.0, x), x)


@_ufunc(np.log2)
def _log2(math: GraphMath, x: Any) -> Any:
    return _scaled(math, math("log", x), 1.0 / _LN2)


@_ufunc(np.log10)
def _log10(math: GraphMath, x: Any) -> Any:
    return _scaled(math, math("log", x), 1.0 / python_math.log(10.0))


@_ufunc(np.logaddexp)
def _logaddexp(math: GraphMath, a: Any, b: Any) -> Any:
    larger = math("maximum", a, b)
    distance = math("neg", math("abs", math("sub", a, b)))
    result = math("add", larger, math("log1p", math("exp", distance)))
    # Equal infinities have no distance.
    return math("select", math.compare("eq", a, b), _plus(math, larger, _LN2), result)


@_ufunc(np.tan)
def _tan(math: GraphMath, x: Any) -> Any:
    return math("div", math("sin", x), math("cos", x))


def _half_exponential(math: GraphMath, x: Any) -> tuple[Any, Any]:
    """exp(x) / 2 for large x, where exp(x) itself may overflow, and where x is large."""
    root = math("exp", _scaled(math, x, 0.5))
    large = math.compare("gt", x, 80.0)
    return math("mul", _scaled(math, root, 0.5), root), large


@_ufunc(np.sinh)
def _sinh(math: GraphMath, x: Any) -> Any:
    size = math("abs", x)
    direct = math("sub", math("expm1", size), math("expm1", math("neg", size)))
    direct = _scaled(math, direct, 0.5)
    half, large = _half_exponential(math, size)
    result = math("select", large, half, direct)
    return math("select", math.compare("lt", x, 0.0), math("neg", result), result)


@_ufunc(np.cosh)
def _cosh(math: GraphMath, x: Any) -> Any:
    size = math("abs", x)
    direct = _scaled(math, math("add", math("exp", size), math("exp", math("neg", size))), 0.5)
    half, large = _half_exponential(math, size)
    return math("select", large, half, direct)


def _cathetus(math: GraphMath, x: Any) -> Any:
    """sqrt(1 - x * x), without cancellation near 1."""
    low = _plus(math, math("neg", x), 1.0)
    return math("sqrt", math("mul", low, _plus(math, x, 1.0)))


@_ufunc(np.arcsin)
def _arcsin(math: GraphMath, x: Any) -> Any:
    return math("atan2", x, _cathetus(math, x))


@_ufunc(np.arccos)
def _arccos(math: GraphMath, x: Any) -> Any:
    return math("atan2", _cathetus(math, x), x)


@_ufunc(np.arctan)
def _arctan(math: GraphMath, x: Any) -> Any:
    return math("atan2", x, math.constant(1.0, x))


@_ufunc(np.arcsinh)
def _arcsinh(math: GraphMath, x: Any) -> Any:
    size = math("abs", x)
    square = math("mul", size, size)
    root = math("sqrt", _plus(math, square, 1.0))
    small = math("log1p", math("add", size, math("div", square, _plus(math, root, 1.0))))
    large = _plus(math, math("log", size), _LN2)
    result = math("select", math.compare("gt", size, 1e9), large, small)
    return math("select", math.compare("lt", x, 0.0), math("neg", result), result)


@_ufunc(np.arccosh)
def _arccosh(math: GraphMath, x: Any) -> Any:
    excess = _plus(math, x, -1.0)
    root = math("sqrt", math("mul", excess, _plus(math, x, 1.0)))
    small = math("log1p", math("add", excess, root))
    large = _plus(math, math("log", x), _LN2)
    result = math("select", math.compare("gt", x, 1e9), large, small)
    # Squares hide the sign of what lies left of the domain.
    nan = math.constant(float("nan"), x)
    return math("select", math.compare("lt", x, 1.0), nan, result)


@_ufunc(np.arctanh)
def _arctanh(math: GraphMath, x: Any) -> Any:
    return _scaled(math, math("sub", math("log1p", x), math("log1p", math("neg", x))), 0.5)


@_ufunc(np.hypot)
def _hypot(math: GraphMath, a: Any, b: Any) -> Any:
    a, b = math("abs", a), math("abs", b)
    larger, smaller = math("maximum", a, b), math("minimum", a, b)
    ratio = math("div", smaller, larger)
    result = math("mul", larger, math("sqrt", _plus(math, math("mul", ratio, ratio), 1.0)))
    result = math("select", math.compare("eq", larger, 0.0), larger, result)
    infinite = math("or", math.compare("eq", a, _INFINITY), math.compare("eq", b, _INFINITY))
    return math("select", infinite, math.constant(_INFINITY, a), result)


@_ufunc(np.cbrt)
def _cbrt(math: GraphMath, x: Any) -> Any:
    size = math("abs", x)
    root = math("pow", size, math.constant(1.0 / 3.0, x))
    # One step of Newton's method makes up for the rounded exponent.
    quotient = math("div", size, math("mul", root, root))
    correction = _scaled(math, math("sub", quotient, root), 1.0 / 3.0)
    result = math("add", root, correction)
    special = math("or", math.compare("eq", root, 0.0), math.compare("eq", root, _INFINITY))
    result = math("select", special, root, result)
    return math("select", math.compare("lt", x, 0.0), math("neg", result), result)


def _nan_ignoring(op: str) -> Callable:
    def lower(math: GraphMath, a: Any, b: Any) -> Any:
        if a.dtype == "i1":
            return math("or" if op == "maximum" else "and", a, b)
        both = math(op, a, b)
        if a.dtype[0] in "iu":
            return both
        return math("select", math("isnan", a), b, math("select", math("isnan", b), a, both))

    return lower


_ufunc(np.fmax)(_nan_ignoring("maximum"))
_ufunc(np.fmin)(_nan_ignoring("minimum"))


@_ufunc(np.fmod)
def _fmod(math: GraphMath, a: Any, b: Any) -> Any:
    if a.dtype[0] in "iu":
        remainder = math("remainder", a, b)
        opposite = math("xor", math.compare("lt", a, 0), math.compare("lt", b, 0))
        adjust = math("and", opposite, math.compare("ne", remainder, 0))
        return math("select", adjust, math("sub", remainder, b), remainder)
    remainder = math("remainder", math("abs", a), math("abs", b))
    return math("select", math.compare("lt", a, 0.0), math("neg", remainder), remainder)


@_ufunc(np.heaviside)
def _heaviside(math: GraphMath, x: Any, at_zero: Any) -> Any:
    one, zero = math.constant(1.0, x), math.constant(0.0, x)
    step = math("select", math.compare("gt", x, 0.0), one, zero)
    step = math("select", math.compare("eq", x, 0.0), at_zero, step)
    return math("select", math("isnan", x), x, step)


def _factor(factor: float) -> Callable:
    return lambda math, x: _scaled(math, x, factor)


for _name, _value in (
    ("degrees", 180.0 / python_math.pi),
    ("rad2deg", 180.0 / python_math.pi),
    ("radians", python_math.pi / 180.0),
    ("deg2rad", python_math.pi / 180.0),
):
    _ufunc(getattr(np, _name))(_factor(_value))
