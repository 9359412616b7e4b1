# SPDX-License-Identifier: Apache-2.0
"""ATen special functions: gamma and error functions, and inverse hyperbolic ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from torshjit.capture import torch_special_coefficients as table
from torshjit.capture.torch_expression import (
    Formula,
    chebyshev,
    formula_rule,
    polynomial,
    where,
)
from torshjit.capture.torch_lowering import Lowering, lowers

__all__ = ["scaled_erfc"]


# Inverse hyperbolic functions. Beyond _BIG the square of x leaves no trace in x^2 + 1.

_BIG = 2.0**28


@lowers("aten.asinh.default")
@formula_rule
def asinh(x: Formula) -> Formula:
    size = abs(x)
    square = x * x
    near = (size + square / ((square + 1).sqrt() + 1)).log1p()
    result = where(size > _BIG, size.log() + math.log(2), near)
    return where(x < 0, -result, result)


@lowers("aten.acosh.default")
@formula_rule
def acosh(x: Formula) -> Formula:
    excess = x - 1
    near = (excess + (excess * (x + 1)).sqrt()).log1p()
    result = where(x > _BIG, x.log() + math.log(2), near)
    return where(x < 1, math.nan, result)


@lowers("aten.atanh.default")
@formula_rule
def atanh(x: Formula) -> Formula:
    size = abs(x)
    result = (2 * size / (1 - size)).log1p() * 0.5
    return where(x < 0, -result, result)


# Gamma functions.

#: Coefficients of 1/x, 1/x^3, ... in the series of log gamma for large x, the last first.
_STIRLING = (1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12)
#: Where the series holds; below, the recurrence leads there.
_FAR = 8


def _sine_of_turns(x: Formula) -> Formula:
    """sin(pi x), from the distance to the nearest integer but for its sign."""
    return ((x - x.round()) * math.pi).sin()


def _log_gamma_of_positive(x: Formula) -> Formula:
    product = x
    for step in range(1, _FAR):
        product = product * (x + step)
    near = x < _FAR
    far = where(near, x + _FAR, x)
    inverse = 1 / far
    series = polynomial(inverse * inverse, _STIRLING) * inverse
    result = (far - 0.5) * (far.log() - 1) + (series + (0.5 * math.log(2 * math.pi) - 0.5))
    return where(near, result - product.log(), result)


@lowers("aten.lgamma.default")
@formula_rule
def lgamma(x: Formula) -> Formula:
    negative = x < 0.5
    result = _log_gamma_of_positive(where(negative, 1 - x, x))
    sine = abs(_sine_of_turns(x))
    result = where(negative, math.log(math.pi) - sine.log() - result, result)
    return where(abs(x).equals(math.inf), math.inf, result)


#: Coefficients of 1/x^2, 1/x^4, ... in the series of digamma for large x, the last first.
_DIGAMMA = (-1 / 12, 691 / 32760, -1 / 132, 1 / 240, -1 / 252, 1 / 120, -1 / 12)


def _digamma_of_positive(x: Formula) -> Formula:
    near = x < _FAR
    shift = 1 / x
    for step in range(1, _FAR):
        shift = shift + 1 / (x + step)
    far = where(near, x + _FAR, x)
    inverse = 1 / far
    square = inverse * inverse
    result = far.log() - 0.5 * inverse + polynomial(square, _DIGAMMA) * square
    return where(near, result - shift, result)


def _cotangent_of_turns(x: Formula) -> Formula:
    part = x - x.round()
    # The cosine as a sine, which is zero at exactly half a turn.
    return ((0.5 - abs(part)) * math.pi).sin() / (part * math.pi).sin()


def digamma_formula(x: Formula) -> Formula:
    """The logarithmic derivative of gamma, NaN at its poles but for zero."""
    negative = x < 0.5
    result = _digamma_of_positive(where(negative, 1 - x, x))
    result = where(negative, result - math.pi * _cotangent_of_turns(x), result)
    pole = (x < 0) & x.floor().equals(x)
    result = where(pole, math.nan, result)
    return where(x.equals(0), -1 / x, result)


lowers("aten.digamma.default")(formula_rule(digamma_formula))

#: The Bernoulli numbers B2, B4, ...
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)


def _polygamma_of_positive(x: Formula, order: int) -> Formula:
    """(-1)^(order + 1) times the derivative of digamma, for x > 0."""
    near = x < _FAR

    def power(base: Formula) -> Formula:
        result = base
        for _ in range(order):
            result = result * base
        return result

    factorial = math.factorial(order)
    shift = power(1 / x)
    for step in range(1, _FAR):
        shift = shift + power(1 / (x + step))
    far = where(near, x + _FAR, x)
    inverse = 1 / far
    square = inverse * inverse
    terms = [
        bernoulli * math.factorial(2 * k + order + 1) / math.factorial(2 * k + 2)
        for k, bernoulli in enumerate(_BERNOULLI)
    ]
    lead = math.factorial(order - 1) + inverse * (factorial / 2)
    result = lead + polynomial(square, terms[::-1]) * square
    for _ in range(order):
        result = result * inverse
    return where(near, result + shift * factorial, result)


def _cotangent_derivative(order: int) -> list[float]:
    """The polynomial in cot(pi x) that is its derivative divided by pi^order, highest first."""
    coefficients = [0.0, 1.0]
    for _ in range(order):
        slope = [k * c for k, c in enumerate(coefficients)][1:]
        # The derivative of the cotangent is -(1 + cot^2).
        coefficients = [0.0] * (len(slope) + 2)
        for k, c in enumerate(slope):
            coefficients[k] -= c
            coefficients[k + 2] -= c
    return coefficients[::-1]


@lowers("aten.polygamma.default")
def polygamma(g: Lowering, order: int, x: torch.Tensor) -> Any:
    if order < 0 or order > 20:
        raise g.fail(f"order {order} is not covered")

    def body(x: Formula) -> Formula:
        if order == 0:
            return digamma_formula(x)
        sign = -1.0 if order % 2 == 0 else 1.0
        negative = x < 0.5
        result = _polygamma_of_positive(where(negative, 1 - x, x), order) * sign
        turns = polynomial(_cotangent_of_turns(x), _cotangent_derivative(order))
        mirrored = (1 if order % 2 == 0 else -1) * result - turns * math.pi ** (order + 1)
        return where(negative, mirrored, result)

    return formula_rule(body)(g, x)


# Error functions.


def scaled_erfc(x: Formula) -> Formula:
    """exp(x^2) erfc(x) for x >= 0."""
    t = 2 / (x + 2)
    return t * chebyshev(2 * t - 1, table.SCALED_ERFC)


def _gauss(x: Formula) -> Formula:
    """exp(-x^2) to full precision: the square's leading part is exact."""
    lead = (x * 16).trunc() / 16
    return (-(lead * lead)).exp() * ((lead - x) * (lead + x)).exp()


