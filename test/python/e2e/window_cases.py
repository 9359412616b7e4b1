# SPDX-License-Identifier: Apache-2.0
"""Cases of pools and normalisations."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from e2e.case_values import FLOATS, NUMERIC, beginning_with, chosen, numbers, uniform
from e2e.op_case import Case, Operand
from e2e.tolerance import EXACT, approximate, of_largest, of_magnitudes

# Label: shape, window, stride, padding low, padding high, dilation.
_POOLS = {
    "1d": ((2, 3, 17), [3], [2], [1], [1], [1]),
    "2d": ((2, 3, 8, 8), [2, 2], [2, 2], [0, 0], [0, 0], [1, 1]),
    "2d-padded": ((1, 2, 9, 7), [3, 2], [2, 1], [1, 1], [1, 0], [1, 1]),
    "leftover-of-one-place": ((1, 2, 9, 3), [2, 2], [2, 2], [0, 0], [0, 0], [1, 1]),
    "3d": ((1, 2, 5, 6, 4), [2, 3, 2], [1, 2, 1], [0, 1, 1], [1, 1, 0], [1, 1, 1]),
}
_DILATED = {"dilated": ((1, 2, 9, 10), [2, 3], [1, 2], [1, 2], [0, 2], [2, 2])}
_EMPTY = {"empty-batch": ((0, 2, 6, 6), [2, 2], [1, 1], [0, 0], [0, 0], [1, 1])}


def cases() -> Iterator[Case]:
    yield from _pool_cases()
    for dtype in FLOATS:
        yield from _softmax_cases(dtype)
        yield from _layer_norm_cases(dtype)
        yield from _batch_norm_cases(dtype)


def _pool_cases() -> Iterator[Case]:
    for dtype in NUMERIC:
        tables = _POOLS | _DILATED | (_EMPTY if dtype == "f32" else {})
        for label, (shape, window, stride, low, high, dilation) in tables.items():
            attributes = {
                "window": window,
                "stride": stride,
                "padding_low": low,
                "padding_high": high,
            }
            dynamic = dtype in ("f32", "i32")
            values = numbers
            if dtype in FLOATS:
                values = beginning_with(chosen(-np.inf, -np.inf, np.inf, 1, np.nan))
            yield Case(
                "max_pool", label, dtype, (Operand(shape, values),),
                attributes | {"dilation": dilation}, EXACT, dynamic=dynamic,
            )  # fmt: skip
            if dtype not in FLOATS or label == "dilated":
                continue
            tolerance = approximate(math.prod(window) + 1, of_magnitudes)
            for include in (True, False):
                if include or any(low + high):
                    yield Case(
                        "avg_pool", label if include else f"{label}-excluded", dtype,
                        (Operand(shape),), attributes | {"count_include_pad": include},
                        tolerance, dynamic=dynamic,
                    )  # fmt: skip


def _softmax_scale(operands, result, oracle) -> np.ndarray:
    """What an error of the shifted argument, as large as the spread of the row, makes of it."""
    spread = np.ptp(operands[0][np.isfinite(operands[0])]) if operands[0].size else 0
    return np.abs(result) * (1 + spread)


def _log_softmax_scale(operands, result, oracle) -> np.ndarray:
    return np.maximum(np.abs(result), 1)


def _softmax_cases(dtype: str) -> Iterator[Case]:
    variants = {
        "rows": ((5, 37), 1, numbers),
        "columns": ((5, 37), 0, numbers),
        "middle": ((3, 5, 7), 1, numbers),
        "large": ((4, 33), 1, uniform(-500, 500)),
        "one": ((6, 1), 1, numbers),
    }
    if dtype == "f32":
        masked = beginning_with(chosen(-np.inf, 1, -np.inf, -np.inf, 2))
        variants["masked"] = ((3, 8), 1, masked)
        variants["nan"] = ((3, 8), 1, beginning_with(chosen(1, np.nan)))
        variants["empty"] = ((0, 8), 1, numbers)
        variants["empty-axis"] = ((3, 0), 1, numbers)
    for op, scale in (("softmax", _softmax_scale), ("log_softmax", _log_softmax_scale)):
        for label, (shape, axis, values) in variants.items():
            yield Case(
                op, label, dtype, (Operand(shape, values),), {"axis": axis},
                approximate(8 + shape[axis], scale), dynamic=dtype == "f32",
            )  # fmt: skip


def _layer_norm_cases(dtype: str) -> Iterator[Case]:
    # Off zero, so that the mean matters.
    values = uniform(1, 5)
    variants = {
        "affine": ((5, 37), 1, True, True),
        "plain": ((5, 37), 1, False, False),
        "weight": ((2, 3, 9), 1, True, False),
        "bias": ((2, 3, 9), 1, False, True),
        "two-axes": ((2, 3, 9), 2, True, True),
    }
    for label, (shape, num_axes, has_weight, has_bias) in variants.items():
        normalized = shape[len(shape) - num_axes :]
        yield Case(
            "layer_norm", label, dtype,
            (
                Operand(shape, values),
                Operand(normalized) if has_weight else None,
                Operand(normalized) if has_bias else None,
            ),
            {"num_axes": num_axes, "eps": 1e-5},
            # Mean and variance are sums over the normalised axes.
            approximate(8 + math.prod(normalized), of_largest), dynamic=dtype == "f32",
        )  # fmt: skip


def _batch_norm_scale(operands, result, oracle) -> np.ndarray:
    """The magnitudes that are added: x and mean scaled, and the bias."""
    x, mean, variance, *affine = operands
    trailing = (1,) * (x.ndim - 2)
    mean, variance = (np.abs(a).reshape(-1, *trailing) for a in (mean, variance))
    scale = (np.abs(x) + mean) / np.sqrt(variance)
    if affine:
        weight, bias = (np.abs(a).reshape(-1, *trailing) for a in affine)
        scale = scale * weight + bias
    return scale


def _batch_norm_cases(dtype: str) -> Iterator[Case]:
    for label, shape, affine in (
        ("affine", (2, 3, 5, 7), True),
        ("plain", (2, 3, 5, 7), False),
        ("rank-2", (9, 13), True),
        ("rank-3", (2, 5, 11), True),
    ):
        channels = shape[1:2]
        parameter = Operand(channels) if affine else None
        yield Case(
            "batch_norm", label, dtype,
            (Operand(shape), Operand(channels), Operand(channels, uniform(0.5, 2)),
             parameter, parameter),
            {"eps": 1e-5}, approximate(8, _batch_norm_scale), dynamic=dtype == "f32",
        )  # fmt: skip
