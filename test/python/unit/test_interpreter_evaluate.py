# SPDX-License-Identifier: Apache-2.0
"""The walk over a graph: inputs, lifetimes, precision, errors, and that no operation is missing."""

import subprocess
import sys
import weakref
from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest
from dialect_definition import operations
from graph_records import Graph, TensorType, run_op

from torshjit.errors import DTypeError, ShapeError, TorshError, UnsupportedOpError
from torshjit.interpreter import evaluate, registered_operations

F32 = TensorType("f32", (4,))


def _chain(length: int) -> Graph:
    """neg(neg(...x)), `length` times."""
    graph = Graph([F32])
    value = 0
    for _ in range(length):
        value = graph.append("torsh.neg", [value], F32)
    graph.outputs = [value]
    return graph


def test_every_operation_of_the_dialect_has_a_reference_function():
    registered = {name for name in registered_operations() if name.startswith("torsh.")}
    assert registered - {"torsh.assert", "torsh.host_call"} == set(operations())
    assert len(registered) > 60


def test_importing_the_interpreter_does_not_import_torch():
    code = "import sys, torshjit.interpreter; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_intermediates_are_freed_at_their_last_use():
    results: list[weakref.ref] = []
    most_alive = 0

    def around(call, function):
        nonlocal most_alive
        result = function(call)
        results.append(weakref.ref(result))
        most_alive = max(most_alive, sum(ref() is not None for ref in results))
        return result

    evaluate(_chain(20), [np.ones(4, np.float32)], around=around)
    assert len(results) == 20
    assert most_alive <= 2


def test_around_may_change_what_an_operation_is_given_and_gives():
    def around(call, function):
        doubled = replace(call, groups=((call.operand(0) * 2,),))
        return function(doubled) + 1

    (result,) = evaluate(_chain(1), [np.arange(4, dtype=np.float32)], around=around)
    np.testing.assert_array_equal(result, [1, -1, -3, -5])


def test_one_value_used_several_times_and_returned_twice():
    graph = Graph([F32])
    square = graph.append("torsh.mul", [0, 0], F32)
    total = graph.append("torsh.add", [square, 0], F32)
    graph.outputs = [total, square, 0, total]
    x = np.arange(4, dtype=np.float32)
    outputs = evaluate(graph, [x])
    for output, expected in zip(outputs, [x * x + x, x * x, x, x * x + x], strict=True):
        np.testing.assert_array_equal(output, expected)
    arrays = [*outputs, x]
    for i, first in enumerate(arrays):
        assert all(not np.shares_memory(first, second) for second in arrays[i + 1 :])


def test_outputs_are_contiguous_and_inputs_may_be_strided():
    x = np.arange(12, dtype=np.float32).reshape(3, 4)[::-1, ::2]
    result = run_op("torsh.permute", [x], ("f32", (2, 3)), permutation=[1, 0])
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result, x.T)


def test_float64_computation_keeps_what_the_program_would_round():
    graph = Graph([TensorType("f16", (1,))])
    half = TensorType("f16", (1,))
    one = graph.append("torsh.constant", [], half, value=np.ones(1, np.float16))
    sums = graph.append("torsh.add", [0, one], half)
    graph.outputs = [graph.append("torsh.sub", [sums, one], half)]
    x = np.array([1e-4], np.float16)
    (rounded,) = evaluate(graph, [x])
    (exact,) = evaluate(graph, [x], compute_dtype="f64")
    assert rounded.dtype == np.float16
    assert rounded == 0
    assert exact.dtype == np.float64
    assert exact == pytest.approx(float(x[0]))


def test_float64_computation_leaves_integers_and_bools_alone():
    ints = run_op("torsh.add", [np.array([127], np.int8)] * 2, ("i8", (1,)), compute_dtype="f64")
    assert ints.dtype == np.int8
    assert ints == -2
    bools = run_op("torsh.isnan", [np.array([np.nan])], ("i1", (1,)), compute_dtype="f64")
    assert bools.dtype == np.bool_
    assert bools[0]


def test_half_precision_is_computed_in_float32_and_rounded_once():
    x = np.array([60000, 60000, -60000], np.float16)
    total = run_op("torsh.sum", [x], ("f16", ()), axes=[0], keepdims=False)
    assert total.dtype == np.float16
    assert total == np.float16(60000)
    y = np.array([256, 1, 1, 1, 1], ml_dtypes.bfloat16)
    total = run_op("torsh.sum", [y], ("bf16", ()), axes=[0], keepdims=False)
    assert total.dtype == ml_dtypes.bfloat16
    assert float(total) == 260


