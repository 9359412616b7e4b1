# SPDX-License-Identifier: Apache-2.0
"""Nodes without a lowering in ONNX models: calls of the reference evaluator, the rest compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import torshjit
from torshjit.errors import UnsupportedOpError

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402


def model_with(node: Any, result: tuple[int, Any]) -> Any:
    """``Relu``, then the node on ``r`` giving ``s``, then ``Add(s, s)``."""
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        node,
        helper.make_node("Add", ["s", "s"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "host",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (3, 3))],
        [helper.make_tensor_value_info("y", *result)],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 4)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


@pytest.fixture
def model() -> Any:
    node = helper.make_node("Normalizer", ["r"], ["s"], domain="ai.onnx.ml", norm="L1")
    return model_with(node, (TensorProto.FLOAT, (3, 3)))


X = np.random.default_rng(0).random((3, 3), np.float32)


def expected_of(x: np.ndarray) -> np.ndarray:
    return 2 * x / np.abs(x).sum(axis=1, keepdims=True)


def test_the_rest_stays_compiled(model: Any) -> None:
    compiled = torshjit.compile(model)
    with pytest.warns(torshjit.FallbackWarning, match=r"onnx\.ai\.onnx\.ml\.Normalizer"):
        np.testing.assert_allclose(compiled(X), expected_of(X), rtol=1e-6)
    stats = compiled.stats()
    assert stats["fallback_ops"] == {"onnx.ai.onnx.ml.Normalizer": 1}
    assert stats["kernels"] >= 2
    assert not compiled.explain(structured=True)["fallbacks"]


def test_strict_raises(model: Any) -> None:
    with pytest.raises(UnsupportedOpError, match="Normalizer"):
        torshjit.compile(model, strict=True)(X)


@pytest.mark.filterwarnings("ignore")
def test_a_saved_program_calls_the_evaluator_too(model: Any, tmp_path: Any) -> None:
    compiled = torshjit.compile(model)
    compiled(X)
    compiled.save(tmp_path / "host.torsh")
    loaded = torshjit.load(tmp_path / "host.torsh")
    np.testing.assert_allclose(loaded(X), expected_of(X), rtol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_what_follows_a_shape_that_depends_on_contents_falls_back() -> None:
    node = helper.make_node("NonZero", ["r"], ["s"])
    compiled = torshjit.compile(model_with(node, (TensorProto.INT64, (2, "n"))))
    x = np.array([[1, 0, 2], [0, 0, 0], [3, 4, 0]], np.float32)
    np.testing.assert_array_equal(compiled(x), 2 * np.array(np.nonzero(x)))
    reasons = [each["reason"] for each in compiled.explain(structured=True)["fallbacks"]]
    assert "depends on the contents" in reasons[0]
    # What comes before the node is compiled, once.
    (split,) = compiled._source._splits.values()
    assert split.passed == ["r"]
    assert split.first.stats()["kernels"] == 1
    np.testing.assert_array_equal(compiled(x.T.copy()), 2 * np.array(np.nonzero(x.T)))
    assert split.first.stats()["calls"] == 2
    assert not split.first.stats()["fallback_ops"]


@pytest.mark.filterwarnings("ignore")
def test_a_model_is_split_at_each_such_node() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("NonZero", ["r"], ["first"]),
        helper.make_node("Neg", ["x"], ["n"]),
        helper.make_node("Relu", ["n"], ["m"]),
        helper.make_node("NonZero", ["m"], ["second"]),
        helper.make_node("Sigmoid", ["x"], ["s"]),
    ]
    graph = helper.make_graph(
        nodes,
        "twice",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (3, 3))],
        [
            helper.make_tensor_value_info("first", TensorProto.INT64, (2, "n")),
            helper.make_tensor_value_info("second", TensorProto.INT64, (2, "m")),
            helper.make_tensor_value_info("s", TensorProto.FLOAT, (3, 3)),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    x = np.random.default_rng(1).standard_normal((3, 3)).astype(np.float32)
    first, second, s = torshjit.compile(model)(x)
    np.testing.assert_array_equal(first, np.array(np.nonzero(np.maximum(x, 0))))
    np.testing.assert_array_equal(second, np.array(np.nonzero(np.maximum(-x, 0))))
    np.testing.assert_allclose(s, 1 / (1 + np.exp(-x)), rtol=1e-6)
