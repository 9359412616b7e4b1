# SPDX-License-Identifier: Apache-2.0
"""Functions of CHLO and StableHLO that are formulas of what the dialect has."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from torshjit.capture.onnx_import.operations import Operations
from torshjit.capture.stablehlo_import.elementwise import computed_wide, signed_as
from torshjit.capture.stablehlo_import.handlers import lowers

__all__: list[str] = []


def _polynomial(g: Operations, x: Any, coefficients: Sequence[float]) -> Any:
    """Horner's rule, the highest power first."""
    result = g.scalar(coefficients[0], x.dtype)
    for coefficient in coefficients[1:]:
        result = g.math("add", g.emit("mul", result, x), coefficient)
    return result


@lowers("chlo.erf")
@computed_wide
def _erf(g: Operations, x: Any) -> Any:
    return g.emit("erf", x)


@lowers("chlo.square")
@computed_wide
def _square(g: Operations, x: Any) -> Any:
    return g.emit("mul", x, x)


@functools.cache
def _scaled_complement() -> tuple[float, ...]:
    """``erfc(x) * exp(x^2)`` for x from 0 to 26 as a polynomial in ``1 / (1 + x)``."""

    def scaled(u: Any) -> Any:
        # From the interval of the series to that of the quotient.
        t = (u + 1) / 2 * (1 - 1 / 27) + 1 / 27
        x = 1 / t - 1
        return np.array([math.erfc(each) * math.exp(each * each) for each in x])

    series = np.polynomial.chebyshev.chebinterpolate(scaled, 22)
    return tuple(np.polynomial.chebyshev.cheb2poly(series)[::-1])


@lowers("chlo.erfc")
@computed_wide
def _erfc(g: Operations, x: Any) -> Any:
    near = g.math("sub", 1.0, g.emit("erf", x))
    # Beyond 1/2, where the difference loses digits.
    t = g.math("div", 1.0, g.math("add", g.emit("abs", x), 1.0))
    u = g.math("sub", g.math("mul", g.math("sub", t, 1 / 27), 2 * 27 / 26), 1.0)
    decay = g.emit("exp", g.emit("neg", g.emit("mul", x, x)))
    far = g.emit("mul", _polynomial(g, u, _scaled_complement()), decay)
    return g.emit("select", g.compare("gt", x, 0.5), far, near)


#: M. Giles, "Approximating the erfinv function", 2010: single precision.
_INVERSE_NEAR = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
    -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip
_INVERSE_FAR = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
    -0.0076224613, 0.00943887047, 1.00167406, 2.83297682,
)  # fmt: skip


@lowers("chlo.erf_inv")
@computed_wide
def _erf_inv(g: Operations, x: Any) -> Any:
    w = g.emit("neg", g.emit("log1p", g.emit("neg", g.emit("mul", x, x))))
    near = _polynomial(g, g.math("sub", w, 2.5), _INVERSE_NEAR)
    far = _polynomial(g, g.math("sub", g.emit("sqrt", w), 3.0), _INVERSE_FAR)
    result = g.emit("mul", g.emit("select", g.compare("lt", w, 5.0), near, far), x)
    if x.dtype == "f64":
        for _ in range(2):
            # Newton's method; the derivative of erf is 2 / sqrt(pi) * exp(-y^2).
            slope = g.math(
                "mul",
                g.emit("exp", g.emit("neg", g.emit("mul", result, result))),
                2.0 / math.sqrt(math.pi),
            )
            step = g.emit("div", g.emit("sub", g.emit("erf", result), x), slope)
            result = g.emit("sub", result, step)
    at_one = g.compare("eq", g.emit("abs", x), 1.0)
    return g.emit("select", at_one, g.math("mul", x, math.inf), result)


@lowers("stablehlo.tan", "chlo.tan")
@computed_wide
def _tan(g: Operations, x: Any) -> Any:
    return g.emit("div", g.emit("sin", x), g.emit("cos", x))


def _cosine_of_sine(g: Operations, x: Any) -> Any:
    return g.emit("sqrt", g.emit("mul", g.math("sub", 1.0, x), g.math("add", x, 1.0)))


@lowers("chlo.asin")
@computed_wide
def _asin(g: Operations, x: Any) -> Any:
    return g.emit("atan2", x, _cosine_of_sine(g, x))


@lowers("chlo.acos")
@computed_wide
def _acos(g: Operations, x: Any) -> Any:
    return g.emit("atan2", _cosine_of_sine(g, x), x)


@lowers("chlo.atan")
@computed_wide
def _atan(g: Operations, x: Any) -> Any:
    return g.emit("atan2", x, g.scalar(1.0, x.dtype))


@lowers("chlo.sinh")
@computed_wide
def _sinh(g: Operations, x: Any) -> Any:
    # With m = exp(|x| / 2) - 1: no cancellation near zero, no early overflow.
    m = g.emit("expm1", g.math("mul", g.emit("abs", x), 0.5))
    grown = g.math("add", m, 1.0)
    ratio = g.emit("div", m, grown)
    both = g.emit("mul", g.emit("add", m, ratio), g.emit("add", grown, g.math("div", 1.0, grown)))
    return signed_as(g, g.math("mul", both, 0.5), x)