def test_a_missing_operation_names_itself_and_the_users_line():
    graph = Graph([F32])
    graph.outputs = [graph.append("torsh.frobnicate", [0], F32, location=("model.py", 12))]
    with pytest.raises(UnsupportedOpError, match=r"torsh\.frobnicate") as raised:
        evaluate(graph, [np.ones(4, np.float32)])
    assert isinstance(raised.value, TorshError)
    assert raised.value.op == "torsh.frobnicate"
    assert raised.value.location == ("model.py", 12)


def test_extents_that_differ_name_the_operation_and_the_users_line():
    graph = Graph([TensorType("f32", (-1,)), TensorType("f32", (-1,))])
    result = TensorType("f32", (-1,))
    graph.outputs = [graph.append("torsh.add", [0, 1], result, location=("model.py", 3))]
    with pytest.raises(ShapeError, match=r"torsh\.add: extents 1 and 4 along axis 0") as raised:
        evaluate(graph, [np.ones(1, np.float32), np.ones(4, np.float32)])
    assert raised.value.location == ("model.py", 3)


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (np.ones(4), DTypeError, "input 0 is float64, the program takes f32"),
        (np.ones(5, np.float32), ShapeError, r"input 0 has shape \(5,\)"),
        (np.ones((4, 1), np.float32), ShapeError, r"input 0 has shape \(4, 1\)"),
    ],
)
def test_inputs_that_do_not_fit_the_signature(array, error, message):
    with pytest.raises(error, match=message):
        evaluate(_chain(1), [array])


def test_a_wrong_number_of_inputs():
    with pytest.raises(ShapeError, match="the program has 1 inputs, 0 were given"):
        evaluate(_chain(1), [])


def test_a_result_that_contradicts_its_type_is_refused():
    with pytest.raises(ShapeError, match=r"torsh\.neg: the result has shape \(4,\)"):
        run_op("torsh.neg", [np.ones(4, np.float32)], ("f32", (5,)))


def test_extents_computed_on_index_values():
    index = TensorType("index", ())
    graph = Graph([TensorType("f32", (-1, 6))])
    zero = graph.append("arith.constant", [], index, value=0)
    two = graph.append("arith.constant", [], index, value=2)
    rows = graph.append("tensor.dim", [0, zero], index)
    doubled = graph.append("arith.muli", [rows, two], index)
    three = graph.append("arith.floordivsi", [graph.append(
        "arith.constant", [], index, value=7), two], index)  # fmt: skip
    result = TensorType("f32", (-1, -1))
    graph.outputs = [graph.append("torsh.reshape", [0, [doubled, three]], result)]
    x = np.arange(30, dtype=np.float32).reshape(5, 6)
    (reshaped,) = evaluate(graph, [x])
    np.testing.assert_array_equal(reshaped, x.reshape(10, 3))


@pytest.mark.parametrize(
    ("name", "lhs", "rhs", "expected"),
    [
        ("addi", 7, -2, 5),
        ("subi", 7, 9, -2),
        ("muli", -3, 4, -12),
        ("divui", 7, 2, 3),
        ("divsi", -7, 2, -3),
        ("divsi", -7, -2, 3),
        ("floordivsi", -7, 2, -4),
        ("ceildivsi", 7, 2, 4),
        ("ceildivsi", -7, 2, -3),
        ("remui", 7, 4, 3),
        ("remsi", -7, 2, -1),
        ("remsi", 7, -2, 1),
        ("maxsi", -7, 2, 2),
        ("minsi", -7, 2, -7),
    ],
)
def test_index_arithmetic(name, lhs, rhs, expected):
    index = TensorType("index", ())
    graph = Graph([])
    operands = [graph.append("arith.constant", [], index, value=value) for value in (lhs, rhs)]
    graph.outputs = [graph.append(f"arith.{name}", operands, index)]
    assert evaluate(graph, []) == [expected]


def test_the_extent_of_an_axis_that_is_not_there():
    index = TensorType("index", ())
    graph = Graph([F32])
    one = graph.append("arith.constant", [], index, value=1)
    graph.outputs = [graph.append("tensor.dim", [0, one], index)]
    with pytest.raises(ShapeError, match=r"tensor\.dim: axis 1 of a tensor of 1 axes"):
        evaluate(graph, [np.ones(4, np.float32)])


def test_the_sizes_of_a_reshape_have_to_hold_all_elements():
    index = TensorType("index", ())
    graph = Graph([F32])
    sizes = [graph.append("arith.constant", [], index, value=n) for n in (2, 3)]
    result = TensorType("f32", (-1, -1))
    graph.outputs = [graph.append("torsh.reshape", [0, sizes], result)]
    with pytest.raises(ShapeError, match=r"torsh\.reshape: 4 elements"):
        evaluate(graph, [np.ones(4, np.float32)])
