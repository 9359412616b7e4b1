# SPDX-License-Identifier: Apache-2.0
"""ATen's Chebyshev polynomials of degrees that are data, in closed form.

Inside [-1, 1] they are sines and cosines of the degree times an angle, outside hyperbolic ones.
Recurrences, which torch runs for low degrees, would need as many steps as the highest degree.
They are computed in f64, because the degree multiplies the rounding of the angle.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torshjit.capture.torch_elementwise import float_dtype
from torshjit.capture.torch_expression import Formula, where
from torshjit.capture.torch_lowering import Lowering, lowers

__all__: list[str] = []


def _arc_cosine(x: Formula) -> Formula:
    return ((1 - x) * (1 + x)).sqrt().atan2(x)


def _inverse_cosh(x: Formula) -> Formula:
    excess = x - 1
    return (excess + (excess * (x + 1)).sqrt()).log1p()


def _sinh(x: Formula) -> Formula:
    grown = x.expm1()
    return 0.5 * (grown + grown / (grown + 1))


def _cosh(x: Formula) -> Formula:
    grown = x.exp()
    return 0.5 * (grown + 1 / grown)


def _ratio(
    over: Callable, under: Callable, top: Formula, bottom: Formula, limit: Formula
) -> Formula:
    """over(top) / under(bottom), where both may vanish to a quotient of `limit`."""
    divisor = under(bottom)
    return where(divisor.equals(0), limit, over(top) / divisor)


#: For n at angle t: (inside, outside) [-1, 1].
def _first(n: Formula, t: Formula, cosine: Callable, sine: Callable) -> Formula:
    return cosine(n * t)


def _second(n: Formula, t: Formula, cosine: Callable, sine: Callable) -> Formula:
    return _ratio(sine, sine, (n + 1) * t, t, n + 1)


def _third(n: Formula, t: Formula, cosine: Callable, sine: Callable) -> Formula:
    return cosine((n + 0.5) * t) / cosine(0.5 * t)


def _fourth(n: Formula, t: Formula, cosine: Callable, sine: Callable) -> Formula:
    return _ratio(sine, sine, (n + 0.5) * t, 0.5 * t, 2 * n + 1)


_KINDS = {
    "t": (_first, _first),
    "u": (_second, _second),
    "v": (_third, _fourth),
    "w": (_fourth, _third),
}


def _chebyshev(x: Formula, n: Formula, kind: str) -> Formula:
    own, mirrored = _KINDS[kind]
    size = abs(x)
    odd = (n - 2 * (n * 0.5).floor()).equals(1)
    # Of -x it is the polynomial of x, with a sign for odd degrees; the third kind is the fourth.
    angle = _arc_cosine(size.minimum(1))
    rate = _inverse_cosh(size.maximum(1))

    def at_size(polynomial: Callable) -> Formula:
        inside = polynomial(n, angle, lambda t: t.cos(), lambda t: t.sin())
        outside = polynomial(n, rate, _cosh, _sinh)
        return where(size > 1, outside, inside)

    positive = at_size(own)
    negative = positive if own is mirrored else at_size(mirrored)
    negative = where(odd, -negative, negative)
    result = where(x < 0, negative, positive)
    result = where(n.equals(0), 1, result)
    result = where(Formula(x.g, x.g.emit("isnan", x.value)), math.nan, result)
    return where(n < 0, 0, result)


def _rule(kind: str, shifted: bool) -> Callable[..., Any]:
    def rule(g: Lowering, x: Any, n: Any) -> Any:
        dtype = float_dtype(x, n)
        argument = Formula(g, g.operand(x, "f64"))
        degree = Formula(g, g.operand(n, "f64")).trunc()
        if shifted:
            argument = argument * 2 - 1
        return g.cast(_chebyshev(argument, degree, kind).value, dtype)

    return rule


for _kind in _KINDS:
    for _shifted in (False, True):
        _name = f"special_{'shifted_' if _shifted else ''}chebyshev_polynomial_{_kind}"
        lowers(f"aten.{_name}.default", f"aten.{_name}.x_scalar", f"aten.{_name}.n_scalar")(
            _rule(_kind, _shifted)
        )
