# SPDX-License-Identifier: Apache-2.0
"""Every operation, compiled and run, against the interpreter computing in float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from e2e.expected_failures import DYNAMIC, STATIC, parameters
from e2e.native_code import compile_natively, run_natively
from e2e.op_case import Case
from e2e.op_cases import CASES, DYNAMIC_CASES
from e2e.op_programs import build_program
from e2e.tolerance import assert_within, scale_of
from graph_records import DTYPES

from torshjit.interpreter import evaluate

_compiler = pytest.importorskip("torshjit._compiler")


@pytest.fixture(scope="module")
def context() -> _compiler.Context:
    return _compiler.Context()


def _check(case: Case, context: _compiler.Context, dynamic: bool) -> None:
    module = build_program(case, _compiler.GraphBuilder(context), dynamic)
    graph = module.graph("main")
    arrays = case.values()

    def oracle(operands: Sequence[np.ndarray]) -> np.ndarray:
        typed = [a.astype(b.dtype) for a, b in zip(operands, arrays, strict=True)]
        return evaluate(graph, typed, "f64")[0]

    expected = oracle(arrays)
    (actual,) = run_natively(module, arrays)
    assert actual.dtype == DTYPES[case.result_dtype]
    scale = scale_of(case.tolerance, arrays, expected, oracle)
    assert_within(actual, expected, case.tolerance, scale)


@pytest.mark.parametrize("case", parameters(CASES, STATIC))
def test_compiled_equals_interpreted(case: Case, context: _compiler.Context):
    _check(case, context, dynamic=False)


@pytest.mark.parametrize("case", parameters(DYNAMIC_CASES, DYNAMIC))
def test_compiled_with_dynamic_extents_equals_interpreted(case: Case, context: _compiler.Context):
    _check(case, context, dynamic=True)


def test_one_dynamic_program_serves_many_extents(context: _compiler.Context):
    builder = _compiler.GraphBuilder(context)
    x, y = builder.input("f32", (-1, 4)), builder.input("f32", (4,))
    total = builder.create("add", [x, y])
    module = builder.finish([builder.create("sum", [total], {"axes": [0], "keepdims": False})])
    compiled = compile_natively(module)
    bias = np.arange(4, dtype=np.float32)
    for rows in (0, 1, 2, 7, 64, 1000):
        array = np.arange(rows * 4, dtype=np.float32).reshape(rows, 4) % 8
        np.testing.assert_array_equal(compiled(array, bias), (array + bias).sum(0))


@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32", "f64"])
@pytest.mark.parametrize("target", ["i8", "i16", "i32", "i64"])
def test_casting_what_no_integer_holds_gives_some_integer(dtype, target, context):
    """NaN and values out of range have no specified result, but must not trap."""
    builder = _compiler.GraphBuilder(context)
    x = builder.input(dtype, (-1,))
    module = builder.finish([builder.create("cast", [x], {"dtype": target})])
    values = np.array([np.nan, np.inf, -np.inf, 6e4, -6e4, 3]).astype(DTYPES[dtype])
    (actual,) = run_natively(module, [values])
    assert actual.dtype == DTYPES[target]
    assert actual[-1] == 3
