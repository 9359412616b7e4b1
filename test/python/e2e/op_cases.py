# SPDX-License-Identifier: Apache-2.0
"""The table of end-to-end cases: every operation, every element type that it allows."""

from __future__ import annotations

from e2e import (
    attention_cases,
    contraction_cases,
    elementwise_cases,
    indexing_cases,
    movement_cases,
    reduction_cases,
    window_cases,
)

CASES = [
    *elementwise_cases.cases(),
    *contraction_cases.cases(),
    *attention_cases.cases(),
    *reduction_cases.cases(),
    *window_cases.cases(),
    *movement_cases.cases(),
    *indexing_cases.cases(),
]
DYNAMIC_CASES = [case for case in CASES if case.dynamic]
