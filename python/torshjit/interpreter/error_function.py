# SPDX-License-Identifier: Apache-2.0
"""The error function on arrays, in float64, which NumPy lacks.

Up to 2 in magnitude it is Kummer's series 2 / sqrt(pi) * exp(-x^2) * sum (2 x^2)^n x / (2n+1)!!,
whose terms all have one sign, so that nothing cancels. From 2 to 6 the scaled complement
erfc(x) * exp(x^2) is a Chebyshev series in 1 / (1 + x), interpolating the C library's scalar erfc;
beyond 6 the result rounds to -1 or 1. The error is at most 6 units in the last place of float64.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.polynomial import Chebyshev

_SPLIT = 2.0
_SATURATION = 6.0
# The first term left out is below 2^-60 of the sum at the split.
_NUM_TERMS = 42


def _series(x: np.ndarray) -> np.ndarray:
    """erf for |x| <= 2, the sum nested as 1 + y/3 (1 + y/5 (1 + ...)) with y = 2 x^2."""
    y = 2 * x * x
    total = np.ones_like(x)
    for n in range(_NUM_TERMS, 0, -1):
        total = 1 + y / (2 * n + 1) * total
    return 2 / math.sqrt(math.pi) * x * np.exp(-x * x) * total


def _scaled_complement(t: float) -> float:
    x = 1 / t - 1
    return math.erfc(x) * math.exp(x * x)


@cache
def _complement() -> Chebyshev:
    interval = [1 / (1 + _SATURATION), 1 / (1 + _SPLIT)]
    return Chebyshev.interpolate(np.vectorize(_scaled_complement), 20, domain=interval)


def erf(x: np.ndarray) -> np.ndarray:
    """The error function of each element, computed in float64 and returned in the dtype of `x`.

    Args:
        x: float32 or float64, any shape. NaN gives NaN, infinities give -1 and 1, -0.0 gives -0.0.
    """
    wide = np.asarray(x, dtype=np.float64)
    magnitude = np.minimum(np.abs(wide), _SATURATION)
    # Either formula is evaluated where it holds, the argument clamped to its interval.
    near_zero = _series(np.minimum(magnitude, _SPLIT))
    large = np.maximum(magnitude, _SPLIT)
    tail = 1.0 - np.exp(-large * large) * _complement()(1.0 / (1.0 + large))
    result = np.copysign(np.where(magnitude <= _SPLIT, near_zero, tail), wide)
    return result.astype(x.dtype)
