# SPDX-License-Identifier: Apache-2.0
"""What a workload is: a program, its sizes, and how to make its arguments.

A program is written once, as ``function(xp, inputs, weights)`` over an array namespace ``xp``
(NumPy's names; NumPy, torch and jax all serve), so that every system computes the same thing and
the same function in float64 gives the reference. Where people write the program otherwise in torch
(``nn.Conv2d``, ``F.scaled_dot_product_attention``), ``module`` builds that form from the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

Sizes = Mapping[str, int]
Weights = Mapping[str, Any]
NO_WEIGHTS: Weights = MappingProxyType({})


def _no_weights(_rng: np.random.Generator, _sizes: Sizes) -> Weights:
    return NO_WEIGHTS


@dataclass(frozen=True)
class Workload:
    """One program to measure.

    inputs and weights make float32 arrays (or ``dtype``, where given) from a seeded generator.
    tolerance bounds max|result - reference| / max|reference|.
    without names systems that cannot or should not run it, with the reason.
    """

    name: str
    family: str
    sizes: Sizes
    quick: Sizes
    inputs: Callable[[np.random.Generator, Sizes], list[np.ndarray]]
    function: Callable[[Any, Sequence[Any], Weights], Any]
    weights: Callable[[np.random.Generator, Sizes], Weights] = _no_weights
    module: Callable[[Weights], Any] | None = None
    dtype: str = "float32"
    tolerance: float = 1e-4
    without: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A workload at one scale with its arguments made."""

    workload: Workload
    inputs: list[np.ndarray]
    weights: Weights


def _as_dtype(array: np.ndarray, dtype: str) -> np.ndarray:
    if dtype == "bfloat16":
        import ml_dtypes

        return array.astype(ml_dtypes.bfloat16)
    return array.astype(dtype)


def make_case(workload: Workload, quick: bool) -> Case:
    """The same arrays for the same workload in every process."""
    sizes = workload.quick if quick else workload.sizes
    rng = np.random.default_rng(0)
    inputs = [_as_dtype(array, workload.dtype) for array in workload.inputs(rng, sizes)]
    weights = {
        name: _as_dtype(array, workload.dtype)
        for name, array in workload.weights(rng, sizes).items()
    }
    return Case(workload, inputs, weights)


def reference(case: Case) -> np.ndarray:
    """The program's result in float64, from the arguments as rounded to the workload's dtype."""
    from bench.namespaces import numpy_namespace

    inputs = [array.astype(np.float64) for array in case.inputs]
    weights = {name: array.astype(np.float64) for name, array in case.weights.items()}
    return np.asarray(case.workload.function(numpy_namespace(), inputs, weights))


def relative_error(result: np.ndarray, expected: np.ndarray) -> float:
    """max|result - expected| / max|expected|; infinite where the shapes differ or NaN appears."""
    if result.shape != expected.shape:
        return float("inf")
    difference = np.max(np.abs(result.astype(np.float64) - expected), initial=0.0)
    if not np.isfinite(difference):
        return float("inf")
    return float(difference / max(np.max(np.abs(expected), initial=0.0), np.finfo(np.float64).tiny))
