# SPDX-License-Identifier: Apache-2.0
"""Cases of matmul, linear and convolution."""

from __future__ import annotations

import math
from collections.abc import Iterator

from e2e.case_values import NUMERIC, sampled
from e2e.op_case import Case, Operand
from e2e.tolerance import approximate, of_magnitudes

_MATMULS = {
    "odd": ((5, 37), (37, 11)),
    "row": ((1, 19), (19, 7)),
    "column": ((9, 19), (19, 1)),
    "batched": ((3, 5, 7), (3, 7, 4)),
    "batch-broadcast": ((2, 1, 5, 7), (3, 7, 4)),
}
_SHAPES_OF_FLOAT_MATMULS = {
    "ragged-tiles": ((67, 131), (131, 45)),
    "aligned-tiles": ((64, 64), (64, 64)),
    "packed-blocks": ((41, 300), (300, 70)),
    "tiled": ((150, 80), (80, 300)),
    "outer": ((13, 1), (1, 17)),
    "empty-sum": ((3, 0), (0, 4)),
    "empty-rows": ((0, 5), (5, 4)),
    "empty-batch": ((0, 3, 5), (1, 5, 4)),
}
_LINEARS = {"vector": (19,), "matrix": (5, 19), "batched": (2, 3, 19)}

# Label: input, weight, stride, padding low, padding high, dilation, groups.
_CONVOLUTIONS = {
    "2d-padded": ((2, 3, 9, 7), (5, 3, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1], 1),
    "1d-strided": ((2, 4, 17), (3, 4, 3), [2], [0], [0], [1], 1),
    "depthwise": ((1, 5, 8, 8), (5, 1, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1], 5),
}
_FLOAT_CONVOLUTIONS = {
    "pointwise": ((2, 16, 5, 5), (8, 16, 1, 1), [1, 1], [0, 0], [0, 0], [1, 1], 1),
    "groups-dilated": ((1, 4, 11, 10), (6, 2, 3, 2), [2, 1], [2, 0], [2, 0], [2, 3], 2),
    "asymmetric": ((1, 2, 6, 7), (3, 2, 3, 2), [1, 2], [0, 1], [2, 0], [1, 1], 1),
    "3d": ((1, 2, 5, 6, 4), (3, 2, 2, 3, 2), [1, 2, 1], [0, 1, 0], [0, 1, 1], [1, 1, 1], 1),
    "strided-pointwise": ((1, 8, 7, 7), (4, 8, 1, 1), [2, 2], [0, 0], [0, 0], [1, 1], 1),
    "whole-image": ((2, 3, 4, 5), (6, 3, 4, 5), [1, 1], [0, 0], [0, 0], [1, 1], 1),
    "multiplier": ((1, 3, 6, 6), (6, 1, 3, 3), [1, 1], [0, 0], [0, 0], [1, 1], 3),
    "leftover-of-one-place": ((1, 3, 13, 3), (8, 3, 2, 2), [2, 2], [0, 0], [0, 0], [1, 1], 1),
    "leftover-in-groups": ((2, 6, 2, 3), (6, 3, 2, 2), [2, 1], [0, 0], [1, 0], [1, 1], 2),
    "packed": ((2, 8, 12, 33), (40, 8, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1], 1),
    "packed-rows": ((3, 8, 8, 8), (40, 8, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1], 1),
    "packed-strided": ((2, 8, 12, 33), (40, 8, 3, 3), [1, 2], [1, 1], [1, 1], [2, 1], 1),
    "packed-groups": ((1, 16, 9, 20), (32, 8, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1], 2),
    "empty-batch": ((0, 2, 5, 5), (3, 2, 3, 3), [1, 1], [0, 0], [0, 0], [1, 1], 1),
}


def cases() -> Iterator[Case]:
    for dtype in NUMERIC:
        yield from _matmul_cases(dtype, _MATMULS)
        yield from _linear_cases(dtype)
        yield from _convolution_cases(dtype, _CONVOLUTIONS)
    yield from _matmul_cases("f32", _SHAPES_OF_FLOAT_MATMULS)
    yield from _convolution_cases("f32", _FLOAT_CONVOLUTIONS)


def _sum_of(terms: int):
    """One rounding for each product added, and one for a bias."""
    return approximate(terms + 1, of_magnitudes)


def _matmul_cases(dtype: str, shapes: dict) -> Iterator[Case]:
    for label, (lhs, rhs) in sampled(shapes, dtype).items():
        operands = (Operand(lhs), Operand(rhs))
        dynamic = dtype in ("f32", "i32")
        yield Case("matmul", label, dtype, operands, {}, _sum_of(lhs[-1]), dynamic=dynamic)


def _linear_cases(dtype: str) -> Iterator[Case]:
    for label, shape in sampled(_LINEARS, dtype).items():
        for bias in (None, Operand((7,))):
            yield Case(
                "linear", f"{label}{'-bias' if bias else ''}", dtype,
                (Operand(shape), Operand((7, 19)), bias), {}, _sum_of(19),
                dynamic=dtype in ("f32", "i32"),
            )  # fmt: skip


def _convolution_cases(dtype: str, table: dict) -> Iterator[Case]:
    for label, (image, weight, stride, low, high, dilation, groups) in sampled(
        table, dtype
    ).items():
        attributes = {
            "stride": stride,
            "padding_low": low,
            "padding_high": high,
            "dilation": dilation,
            "groups": groups,
        }
        for bias in (None, Operand(weight[:1], static=True)):
            if bias is None and label not in ("2d-padded", "asymmetric"):
                continue
            yield Case(
                "conv", f"{label}{'' if bias else '-no-bias'}", dtype,
                (Operand(image), Operand(weight, static=True), bias), attributes,
                _sum_of(math.prod(weight[1:])), dynamic=dtype in ("f32", "i32"),
            )  # fmt: skip
