# SPDX-License-Identifier: Apache-2.0
"""Random numbers in NumPy functions: drawn from NumPy's own generator at each call."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import torshjit

pytest.importorskip("torshjit._compiler")

# The global generator is what the functions draw from.
# ruff: noqa: NPY002


def draws(x):
    first = np.random.rand(3)
    second = np.random.normal(size=3)
    return x + first - second * 2 + np.random.uniform(2, 3)


def seeds(x):
    np.random.seed(3)
    return x + np.random.randint(0, 10, 3)


def own_generator(x):
    return x + np.random.default_rng(0).random(3)


@pytest.mark.filterwarnings("ignore::torshjit.FallbackWarning")
@pytest.mark.parametrize("target", ["interpreter", "cpu"])
@pytest.mark.parametrize("function", [draws, seeds, own_generator])
def test_numbers_are_those_of_numpy(function: Callable, target: str) -> None:
    x = np.zeros(3)
    compiled = torshjit.compile(function, target_device=target)
    compiled(x)
    for seed in (1, 2):
        np.random.seed(seed)
        result = compiled(x)
        np.random.seed(seed)
        np.testing.assert_array_equal(result, function(x))
    assert not compiled.explain(structured=True)["fallbacks"]


def test_capturing_draws_nothing() -> None:
    np.random.seed(5)
    expected = np.random.rand()
    np.random.seed(5)
    torshjit.trace(draws, (np.zeros(3),), target_device="interpreter")
    assert np.random.rand() == expected


def test_strict_programs_draw_nothing() -> None:
    with pytest.raises(torshjit.UnsupportedOpError, match=r"numpy\.random\.rand"):
        torshjit.compile(draws, strict=True)(np.zeros(3))
    with pytest.raises(torshjit.CaptureError, match="without a seed"):
        torshjit.compile(lambda x: x + np.random.default_rng().random(3), strict=True)(np.zeros(3))
