# SPDX-License-Identifier: Apache-2.0
"""Unsigned integers from every front end to machine code: promotion, wrapping, images, files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from plain_comparison import check

import torshjit

CPU = {"target_device": "cpu"}
RANDOM = np.random.default_rng(31)


def draw(dtype: str, *shape: int) -> np.ndarray:
    """Numbers of the whole range, both ends among them."""
    limits = np.iinfo(dtype)
    result = RANDOM.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    result.reshape(-1)[:2] = limits.min, limits.max
    return result


# NumPy's promotion.


@pytest.mark.parametrize("left", ["uint8", "uint16", "uint32", "uint64"])
@pytest.mark.parametrize("right", ["bool", "int8", "int64", "uint16", "uint64", "float32"])
def test_promotion_of_pairs(left: str, right: str) -> None:
    x = draw(left, 3, 5)
    y = draw(right, 5) if right.strip("u").startswith("int") else np.arange(5).astype(right)
    check(lambda x, y: (x + y, x * y, x < y, x == y), x, y, compile_options=CPU)


@pytest.mark.parametrize("dtype", ["uint8", "uint32", "uint64"])
def test_python_numbers_are_weak(dtype: str) -> None:
    x = draw(dtype, 4, 6)
    check(lambda x: (x + 3, 200 - x, x * True, x // 7, x % 10), x, compile_options=CPU)
    check(lambda x: (x + 1.5, x / 2, x**2), x, compile_options=CPU)
    check(lambda x: x + np.uint8(7), x, compile_options=CPU)
    # NumPy raises for both.
    check(lambda x: x + -1, x, compile_options=CPU)
    check(lambda x: x + 2**64, x, compile_options=CPU)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
def test_division_by_zero_gives_zero(dtype: str) -> None:
    x = draw(dtype, 20)
    check(lambda x, y: (x // y, x % y), x, np.zeros_like(x), compile_options=CPU)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
def test_reductions(dtype: str) -> None:
    x = draw(dtype, 5, 37)
    check(
        lambda x: (x.sum(), x.prod(0), x.max(1), x.min(), x.mean(), x.std(0), np.ptp(x)),
        x, compile_options=CPU,
    )  # fmt: skip
    check(lambda x: (x.argmax(1), x.argmin(), np.median is None), x, compile_options=CPU)


def test_selection_and_rounding() -> None:
    x = draw("uint8", 5, 37)
    check(lambda x: (np.clip(x, 10, 200), np.where(x > 128, x, 0)), x, compile_options=CPU)
    check(lambda x: (np.round(x), np.isnan(x), np.isfinite(x), ~x), x, compile_options=CPU)
    check(lambda x: (np.diff(x), -x, np.abs(x), np.sign(x)), x, compile_options=CPU)
    check(lambda x: (np.clip(x, -1, 5), x.clip(7, 300)), x, compile_options=CPU)
    check(lambda x: (np.where(x > 9, x, -1), np.where(x > 9, 300, x)), x, compile_options=CPU)
    check(lambda x: (x == -1, x > -1, x < 300, x >= 300, x != 2**70), x, compile_options=CPU)


def test_images() -> None:
    """What is done to pixels: to floats, normalised, blended, and back."""

    def blend(image: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = image.astype(np.float32) / 255
        y = other.astype(np.float32) / 255
        mixed = np.clip(0.7 * x + 0.3 * y, 0, 1)
        return (mixed * 255).astype(np.uint8), image // 2 + other // 2

    check(blend, draw("uint8", 9, 7, 3), draw("uint8", 9, 7, 3), compile_options=CPU)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
def test_floats_out_of_range_are_clamped(dtype: str) -> None:
    values = np.array([-1, -1e9, -np.inf, np.nan, np.inf, 1e30, 12.9, -0.5])
    compiled = torshjit.compile(lambda x: x.astype(dtype), strict=True, **CPU)
    most = np.iinfo(dtype).max
    result = compiled(values)
    if dtype == "uint64":
        most = 2**64 - 2**11  # The largest float64 below the end of the range.
    np.testing.assert_array_equal(result, np.array([0, 0, 0, 0, most, most, 12, 0], dtype))


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x[::2, 1:],
        lambda x: x.T,
        lambda x: x.astype(x.dtype.newbyteorder()),
        lambda x: x[:0],
        lambda x: x[0, 0],
    ],
    ids=["strided", "transposed", "swapped", "empty", "scalar"],
)
@pytest.mark.parametrize("dtype", ["uint8", "uint64"])
def test_layouts(dtype: str, change: Callable[[np.ndarray], Any]) -> None:
    check(lambda x: x + x, change(draw(dtype, 6, 9)), compile_options=CPU)


def test_saved_programs_keep_the_types(tmp_path: Path) -> None:
    table = draw("uint16", 5)
    x = draw("uint8", 3, 5)
    traced = torshjit.trace(lambda x: x * table + np.uint16(40000), (x,), **CPU)
    traced.save(tmp_path / "program.torsh")
    loaded = torshjit.load(tmp_path / "program.torsh")
    result = loaded(x)
    assert result.dtype == np.uint16
    np.testing.assert_array_equal(result, x * table + np.uint16(40000))


def test_text_of_the_dialect() -> None:
    text = """
    func.func @main(%x: tensor<4xui64>) -> (tensor<4xui64>, tensor<4xi1>) {
      %most = torsh.constant dense<18446744073709551615> : tensor<ui64>
      %half = torsh.constant dense<9223372036854775813> : tensor<ui64>
      %0 = torsh.sub %most, %x : (tensor<ui64>, tensor<4xui64>) -> tensor<4xui64>
      %1 = torsh.compare gt, %x, %half : (tensor<4xui64>, tensor<ui64>) -> tensor<4xi1>
      return %0, %1 : tensor<4xui64>, tensor<4xi1>
    }
    """
    x = np.array([0, 2**63 + 5, 2**63 + 6, 2**64 - 1], np.uint64)
    difference, above = torshjit.compile(text, strict=True, **CPU)(x)
    np.testing.assert_array_equal(difference, np.uint64(2**64 - 1) - x)
    np.testing.assert_array_equal(above, [False, False, True, True])


# torch.


def _same(function: Callable, *arguments: Any) -> None:
    torch = pytest.importorskip("torch")
    expected = function(*arguments)
    actual = torshjit.compile(function, strict=True, **CPU)(*arguments)
    for a, e in zip(actual, expected, strict=True):
        assert a.dtype == e.dtype
        torch.testing.assert_close(a, e)


def test_torch_bytes() -> None:
    torch = pytest.importorskip("torch")
    x, y = (torch.from_numpy(draw("uint8", 4, 9)) for _ in range(2))
    small = torch.arange(-4, 5, dtype=torch.int8)
    _same(lambda x, y: (x + y, x - y, x * 3, x // 7, x % 10, -x, ~x), x, y)
    _same(lambda x, y: (x > y, x == 200, torch.maximum(x, y), x.clamp(10, 200)), x, y)
    _same(lambda x, y: (x / y.clamp(min=1), x * 0.5, x.float() / 255, x.sqrt()), x, y)
    _same(lambda x, y: (x.sum(), x.sum(1), x.amax(0), y.argmax(1), x.max(1)[0]), x, y)
    _same(lambda x, y: (x + y, x.to(torch.int8), y.to(torch.int64), x & y), x, y)
    _same(lambda x, y: (x + y, x * y), x, small)


def test_torch_masks_and_images() -> None:
    torch = pytest.importorskip("torch")
    image = torch.from_numpy(draw("uint8", 2, 3, 8, 8))
    mask = torch.from_numpy(draw("uint8", 2, 1, 8, 8) & 1)

    def normalised(image: Any, mask: Any) -> tuple:
        x = (image.float() / 255 - 0.5) / 0.25
        kept = torch.where(mask.bool(), x, torch.zeros_like(x))
        return kept, (kept.clamp(0, 1) * 255).to(torch.uint8), image.permute(0, 2, 3, 1)

    _same(normalised, image, mask)


@pytest.mark.parametrize("name", ["uint16", "uint32", "uint64"])
def test_torch_wide_types_pass_through(name: str) -> None:
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(draw(name, 3, 5))
    _same(lambda x: (x.reshape(5, 3), x.to(torch.float64), x.t(), x.to(torch.uint8)), x)


# ONNX.


@pytest.mark.parametrize(
    ("base", "exponent"), [("uint8", "uint8"), ("uint8", "int32"), ("int64", "uint16")]
)
def test_onnx_powers_of_two_integer_types(base: str, exponent: str) -> None:
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    types = [helper.np_dtype_to_tensor_dtype(np.dtype(name)) for name in (base, exponent)]
    graph = helper.make_graph(
        [helper.make_node("Pow", ["x", "y"], ["z"])],
        "powers",
        [
            helper.make_tensor_value_info(name, kind, (5,))
            for name, kind in zip("xy", types, strict=True)
        ],
        [helper.make_tensor_value_info("z", types[0], (5,))],
    )
    opset = [helper.make_opsetid("", 21)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10)
    x, y = np.array([0, 1, 2, 3, 200]).astype(base), np.array([3, 9, 7, 4, 2]).astype(exponent)
    result = torshjit.compile(model, strict=True, **CPU)(x, y)
    assert result.dtype == base
    np.testing.assert_array_equal(result, (x.astype(np.int64) ** y.astype(np.int64)).astype(base))
