# SPDX-License-Identifier: Apache-2.0
"""Cases of reads and writes at positions that are data, of scans and orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from e2e.case_values import (
    ALL,
    FLOATS,
    NUMERIC,
    Values,
    beginning_with,
    chosen,
    numbers,
    repeating,
    sampled,
    specials,
    uniform,
)
from e2e.op_case import Case, Operand
from e2e.tolerance import EXACT, SAME_BITS, Tolerance, approximate, of_magnitudes
from graph_records import DTYPES

_values = beginning_with(specials)


def cases() -> Iterator[Case]:
    for dtype in ALL:
        yield from _gather_cases(dtype)
        yield from _scatter_cases(dtype)
        yield from _order_cases(dtype)
    for dtype in NUMERIC:
        yield from _scan_cases(dtype)


def _positions(extent: int, below: int = 0, beyond: int = 0) -> Values:
    """Positions in an axis; `below` and `beyond`: as far outside of it, on both of its sides."""

    def values(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        low = 0 if dtype.startswith("u") else -extent - below
        return np.asarray(rng.integers(low, extent + beyond, shape)).astype(DTYPES[dtype])

    return values


# Positions of which the low 32 bits are in range.
_FAR = (3, 2**32 + 1, -(2**32) - 2, 2**40)

# Label: shape of the data, axes, shapes of the positions, their type.
_GATHERS: dict[str, tuple[tuple[int, ...], list[int], list[tuple[int, ...]], str]] = {
    "rows": ((13, 5), [0], [(4, 3)], "i64"),
    "columns": ((5, 13), [1], [(7,)], "i32"),
    "middle": ((3, 11, 2), [1], [(2, 3)], "i8"),
    "apart": ((7, 3, 5), [0, 2], [(4, 1), (3,)], "i64"),
    "points": ((7, 5), [0, 1], [(9,), (9,)], "i16"),
    "scalar": ((6, 4), [0], [()], "i64"),
}


def _gather_cases(dtype: str) -> Iterator[Case]:
    sample = dtype in ("f32", "i8")
    for label, (shape, axes, positions, index) in sampled(_GATHERS, dtype).items():
        indices = [
            Operand(own, _positions(shape[axis], 2, 3), index)
            for axis, own in zip(axes, positions, strict=True)
        ]
        operands = (Operand(shape, _values), indices)
        yield Case("gather", label, dtype, operands, {"axes": axes}, SAME_BITS, dynamic=sample)
    along = {
        "rows": ((4, 13), (4, 6), 1),
        "columns": ((13, 5), (3, 5), 0),
        "middle": ((2, 7, 3), (2, 9, 3), 1),
    }
    for label, (shape, own, axis) in sampled(along, dtype).items():
        operands = (Operand(shape, _values), Operand(own, _positions(shape[axis], 2, 3), "i64"))
        yield Case(
            "take_along_axis", label, dtype, operands, {"axis": axis}, SAME_BITS, dynamic=sample
        )
    if sample:
        # Positions that a signed integer of the width does not hold, or none of 32 bits.
        far = {
            "ui8": (0, 200, 255),
            "ui32": (0, 2**31 + 1, 2**32 - 1),
            "ui64": (0, 2, 2**63, 2**64 - 1),
            "i64": _FAR,
        }
        for index, places in far.items():
            filled = beginning_with(lambda name, at=places: np.array(at, DTYPES[name]))
            yield Case(
                "gather", f"{index}-positions", dtype,
                (Operand((251, 3), _values), [Operand((4,), filled, index)]), {"axes": [0]},
                SAME_BITS, dynamic=True,
            )  # fmt: skip
        yield Case(
            "gather", "nothing", dtype, (Operand((4, 3), _values), [Operand((0,), dtype="i64")]),
            {"axes": [0]}, SAME_BITS, dynamic=True,
        )  # fmt: skip
        yield Case(
            "gather", "from-nothing", dtype,
            (Operand((0, 3), _values), [Operand((0, 2), dtype="i64")]), {"axes": [0]}, SAME_BITS,
            dynamic=True,
        )  # fmt: skip


def _reductions(dtype: str) -> Sequence[str]:
    return ("none",) if dtype == "i1" else ("none", "add", "mul", "min", "max")


def _scatter_tolerance(reduction: str, dtype: str) -> Tolerance:
    if dtype not in FLOATS or reduction in ("none", "min", "max"):
        return EXACT
    return approximate(16, of_magnitudes) if reduction == "add" else approximate(16)


def _scattered(reduction: str, dtype: str) -> Values:
    if dtype in FLOATS:
        return uniform(0.8, 1.2) if reduction == "mul" else numbers
    return numbers


def _scatter_cases(dtype: str) -> Iterator[Case]:
    sample = dtype in ("f32", "i32")
    for reduction in _reductions(dtype):
        values, tolerance = _scattered(reduction, dtype), _scatter_tolerance(reduction, dtype)
        # Label: shape of the data, axes, shape of the positions, of the updates.
        scatters: dict[str, tuple] = {
            "rows": ((7, 5), [0], [(4, 3)], (4, 3, 5)),
            "columns": ((5, 6), [1], [(11,)], (5, 11)),
            "points": ((4, 5), [0, 1], [(17,), (17,)], (17,)),
        }
        if sample:
            scatters["apart"] = ((4, 3, 5), [0, 2], [(6, 1), (2,)], (6, 2, 3))
            scatters["scalar"] = ((6, 4), [0], [()], (4,))
            scatters["nothing"] = ((6, 4), [0], [(0,)], (0, 4))
            scatters["far"] = ((6, 4), [0], [(4,)], (4, 4))
        for label, (shape, axes, positions, updates) in sampled(scatters, dtype).items():
            far = beginning_with(lambda _: np.array(_FAR))
            indices = [
                Operand(own, far if label == "far" else _positions(shape[axis], 1, 2), "i64")
                for axis, own in zip(axes, positions, strict=True)
            ]
            yield Case(
                "scatter", f"{reduction}-{label}", dtype,
                (Operand(shape, values), Operand(updates, values), indices),
                {"axes": axes, "reduction": reduction}, tolerance, dynamic=sample,
            )  # fmt: skip
        along = {"rows": ((4, 7), (4, 9), 1), "columns": ((6, 5), (3, 5), 0)}
        for label, (shape, own, axis) in sampled(along, dtype).items():
            operands = (
                Operand(shape, values),
                Operand(own, _positions(shape[axis], 1, 2), "i32"),
                Operand(own, values),
            )
            yield Case(
                "put_along_axis", f"{reduction}-{label}", dtype, operands,
                {"axis": axis, "reduction": reduction}, tolerance, dynamic=sample,
            )  # fmt: skip


def _scan_cases(dtype: str) -> Iterator[Case]:
    sample = dtype in ("f32", "i32")
    for kind in ("sum", "prod", "max", "min"):
        values: Values = uniform(0.8, 1.2) if kind == "prod" and dtype in FLOATS else numbers
        tolerance = EXACT
        if dtype in FLOATS and kind in ("sum", "prod"):
            tolerance = approximate(40, of_magnitudes) if kind == "sum" else approximate(40)
        variants: dict[str, tuple] = {
            "rows": ((5, 37), 1, False, False),
            "columns": ((13, 5), 0, False, False),
            "rows-reverse": ((3, 131), 1, True, False),
            "wide-columns": ((11, 2, 67), 0, False, False),
        }
        if sample:
            variants |= {
                "middle": ((3, 9, 2), 1, False, False),
                "reverse": ((5, 19), 1, True, False),
                "exclusive": ((5, 19), 1, False, True),
                "long-exclusive": ((2, 135), 1, False, True),
                "long-both": ((2, 135), 1, True, True),
                "wide-columns-reverse": ((7, 67), 0, True, False),
                "wide-columns-exclusive": ((6, 67), 0, False, True),
                "wide-columns-both": ((1, 6, 67), 1, True, True),
                "one-row": ((1, 67), 0, False, False),
                "no-row": ((0, 67), 0, False, True),
                "both": ((19, 3), 0, True, True),
                "one": ((4, 1), 1, False, False),
                "one-exclusive": ((4, 1), 1, False, True),
                "empty": ((3, 0), 1, False, False),
            }
        for label, (shape, axis, reverse, exclusive) in sampled(variants, dtype).items():
            yield Case(
                "scan", f"{kind}-{label}", dtype, (Operand(shape, values),),
                {"kind": kind, "axis": axis, "reverse": reverse, "exclusive": exclusive}, tolerance,
                dynamic=sample,
            )  # fmt: skip
    if dtype in FLOATS:
        special = beginning_with(chosen(1, 2, np.inf, -1, np.nan, 3, -np.inf))
        for kind in ("sum", "max", "min"):
            yield Case(
                "scan", f"{kind}-specials", dtype, (Operand((2, 8), special),),
                {"kind": kind, "axis": 1, "reverse": False, "exclusive": False},
                approximate(8) if kind == "sum" else EXACT,
            )  # fmt: skip
            # Within a vector, and with the vectors before and after it.
            for label, shape, reverse in (
                ("vectors", (3, 70), False),
                ("vectors-reverse", (3, 70), True),
            ):
                scattered = repeating(
                    *[1.0] * 37, np.nan, *[2.0] * 40, np.inf, *[1.0] * 30, -np.inf
                )
                yield Case(
                    "scan", f"{kind}-specials-{label}", dtype, (Operand(shape, scattered),),
                    {"kind": kind, "axis": 1, "reverse": reverse, "exclusive": False}, EXACT,
                )  # fmt: skip


def _order_cases(dtype: str) -> Iterator[Case]:
    sample = dtype in ("f32", "i32")
    ties = repeating(1, 0, 1, 1, 0)
    for op in ("rank", "argsort"):
        for descending in (False, True):
            variants = {"rows": ((3, 37), 1, _values), "columns": ((19, 3), 0, numbers)}
            variants["ties"] = ((2, 23), 1, ties)
            # Sorted by digits.
            variants["long-rows"] = ((3, 133), 1, _values)
            variants["long-ties"] = ((2, 64), 1, ties)
            if sample:
                variants |= {
                    "middle": ((2, 9, 3), 1, numbers),
                    "one": ((4, 1), 1, numbers),
                    "empty": ((3, 0), 1, numbers),
                    "long": ((1, 700), 1, repeating(*range(97))),
                    "long-columns": ((65, 3), 0, _values),
                }
            for label, (shape, axis, values) in sampled(variants, dtype).items():
                yield Case(
                    op, f"{label}-{'down' if descending else 'up'}", dtype,
                    (Operand(shape, values),), {"axis": axis, "descending": descending}, EXACT,
                    dynamic=sample,
                )  # fmt: skip
