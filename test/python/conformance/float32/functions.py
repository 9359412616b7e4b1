# SPDX-License-Identifier: Apache-2.0
"""The functions, what they are compared with, and the distance to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import torshjit
from torshjit.interpreter.error_function import erf


def _erf(x: np.ndarray) -> np.ndarray:
    """`erf`, which takes its time only over what is not 1 or a multiple of its argument."""
    x = np.asarray(x, np.float64)
    result = np.where(np.abs(x) < 1e-9, x * (2 / np.sqrt(np.pi)), np.sign(x))
    between = (np.abs(x) >= 1e-9) & (np.abs(x) < 6)
    if between.any():
        result[between] = erf(x[between])
    return result


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@dataclass(frozen=True)
class Function:
    """`op` is the operation of the dialect, `truth` what it means in float64, `units` how many
    units in the last place the compiled one may be away, of the truth's float32."""

    op: str
    truth: Callable[[np.ndarray], np.ndarray]
    units: float
    #: Whether a result below the smallest normal number may be zero.
    may_vanish: bool = False

    def units_away(self, actual: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The distance of each of the results `actual` from what `x` should give."""
        with np.errstate(all="ignore"):
            truth = self.truth(x.astype(np.float64))
        away = units_away(actual, truth)
        if self.may_vanish:
            away = np.where((np.abs(truth) < 2.0**-126) & (actual == 0), 0, away)
        return away


FUNCTIONS = {
    each.op: each
    for each in (
        Function("exp", np.exp, 1.1),
        Function("expm1", np.expm1, 2),
        Function("log", np.log, 2),
        Function("log1p", np.log1p, 2),
        Function("sin", np.sin, 2),
        Function("cos", np.cos, 2),
        Function("tanh", np.tanh, 2),
        Function("erf", _erf, 2),
        Function("sigmoid", _sigmoid, 4, may_vanish=True),
        Function("sqrt", np.sqrt, 0.5),
        Function("rsqrt", lambda x: 1 / np.sqrt(x), 2),
        Function("reciprocal", lambda x: 1 / x, 0.5),
    )
}


def compiled(function: Function, count: int, target: str = "cpu") -> torshjit.Compiled:
    """The function of `count` float32 at a time."""
    kind = f"tensor<{count}xf32>"
    text = (
        f"func.func @main(%x: {kind}) -> {kind} {{\n"
        f"  %0 = torsh.{function.op} %x : ({kind}) -> {kind}\n  return %0 : {kind}\n}}\n"
    )
    return torshjit.compile(text, target_device=target)


def units_away(actual: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The distance of float32 from float64 in units of the truth's last place.

    NaN for NaN is no distance; anything else for NaN is infinitely far, and so is a zero of the
    other sign. What is too large for float32 is compared as the power of two behind the largest.
    """
    limit = 2.0**128
    expected = np.clip(truth, -limit, limit)
    with np.errstate(invalid="ignore"):
        distance = np.abs(np.clip(actual, -limit, limit, dtype=np.float64) - expected)
        distance /= _unit(expected)
    # What is not a number compares with nothing: neither do its distances.
    if np.isnan(distance).any():
        nan = np.isnan(actual) != np.isnan(truth)
        distance = np.where(np.isnan(truth), 0, distance)
        distance[nan] = np.inf
    # A zero of the wrong sign, where the truth is a zero.
    zero = truth == 0
    if zero.any():
        distance[zero & (actual == 0) & (np.signbit(truth) != np.signbit(actual))] = np.inf
    # Infinity is right only where the truth rounds to it.
    infinite = np.isinf(truth)
    if infinite.any():
        distance[infinite & ~np.isinf(actual)] = np.inf
    return distance


def _unit(numbers: np.ndarray) -> np.ndarray:
    """The unit in the last place that each float64 has in float32, subnormal numbers included."""
    exponent = numbers.view(np.uint64) & np.uint64(0x7FF << 52)
    unit = np.maximum(exponent.view(np.float64), 2.0**-126)
    unit *= 2.0**-23
    return unit


def every_float32(start: int, count: int) -> np.ndarray:
    """The float32 whose bits are `start` and the `count` - 1 numbers after it."""
    return np.arange(start, start + count, dtype=np.uint64).astype(np.uint32).view(np.float32)
