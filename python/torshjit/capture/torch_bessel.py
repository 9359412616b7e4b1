# SPDX-License-Identifier: Apache-2.0
"""ATen Bessel and Airy functions, from Chebyshev series between and beyond their bends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torshjit.capture import torch_special_coefficients as table
from torshjit.capture.torch_expression import Formula, chebyshev, formula_rule, where
from torshjit.capture.torch_lowering import lowers

__all__: list[str] = []

Body = Callable[[Formula], Formula]


# Modified functions of the first kind.


def _scaled_i(order: int) -> Body:
    """exp(-|x|) I(x)."""
    inner: Sequence[float] = (table.I0_INNER, table.I1_INNER)[order]
    outer: Sequence[float] = (table.I0_OUTER, table.I1_OUTER)[order]

    def body(x: Formula) -> Formula:
        size = abs(x)
        near = chebyshev(size.minimum(8) * 0.25 - 1, inner)
        if order == 1:
            near = near * size
        beyond = size.maximum(8)
        far = chebyshev(16 / beyond - 1, outer) / beyond.sqrt()
        result = where(size > 8, far, near)
        return result if order == 0 else where(x < 0, -result, result)

    return body


def _i(order: int) -> Body:
    scaled = _scaled_i(order)

    def body(x: Formula) -> Formula:
        # In two factors, because exp(x) overflows before I(x) does.
        root = (abs(x) * 0.5).exp()
        return scaled(x) * root * root

    return body


for _order in (0, 1):
    lowers(f"aten.special_i{_order}e.default")(formula_rule(_scaled_i(_order)))
    lowers(f"aten.special_modified_bessel_i{_order}.default")(formula_rule(_i(_order)))
lowers("aten.i0.default")(formula_rule(_i(0)))
lowers("aten.special_i1.default")(formula_rule(_i(1)))


# Modified functions of the second kind.


def _k(order: int, scaled: bool) -> Body:
    inner: Sequence[float] = (table.K0_INNER, table.K1_INNER)[order]
    outer: Sequence[float] = (table.K0_OUTER, table.K1_OUTER)[order]

    def body(x: Formula) -> Formula:
        inside = x.minimum(2)
        near = chebyshev(inside * inside * 0.5 - 1, inner)
        log = (inside * 0.5).log()
        if order == 0:
            near = near - log * _i(0)(inside)
        else:
            near = near / inside + log * _i(1)(inside)
        if scaled:
            near = near * inside.exp()
        beyond = x.maximum(2)
        far = chebyshev(4 / beyond - 1, outer) / beyond.sqrt()
        if not scaled:
            far = far * (-beyond).exp()
        result = where(x > 2, far, near)
        result = where(x.equals(0), math.inf, result)
        return where(x < 0, math.nan, result)

    return body


for _order in (0, 1):
    lowers(f"aten.special_modified_bessel_k{_order}.default")(formula_rule(_k(_order, False)))
    lowers(f"aten.special_scaled_modified_bessel_k{_order}.default")(formula_rule(_k(_order, True)))


# Functions of the first and second kind.


def _waves(x: Formula, order: int) -> tuple[Formula, Formula, Formula]:
    """Beyond 8: the amplitudes P and Q under their root, and the angle."""
    p_table: Sequence[float] = (table.PHASE0_P, table.PHASE1_P)[order]
    q_table: Sequence[float] = (table.PHASE0_Q, table.PHASE1_Q)[order]
    inverse = 8 / x
    u = inverse * inverse * 2 - 1
    root = (x * (math.pi / 2)).sqrt()
    p = chebyshev(u, p_table) / root
    q = chebyshev(u, q_table) * inverse / root
    return p, q, x - (2 * order + 1) * math.pi / 4


def _j(order: int) -> Body:
    inner: Sequence[float] = (table.J0_INNER, table.J1_INNER)[order]

    def body(x: Formula) -> Formula:
        size = abs(x)
        inside = size.minimum(8)
        near = chebyshev(inside * inside * (1 / 32) - 1, inner)
        if order == 1:
            near = near * inside
        p, q, angle = _waves(size.maximum(8), order)
        far = p * angle.cos() - q * angle.sin()
        result = where(size > 8, far, near)
        return result if order == 0 else where(x < 0, -result, result)

    return body


def _y(order: int) -> Body:
    inner: Sequence[float] = (table.Y0_INNER, table.Y1_INNER)[order]

    def body(x: Formula) -> Formula:
        inside = x.minimum(8)
        near = chebyshev(inside * inside * (1 / 32) - 1, inner)
        log = inside.log() * (2 / math.pi)
        if order == 0:
            near = near + log * _j(0)(inside)
        else:
            near = near * inside + log * _j(1)(inside) - (2 / math.pi) / inside
        p, q, angle = _waves(x.maximum(8), order)
        far = p * angle.sin() + q * angle.cos()
        result = where(x > 8, far, near)
        result = where(x.equals(0), -math.inf, result)
        return where(x < 0, math.nan, result)

    return body


for _order in (0, 1):
    lowers(f"aten.special_bessel_j{_order}.default")(formula_rule(_j(_order)))
    lowers(f"aten.special_bessel_y{_order}.default")(formula_rule(_y(_order)))


@lowers("aten.special_spherical_bessel_j0.default")
@formula_rule
def spherical_j0(x: Formula) -> Formula:
    square = x * x
    near = 1 - square * (1 / 6) * (1 - square * (1 / 20) * (1 - square * (1 / 42)))
    result = where(abs(x) < 0.1, near, x.sin() / x)
    return where(abs(x).equals(math.inf), 0, result)


# The Airy function.


@lowers("aten.special_airy_ai.default")
@formula_rule
def airy_ai(x: Formula) -> Formula:
    middle = chebyshev((x.maximum(-5).minimum(3) + 1) * 0.25, table.AIRY_MIDDLE)

    right = x.maximum(3)
    z = right * right.sqrt() * (2 / 3)
    fourth_root = right.sqrt().sqrt()
    decay = chebyshev(4 / z - 1, table.AIRY_RIGHT) * (-z).exp()
    decay = decay / fourth_root * (0.5 / math.sqrt(math.pi))

    left = (-x).maximum(5)
    z = left * left.sqrt() * (2 / 3)
    inverse = 6 / z
    u = inverse * inverse * 2 - 1
    angle = z - math.pi / 4
    p, q = chebyshev(u, table.AIRY_LEFT_P), chebyshev(u, table.AIRY_LEFT_Q) / z
    wave = (p * angle.cos() + q * angle.sin()) / left.sqrt().sqrt() * (1 / math.sqrt(math.pi))

    result = where(x > 3, decay, where(x < -5, wave, middle))
    return where(x.equals(math.inf), 0, result)
