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


def _nothing(_sizes: Sizes) -> float:
    return 0.0


@dataclass(frozen=True)
class Workload:
    """One program to measure.

    inputs and weights make float32 arrays (or ``dtype``, where given) from a seeded generator;
    integers stay what they are. function returns an array or a tuple of them.
    trains: function is a loss; a call gives it and the gradients of all weights, in their order.
    flops counts the multiplications and additions of the products. What must be read and written
    is all arguments and results, less the bytes that ``unread`` counts (rows of embeddings).
    tolerance bounds max|result - reference| / max|reference| of each result.
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
    trains: bool = False
    flops: Callable[[Sizes], float] = _nothing
    unread: Callable[[Sizes], float] = _nothing
    tolerance: float = 1e-4
    without: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A workload at one scale with its arguments made."""

    workload: Workload
    quick: bool
    inputs: list[np.ndarray]
    weights: Weights

    @property
    def sizes(self) -> Sizes:
        return self.workload.quick if self.quick else self.workload.sizes


def _as_dtype(array: np.ndarray, dtype: str) -> np.ndarray:
    if array.dtype.kind in "iu":
        return array
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
    return Case(workload, quick, inputs, weights)


def _exact(array: np.ndarray) -> np.ndarray:
    return array if array.dtype.kind in "iu" else array.astype(np.float64)


def as_list(result: Any) -> list[Any]:
    """The results of a program, one or several."""
    return list(result) if isinstance(result, tuple | list) else [result]


def reference(case: Case) -> list[np.ndarray]:
    """The program's results in float64, from the arguments as rounded to the workload's dtype.

    Gradients are torch's, in float64.
    """
    if case.workload.trains:
        return _reference_gradients(case)
    from bench.namespaces import numpy_namespace

    inputs = [_exact(array) for array in case.inputs]
    weights = {name: _exact(array) for name, array in case.weights.items()}
    results = as_list(case.workload.function(numpy_namespace(), inputs, weights))
    return [np.asarray(result) for result in results]


def _reference_gradients(case: Case) -> list[np.ndarray]:
    import torch

    from bench.namespaces import torch_namespace

    inputs = [torch.from_numpy(_exact(array)) for array in case.inputs]
    weights = {
        name: torch.from_numpy(_exact(array)).requires_grad_()
        for name, array in case.weights.items()
    }
    loss = case.workload.function(torch_namespace(), inputs, weights)
    gradients = torch.autograd.grad(loss, list(weights.values()))
    return [loss.detach().numpy(), *[gradient.numpy() for gradient in gradients]]


@dataclass(frozen=True)
class Cost:
    """What a program must do, however it is compiled: operations of products, bytes to move."""

    flops: float
    read: float
    written: float


def cost(case: Case, results: Sequence[np.ndarray]) -> Cost:
    """The cost of one call that gives arrays of the shapes of ``results``."""
    arguments = [*case.inputs, *case.weights.values()]
    read = sum(array.nbytes for array in arguments) - case.workload.unread(case.sizes)
    width = 2 if case.workload.dtype == "bfloat16" else 4
    written = sum(result.size * width for result in results)
    return Cost(case.workload.flops(case.sizes), read, written)


def relative_error(results: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> float:
    """The largest error of any result; infinite where their number differs."""
    if len(results) != len(expected):
        return float("inf")
    return max((_error(*pair) for pair in zip(results, expected, strict=True)), default=0.0)


def _error(result: np.ndarray, expected: np.ndarray) -> float:
    """max|result - expected| / max|expected|; infinite where the shapes differ or NaN appears."""
    if result.shape != expected.shape:
        return float("inf")
    difference = np.max(np.abs(result.astype(np.float64) - expected), initial=0.0)
    if not np.isfinite(difference):
        return float("inf")
    return float(difference / max(np.max(np.abs(expected), initial=0.0), np.finfo(np.float64).tiny))
