# SPDX-License-Identifier: Apache-2.0
"""How far a compiled result may be from the float64 oracle, derived from the element type.

The result in element type d, computed in type c (float32 for f16 and bf16, else d), of an
operation may differ from the oracle by

    units * eps(c) * scale  +  eps(d) * |oracle|  +  tiny(d)

The first term is the error of the computation: `units` counts roundings (the terms of a sum) or
units in the last place of an approximation, `scale` is what they are relative to: the result
itself, 1 where a function passes through zero, or for a sum the sum of the magnitudes of its
terms. The second is the rounding to the result's type. The third lets numbers too small for a
normal float of the type (for f16, whose small numbers come from float32: of the least spacing) be
anything between zero and that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ml_dtypes
import numpy as np

Operands = Sequence[np.ndarray]
# Called with the operands in float64, the oracle's result, and the oracle as a function.
Scale = Callable[[Operands, np.ndarray, Callable[[Operands], np.ndarray]], np.ndarray]


def of_result(operands: Operands, result: np.ndarray, oracle) -> np.ndarray:
    return np.abs(result)


def of_one(operands: Operands, result: np.ndarray, oracle) -> np.ndarray:
    return np.maximum(np.abs(result), 1)


def of_operand(operands: Operands, result: np.ndarray, oracle) -> np.ndarray:
    """The magnitude of the first operand, which has the result's shape."""
    return np.abs(operands[0])


def of_magnitudes(operands: Operands, result: np.ndarray, oracle) -> np.ndarray:
    """What the operation gives for the operands' magnitudes: for sums of products."""
    return oracle([np.abs(operand) for operand in operands])


def of_largest(operands: Operands, result: np.ndarray, oracle) -> np.ndarray:
    """The largest magnitude in all of the result."""
    finite = np.abs(result[np.isfinite(result)])
    return np.full(result.shape, finite.max(initial=0.0))


@dataclass(frozen=True)
class Tolerance:
    """`exact` asks for the oracle's result as the type rounds it; `signed_zeros` for -0 as -0."""

    units: float = 0
    scale: Scale = of_result
    exact: bool = False
    signed_zeros: bool = False


EXACT = Tolerance(exact=True)
SAME_BITS = Tolerance(exact=True, signed_zeros=True)
ROUNDED = Tolerance()


def approximate(units: float, scale: Scale = of_result) -> Tolerance:
    return Tolerance(units, scale)


def scale_of(
    tolerance: Tolerance,
    operands: Operands,
    result: np.ndarray,
    oracle: Callable[[Operands], np.ndarray],
) -> np.ndarray | None:
    """The tolerance's scale for operands in their own dtypes and the oracle's result on them."""
    if not tolerance.units:
        return None
    wide = [a if a.dtype.kind in "iub" else a.astype(np.float64) for a in operands]
    with np.errstate(all="ignore"):
        return tolerance.scale(wide, result, oracle)


def _slack(dtype: np.dtype) -> float:
    limits = ml_dtypes.finfo(dtype)
    return float(limits.smallest_subnormal if dtype == np.float16 else limits.smallest_normal)


def assert_within(
    actual: np.ndarray,
    oracle: np.ndarray,
    tolerance: Tolerance,
    scale: np.ndarray | None = None,
) -> None:
    """Checks a result against the oracle's.

    Args:
        actual: the result, in its own dtype.
        oracle: the oracle's result, float64 where `actual` is a float.
        scale: the tolerance's scale, of the result's shape.
    """
    assert actual.shape == oracle.shape, f"shape {actual.shape}, expected {oracle.shape}"
    with np.errstate(over="ignore", invalid="ignore"):
        expected = oracle.astype(actual.dtype)
    if actual.dtype.kind in "iub":
        assert oracle.dtype == actual.dtype
        np.testing.assert_array_equal(actual, expected)
        return
    with np.errstate(invalid="ignore"):
        got, want = actual.astype(np.float64), expected.astype(np.float64)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want), "NaN at other places")
    if tolerance.signed_zeros:
        zeros = want == 0
        np.testing.assert_array_equal(np.signbit(got)[zeros], np.signbit(want)[zeros])
    if tolerance.exact:
        np.testing.assert_array_equal(got, want)
        return

    finite = np.isfinite(want)
    np.testing.assert_array_equal(got[~finite], want[~finite])
    eps = float(ml_dtypes.finfo(actual.dtype).eps)
    compute_eps = min(eps, float(np.finfo(np.float32).eps))
    allowed = eps * np.abs(oracle) + _slack(actual.dtype)
    if tolerance.units:
        assert scale is not None
        allowed = allowed + tolerance.units * compute_eps * np.broadcast_to(scale, oracle.shape)
    error = np.abs(got[finite] - oracle[finite])
    excess = error - allowed[finite]
    if np.any(~(excess <= 0)):
        worst = int(np.argmax(excess))
        raise AssertionError(
            f"{np.count_nonzero(~(excess <= 0))} of {actual.size} elements are off; the worst is "
            f"{got[finite][worst]!r}, the oracle has {oracle[finite][worst]!r}: error "
            f"{error[worst]:.3g}, allowed {allowed[finite][worst]:.3g}"
        )
