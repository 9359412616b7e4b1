# SPDX-License-Identifier: Apache-2.0
"""Every operation on every executor, against the interpreter computing in float64."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from e2e.case_values import INTEGERS
from e2e.executors import COMPILED, EXECUTORS, missing, prefetch, refusal
from e2e.expected_failures import DYNAMIC, STATIC, parameters
from e2e.native_code import compile_natively, run_natively
from e2e.op_case import Case
from e2e.op_cases import CASES, DYNAMIC_CASES
from e2e.op_programs import build_program
from e2e.tolerance import assert_within, scale_of
from graph_records import DTYPES

import torshjit
from torshjit.interpreter import evaluate

_compiler = pytest.importorskip("torshjit._compiler")

_CONTEXT = _compiler.Context()


def _module(case: Case, dynamic: bool) -> _compiler.Module:
    return build_program(case, _compiler.GraphBuilder(_CONTEXT), dynamic)


@pytest.fixture(scope="module")
def ready(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Skips a test whose executor is missing; prepares an executor for all cases of the run."""

    @functools.cache
    def prepare(executor: str) -> None:
        calls = [
            (item.callspec.params["case"], item.originalname == _DYNAMIC_TEST)
            for item in request.session.items
            if getattr(item, "originalname", None) in (_STATIC_TEST, _DYNAMIC_TEST)
            and item.callspec.params["executor"] == executor
        ]
        prefetch(executor, (_module(case, dynamic) for case, dynamic in calls))

    def check(executor: str) -> None:
        if reason := missing(executor):
            pytest.skip(reason)
        prepare(executor)

    return check


@functools.cache
def _expected(case_id: str, dynamic: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """The oracle's result of a case, and the scale of its tolerance."""
    case = next(case for case in CASES if case.id == case_id)
    graph = _module(case, dynamic).graph("main")
    arrays = case.values()

    def oracle(operands: Sequence[np.ndarray]) -> np.ndarray:
        typed = [a.astype(b.dtype) for a, b in zip(operands, arrays, strict=True)]
        return evaluate(graph, typed, "f64")[0]

    expected = oracle(arrays)
    return expected, scale_of(case.tolerance, arrays, expected, oracle)


def _check(case: Case, executor: str, dynamic: bool) -> None:
    module = _module(case, dynamic)
    try:
        (actual,) = run_natively(module, case.values(), target_device=executor)
    except torshjit.CompileError as error:
        # What is moved, not computed, needs no kernel: such a case is not refused.
        dtypes = [case.result_dtype, *map(case.dtype_of, case.flat_operands())]
        pattern = refusal(executor, dtypes)
        if pattern is None or not re.search(pattern, error.message):
            raise
        return
    assert actual.dtype == DTYPES[case.result_dtype]
    expected, scale = _expected(case.id, dynamic)
    assert_within(actual, expected, case.tolerance, scale)


@pytest.mark.parametrize(("executor", "case"), parameters(CASES, STATIC))
def test_operation(executor: str, case: Case, ready: Callable[[str], None]):
    ready(executor)
    _check(case, executor, dynamic=False)


@pytest.mark.parametrize(("executor", "case"), parameters(DYNAMIC_CASES, DYNAMIC))
def test_operation_with_dynamic_extents(executor: str, case: Case, ready: Callable[[str], None]):
    ready(executor)
    _check(case, executor, dynamic=True)


_STATIC_TEST = test_operation.__name__
_DYNAMIC_TEST = test_operation_with_dynamic_extents.__name__


@pytest.mark.parametrize("executor", COMPILED)
def test_one_dynamic_program_serves_many_extents(executor: str, ready: Callable[[str], None]):
    ready(executor)
    builder = _compiler.GraphBuilder(_CONTEXT)
    x, y = builder.input("f32", (-1, 4)), builder.input("f32", (4,))
    total = builder.create("add", [x, y])
    module = builder.finish([builder.create("sum", [total], {"axes": [0], "keepdims": False})])
    compiled = compile_natively(module, target_device=executor)
    bias = np.arange(4, dtype=np.float32)
    for rows in (0, 1, 2, 7, 64, 1000):
        array = np.arange(rows * 4, dtype=np.float32).reshape(rows, 4) % 8
        np.testing.assert_array_equal(compiled(array, bias), (array + bias).sum(0))


@pytest.mark.parametrize("executor", COMPILED)
@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32", "f64"])
@pytest.mark.parametrize("target", INTEGERS)
def test_casting_what_no_integer_holds_gives_some_integer(dtype, target, executor, ready):
    """NaN and values out of range have no specified result, but must not trap."""
    ready(executor)
    builder = _compiler.GraphBuilder(_CONTEXT)
    x = builder.input(dtype, (-1,))
    module = builder.finish([builder.create("cast", [x], {"dtype": target})])
    values = np.array([np.nan, np.inf, -np.inf, 6e4, -6e4, 3]).astype(DTYPES[dtype])
    if refusal(executor, [dtype]):
        with pytest.raises(torshjit.CompileError, match="f64"):
            run_natively(module, [values], target_device=executor)
        return
    (actual,) = run_natively(module, [values], target_device=executor)
    assert actual.dtype == DTYPES[target]
    assert actual[-1] == 3


@pytest.mark.parametrize("op", ["neg", "exp"])
def test_what_metal_cannot_compute_is_refused_by_name(op: str):
    builder = _compiler.GraphBuilder(_CONTEXT)
    x = builder.input("f64", (4,))
    module = builder.finish([builder.create(op, [x])])
    with pytest.raises(torshjit.CompileError, match="f64"):
        compile_natively(module, target_device="metal").prepare(np.ones(4))


def test_every_executor_is_here():
    """A machine that lacks one tests less than it seems to."""
    assert {name: missing(name) for name in EXECUTORS if missing(name)} == {}
