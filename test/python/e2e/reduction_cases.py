# SPDX-License-Identifier: Apache-2.0
"""Cases of reductions and of positions of extrema."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from e2e.case_values import (
    FLOATS,
    NUMERIC,
    Values,
    beginning_with,
    chosen,
    numbers,
    repeating,
    uniform,
)
from e2e.op_case import Case, Operand
from e2e.tolerance import EXACT, Tolerance, approximate, of_magnitudes

# Label: shape, axes, keepdims.
_REDUCTIONS = {
    "rows": ((5, 37), [1], False),
    "columns": ((5, 37), [0], False),
    "middle-kept": ((3, 5, 7), [1], True),
    "all": ((3, 5, 7), [0, 1, 2], False),
}
_SHAPES = {
    "outer-and-inner": ((3, 5, 7), [0, 2], False),
    "long": ((1031,), [0], False),
    "one-element": ((1, 1), [1], False),
    "no-axes": ((3, 4), [], False),
    "scalar": ((), [], False),
    "empty-result": ((0, 4), [1], False),
}
# A reduction over nothing, which only those with an identity allow.
_EMPTY = {"empty-axis": ((3, 0), [1], False), "empty-all": ((0,), [0], True)}


def cases() -> Iterator[Case]:
    for dtype in NUMERIC:
        for op in ("sum", "prod", "amax", "amin"):
            yield from _reduction_cases(op, dtype, _REDUCTIONS)
        yield from _position_cases(dtype)
    for dtype in FLOATS:
        yield from _reduction_cases("mean", dtype, _REDUCTIONS)
    for op in ("any", "all"):
        yield from _reduction_cases(op, "i1", _REDUCTIONS | _SHAPES | _EMPTY)
    for dtype in ("f32", "i32"):
        for op in ("sum", "prod", "amax", "amin"):
            yield from _reduction_cases(op, dtype, _SHAPES)
        for op in ("sum", "prod"):
            yield from _reduction_cases(op, dtype, _EMPTY)
    yield from _reduction_cases("mean", "f32", _SHAPES | _EMPTY)
    for dtype in FLOATS:
        for op in ("sum", "prod", "mean", "amax", "amin"):
            yield _case_with_nan(op, dtype)


def _values(op: str, dtype: str) -> Values:
    if op == "prod" and dtype in FLOATS:
        # Near one, so that a long product neither vanishes nor overflows.
        return uniform(0.8, 1.2)
    if op in ("any", "all"):
        return lambda rng, _, shape: np.asarray(rng.random(shape) < (0.1 if op == "any" else 0.9))
    return numbers


def _tolerance(op: str, terms: int) -> Tolerance:
    if op in ("sum", "mean"):
        return approximate(terms + 1, of_magnitudes)
    if op == "prod":
        return approximate(terms)
    return EXACT


def _reduction_cases(op: str, dtype: str, table: dict) -> Iterator[Case]:
    for label, (shape, axes, keepdims) in table.items():
        terms = math.prod(shape[axis] for axis in axes)
        yield Case(
            op, label, dtype, (Operand(shape, _values(op, dtype)),),
            {"axes": axes, "keepdims": keepdims}, _tolerance(op, terms),
            dynamic=dtype in ("f32", "i32", "i1"),
        )  # fmt: skip


def _case_with_nan(op: str, dtype: str) -> Case:
    """Rows with a NaN, with both infinities, with one."""
    rows = np.ones((5, 13))
    rows[0, 3], rows[1, [2, 9]], rows[2, 12], rows[3, 0] = (
        np.nan,
        [np.inf, -np.inf],
        -np.inf,
        np.inf,
    )
    values = beginning_with(chosen(*rows.ravel()))
    attributes = {"axes": [1], "keepdims": False}
    tolerance = _tolerance(op, 13)
    # The magnitudes of an infinite sum are no scale; these few ones add up exactly.
    tolerance = tolerance if tolerance.exact else approximate(13)
    return Case(op, "nan", dtype, (Operand((5, 13), values),), attributes, tolerance)


def _position_cases(dtype: str) -> Iterator[Case]:
    with_nan = numbers
    if dtype in FLOATS:
        with_nan = beginning_with(chosen(1, np.nan, np.inf, np.nan, -np.inf))
    variants = {
        "rows": ((5, 37), 1, False, numbers),
        "columns": ((5, 37), 0, False, numbers),
        "middle-kept": ((3, 5, 7), 1, True, numbers),
        "ties": ((4, 35), 1, False, repeating(3, 7, 1, 7, 1)),
        "nan": ((3, 19), 1, False, with_nan),
    }
    if dtype in ("f32", "i32"):
        variants["empty-result"] = ((0, 5), 1, False, numbers)
        variants["long"] = ((2, 1031), 1, False, repeating(*range(7)))
    for op in ("argmax", "argmin"):
        for label, (shape, axis, keepdims, values) in variants.items():
            yield Case(
                op, label, dtype, (Operand(shape, values),), {"axis": axis, "keepdims": keepdims},
                EXACT, dynamic=dtype in ("f32", "i32"),
            )  # fmt: skip
