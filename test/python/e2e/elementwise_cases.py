# SPDX-License-Identifier: Apache-2.0
"""Cases of elementwise operations, over every element type that they allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from e2e.case_values import (
    ALL,
    FLOATS,
    INTEGERS,
    NUMERIC,
    UNSIGNED,
    Values,
    beginning_with,
    chosen,
    largest,
    numbers,
    pairs,
    specials,
    uniform,
)
from e2e.op_case import Case, Operand
from e2e.tolerance import (
    EXACT,
    ROUNDED,
    SAME_BITS,
    Tolerance,
    approximate,
    of_one,
    of_operand,
)
from graph_records import DTYPES

# Units in the last place that our approximations of functions may be off.
APPROXIMATION = 8

_BINARY: dict[str, tuple[tuple[str, ...], Tolerance]] = {
    "add": (NUMERIC, ROUNDED),
    "sub": (NUMERIC, ROUNDED),
    "mul": (NUMERIC, ROUNDED),
    "div": (FLOATS, ROUNDED),
    "floor_divide": (NUMERIC, ROUNDED),
    "remainder": (NUMERIC, ROUNDED),
    "maximum": (NUMERIC, EXACT),
    "minimum": (NUMERIC, EXACT),
    "atan2": (FLOATS, approximate(APPROXIMATION)),
    "and": (("i1", *INTEGERS), EXACT),
    "or": (("i1", *INTEGERS), EXACT),
    "xor": (("i1", *INTEGERS), EXACT),
}

_without_extremes = chosen(0, -0.0, 1, -1, 0.5, -2.5, np.inf, -np.inf, np.nan)

_UNARY: dict[str, tuple[tuple[str, ...], Tolerance, Values]] = {
    "neg": (NUMERIC, SAME_BITS, numbers),
    "abs": (NUMERIC, SAME_BITS, numbers),
    "sign": (NUMERIC, EXACT, numbers),
    "sqrt": (FLOATS, ROUNDED, uniform(0, 100)),
    "rsqrt": (FLOATS, approximate(2), uniform(0.01, 100)),
    "reciprocal": (FLOATS, ROUNDED, numbers),
    "exp": (FLOATS, approximate(APPROXIMATION), uniform(-10, 10)),
    "expm1": (FLOATS, approximate(APPROXIMATION), numbers),
    "log": (FLOATS, approximate(APPROXIMATION), uniform(0.01, 10)),
    "log1p": (FLOATS, approximate(APPROXIMATION), uniform(-0.9, 10)),
    "tanh": (FLOATS, approximate(APPROXIMATION), numbers),
    "erf": (FLOATS, approximate(APPROXIMATION), numbers),
    "floor": (FLOATS, SAME_BITS, numbers),
    "ceil": (FLOATS, SAME_BITS, numbers),
    "trunc": (FLOATS, SAME_BITS, numbers),
    "round": (FLOATS, SAME_BITS, numbers),
    "relu": (NUMERIC, EXACT, numbers),
    "sigmoid": (FLOATS, approximate(APPROXIMATION), uniform(-20, 20)),
    "silu": (FLOATS, approximate(APPROXIMATION), uniform(-20, 20)),
    "softplus": (FLOATS, approximate(APPROXIMATION), uniform(-20, 20)),
    "hardsigmoid": (FLOATS, approximate(4, of_one), numbers),
    "hardswish": (FLOATS, approximate(4, of_operand), numbers),
}

_UNARY_WITH_ATTRIBUTES: dict[str, list[tuple[str, Mapping[str, Any], Tolerance]]] = {
    "gelu": [
        ("erf", {"approximate": "none"}, approximate(APPROXIMATION, of_operand)),
        ("tanh", {"approximate": "tanh"}, approximate(APPROXIMATION, of_operand)),
    ],
    "leaky_relu": [
        ("default", {}, approximate(1)),
        ("steep", {"negative_slope": 0.3}, approximate(1)),
    ],
    "elu": [
        ("default", {}, approximate(APPROXIMATION)),
        ("alpha", {"alpha": 0.7}, approximate(APPROXIMATION)),
    ],
}

# The types for which the shapes that no arithmetic depends on are tried.
_SAMPLE = ("f32", "i32")


def cases() -> Iterator[Case]:
    yield from _binary_cases()
    yield from _power_cases()
    yield from _compare_and_select_cases()
    yield from _unary_cases()
    yield from _cast_cases()
    yield from _bit_cases()


def _all_pairs(dtype: str) -> tuple[Operand, Operand]:
    count = len(specials(dtype)) ** 2
    return Operand((count,), pairs(0)), Operand((count,), pairs(1))


def _binary_cases() -> Iterator[Case]:
    for op, (dtypes, tolerance) in _BINARY.items():
        for dtype in dtypes:

            def case(label, lhs, rhs, dynamic=False, op=op, dtype=dtype, tolerance=tolerance):
                return Case(op, label, dtype, (lhs, rhs), {}, tolerance, dynamic=dynamic)

            sample = dtype in (*_SAMPLE, "i1")
            yield case("odd", Operand((5, 37)), Operand((5, 37)), dynamic=sample)
            yield case("broadcast", Operand((3, 1, 7)), Operand((5, 1)), dynamic=sample)
            yield case("specials", *_all_pairs(dtype))
            if dtype in _SAMPLE:
                yield case("scalars", Operand(()), Operand(()))
                yield case("scalar-row", Operand(()), Operand((19,)), dynamic=True)
                yield case("ones", Operand((1, 1)), Operand((1,)))
                yield case("empty", Operand((0, 4)), Operand((1, 4)), dynamic=True)


def _power_cases() -> Iterator[Case]:
    tolerance = approximate(16)
    for dtype in FLOATS:
        operands = (Operand((5, 37), uniform(0.1, 4)), Operand((37,)))
        yield Case("pow", "broadcast", dtype, operands, {}, tolerance, dynamic=dtype == "f32")
        yield Case("pow", "specials", dtype, _all_pairs(dtype), {}, tolerance)
    for dtype in INTEGERS:
        exponents = uniform(0 if dtype in UNSIGNED else -3, 12)
        operands = (Operand((5, 37)), Operand((37,), exponents))
        yield Case("pow", "broadcast", dtype, operands, dynamic=dtype == "i32")
        yield Case("pow", "specials", dtype, _all_pairs(dtype))


def _compare_and_select_cases() -> Iterator[Case]:
    for dtype in ALL:
        for predicate in ("eq", "ne", "lt", "le", "gt", "ge"):
            attributes = {"predicate": predicate}
            yield Case("compare", f"{predicate}-specials", dtype, _all_pairs(dtype), attributes)
        operands = (Operand((3, 1, 7)), Operand((5, 1)))
        yield Case("compare", "broadcast", dtype, operands, {"predicate": "lt"}, dynamic=True)
        condition = Operand((4, 1, 5), dtype="i1")
        values = beginning_with(specials)
        yield Case(
            "select", "broadcast", dtype,
            (condition, Operand((3, 5), values), Operand(())), {}, SAME_BITS, dynamic=True,
        )  # fmt: skip
        yield Case(
            "select", "odd", dtype,
            (Operand((5, 37), dtype="i1"), Operand((5, 37), values), Operand((5, 37), values)),
            {}, SAME_BITS,
        )  # fmt: skip


def _unary_cases() -> Iterator[Case]:
    for op, (dtypes, tolerance, values) in _UNARY.items():
        for dtype in dtypes:
            filled = beginning_with(specials, values)
            yield Case(
                op, "odd", dtype, (Operand((5, 37), filled),), {}, tolerance,
                dynamic=dtype in _SAMPLE,
            )  # fmt: skip
            if dtype in _SAMPLE:
                yield Case(op, "scalar", dtype, (Operand((), values),), {}, tolerance)
                yield Case(op, "empty", dtype, (Operand((3, 0), values),), {}, tolerance)
    for op, variants in _UNARY_WITH_ATTRIBUTES.items():
        for label, attributes, tolerance in variants:
            for dtype in FLOATS:
                operands = (Operand((5, 37), beginning_with(specials)),)
                dynamic = dtype == "f32"
                yield Case(op, label, dtype, operands, attributes, tolerance, dynamic=dynamic)
    for op in ("sin", "cos"):
        for dtype in FLOATS:
            # Near a zero of the function the reduction of the argument counts: relative to one.
            operands = (Operand((5, 37), beginning_with(_without_extremes, uniform(-30, 30))),)
            tolerance = approximate(APPROXIMATION, of_one)
            yield Case(op, "odd", dtype, operands, {}, tolerance, dynamic=dtype == "f32")
    for dtype in ("i1", *INTEGERS):
        yield Case("not", "odd", dtype, (Operand((5, 37), beginning_with(specials)),), dynamic=True)
    for dtype in FLOATS:
        operands = (Operand((5, 37), beginning_with(specials)),)
        yield Case("isnan", "odd", dtype, operands, dynamic=True)


def _cast_values(source: str, target: str) -> Values:
    if source in FLOATS and target in UNSIGNED:
        # The largest is beyond the signed integers of the width, where the float type holds it.
        large = min(1.5 * 2.0 ** (int(target[2:]) - 1), largest(source))
        return beginning_with(chosen(0, -0.0, 1, 0.5, -0.5, 2.5, large), uniform(0, 200))
    if source in FLOATS and target in INTEGERS:
        # Values out of range have no specified result.
        return beginning_with(chosen(0, -0.0, 1, -1, 0.5, -0.5, 2.5, -2.5), uniform(-100, 100))
    return beginning_with(specials)


def _cast_cases() -> Iterator[Case]:
    for source in ALL:
        for target in ALL:
            yield Case(
                "cast", f"to-{target}", source,
                (Operand((5, 37), _cast_values(source, target)),), {"dtype": target}, ROUNDED,
                dynamic=source == "f32",
            )  # fmt: skip


def _bit_cases() -> Iterator[Case]:
    for dtype in INTEGERS:
        width = DTYPES[dtype].itemsize * 8
        distances = beginning_with(chosen(0, 1, width - 1, width, 5), uniform(0, width))
        for op in ("shift_left", "shift_right"):
            operands = (Operand((7, 13)), Operand((7, 13), distances))
            yield Case(op, "odd", dtype, operands, dynamic=dtype == "i32")
            yield Case(op, "broadcast", dtype, (Operand((3, 1, 7)), Operand((5, 1), distances)))
            yield Case(op, "specials", dtype, _all_pairs(dtype))
    for dtype in NUMERIC:
        for other in NUMERIC:
            if DTYPES[dtype].itemsize == DTYPES[other].itemsize:
                # A float's bits are kept, those of NaN too, where no arithmetic touches them.
                operands = (Operand((5, 11), numbers),)
                yield Case("bitcast", other, dtype, operands, {"dtype": other}, SAME_BITS)
    yield Case("bitcast", "dynamic", "f32", (Operand((5, 11)),), {"dtype": "i32"}, dynamic=True)
    # The counters of known answers, and enough of them to need both words.
    counters = beginning_with(chosen(0, 1, 2**32 - 1, 2**32, 2**63))
    operands = (Operand((5, 37), counters), Operand((37,)))
    yield Case("philox", "broadcast", "ui64", operands, dynamic=True)
