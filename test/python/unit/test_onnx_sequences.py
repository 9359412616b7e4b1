# SPDX-License-Identifier: Apache-2.0
"""Sequences and optional values in ONNX models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import torshjit
from torshjit.errors import TorshError

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402

FLOAT = TensorProto.FLOAT


def model_of(nodes: list[Any], inputs: list[Any], outputs: list[Any]) -> Any:
    graph = helper.make_graph(nodes, "sequences", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def sequence(name: str) -> Any:
    return helper.make_tensor_sequence_value_info(name, FLOAT, None)


def tensor(name: str, shape: Any) -> Any:
    return helper.make_tensor_value_info(name, FLOAT, shape)


PARTS = [np.arange(4, dtype=np.float32).reshape(2, 2) + shift for shift in (0, 10, 20)]


def test_a_sequence_goes_in_and_comes_out() -> None:
    nodes = [
        helper.make_node("Constant", [], ["at"], value_int=1),
        helper.make_node("SequenceAt", ["s", "at"], ["x"]),
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("SequenceErase", ["s", "at"], ["t"]),
        helper.make_node("SequenceInsert", ["t", "r"], ["u"]),
        helper.make_node("ConcatFromSequence", ["u"], ["c"], axis=0),
    ]
    compiled = torshjit.compile(
        model_of(nodes, [sequence("s")], [sequence("u"), tensor("c", (6, 2))]), strict=True
    )
    made, joined = compiled(PARTS)
    expected = [PARTS[0], PARTS[2], PARTS[1]]
    assert isinstance(made, list)
    for part, wanted in zip(made, expected, strict=True):
        np.testing.assert_array_equal(part, wanted)
    np.testing.assert_array_equal(joined, np.concatenate(expected))
    with pytest.raises(TorshError, match="position 1 of a sequence of 1"):
        compiled(PARTS[:1])


@pytest.mark.parametrize("value", [None, PARTS[0]])
def test_an_optional_input(value: Any) -> None:
    kind = helper.make_optional_type_proto(helper.make_tensor_type_proto(FLOAT, (2, 2)))
    nodes = [
        helper.make_node("OptionalHasElement", ["o"], ["has"]),
        helper.make_node(
            "If",
            ["has"],
            ["y"],
            then_branch=helper.make_graph(
                [
                    helper.make_node("OptionalGetElement", ["o"], ["e"]),
                    helper.make_node("Add", ["e", "x"], ["then"]),
                ],
                "then",
                [],
                [tensor("then", (2, 2))],
            ),
            else_branch=helper.make_graph(
                [helper.make_node("Neg", ["x"], ["else"])], "else", [], [tensor("else", (2, 2))]
            ),
        ),
    ]
    optional = helper.make_value_info("o", kind)
    model = model_of(nodes, [tensor("x", (2, 2)), optional], [tensor("y", (2, 2))])
    result = torshjit.compile(model, strict=True)(PARTS[1], value)
    np.testing.assert_array_equal(result, -PARTS[1] if value is None else PARTS[1] + value)


def test_a_tensor_is_no_sequence() -> None:
    nodes = [helper.make_node("ConcatFromSequence", ["x"], ["y"], axis=0)]
    model = model_of(nodes, [tensor("x", (2, 2))], [tensor("y", (2, 2))])
    with pytest.raises(TorshError):
        torshjit.compile(model, strict=True)(PARTS[0])
