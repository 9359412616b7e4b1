# SPDX-License-Identifier: Apache-2.0
"""Mistakes end in an exception that names the operation and the user's line, never in an abort."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import torshjit

pytest.importorskip("torshjit._compiler")

X = np.ones((2, 3), np.float32)


def line_of(error: torshjit.TorshError) -> str:
    """The source line that an error names, which its text must quote."""
    assert error.location is not None
    assert error.location[0] == __file__
    line = linecache.getline(*error.location).strip()
    assert line
    assert line in str(error)
    return line


def compile_strictly(program: Any) -> Any:
    return torshjit.compile(program, target_device="cpu", strict=True)


MALFORMED = {
    "no MLIR at all": ("def main(): return 1", "def", 1),
    "unknown operation": (
        "func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {\n"
        "  %0 = torsh.transmogrify %x\n"
        "  return %0 : tensor<4xf32>\n}",
        "torsh.transmogrify",
        2,
    ),
    "shapes": (
        "func.func @main(%x: tensor<4xf32>, %y: tensor<5xf32>) -> tensor<4xf32> {\n"
        "  %0 = torsh.add %x, %y : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xf32>\n"
        "  return %0 : tensor<4xf32>\n}",
        "torsh.add",
        2,
    ),
    "element types": (
        "func.func @main(%x: tensor<4xi32>) -> tensor<4xi32> {\n"
        "  %0 = torsh.exp %x : (tensor<4xi32>) -> tensor<4xi32>\n"
        "  return %0 : tensor<4xi32>\n}",
        "torsh.exp",
        2,
    ),
    "use before definition": (
        "func.func @main() -> tensor<4xf32> {\n  return %0 : tensor<4xf32>\n}",
        None,
        2,
    ),
    "cut off": ("func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {\n", None, None),
    "no function": ("", None, None),
    "bytecode": (b"ML\xefR\x06\xff\xff\xff", None, None),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_mlir(name: str) -> None:
    text, op, line = MALFORMED[name]
    with pytest.raises(torshjit.CompileError) as raised:
        torshjit.compile(text)
    assert raised.value.op == op
    if op is not None:
        assert op in raised.value.message
    if line is not None:
        assert raised.value.location is not None
        assert raised.value.location[1] == line


FOREIGN = {
    "linalg.softmax": "tensor.empty() : tensor<4xf32>\n  %1 = linalg.softmax dimension(0) "
    "ins(%x : tensor<4xf32>) outs(%0 : tensor<4xf32>) -> tensor<4xf32>\n",
    "bufferization.to_buffer": "bufferization.to_buffer %x : tensor<4xf32> to memref<4xf32>\n"
    "  %1 = bufferization.to_tensor %0 restrict : memref<4xf32> to tensor<4xf32>\n",
}


@pytest.mark.parametrize("op", FOREIGN)
def test_operation_of_another_dialect(op: str) -> None:
    text = f"func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {{\n  %0 = {FOREIGN[op]}"
    with pytest.raises(torshjit.CompileError, match=op) as raised:
        compile_strictly(f"{text}  return %1 : tensor<4xf32>\n}}")
    assert raised.value.op == op


@pytest.mark.parametrize("strict", [True, False])
def test_shape_error_in_a_numpy_function(strict: bool) -> None:
    @torshjit.compile(target_device="cpu", strict=strict)
    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        shifted = a + 1
        return shifted @ b

    with pytest.raises(torshjit.ShapeError, match=r"shapes \(2, 3\) and \(2, 3\)") as raised:
        product(X, X)
    assert raised.value.op == "numpy.matmul"
    assert line_of(raised.value) == "return shifted @ b"


def test_unsupported_operation_of_numpy() -> None:
    def spectrum(x: np.ndarray) -> np.ndarray:
        return np.abs(np.fft.fft(x))

    with pytest.raises(torshjit.UnsupportedOpError) as raised:
        compile_strictly(spectrum)(X)
    assert raised.value.op == "numpy.fft.fft"
    assert line_of(raised.value) == "return np.abs(np.fft.fft(x))"
    compiled = torshjit.compile(spectrum, target_device="cpu")
    with pytest.warns(
        torshjit.FallbackWarning, match=r"calls Python .* numpy\.fft\.fft \(.*:\d+\)"
    ):
        np.testing.assert_array_equal(compiled(X), spectrum(X))
    assert compiled.stats()["fallback_ops"] == {"numpy.fft.fft": 1, "numpy.absolute": 1}


@pytest.mark.parametrize("strict", [True, False])
def test_shape_error_in_a_torch_module(strict: bool) -> None:
    torch = pytest.importorskip("torch")

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(3, 4)

        def forward(self, x: Any) -> Any:
            return self.layer(x).relu()

    compiled = torshjit.compile(Network(), target_device="cpu", strict=strict)
    with torch.no_grad():
        assert compiled(torch.ones(2, 3)).shape == (2, 4)
        with pytest.raises(torshjit.ShapeError, match="linear") as raised:
            compiled(torch.ones(2, 5))
        assert line_of(raised.value) == "return self.layer(x).relu()"
        # It goes on working.
        assert compiled(torch.ones(2, 3)).shape == (2, 4)


def test_unsupported_operation_of_torch() -> None:
    torch = pytest.importorskip("torch")

    def values(x: Any) -> Any:
        return torch.linalg.svd(x)[1] * 2

    x = torch.eye(3)
    with pytest.raises(torshjit.UnsupportedOpError, match="svd") as raised:
        compile_strictly(values)(x)
    assert line_of(raised.value) == "return torch.linalg.svd(x)[1] * 2"
    compiled = torshjit.compile(values, target_device="cpu")
    with pytest.warns(torshjit.FallbackWarning, match="svd"):
        assert torch.equal(compiled(x), values(x))
    assert sum(compiled.stats()["fallback_ops"].values()) == 1


TWO_INPUTS = """
func.func @main(%x: tensor<2x3xf32>, %n: tensor<4xi32>) -> (tensor<2x3xf32>, tensor<4xi32>) {
  %0 = torsh.exp %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = torsh.add %n, %n : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  return %0, %1 : tensor<2x3xf32>, tensor<4xi32>
}
"""
N = np.arange(4, dtype=np.int32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f: f(X), torshjit.ShapeError, "takes 2 positional arguments, got 1"),
        (lambda f: f(X, N, N), torshjit.ShapeError, "takes 2 positional arguments, got 3"),
        (lambda f: f(X, n=N), torshjit.ShapeError, "keywords n"),
        (lambda f: f(X.astype("f8"), N), torshjit.DTypeError, "argument 0: .* f32 .* float64"),
        (lambda f: f(X, N.astype("i8")), torshjit.DTypeError, "argument 1: .* i32 .* int64"),
        (lambda f: f(X.T, N), torshjit.ShapeError, r"argument 0: .*\(2, 3\), got .*\(3, 2\)"),
        (lambda f: f(X[0], N), torshjit.ShapeError, r"argument 0: .*\(2, 3\), got .*\(3,\)"),
        (lambda f: f(X, N[:0]), torshjit.ShapeError, r"argument 1: .*\(4\), got .*\(0,\)"),
        (lambda f: f(X, "text"), torshjit.DTypeError, "argument 1: .* object of type str"),
        (lambda f: f(X, None), torshjit.DTypeError, "argument 1: .* None"),
        (lambda f: f([X], N), torshjit.TorshError, "argument 0"),
        (lambda f: f(X.astype(complex), N), torshjit.DTypeError, "argument 0: .* complex128"),
        (lambda f: f(X.astype(object), N), torshjit.DTypeError, "argument 0: .* object"),
    ],
)
def test_wrong_arguments(call: Callable[[Any], Any], error: type[Exception], message: str) -> None:
    compiled = compile_strictly(TWO_INPUTS)
    for _ in range(2):  # before and after a call that fits
        with pytest.raises(error, match=message):
            call(compiled)
        exponential, doubled = compiled(X, N)
        np.testing.assert_allclose(exponential, np.exp(X), rtol=1e-6)
        np.testing.assert_array_equal(doubled, 2 * N)


def test_wrong_device() -> None:
    torch = pytest.importorskip("torch")
    elsewhere = torch.ones(2, 3, device="meta")
    with pytest.raises(torshjit.TorshError, match=r"device meta|meta"):
        compile_strictly(TWO_INPUTS)(elsewhere, torch.ones(4, dtype=torch.int32))
    compiled = compile_strictly(lambda x: x * 2)
    assert compiled(torch.ones(2, 3)).sum() == 12
    with pytest.raises(torshjit.DeviceError, match="meta"):
        compiled(elsewhere)
