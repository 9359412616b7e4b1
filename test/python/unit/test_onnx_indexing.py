# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that read and write at positions that are data."""

from __future__ import annotations

import numpy as np
import pytest

import torshjit
from torshjit.errors import ShapeError

pytest.importorskip("onnx")

from onnx_nodes import check_node, node_model

DTYPES = [np.float32, np.float64, np.float16, np.int8, np.int64, np.bool_]


def data(shape: tuple[int, ...], dtype: object = np.float32) -> np.ndarray:
    return (np.random.default_rng(1).standard_normal(shape) * 50).astype(dtype)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (0,)])
def test_gather(axis: int, shape: tuple[int, ...]) -> None:
    x = data((4, 6, 7))
    places = np.asarray(np.random.default_rng(2).integers(-4, 4, shape))
    check_node("Gather", [x, places], axis=axis)
    check_node("Gather", [x, places], axis=axis, known=[1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_gather_of_every_type(dtype: object) -> None:
    places = np.random.default_rng(2).integers(-4, 4, (2, 3)).astype(np.int32)
    check_node("Gather", [data((4, 6, 7), dtype), places])


def test_gather_of_many_known_positions_is_no_chain_of_slices() -> None:
    places = np.random.default_rng(0).permutation(300)
    check_node("Gather", [data((300, 3)), places], known=[1])


def test_gather_elements_of_part_of_the_other_axes() -> None:
    x, places = data((4, 6, 7)), np.random.default_rng(2).integers(-6, 6, (3, 9, 2))
    compiled = torshjit.compile(node_model("GatherElements", [x, places], axis=1), strict=True)
    expected = np.take_along_axis(x[:3, :, :2], places, 1)
    np.testing.assert_array_equal(compiled(x, places), expected)


def test_known_elements_that_the_evaluator_cannot_gather() -> None:
    x, places = np.arange(24).reshape(1, 24), np.arange(9).reshape(1, 9) * 2
    model = node_model("GatherElements", [x, places], axis=1, known=[0, 1])
    np.testing.assert_array_equal(torshjit.compile(model, strict=True)(), places)


@pytest.mark.parametrize("batch", [0, 1, 2])
def test_gather_nd(batch: int) -> None:
    x = data((2, 3, 4, 5))
    depth = 2 if batch < 2 else 1
    places = np.random.default_rng(2).integers(-2, 2, (2, 3, 6, depth))
    check_node("GatherND", [x, places], batch_dims=batch)


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
@pytest.mark.parametrize("shape", [(3, 5), (2, 5)])
def test_scatter_elements_with_positions_that_repeat(reduction: str, shape: tuple) -> None:
    places = np.random.default_rng(2).integers(-4, 4, shape)
    updates = data(shape)
    check_node(
        "ScatterElements",
        [data((3, 4)), places, updates],
        axis=1,
        reduction=reduction,
        tolerance=1e-4,
    )


@pytest.mark.parametrize("reduction", ["none", "add", "max"])
def test_scatter_nd(reduction: str) -> None:
    places = np.random.default_rng(2).integers(-2, 2, (40, 2))
    check_node(
        "ScatterND", [data((3, 4, 5)), places, data((40, 5))], reduction=reduction, tolerance=1e-4
    )


def test_reverse_sequence_by_lengths_that_are_data() -> None:
    lengths = np.array([1, 4, 0, 3])
    check_node("ReverseSequence", [data((5, 4, 2)), lengths], time_axis=0, batch_axis=1)
    check_node("ReverseSequence", [data((4, 5, 2)), lengths], time_axis=1, batch_axis=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64])
@pytest.mark.parametrize("largest", [0, 1])
def test_top_k_with_ties(dtype: object, largest: int) -> None:
    x = np.random.default_rng(3).integers(0, 5, (3, 40)).astype(dtype)
    check_node("TopK", [x, np.array([7])], 2, largest=largest, axis=-1)
    check_node("TopK", [x, np.array([2])], 2, largest=largest, axis=0)


@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("axis", [0, -1])
def test_running_sums(reverse: int, exclusive: int, axis: int) -> None:
    x = data((3, 500), np.float64)
    check_node("CumSum", [x, np.array(axis)], reverse=reverse, exclusive=exclusive, tolerance=1e-9)


def test_a_known_position_out_of_range_is_refused() -> None:
    model = node_model("Gather", [data((3,)), np.array([3])], known=[1])
    with pytest.raises(ShapeError, match="index is out of range for extent 3"):
        torshjit.compile(model, strict=True)(data((3,)))


@pytest.mark.parametrize("place", [3, -4])
@pytest.mark.parametrize("op", ["Gather", "GatherElements", "ScatterElements"])
def test_a_position_out_of_range_is_an_error_of_the_call(op: str, place: int) -> None:
    x, places = data((3,)), np.array([0, place])
    operands = [x, places, data((2,))] if op.startswith("Scatter") else [x, places]
    compiled = torshjit.compile(node_model(op, operands), strict=True)
    with pytest.raises(IndexError, match="index is out of range for extent 3"):
        compiled(*operands)
    # The program still answers other calls.
    places[1] = 2
    compiled(*operands)


def test_an_embedding_serves_every_extent_of_a_named_axis() -> None:
    import onnx

    table = data((50, 8))
    model = node_model("Gather", [table, np.zeros((2, 5), np.int64)], known=[0])
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    element = onnx.TensorProto.FLOAT
    output = onnx.helper.make_tensor_value_info("y0", element, ("batch", 5, 8))
    model.graph.output[0].CopyFrom(output)
    compiled = torshjit.compile(model, strict=True)
    for batch in (3, 1, 0):
        places = np.random.default_rng(batch).integers(0, 50, (batch, 5))
        np.testing.assert_array_equal(compiled(places), table[places])
    assert compiled.stats()["specializations"] == 1
