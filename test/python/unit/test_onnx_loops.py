# SPDX-License-Identifier: Apache-2.0
"""ONNX Loop and Scan that are not unrolled: the host runs their bodies, which are compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import torshjit

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
X = np.linspace(0.1, 1, 6, dtype=np.float32).reshape(2, 3)


def info(name: str, kind: int, shape: Any) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def node(op: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def model(nodes: list[Any], inputs: list[Any], outputs: list[Any]) -> Any:
    graph = helper.make_graph(nodes, "loops", inputs, outputs)
    opset = helper.make_opsetid("", 21)
    made = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    onnx.checker.check_model(made)
    return made


def growing_body(scans: bool = False) -> Any:
    """Doubles ``a`` and adds ``w`` from around, until its sum is above ``limit``."""
    nodes = [
        node("Add", "a a", "twice"),
        node("Add", "twice w", "b"),
        node("ReduceSum", "b", "total", keepdims=0),
        node("Less", "total limit", "more"),
    ]
    results = [info("more", BOOL, ()), info("b", FLOAT, (2, 3))]
    inputs = [info("i", INT64, ()), info("c", BOOL, ()), info("a", FLOAT, (2, 3))]
    if scans:
        results.append(info("total", FLOAT, ()))
    return helper.make_graph(nodes, "body", inputs, results)


def growing(bounded: bool = False) -> Any:
    inputs = [info("x", FLOAT, (2, 3)), info("limit", FLOAT, ())]
    nodes = [
        node("Sin", "x", "w"),
        node("ReduceSum", "x", "sum", keepdims=0),
        node("Less", "sum limit", "start"),
    ]
    if bounded:
        nodes += [node("Ceil", "sum", "up"), node("Cast", "up", "most", to=INT64)]
    name = "most" if bounded else ""
    loop = helper.make_node("Loop", [name, "start", "x"], ["y"], body=growing_body())
    return model([*nodes, loop, node("Neg", "y", "z")], inputs, [info("z", FLOAT, (2, 3))])


def check(made: Any, *arguments: Any, target: str = "cpu") -> Any:
    compiled = torshjit.compile(made, strict=True, target_device=target)
    names = [each.name for each in made.graph.input]
    results = compiled(*arguments)
    results = results if isinstance(results, tuple) else (results,)
    expected = ReferenceEvaluator(made).run(None, dict(zip(names, arguments, strict=True)))
    for got, wanted in zip(results, expected, strict=True):
        assert got.dtype == wanted.dtype
        np.testing.assert_allclose(got, wanted, rtol=1e-5)
    assert compiled.stats()["fallback_ops"] == {}
    return compiled


@pytest.mark.parametrize("target", ["cpu", "interpreter", "cuda-emulated"])
@pytest.mark.parametrize("bounded", [False, True])
def test_a_loop_until_data_says_so(bounded: bool, target: str) -> None:
    made = growing(bounded)
    names = [each.name for each in made.graph.input]
    for limit in (100, 1):
        compiled = check(made, X, np.float32(limit), target=target)
        arguments = X * 2, np.float32(900)
        expected = ReferenceEvaluator(made).run(None, dict(zip(names, arguments, strict=True)))
        np.testing.assert_allclose(compiled(*arguments), expected[0], rtol=1e-5)
    assert "onnx.Loop" in compiled.explain()


def test_a_long_loop_of_known_length() -> None:
    body = helper.make_graph(
        [
            node("Cast", "i", "f", to=FLOAT),
            node("Mul", "f w", "step"),
            node("Add", "a step", "b"),
            node("Identity", "c", "d"),
        ],
        "body",
        [info("i", INT64, ()), info("c", BOOL, ()), info("a", FLOAT, (2, 3))],
        [info("d", BOOL, ()), info("b", FLOAT, (2, 3))],
    )
    made = model(
        [
            node("Constant", "", "most", value_int=200),
            helper.make_node("Constant", [], ["yes"], value=helper.make_tensor("", BOOL, [], [1])),
            node("Sin", "x", "w"),
            helper.make_node("Loop", ["most", "yes", "x"], ["y"], body=body),
        ],
        [info("x", FLOAT, (2, 3))],
        [info("y", FLOAT, (2, 3))],
    )
    check(made, X)


@pytest.mark.parametrize("backwards", [0, 1])
@pytest.mark.parametrize("axis", [0, -1])
def test_a_scan_of_many_rows(backwards: int, axis: int) -> None:
    body = helper.make_graph(
        [
            node("Mul", "s half", "t"),
            node("Add", "t row", "u"),
            node("ReduceSum", "u", "total", keepdims=0),
            node("Add", "row w", "v"),
        ],
        "body",
        [info("s", FLOAT, (3,)), info("row", FLOAT, (3,))],
        [info("u", FLOAT, (3,)), info("total", FLOAT, ()), info("v", FLOAT, (3,))],
    )
    scan = helper.make_node(
        "Scan",
        ["start", "x"],
        ["end", "totals", "rows"],
        body=body,
        num_scan_inputs=1,
        scan_input_axes=[1],
        scan_input_directions=[backwards],
        scan_output_axes=[0, axis],
        scan_output_directions=[backwards, 0],
    )
    made = model(
        [
            node("Constant", "", "half", value_float=0.5),
            node("Sin", "start", "w"),
            scan,
        ],
        [info("start", FLOAT, (3,)), info("x", FLOAT, (3, 100))],
        [
            info("end", FLOAT, (3,)),
            info("totals", FLOAT, (100,)),
            info("rows", FLOAT, (100, 3) if axis == 0 else (3, 100)),
        ],
    )
    x = np.sin(np.arange(300, dtype=np.float32)).reshape(3, 100)
    start = np.float32([1, 2, 3])
    # The evaluator of onnx knows no axes and directions.
    state, totals, rows = start, [], []
    for row in x.T[:: -1 if backwards else 1]:
        state = state * np.float32(0.5) + row
        totals.append(state.sum())
        rows.append(row + np.sin(start))
    expected = state, np.array(totals[:: -1 if backwards else 1]), np.stack(rows, axis)
    compiled = torshjit.compile(made, strict=True)
    for got, wanted in zip(compiled(start, x), expected, strict=True):
        assert got.dtype == wanted.dtype
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_results_of_unknown_length_are_followed_at_import() -> None:
    loop = helper.make_node("Loop", ["", "start", "x"], ["y", "s"], body=growing_body(scans=True))
    made = model(
        [
            node("Sin", "x", "w"),
            node("ReduceSum", "x", "sum", keepdims=0),
            node("Less", "sum limit", "start"),
            loop,
        ],
        [info("x", FLOAT, (2, 3)), info("limit", FLOAT, ())],
        [info("y", FLOAT, (2, 3)), info("s", FLOAT, (None,))],
    )
    # How many rows the second result has depends on data: the loop is followed at import.
    compiled = torshjit.compile(made, strict=True)
    expected = ReferenceEvaluator(made).run(None, {"x": X, "limit": np.float32(50)})
    for got, wanted in zip(compiled(X, np.float32(50)), expected, strict=True):
        np.testing.assert_allclose(got.reshape(-1), wanted.reshape(-1), rtol=1e-5)


def test_a_loop_in_a_branch_that_is_not_taken_does_not_run() -> None:
    forever = helper.make_graph(
        [node("Identity", "c", "d"), node("Add", "a one", "b")],
        "body",
        [info("i", INT64, ()), info("c", BOOL, ()), info("a", FLOAT, (2, 3))],
        [info("d", BOOL, ()), info("b", FLOAT, (2, 3))],
    )
    then = helper.make_graph(
        [helper.make_node("Loop", ["", "yes", "x"], ["t"], body=forever)],
        "then",
        [],
        [info("t", FLOAT, (2, 3))],
    )
    other = helper.make_graph([node("Neg", "x", "n")], "else", [], [info("n", FLOAT, (2, 3))])
    made = model(
        [
            node("Constant", "", "one", value_float=1.0),
            node("ReduceSum", "x", "sum", keepdims=0),
            node("Less", "sum limit", "yes"),
            helper.make_node("If", ["yes"], ["y"], then_branch=then, else_branch=other),
        ],
        [info("x", FLOAT, (2, 3)), info("limit", FLOAT, ())],
        [info("y", FLOAT, (2, 3))],
    )
    compiled = torshjit.compile(made, strict=True)
    np.testing.assert_allclose(compiled(X, np.float32(-1)), -X)