@lowers("chlo.cosh")
@computed_wide
def _cosh(g: Operations, x: Any) -> Any:
    half = g.emit("exp", g.math("mul", g.emit("abs", x), 0.5))
    grown = g.emit("mul", g.math("mul", half, 0.5), half)
    return g.emit("add", grown, g.math("div", 0.25, grown))


@lowers("chlo.asinh")
@computed_wide
def _asinh(g: Operations, x: Any) -> Any:
    a = g.emit("abs", x)
    square = g.emit("mul", a, a)
    root = g.math("add", g.emit("sqrt", g.math("add", square, 1.0)), 1.0)
    near = g.emit("log1p", g.emit("add", a, g.emit("div", square, root)))
    far = g.math("add", g.emit("log", a), math.log(2.0))
    return signed_as(g, g.emit("select", g.compare("gt", a, 1e9), far, near), x)


@lowers("chlo.acosh")
@computed_wide
def _acosh(g: Operations, x: Any) -> Any:
    beyond = g.math("sub", x, 1.0)
    root = g.emit("sqrt", g.emit("mul", beyond, g.math("add", x, 1.0)))
    near = g.emit("log1p", g.emit("add", beyond, root))
    far = g.math("add", g.emit("log", x), math.log(2.0))
    return g.emit("select", g.compare("gt", x, 1e9), far, near)


@lowers("chlo.atanh")
@computed_wide
def _atanh(g: Operations, x: Any) -> Any:
    a = g.emit("abs", x)
    ratio = g.emit("div", g.math("mul", a, 2.0), g.math("sub", 1.0, a))
    return signed_as(g, g.math("mul", g.emit("log1p", ratio), 0.5), x)


#: C. Lanczos' approximation of the gamma function, g = 7, as P. Godfrey gives its coefficients.
_LANCZOS = (
    676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
)  # fmt: skip


@lowers("chlo.lgamma")
@computed_wide
def _lgamma(g: Operations, x: Any) -> Any:
    # Below 1/2 by the reflection formula.
    reflects = g.compare("lt", x, 0.5)
    z = g.math("sub", g.emit("select", reflects, g.math("sub", 1.0, x), x), 1.0)
    total = g.scalar(0.99999999999980993, x.dtype)
    for number, coefficient in enumerate(_LANCZOS, start=1):
        total = g.emit("add", total, g.math("div", coefficient, g.math("add", z, float(number))))
    t = g.math("add", z, 7.5)
    # (z + 1/2) log(t) - t, without the difference of large numbers: log(t) = log(7.5) + log1p.
    log_t = g.math("add", g.emit("log1p", g.math("div", z, 7.5)), math.log(7.5))
    power = g.emit("mul", g.math("add", z, 0.5), log_t)
    value = g.math(
        "add",
        g.emit("add", g.emit("sub", power, t), g.emit("log", total)),
        0.5 * math.log(2.0 * math.pi),
    )
    fraction = g.emit("sub", x, g.emit("floor", x))
    sine = g.emit("sin", g.math("mul", fraction, math.pi))
    reflected = g.emit(
        "sub", g.math("sub", math.log(math.pi), g.emit("log", g.emit("abs", sine))), value
    )
    result = g.emit("select", reflects, reflected, value)
    infinite = g.compare("eq", g.emit("abs", x), math.inf)
    return g.emit("select", infinite, g.scalar(math.inf, x.dtype), result)


@lowers("chlo.digamma")
@computed_wide
def _digamma(g: Operations, x: Any) -> Any:
    # Below 1/2 by the reflection formula; eight steps up, the asymptotic series is exact.
    reflects = g.compare("lt", x, 0.5)
    z = g.emit("select", reflects, g.math("sub", 1.0, x), x)
    steps = g.scalar(0.0, x.dtype)
    for number in range(8):
        steps = g.emit("add", steps, g.math("div", 1.0, g.math("add", z, float(number))))
    w = g.math("add", z, 8.0)
    square = g.math("div", 1.0, g.emit("mul", w, w))
    series = g.emit("mul", square, _polynomial(g, square, (1 / 240, -1 / 252, 1 / 120, -1 / 12)))
    value = g.emit("add", g.emit("sub", g.emit("log", w), g.math("div", 0.5, w)), series)
    value = g.emit("sub", value, steps)
    angle = g.math("mul", g.emit("sub", x, g.emit("floor", x)), math.pi)
    cotangent = g.emit("div", g.emit("cos", angle), g.emit("sin", angle))
    reflected = g.emit("sub", value, g.math("mul", cotangent, math.pi))
    at_pole = g.emit("and", g.compare("le", x, 0.0), g.compare("eq", x, g.emit("floor", x)))
    reflected = g.emit("select", at_pole, g.scalar(math.nan, x.dtype), reflected)
    return g.emit("select", reflects, reflected, value)
