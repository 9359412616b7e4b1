# SPDX-License-Identifier: Apache-2.0
"""Random programs, compiled and interpreted.

The number of examples is that of the hypothesis profile; under CI=true they are the same each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from e2e.executors import COMPILED, missing, refusal
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


def _check(program: RandomProgram, options: dict[str, Any]) -> None:
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


_HEALTH = [HealthCheck.too_slow, HealthCheck.filter_too_much]


@settings(suppress_health_check=_HEALTH)
@given(program=PROGRAMS, options=OPTIONS)
def test_compiled_equals_interpreted(program: RandomProgram, options: dict[str, Any]):
    _check(program, options)


@pytest.mark.parametrize("executor", [name for name in COMPILED if name != "cpu"])
@settings(suppress_health_check=_HEALTH, max_examples=max(settings.default.max_examples // 5, 4))
@given(program=PROGRAMS, options=OPTIONS)
def test_executor_equals_interpreted(
    executor: str, program: RandomProgram, options: dict[str, Any]
):
    if reason := missing(executor):
        pytest.skip(reason)
    # Some value between the inputs and the outputs may be of a type that no input has.
    assume("f64" not in str(program.module) or not refusal(executor, ["f64"]))
    _check(program, {**options, "target_device": executor})
