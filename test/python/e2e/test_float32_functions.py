# SPDX-License-Identifier: Apache-2.0
"""Functions of one float32 at a sample of all of them; `python -m conformance.float32` runs all."""

from __future__ import annotations

import numpy as np
import pytest
from conformance.float32.functions import FUNCTIONS, compiled, units_away

import torshjit

_SPECIAL = np.float32(
    [0.0, 1.0, 2.0, 0.5, 1e-45, 1.1754942e-38, 1.1754944e-38, 3.4028235e38, np.inf, np.nan]
)


def _sample(count: int) -> np.ndarray:
    """Every kind of number: bits at even distances, and the special ones."""
    bits = (np.arange(count, dtype=np.uint64) * 0x9E3779B1 % 2**32).astype(np.uint32)
    sample = bits.view(np.float32).copy()
    sample[: 2 * len(_SPECIAL)] = np.concatenate([_SPECIAL, -_SPECIAL])
    return sample


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions_are_as_close_as_they_are_said_to_be(name):
    function = FUNCTIONS[name]
    x = _sample(2**16 + 3)
    away = function.units_away(compiled(function, len(x))(x), x)
    worst = int(np.argmax(away))
    assert away[worst] <= function.units, f"{name}({x[worst]!r}): {away[worst]} units"


@pytest.mark.parametrize("function", [np.power, np.arctan2], ids=["pow", "atan2"])
def test_functions_of_two_numbers_are_within_four_units(function):
    rng = np.random.default_rng(3)
    pairs = np.array([(a, b) for a in (*_SPECIAL, *-_SPECIAL) for b in (*_SPECIAL, *-_SPECIAL)])
    x, y = (
        np.concatenate([part, np.exp(rng.uniform(-6, 6, 20000)).astype(np.float32)])
        for part in pairs.T.astype(np.float32)
    )
    with np.errstate(all="ignore"):
        truth = function(x.astype(np.float64), y.astype(np.float64))
        away = units_away(torshjit.compile(lambda a, b: function(a, b))(x, y), truth)
    worst = int(np.argmax(away))
    assert away[worst] <= 4, f"({x[worst]!r}, {y[worst]!r}): {away[worst]} units"
