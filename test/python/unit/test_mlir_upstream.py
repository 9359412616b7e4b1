# SPDX-License-Identifier: Apache-2.0
"""Programs of MLIR's own dialects, compiled and interpreted, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from upstream_structured_cases import CASES

import torshjit


def _compare(got, want, rtol):
    got = got if isinstance(got, tuple) else (got,)
    want = want if isinstance(want, tuple) else (want,)
    assert len(got) == len(want)
    for x, y in zip(got, want, strict=True):
        assert x.shape == np.shape(y)
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("target", ["cpu", "interpreter", "cuda-emulated"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_program(case, target):
    arrays = case.arrays()
    compiled = torshjit.compile(case.text, target_device=target, strict=True)
    _compare(compiled(*arrays), case.oracle(*arrays), case.rtol)


def _matmul(body: str) -> str:
    return f"func.func @main(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {{\n{body}\n}}"


def test_a_contraction_is_a_matrix_product():
    for name, op in (
        ("product of i8 in i32", "matmul"),
        ("product over two axes", "matmul"),
        ("conv_2d_nhwc_hwcf", "conv"),
        ("max pool", "max_pool"),
    ):
        case = next(each for each in CASES if each.name == name)
        compiled = torshjit.trace(case.text, tuple(case.arrays()))
        assert f"torsh.{op} " in compiled.ir("capture")


def test_a_cast_that_does_not_hold_is_an_error():
    text = """func.func @main(%x: tensor<?x?xf32>) -> tensor<2x3xf32> {
      %0 = tensor.cast %x : tensor<?x?xf32> to tensor<2x3xf32>
      return %0 : tensor<2x3xf32>
    }"""
    compiled = torshjit.compile(text)
    x = np.zeros((2, 3), np.float32)
    assert compiled(x).shape == (2, 3)
    with pytest.raises(torshjit.TorshError):
        compiled(x.T.copy())


def test_an_assertion_about_extents_is_checked():
    text = """func.func @main(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
      %c0 = arith.constant 0 : index
      %m = tensor.dim %x, %c0 : tensor<?xf32>
      %n = tensor.dim %y, %c0 : tensor<?xf32>
      %c = arith.cmpi eq, %m, %n : index
      cf.assert %c, "extents must match"
      return %x : tensor<?xf32>
    }"""
    compiled = torshjit.compile(text)
    three, four = np.zeros(3, np.float32), np.zeros(4, np.float32)
    assert compiled(three, three).shape == (3,)
    with pytest.raises(torshjit.TorshError, match="extents must match"):
        compiled(three, four)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "%0 = linalg.softmax dimension(0) ins(%x : tensor<4x4xf32>) "
            "outs(%x : tensor<4x4xf32>) -> tensor<4x4xf32>\nreturn %0 : tensor<4x4xf32>",
            r"linalg.softmax.*no torsh operation",
        ),
        (
            "%c = arith.constant true\n%0 = scf.while (%a = %x) : (tensor<4x4xf32>) -> "
            "tensor<4x4xf32> {\n scf.condition(%c) %a : tensor<4x4xf32>\n} do {\n"
            "^bb0(%b: tensor<4x4xf32>):\n scf.yield %b : tensor<4x4xf32>\n}\n"
            "return %0 : tensor<4x4xf32>",
            r"scf.while.*loops are unrolled",
        ),
        (
            "%m = bufferization.to_buffer %x : tensor<4x4xf32> to memref<4x4xf32>\n"
            "return %x : tensor<4x4xf32>",
            r"bufferization.to_buffer.*cannot be imported",
        ),
        (
            "%0 = arith.truncf %x : tensor<4x4xf32> to tensor<4x4xf8E4M3FN>\n"
            "return %x : tensor<4x4xf32>",
            r"arith.truncf.*element type",
        ),
    ],
    ids=["no operation", "unknown loop", "memory", "element type"],
)
def test_what_cannot_be_imported_is_named(body, message):
    with pytest.raises(torshjit.TorshError, match=message) as caught:
        torshjit.compile(_matmul(body))
    assert caught.value.location is not None
    assert caught.value.op is not None
