# SPDX-License-Identifier: Apache-2.0
"""ONNX If on a condition that is computed: both branches are, and one is taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import torshjit

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402

X = np.arange(30, dtype=np.float32) / 8


def branch(nodes: list[Any], result: str, shape: Any = (30,)) -> Any:
    value = helper.make_tensor_value_info(result, TensorProto.FLOAT, shape)
    return helper.make_graph(nodes, result, [], [value])


def model_of(then_branch: Any, else_branch: Any, shape: Any = (30,)) -> Any:
    """Takes the first branch where the sum of ``x`` is positive."""
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["total"], keepdims=0),
        helper.make_node("Constant", [], ["zero"], value_float=0.0),
        helper.make_node("Greater", ["total", "zero"], ["yes"]),
        helper.make_node("If", ["yes"], ["s"], then_branch=then_branch, else_branch=else_branch),
        helper.make_node("Identity", ["s"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "branches",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, (30,)),
            helper.make_tensor_value_info("i", TensorProto.INT64, (30,)),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


NEGATED = branch([helper.make_node("Neg", ["x"], ["neg"])], "neg")


def test_one_of_the_branches_is_taken() -> None:
    model = model_of(branch([helper.make_node("Exp", ["x"], ["exp"])], "exp"), NEGATED)
    compiled = torshjit.compile(model, strict=True)
    places = np.zeros(30, np.int64)
    np.testing.assert_allclose(compiled(X, places), np.exp(X), rtol=1e-6)
    np.testing.assert_allclose(compiled(-X, places), X, rtol=1e-6)
    assert compiled.stats()["specializations"] == 1


def test_what_the_other_branch_requires_is_no_error() -> None:
    model = model_of(branch([helper.make_node("Gather", ["x", "i"], ["g"])], "g"), NEGATED)
    compiled = torshjit.compile(model, strict=True)
    places = np.full(30, 30)
    np.testing.assert_allclose(compiled(-X, places), X)
    with pytest.raises(IndexError, match="out of range for extent 30"):
        compiled(X, places)


@pytest.mark.filterwarnings("ignore")
def test_branches_of_other_shapes_fall_back() -> None:
    short = branch([helper.make_node("ReduceMax", ["x"], ["m"])], "m", (1,))
    compiled = torshjit.compile(model_of(short, NEGATED, ("n",)))
    places = np.zeros(30, np.int64)
    np.testing.assert_array_equal(compiled(X, places), X[-1:])
    np.testing.assert_array_equal(compiled(-X, places), X)
