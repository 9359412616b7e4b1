# SPDX-License-Identifier: Apache-2.0
"""Random programs, compiled and interpreted.

The number of examples is that of the hypothesis profile; under CI=true they are the same each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from e2e.native_code import run_natively
from e2e.random_graphs import MAX_OPS, OutOfRange, programs, reference
from e2e.random_program import RandomProgram
from graph_records import DTYPES
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

_compiler = pytest.importorskip("torshjit._compiler")

_CONTEXT = _compiler.Context()
PROGRAMS = programs(lambda: _compiler.GraphBuilder(_CONTEXT))


def _assert_agrees(actual: np.ndarray, oracle: np.ndarray, allowed: np.ndarray) -> None:
    assert actual.shape == oracle.shape
    if actual.dtype.kind != "f":
        np.testing.assert_array_equal(actual, oracle)
        return
    with np.errstate(invalid="ignore"):
        error = np.abs(actual.astype(np.float64) - oracle)
    # Where the oracle is infinite or NaN, or the program's own precision decides whether it is,
    # `allowed` is NaN and nothing is known.
    wrong = error > allowed
    wrong |= ~np.isfinite(actual) & ~np.isnan(allowed)
    assert not wrong.any(), (
        f"{np.count_nonzero(wrong)} of {wrong.size} elements are off, by up to "
        f"{np.max(error[wrong]):.3g}; allowed there {allowed[wrong].min():.3g}"
    )


OPTIONS = st.fixed_dictionaries(
    {
        "fusion_strategy": st.sampled_from(["default", "aggressive", "conservative", "none"]),
        "max_fusion_size": st.sampled_from([16, 4, 2, 1]),
        "enable_optimizations": st.sampled_from([True, True, False]),
    }
)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(program=PROGRAMS, options=OPTIONS)
def test_compiled_equals_interpreted(program: RandomProgram, options: dict[str, Any]):
    graph = program.module.graph("main")
    assert 1 <= len(graph.ops) <= MAX_OPS
    try:
        expected = reference(program)
    except OutOfRange:
        assume(False)
    results = run_natively(program.module, program.inputs, **options)
    types = [*graph.inputs, *(op.result_types[0] for op in graph.ops)]
    for value, actual, (oracle, allowed) in zip(graph.outputs, results, expected, strict=True):
        assert actual.dtype == DTYPES[types[value].dtype]
        _assert_agrees(actual, oracle, allowed)
