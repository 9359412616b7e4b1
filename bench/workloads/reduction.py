# SPDX-License-Identifier: Apache-2.0
"""Sums of the rows and of the columns of a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.workload import Sizes, Weights, Workload

_SIZES = {"rows": 8192, "columns": 4096}
_QUICK = {"rows": 256, "columns": 256}


def _matrix(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    # A mean away from zero, so that the sums are no small differences of large numbers.
    return [rng.standard_normal((sizes["rows"], sizes["columns"])) + 1.0]


def _sum_rows(xp: Any, inputs: Sequence[Any], _weights: Weights) -> Any:
    return xp.sum(inputs[0], axis=1)


def _sum_columns(xp: Any, inputs: Sequence[Any], _weights: Weights) -> Any:
    return xp.sum(inputs[0], axis=0)


WORKLOADS = (
    Workload("sum_rows", "reduction", _SIZES, _QUICK, _matrix, _sum_rows),
    Workload("sum_columns", "reduction", _SIZES, _QUICK, _matrix, _sum_columns),
)
