# SPDX-License-Identifier: Apache-2.0
"""Custom operations from every front end, on every executor."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from e2e.executors import EXECUTORS, missing
from runtime_program import compile_c

import torshjit
from torshjit.errors import (
    CompileError,
    ConfigError,
    DTypeError,
    LoadError,
    ShapeError,
    TorshError,
)

pytest.importorskip("torshjit._compiler")


@pytest.fixture(params=EXECUTORS)
def executor(request):
    """Each executor that can run here."""
    if reason := missing(request.param):
        pytest.skip(reason)
    return request.param


@torshjit.custom_op("test::softsign")
def softsign(x, *, scale=1.0):
    """x / (1 + |x|)"""
    return (scale * x / (1 + np.abs(x))).astype(x.dtype)


@torshjit.custom_op(
    "test::halves",
    shape=lambda x: [(x[0] // 2, *x[1:]), (x[0] - x[0] // 2,)],
    dtype=lambda x: [x, np.int32],
)
def halves(x):
    half = len(x) // 2
    return x[:half], np.arange(len(x) - half, dtype=np.int32)


X = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)


def test_in_a_numpy_function(executor):
    function = torshjit.compile(lambda x: softsign(x * 2, scale=3.0) + 1, target_device=executor)
    np.testing.assert_allclose(function(X), softsign(X * 2, scale=3.0) + 1, rtol=1e-6)
    assert function.stats()["fallback_ops"] == {}
    assert "test::softsign" in function.explain()
    assert softsign.__doc__ == "x / (1 + |x|)"


def test_several_results(executor):
    def program(x):
        first, second = halves(x + 1)
        return first * 2, second

    first, second = torshjit.compile(program, target_device=executor)(X)
    np.testing.assert_allclose(first, (X[:2] + 1) * 2)
    np.testing.assert_array_equal(second, np.arange(3, dtype=np.int32))


def test_strict_programs_may_call_custom_operations():
    torshjit.compile(softsign, strict=True)
    np.testing.assert_allclose(
        torshjit.compile(lambda x: softsign(x), strict=True)(X), softsign(X), rtol=1e-6
    )


def test_in_mlir_text(executor):
    kind = "tensor<5x4xf32>"
    scaled = r"test::softsign{\22kwargs\22:{\22scale\22:2.0},\22args\22:[{\22array\22:0}]}"
    text = f"""func.func @main(%x: {kind}) -> {kind} {{
      %0 = torsh.host_call "{scaled}"(%x) {{pure}} : ({kind}) -> {kind}
      %1 = torsh.host_call "test::softsign"(%0) : ({kind}) -> {kind}
      return %1 : {kind}
    }}"""
    result = torshjit.compile(text, target_device=executor)(X)
    np.testing.assert_allclose(result, softsign(softsign(X, scale=2.0)), rtol=1e-6)


def test_in_an_onnx_model(executor):
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    node = helper.make_node("softsign", ["x"], ["s"], domain="test", scale=2.0)
    add = helper.make_node("Add", ["s", "x"], ["y"])
    value = lambda name: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 4])  # noqa: E731
    graph = helper.make_graph([node, add], "g", [value("x")], [value("y")])
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("test", 1)]
    model = helper.make_model(graph, opset_imports=opsets)
    function = torshjit.compile(model, target_device=executor, strict=True)
    np.testing.assert_allclose(function(X), softsign(X, scale=2.0) + X, rtol=1e-6)
    assert "test::softsign" in function.explain()


def test_in_torch():
    torch = pytest.importorskip("torch")

    class Module(torch.nn.Module):
        def forward(self, x):
            first, second = halves(softsign(2 * x, scale=2.0))
            return first + 1, second

    x = torch.from_numpy(X)
    module = Module()
    expected = module(x)
    compiled = torshjit.compile(module, strict=True)
    for run in (compiled, torch.compile(module, backend="torshjit")):
        with torch.no_grad():
            first, second = run(x)
        torch.testing.assert_close(first, expected[0])
        assert torch.equal(second, expected[1])
    assert "test::softsign" in compiled.explain()


@torshjit.custom_op(
    "test::scaled_product",
    vjp=lambda ops, results, cotangents, *, factor: (
        cotangents[0] * ops[1] * factor,
        (cotangents[0] * ops[0] * factor).sum(0),
    ),
)
def scaled_product(x, y, *, factor=2.0):
    return (x * y * factor).astype(x.dtype)


@pytest.mark.parametrize("compiler", ["none", "compile", "torch.compile"])
def test_gradients_in_torch(compiler):
    torch = pytest.importorskip("torch")

    def program(x, y):
        return scaled_product(torch.sin(x), y, factor=3.0)

    run = {
        "none": program,
        "compile": torshjit.compile(program),
        "torch.compile": torch.compile(program, backend="torshjit"),
    }[compiler]
    x = torch.from_numpy(X).requires_grad_()
    y = torch.arange(1.0, 5).requires_grad_()
    run(x, y).square().sum().backward()
    a, b = x.detach().clone().requires_grad_(), y.detach().clone().requires_grad_()
    (torch.sin(a) * b * 3.0).square().sum().backward()
    torch.testing.assert_close(x.grad, a.grad)
    torch.testing.assert_close(y.grad, b.grad)


C_FUNCTIONS = """
#include "HostFunctionABI.h"
int32_t twice(const TorshHostTensor *in, int32_t n, const TorshHostTensor *out, int32_t m) {
  if (n != 1 || m != 1 || in[0].rank != 1 || in[0].element_type != TORSH_I64) return 7;
  for (int64_t i = 0; i < in[0].shape[0]; ++i)
    ((int64_t *)out[0].data)[i] = 2 * ((const int64_t *)in[0].data)[i];
  return 0;
}
"""


def test_c_functions(tmp_path, executor):
    path = tmp_path / "functions.so"
    path.write_bytes(compile_c(C_FUNCTIONS))
    library = ctypes.CDLL(str(path))
    x = np.arange(5)
    for given in (
        (path, "twice"),
        library.twice,
        ctypes.cast(library.twice, ctypes.c_void_p).value,
    ):
        twice = torshjit.custom_op("test::twice", given, num_operands=1)
        np.testing.assert_array_equal(twice(x), 2 * x)
        function = torshjit.compile(lambda x, op=twice: op(x + 1), target_device=executor)
        np.testing.assert_array_equal(function(x), 2 * x + 2)
        with pytest.raises(TorshError, match=r"test::twice.* returned 7"):
            function(x.astype(np.int32))
    torch = pytest.importorskip("torch")
    assert torch.equal(twice(torch.arange(5)), 2 * torch.arange(5))


def test_malformed_c_functions(tmp_path):
    with pytest.raises(ConfigError, match="cannot take 'f' from"):
        torshjit.custom_op("test::bad", (tmp_path / "nothing.so", "f"))
    with pytest.raises(ConfigError, match="is not the address of a C function"):
        torshjit.custom_op("test::bad", 0)
    with pytest.raises(ConfigError, match="an object of type dict is not a C function"):
        torshjit.custom_op("test::bad", {})


RELU = """func.func @f(%x: tensor<5x4xf32>) -> tensor<5x4xf32> {{
  %0 = torsh.{op} %x : (tensor<5x4xf32>) -> tensor<5x4xf32>
  return %0 : tensor<5x4xf32>
}}"""


def test_a_lowering_is_compiled_and_saved(tmp_path):
    op = torshjit.custom_op(
        "test::relu", lambda x: np.maximum(x, 0), lowering=RELU.format(op="relu")
    )
    function = torshjit.compile(lambda x: op(x * 2) + 1)
    np.testing.assert_allclose(function(X), np.maximum(X * 2, 0) + 1, rtol=1e-6)
    assert function.explain(structured=True)["specializations"][0]["host_calls"] == []
    assert function.stats()["kernels"] == 1
    function.save(tmp_path / "f.torsh")
    np.testing.assert_allclose(torshjit.load(tmp_path / "f.torsh")(X), function(X))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (RELU.format(op="nothing"), "the lowering of test::bad_lowering is malformed"),
        (RELU.format(op="relu").replace("5x4", "4x4"), "operand 0 of the function is a tensor<4x4"),
        ("func.func private @f(tensor<5x4xf32>)", "one function of one block"),
    ],
)
def test_malformed_lowerings(text, message):
    op = torshjit.custom_op("test::bad_lowering", lambda x: x, lowering=text)
    with pytest.raises(CompileError, match=message):
        torshjit.compile(lambda x: op(x), strict=True)(X)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"shape": (3, 4)}, ShapeError, r"result 0 is a float32 array of shape \(5, 4\)"),
        ({"dtype": np.float64}, DTypeError, "the program expects f64"),
        ({"shape": lambda x: "text"}, ConfigError, "test::wrong: the shape rule gives 'text'"),
        ({"shape": lambda x: [x, x]}, TorshError, r"2 results|returned 5"),
    ],
)
def test_functions_that_break_their_rules(options, error, message):
    op = torshjit.custom_op("test::wrong", lambda x: x, **options)
    with pytest.raises(error, match=message):
        torshjit.compile(lambda x: op(x))(X)


def test_names_and_functions_are_checked():
    for name in ("softsign", "my::", "a::b::c", "my softsign::f"):
        with pytest.raises(ConfigError, match="is not like my::operation"):
            torshjit.custom_op(name, np.tanh)
    with pytest.raises(ConfigError, match="takes any number"):
        torshjit.custom_op("test::any", lambda *x: x)
    with pytest.raises(TypeError, match="misses the argument 'x'"):
        softsign()
    with pytest.raises(TypeError, match="unexpected argument 'y'"):
        softsign(X, y=1)


def test_impure_operations_are_called_for_what_they_do(executor):
    calls = []

    def log(x):
        calls.append(float(x.sum()))
        return x

    op = torshjit.custom_op("test::log", log, pure=False)

    def program(x):
        op(x)
        op(x * 2)
        return x + 1

    function = torshjit.compile(program, target_device=executor)
    function(np.ones(4))
    assert calls == [4.0, 8.0]


def test_a_saved_program_says_what_it_misses(tmp_path):
    op = torshjit.custom_op("test::saved", lambda x: x + 1)
    function = torshjit.compile(lambda x: op(x))
    function(X)
    function.save(tmp_path / "f.torsh")
    np.testing.assert_array_equal(torshjit.load(tmp_path / "f.torsh")(X), X + 1)
    from torshjit import host_functions

    del host_functions._registered["test::saved"]
    with pytest.raises(LoadError, match=r"test::saved.*torshjit.custom_op"):
        torshjit.load(tmp_path / "f.torsh")


def test_defining_a_name_again_replaces_it():
    torch = pytest.importorskip("torch")
    for number in (1, 2):
        op = torshjit.custom_op("test::again", lambda x, number=number: x + number)
        np.testing.assert_array_equal(torshjit.compile(lambda x, op=op: op(x))(X), X + number)
        assert torch.equal(op(torch.zeros(2)), torch.full((2,), float(number)))
