# SPDX-License-Identifier: Apache-2.0
"""Elementwise programs: a chain of ten operations, and one addition, large and tiny."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.workload import Sizes, Weights, Workload


def _one(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    return [rng.standard_normal(sizes["n"])]


def _two(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    return [rng.standard_normal(sizes["n"]), rng.standard_normal(sizes["n"])]


def _chain(xp: Any, inputs: Sequence[Any], _weights: Weights) -> Any:
    (x,) = inputs
    y = x * 1.25
    y = y + 0.5
    y = xp.tanh(y)
    y = y * x
    y = y - 0.125
    y = xp.exp(y)
    y = y + 1.0
    y = xp.sqrt(y)
    y = xp.maximum(y, x)
    return y / 2.0


def _add(_xp: Any, inputs: Sequence[Any], _weights: Weights) -> Any:
    return inputs[0] + inputs[1]


WORKLOADS = (
    Workload(
        name="chain_16m",
        family="elementwise",
        sizes={"n": 16 * 2**20},
        quick={"n": 2**16},
        inputs=_one,
        function=_chain,
    ),
    Workload(
        name="chain_4096",
        family="elementwise",
        sizes={"n": 4096},
        quick={"n": 4096},
        inputs=_one,
        function=_chain,
    ),
    Workload(
        name="add_16m",
        family="elementwise",
        sizes={"n": 16 * 2**20},
        quick={"n": 2**16},
        inputs=_two,
        function=_add,
        tolerance=1e-6,
    ),
    # What remains is the cost of a call.
    Workload(
        name="add_one_element",
        family="call overhead",
        sizes={"n": 1},
        quick={"n": 1},
        inputs=_two,
        function=_add,
        tolerance=1e-6,
    ),
)
