# SPDX-License-Identifier: Apache-2.0
"""Cases of constants and movements, which have to keep every bit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from e2e.case_values import ALL, beginning_with, sampled, specials
from e2e.op_case import Case, Operand
from e2e.tolerance import EXACT, SAME_BITS
from graph_records import DTYPES

_TO_THE_END = np.iinfo(np.int64).max
_values = beginning_with(specials)


def cases() -> Iterator[Case]:
    for dtype in ALL:
        yield from _constant_cases(dtype)
        yield from _reshape_cases(dtype)
        yield from _permute_and_slice_cases(dtype)
        yield from _concat_and_pad_cases(dtype)


def _constant_cases(dtype: str) -> Iterator[Case]:
    rng = np.random.default_rng(0)
    for label, shape in (("odd", (5, 37)), ("scalar", ()), ("empty", (0, 3))):
        value = _values(rng, dtype, shape)
        yield Case("constant", label, dtype, (), {"value": value}, SAME_BITS)
    splat = np.full((4, 3), 1).astype(DTYPES[dtype])
    yield Case("constant", "splat", dtype, (), {"value": splat}, SAME_BITS)
    if dtype == "i1":
        return
    for axis, shape in ((0, (7,)), (0, (5, 3)), (1, (5, 3)), (1, (2, 4, 3))):
        label = f"axis-{axis}-of-{len(shape)}"
        yield Case("iota", label, dtype, (None,), {"axis": axis}, EXACT, result=(dtype, shape))
    # More positions than an i8 counts and than a half holds exactly.
    yield Case("iota", "long", dtype, (None,), {"axis": 0}, EXACT, result=(dtype, (3000,)))


def _reshape_cases(dtype: str) -> Iterator[Case]:
    sample = dtype in ("f32", "i8")
    reshapes = {
        "merge": ((4, 3, 5), (12, 5), (-1, 5)),
        "split": ((12, 5), (3, 4, 5), (3, -1, 5)),
        "scalar": ((1, 1), (), None),
        "unit-axes": ((6,), (1, 6, 1), (1, -1, 1)),
        "empty": ((0, 4), (2, 0), None),
    }
    for label, (shape, result, dynamic_result) in sampled(reshapes, dtype).items():
        yield Case(
            "reshape", label, dtype, (Operand(shape, _values), None), {}, SAME_BITS,
            result=(dtype, result),
            dynamic_result=(dtype, dynamic_result) if dynamic_result else None,
            dynamic=sample and dynamic_result is not None,
        )  # fmt: skip
    broadcasts = {
        "leading": ((5,), (3, 4, 5), (3, 4, -1)),
        "inner": ((3, 1, 5), (3, 4, 5), (-1, 4, -1)),
        "scalar": ((), (2, 3), None),
        "to-empty": ((1, 3), (0, 3), None),
    }
    for label, (shape, result, dynamic_result) in sampled(broadcasts, dtype).items():
        yield Case(
            "broadcast", label, dtype, (Operand(shape, _values), None), {}, SAME_BITS,
            result=(dtype, result),
            dynamic_result=(dtype, dynamic_result) if dynamic_result else None,
            dynamic=sample and dynamic_result is not None,
        )  # fmt: skip


def _permute_and_slice_cases(dtype: str) -> Iterator[Case]:
    sample = dtype in ("f32", "i8")
    permutations = ([1, 0], [0, 2, 1], [2, 0, 1], [0, 3, 1, 2], [])
    labels = {"".join(map(str, each)) or "scalar": each for each in permutations}
    for label, permutation in sampled(labels, dtype).items():
        shape = (5, 7, 3, 4)[: len(permutation)]
        yield Case(
            "permute", label, dtype, (Operand(shape, _values),), {"permutation": permutation},
            SAME_BITS, dynamic=sample,
        )  # fmt: skip
    slices = {
        "part": ([1, 2], [4, 30], [1, 1], True),
        "strided": ([0, 3], [5, 36], [2, 5], True),
        "to-the-end": ([1, 3], [_TO_THE_END, _TO_THE_END], [1, 2], True),
        "reversed": ([4, 36], [-1, -1], [-1, -3], False),
        "backwards-part": ([3, 30], [0, 7], [-1, -2], False),
        "one": ([2, 5], [3, 6], [1, 1], True),
        "nothing": ([3, 0], [3, 37], [1, 1], True),
    }
    for label, (start, stop, stride, forwards) in sampled(slices, dtype).items():
        yield Case(
            "slice", label, dtype, (Operand((5, 37), _values),),
            {"start": start, "stop": stop, "stride": stride}, SAME_BITS,
            dynamic=sample and forwards,
        )  # fmt: skip


def _concat_and_pad_cases(dtype: str) -> Iterator[Case]:
    sample = dtype in ("f32", "i8")
    concats = {
        "rows": ([(2, 7), (5, 7), (1, 7)], 0),
        "columns": ([(3, 2), (3, 5)], 1),
        "middle": ([(2, 3, 4), (2, 2, 4)], 1),
        "one": ([(3, 5)], 0),
        "with-empty": ([(3, 5), (0, 5), (2, 5)], 0),
    }
    for label, (shapes, axis) in sampled(concats, dtype).items():
        yield Case(
            "concat", label, dtype, ([Operand(shape, _values) for shape in shapes],),
            {"axis": axis}, SAME_BITS, dynamic=sample,
        )  # fmt: skip
    pads = {
        "both": ((5, 37), [1, 2], [3, 0]),
        "nothing": ((4, 3), [0, 0], [0, 0]),
        "empty": ((0, 3), [2, 0], [1, 1]),
        "vector": ((13,), [3], [5]),
    }
    for label, (shape, low, high) in sampled(pads, dtype).items():
        yield Case(
            "pad", label, dtype, (Operand(shape, _values), Operand(())),
            {"low": low, "high": high}, SAME_BITS, dynamic=sample,
        )  # fmt: skip
