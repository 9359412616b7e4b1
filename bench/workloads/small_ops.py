# SPDX-License-Identifier: Apache-2.0
"""A thousand small operations, one after another or side by side: overhead per operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.workload import Sizes, Weights, Workload

_OPS = 1000


def _vector(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    return [rng.standard_normal(sizes["n"])]


def _deep(xp: Any, inputs: Sequence[Any], _weights: Weights) -> Any:
    y = inputs[0]
    for step in range(_OPS // 4):
        y = xp.tanh(y * 1.5 + 0.001 * step) - 0.125
    return y


def _wide(xp: Any, inputs: Sequence[Any], _weights: Weights) -> Any:
    (x,) = inputs
    branches = [xp.tanh(x * (1.0 + 0.001 * step)) for step in range(_OPS // 3)]
    while len(branches) > 1:
        pairs = [a + b for a, b in zip(branches[::2], branches[1::2], strict=False)]
        branches = pairs + branches[len(pairs) * 2 :]
    return branches[0]


WORKLOADS = (
    Workload("ops_1000_deep", "small ops", {"n": 256}, {"n": 256}, _vector, _deep),
    Workload("ops_1000_wide", "small ops", {"n": 256}, {"n": 256}, _vector, _wide),
)
