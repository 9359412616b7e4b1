# SPDX-License-Identifier: Apache-2.0
"""The table of cases is complete, and its tolerances hold for the interpreter's own precisions.

These need no compiler: they check the table and the oracle that the compiler is held to.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from dialect_definition import operations
from e2e.case_values import ALL
from e2e.executors import EXECUTORS
from e2e.expected_failures import DYNAMIC, STATIC
from e2e.op_case import Case
from e2e.op_cases import CASES, DYNAMIC_CASES
from e2e.tolerance import assert_within, scale_of
from graph_records import DTYPES, TensorType

from torshjit.interpreter import registered_operations
from torshjit.interpreter.element_types import converted, storage_dtype, widened
from torshjit.interpreter.registry import Call, lookup


def _interpret(case: Case, arrays: list[np.ndarray], compute_dtype: str | None) -> np.ndarray:
    """The case's reference function on its operands, in the evaluator's way."""
    stored = iter(
        widened(converted(array, storage_dtype(name, compute_dtype)))
        for array, name in zip(arrays, _operand_dtypes(case), strict=True)
    )
    types = tuple(
        tuple(TensorType(case.dtype_of(o), o.shape) for o in group) for group in case.groups()
    )
    dtype = storage_dtype(case.result_dtype, compute_dtype)
    call = Call(
        name=case.name,
        groups=tuple(tuple(itertools.islice(stored, len(group))) for group in types),
        types=types,
        attributes=_with_defaults(case),
        result_type=TensorType(*(case.result or (case.result_dtype, ()))),
        result_dtype=dtype,
    )
    with np.errstate(all="ignore"):
        return converted(np.asarray(lookup(case.name)(call)), dtype)


def _operand_dtypes(case: Case) -> list[str]:
    return [case.dtype_of(operand) for operand in case.flat_operands()]


def _with_defaults(case: Case) -> dict:
    return {"negative_slope": 0.01, "alpha": 1.0, **case.attributes}


def test_ids_are_unique():
    ids = [case.id for case in CASES]
    assert len(set(ids)) == len(ids)


def test_expected_failures_are_of_cases_there_are():
    for table, cases in ((STATIC, CASES), (DYNAMIC, DYNAMIC_CASES)):
        assert set(table) <= set(EXECUTORS)
        assert {name for row in table.values() for name in row} <= {case.id for case in cases}


def test_every_operation_has_a_case_for_every_element_type_it_allows():
    covered = {(case.name, case.dtype) for case in CASES}
    allowed = {(name, dtype) for name, dtypes in operations().items() for dtype in dtypes}
    assert covered == allowed
    # The steps of the host have their tests in test_host_steps.py.
    assert {name for name in registered_operations() if name.startswith("torsh.")} == {
        name for name, _ in covered
    } | {"torsh.assert", "torsh.host_call"}


def test_every_pair_of_element_types_is_cast():
    pairs = {(case.dtype, case.attributes["dtype"]) for case in CASES if case.op == "cast"}
    assert pairs == set(itertools.product(ALL, ALL))


def test_every_operation_with_a_tensor_operand_has_a_case_with_dynamic_extents():
    assert {case.op for case in CASES if any(case.groups())} == {case.op for case in DYNAMIC_CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_tolerance_admits_the_programs_own_precision_and_nothing_wrong(case: Case):
    arrays = case.values()
    for array, dtype in zip(arrays, _operand_dtypes(case), strict=True):
        assert array.dtype == DTYPES[dtype]
    oracle = _interpret(case, arrays, "f64")
    actual = _interpret(case, arrays, None)
    assert actual.dtype == DTYPES[case.result_dtype]
    scale = scale_of(case.tolerance, arrays, oracle, lambda a: _interpret(case, list(a), "f64"))
    assert_within(actual, oracle, case.tolerance, scale)
    if actual.size:
        with pytest.raises(AssertionError):
            assert_within(_falsified(actual), oracle, case.tolerance, scale)


def _falsified(result: np.ndarray) -> np.ndarray:
    """A result that is off by three per cent, or by the least an integer can be."""
    if result.dtype.kind == "b":
        return ~result
    if result.dtype.kind in "iu":
        return result + result.dtype.type(1)
    with np.errstate(all="ignore"):
        wide = np.where(np.isfinite(result), result.astype(np.float64), 1)
        return (wide * 1.03 + 0.03 * (wide == 0)).astype(result.dtype)