def _complement(x: Formula) -> Formula:
    """erfc(x) for x >= 0; bounded, because the square of what is beyond overflows."""
    bounded = x.minimum(30)
    return where(x < 0.5, 1 - bounded.erf(), _gauss(bounded) * scaled_erfc(bounded))


@lowers("aten.erfc.default")
@formula_rule
def erfc(x: Formula) -> Formula:
    result = _complement(abs(x))
    return where(x < 0, 2 - result, result)


@lowers("aten.special_erfcx.default")
@formula_rule
def erfcx(x: Formula) -> Formula:
    result = scaled_erfc(abs(x))
    bounded = x.maximum(-30)
    lead = (bounded * 16).trunc() / 16
    growth = (lead * lead).exp() * ((bounded - lead) * (bounded + lead)).exp()
    return where(x < 0, 2 * growth - result, result)


def _inverse_of_erf(x: Formula, tail: Formula) -> Formula:
    """y >= 0 with erf(y) = x, where x >= 0 and tail is 1 - x without rounding."""
    # Winitzki's approximation, good to a few thousandths, then Halley's steps.
    log = tail.log() + x.log1p()
    lead = log * 0.5 + 2 / (math.pi * 0.147)
    y = ((lead * lead - log / 0.147).sqrt() - lead).maximum(0).sqrt()
    for _ in range(3 if x.dtype == "f64" else 2):
        gap = where(x < 0.5, y.erf() - x, tail - _complement(y))
        step = gap / (_gauss(y) * (2 / math.sqrt(math.pi)))
        y = y - step / (1 + y * step)
    # The start is not small beside an x that is.
    return where(x < 1e-3, x * (math.sqrt(math.pi) / 2) * (1 + x * x * (math.pi / 12)), y)


@lowers("aten.erfinv.default")
@formula_rule
def erfinv(x: Formula) -> Formula:
    size = abs(x)
    result = _inverse_of_erf(size, 1 - size)
    result = where(size.equals(1), math.inf, result)
    return where(x < 0, -result, result)


@lowers("aten.special_ndtri.default")
@formula_rule
def ndtri(p: Formula) -> Formula:
    lower = p < 0.5
    tail = where(lower, p, 1 - p) * 2
    result = _inverse_of_erf(1 - tail, tail) * math.sqrt(2)
    result = where(tail.equals(0), math.inf, result)
    result = where(lower, -result, result)
    return where((p < 0) | (p > 1), math.nan, result)


@lowers("aten.special_log_ndtr.default")
@formula_rule
def log_ndtr(x: Formula) -> Formula:
    t = x * math.sqrt(0.5)
    low = x < -1
    far = (scaled_erfc(where(low, -t, 1.0)) * 0.5).log() - t * t
    positive = _complement(abs(t))
    tail = where(t < 0, 2 - positive, positive)
    return where(low, far, (-0.5 * tail).log1p())


# Entropies and their like.


@lowers("aten.special_entr.default")
@formula_rule
def entr(x: Formula) -> Formula:
    result = where(x > 0, -x * x.log(), where(x.equals(0), x.of(0), x.of(-math.inf)))
    return where(Formula(x.g, x.g.emit("isnan", x.value)), x, result)


@lowers(
    "aten.special_xlog1py.default",
    "aten.special_xlog1py.self_scalar",
    "aten.special_xlog1py.other_scalar",
)
@formula_rule
def xlog1py(x: Formula, y: Formula) -> Formula:
    result = where(x.equals(0), 0, x * y.log1p())
    return where(Formula(y.g, y.g.emit("isnan", y.value)), y, result)


@lowers("aten.sinc.default")
@formula_rule
def sinc(x: Formula) -> Formula:
    turned = x * math.pi
    return where(x.equals(0), 1, turned.sin() / turned)


def _angle_factor(factor: float) -> Callable[[Formula], Formula]:
    return lambda x: x * factor


lowers("aten.deg2rad.default")(formula_rule(_angle_factor(math.pi / 180)))
lowers("aten.rad2deg.default")(formula_rule(_angle_factor(180 / math.pi)))


@lowers("aten.logaddexp2.default")
@formula_rule
def logaddexp2(x: Formula, y: Formula) -> Formula:
    gap = where(x.equals(y), 0, -abs(x - y))
    tail = x.of(2).call("pow", gap).log1p() * (1 / math.log(2))
    return x.maximum(y) + tail
