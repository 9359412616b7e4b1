# SPDX-License-Identifier: Apache-2.0
"""ONNX models through `torshjit.compile`: calls, initializers, versions, functions, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import torshjit

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402


def model_of(
    nodes: list[Any],
    inputs: dict[str, tuple[int, tuple]],
    outputs: dict[str, tuple[int, tuple | None]],
    initializers: dict[str, np.ndarray] | None = None,
    opset: int = 21,
    functions: tuple = (),
) -> Any:
    graph = helper.make_graph(
        nodes,
        "test_graph",
        [helper.make_tensor_value_info(name, *each) for name, each in inputs.items()],
        [helper.make_tensor_value_info(name, *each) for name, each in outputs.items()],
        [numpy_helper.from_array(each, name) for name, each in (initializers or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("local", 1)]
    return helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=10)


FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def layer(rng: np.random.Generator) -> tuple[Any, np.ndarray, np.ndarray]:
    weight = rng.standard_normal((16, 8), dtype=np.float32)
    bias = rng.standard_normal(8, dtype=np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["p"]),
        helper.make_node("Add", ["p", "b"], ["s"]),
        helper.make_node("Relu", ["s"], ["y"]),
    ]
    model = model_of(
        nodes,
        {"x": (FLOAT, ("batch", 16))},
        {"y": (FLOAT, ("batch", 8))},
        {"w": weight, "b": bias},
    )
    return model, weight, bias


def test_proto_bytes_and_path(layer: Any, rng: np.random.Generator, tmp_path: Any) -> None:
    model, weight, bias = layer
    path = tmp_path / "layer.onnx"
    onnx.save(model, path)
    x = rng.standard_normal((4, 16), dtype=np.float32)
    expected = np.maximum(x @ weight + bias, 0)
    for program in (model, model.SerializeToString(), path, str(path)):
        compiled = torshjit.compile(program, strict=True)
        np.testing.assert_allclose(compiled(x), expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(compiled(x=x), expected, rtol=1e-5, atol=1e-5)


def test_external_data_beside_the_file(layer: Any, rng: np.random.Generator, tmp_path: Any) -> None:
    model, weight, bias = layer
    path = tmp_path / "layer.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").stat().st_size >= weight.nbytes
    x = rng.standard_normal((2, 16), dtype=np.float32)
    result = torshjit.compile(str(path), strict=True)(x)
    np.testing.assert_allclose(result, np.maximum(x @ weight + bias, 0), rtol=1e-5, atol=1e-5)


def test_one_program_for_every_extent_of_a_named_axis(layer: Any, rng: np.random.Generator) -> None:
    model, weight, bias = layer
    compiled = torshjit.compile(model, strict=True)
    for batch in (3, 1, 7, 0):
        x = rng.standard_normal((batch, 16), dtype=np.float32)
        np.testing.assert_allclose(
            compiled(x), np.maximum(x @ weight + bias, 0), rtol=1e-5, atol=1e-5
        )
    assert compiled.stats()["specializations"] == 1
    assert "tensor<?x16xf32>" in compiled.ir("capture")


def network(rng: np.random.Generator) -> Any:
    """A small convolutional network whose batch is open."""
    make = helper.make_node
    weights = {
        "kernel": rng.standard_normal((4, 3, 3, 3), dtype=np.float32),
        "gain": rng.standard_normal(4, dtype=np.float32),
        "shift": rng.standard_normal(4, dtype=np.float32),
        "mean": rng.standard_normal(4, dtype=np.float32),
        "variance": rng.random(4, dtype=np.float32) + 0.5,
        "weight": rng.standard_normal((10, 64), dtype=np.float32),
        "offset": rng.standard_normal(10, dtype=np.float32),
        "line": np.array([-1, 64]),
    }
    nodes = [
        make("Conv", ["x", "kernel"], ["a"], pads=[1, 1, 1, 1]),
        make("BatchNormalization", ["a", "gain", "shift", "mean", "variance"], ["b"]),
        make("Relu", ["b"], ["c"]),
        make("MaxPool", ["c"], ["d"], kernel_shape=[2, 2], strides=[2, 2]),
        make("Flatten", ["d"], ["e"]),
        make("Reshape", ["e", "line"], ["f"]),
        make("Gemm", ["f", "weight", "offset"], ["g"], transB=1),
        make("Softmax", ["g"], ["y"]),
    ]
    return model_of(nodes, {"x": (FLOAT, ("n", 3, 8, 8))}, {"y": (FLOAT, ("n", 10))}, weights)


def test_a_network_is_compiled_once_for_all_batches(rng: np.random.Generator) -> None:
    from onnx.reference import ReferenceEvaluator

    model = network(rng)
    compiled, reference = torshjit.compile(model, strict=True), ReferenceEvaluator(model)
    for batch in (2, 1, 5):
        x = rng.standard_normal((batch, 3, 8, 8), dtype=np.float32)
        expected = reference.run(None, {"x": x})[0]
        np.testing.assert_allclose(compiled(x), expected, rtol=1e-4, atol=1e-5)
    assert compiled.stats()["specializations"] == 1


def test_extents_that_may_broadcast_are_compiled_for_each(rng: np.random.Generator) -> None:
    node = helper.make_node("Add", ["x", "three"], ["y"])
    model = model_of(
        [node],
        {"x": (FLOAT, ("n",))},
        {"y": (FLOAT, (None,))},
        {"three": np.arange(3, dtype=np.float32)},
    )
    compiled = torshjit.compile(model, strict=True)
    for extent in (1, 3):
        x = rng.standard_normal(extent, dtype=np.float32)
        np.testing.assert_allclose(compiled(x), x + np.arange(3, dtype=np.float32))
    assert compiled.stats()["specializations"] == 2


def test_two_named_axes_are_compiled_for_each(rng: np.random.Generator) -> None:
    node = helper.make_node("Add", ["x", "z"], ["y"])
    model = model_of([node], {"x": (FLOAT, ("n",)), "z": (FLOAT, ("m",))}, {"y": (FLOAT, (None,))})
    compiled = torshjit.compile(model, strict=True)
    for n, m in ((1, 4), (4, 4), (4, 1)):
        x, z = rng.standard_normal(n, dtype=np.float32), rng.standard_normal(m, dtype=np.float32)
        np.testing.assert_allclose(compiled(x, z), x + z)


def test_large_initializers_are_inputs_by_reference(layer: Any) -> None:
    model, _, _ = layer
    compiled = torshjit.compile(model, strict=True).prepare(np.zeros((1, 16), np.float32))
    text = compiled.ir("capture")
    assert "tensor<16x8xf32>" in text.partition("->")[0]
    assert "dense" in text  # The bias is small enough to be a constant.


def test_saved_and_loaded(layer: Any, rng: np.random.Generator, tmp_path: Any) -> None:
    model, _, _ = layer
    x = rng.standard_normal((3, 16), dtype=np.float32)
    compiled = torshjit.compile(model, strict=True)
    expected = compiled(x)
    compiled.save(tmp_path / "layer.torsh")
    np.testing.assert_array_equal(torshjit.load(tmp_path / "layer.torsh")(x), expected)


def test_a_shape_that_is_an_input_is_compared_by_value(rng: np.random.Generator) -> None:
    node = helper.make_node("Reshape", ["x", "shape"], ["y"])
    model = model_of(
        [node], {"x": (FLOAT, (2, 6)), "shape": (INT64, (2,))}, {"y": (FLOAT, (None, None))}
    )
    compiled = torshjit.compile(model, strict=True)
    x = rng.standard_normal((2, 6), dtype=np.float32)
    for shape in ((3, 4), (-1, 3), (12, 1), (3, 4)):
        np.testing.assert_array_equal(compiled(x, np.array(shape)), x.reshape(shape))
    assert compiled.stats()["specializations"] == 3


def test_arithmetic_on_shapes_is_done_at_import(rng: np.random.Generator) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"], axis=0),
        helper.make_node("Concat", ["n", "rest"], ["wanted"], axis=0),
        helper.make_node("Reshape", ["x", "wanted"], ["y"]),
    ]
    constants = {"zero": np.array([0]), "rest": np.array([-1])}
    model = model_of(nodes, {"x": (FLOAT, ("n", 3, 4))}, {"y": (FLOAT, ("n", 12))}, constants)
    compiled = torshjit.compile(model, strict=True)
    x = rng.standard_normal((5, 3, 4), dtype=np.float32)
    np.testing.assert_array_equal(compiled(x), x.reshape(5, 12))


@pytest.mark.parametrize("opset", [9, 13])
def test_known_nodes_are_evaluated_in_the_version_of_the_model(opset: int) -> None:
    if opset < 13:
        node = helper.make_node("Unsqueeze", ["w"], ["column"], axes=[1])
    else:
        node = helper.make_node("Unsqueeze", ["w", "axes"], ["column"])
    nodes = [node, helper.make_node("Mul", ["x", "column"], ["y"])]
    weight = np.arange(3, dtype=np.float32)
    constants = {"w": weight} if opset < 13 else {"w": weight, "axes": np.array([1])}
    model = model_of(nodes, {"x": (FLOAT, (3, 4))}, {"y": (FLOAT, (3, 4))}, constants, opset=opset)
    x = np.ones((3, 4), np.float32)
    np.testing.assert_array_equal(torshjit.compile(model, strict=True)(x), x * weight[:, None])


@pytest.mark.parametrize("opset", [9, 13])
def test_axes_as_attribute_and_as_operand(opset: int, rng: np.random.Generator) -> None:
    if opset < 13:
        node = helper.make_node("ReduceSum", ["x"], ["y"], axes=[1], keepdims=0)
        constants = {}
    else:
        node = helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)
        constants = {"axes": np.array([1])}
    model = model_of([node], {"x": (FLOAT, (3, 4))}, {"y": (FLOAT, (3,))}, constants, opset=opset)
    x = rng.standard_normal((3, 4), dtype=np.float32)
    np.testing.assert_allclose(torshjit.compile(model, strict=True)(x), x.sum(1), rtol=1e-5)


def test_softmax_before_version_13_takes_all_later_axes(rng: np.random.Generator) -> None:
    node = helper.make_node("Softmax", ["x"], ["y"], axis=1)
    x = rng.standard_normal((2, 3, 4), dtype=np.float32)
    shapes = {"x": (FLOAT, (2, 3, 4))}, {"y": (FLOAT, (2, 3, 4))}
    old = torshjit.compile(model_of([node], *shapes, opset=11), strict=True)(x)
    new = torshjit.compile(model_of([node], *shapes, opset=13), strict=True)(x)
    np.testing.assert_allclose(old.sum((1, 2)), 1, rtol=1e-5)
    np.testing.assert_allclose(new.sum(1), 1, rtol=1e-5)


def test_functions_of_the_model(rng: np.random.Generator) -> None:
    body = [
        helper.make_node("Mul", ["a", "a"], ["square"]),
        helper.make_node("LeakyRelu", ["square"], ["b"]),
    ]
    body[1].attribute.append(
        onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    )
    function = helper.make_function(
        "local", "SquareRelu", ["a"], ["b"], body, [helper.make_opsetid("", 21)], ["slope"]
    )
    nodes = [
        helper.make_node("SquareRelu", ["x"], ["m"], domain="local", slope=0.5),
        helper.make_node("Neg", ["m"], ["y"]),
    ]
    model = model_of(nodes, {"x": (FLOAT, (5,))}, {"y": (FLOAT, (5,))}, functions=(function,))
    x = rng.standard_normal(5, dtype=np.float32)
    np.testing.assert_allclose(torshjit.compile(model, strict=True)(x), -(x * x), rtol=1e-6)


def test_a_condition_that_is_an_input_chooses_the_branch(rng: np.random.Generator) -> None:
    result = helper.make_tensor_value_info("r", FLOAT, (4,))
    then = helper.make_graph([helper.make_node("Exp", ["x"], ["r"])], "then", [], [result])
    other = helper.make_graph([helper.make_node("Neg", ["x"], ["r"])], "else", [], [result])
    node = helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other)
    model = model_of(
        [node], {"c": (TensorProto.BOOL, ()), "x": (FLOAT, (4,))}, {"y": (FLOAT, (4,))}
    )
    compiled = torshjit.compile(model, strict=True)
    x = rng.standard_normal(4, dtype=np.float32)
    np.testing.assert_allclose(compiled(np.array(True), x), np.exp(x), rtol=1e-6)
    np.testing.assert_allclose(compiled(np.array(False), x), -x)


def unsupported() -> Any:
    node = helper.make_node("Unique", ["x"], ["y"], name="distinct")
    return model_of([node], {"x": (FLOAT, (5000,))}, {"y": (FLOAT, (None,))})


def test_an_operator_without_lowering_names_itself_and_the_node() -> None:
    with pytest.raises(torshjit.UnsupportedOpError) as found:
        torshjit.compile(unsupported(), strict=True)(np.zeros(5000, np.float32))
    assert found.value.op == "onnx.Unique"
    assert "node 'distinct'" in str(found.value)
    assert "strict" in str(found.value)


def test_an_operator_without_lowering_runs_in_the_reference_evaluator() -> None:
    compiled = torshjit.compile(unsupported(), strict=False)
    x = np.arange(5000, dtype=np.float32) % 5
    with pytest.warns(torshjit.FallbackWarning, match=r"onnx\.Unique"):
        np.testing.assert_array_equal(compiled(x), np.arange(5))
    assert compiled.stats()["fallback_ops"] == {"onnx.Unique": 1}


def test_wrong_calls_are_refused(layer: Any) -> None:
    model, _, _ = layer
    compiled = torshjit.compile(model)
    with pytest.raises(torshjit.ShapeError, match="declared with shape"):
        compiled(np.zeros((2, 15), np.float32))
    with pytest.raises(torshjit.ShapeError, match="needs the input 'x'"):
        compiled()
    with pytest.raises(torshjit.ShapeError, match="no input 'z'"):
        compiled(z=np.zeros((2, 16), np.float32))
    for strict in (False, True):
        with pytest.raises(torshjit.DTypeError, match="declared as float32"):
            torshjit.compile(model, strict=strict)(np.zeros((2, 16), np.float64))


def test_malformed_bytes_are_refused(layer: Any) -> None:
    model, _, _ = layer
    data = model.SerializeToString()
    with pytest.raises(torshjit.CompileError, match="malformed"):
        torshjit.compile(data[: len(data) // 2])
    with pytest.raises(torshjit.CompileError, match="cannot be read"):
        torshjit.compile("there/is/no/such/file.onnx")


def test_without_the_package_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(torshjit.ConfigError, match="need the package onnx"):
        torshjit.compile("model.onnx")
