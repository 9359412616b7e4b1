# SPDX-License-Identifier: Apache-2.0
"""Programs that once failed, each with what was wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from e2e.executors import COMPILED, missing
from e2e.native_code import run_natively

import torshjit
from torshjit import _compiler
from torshjit.interpreter import evaluate


def _check(text: str, *inputs: np.ndarray) -> None:
    module = _compiler.Module.parse(text, _compiler.Context())
    expected = evaluate(module.graph(module.functions()[0]), inputs)
    for actual, wanted in zip(run_natively(module, list(inputs)), expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=1e-5, atol=1e-5)


def test_open_axis_of_concat_that_another_input_says_is_0() -> None:
    """The input was inserted into a result without elements, which upstream refuses."""
    _check(
        """
        func.func @main(%x: tensor<0x1xf32>, %y: tensor<?x1xf32>) -> tensor<0x2xf32> {
          %0 = torsh.concat %x, %y {axis = 1 : i64}
              : (tensor<0x1xf32>, tensor<?x1xf32>) -> tensor<0x2xf32>
          return %0 : tensor<0x2xf32>
        }""",
        np.ones((0, 1), np.float32),
        np.ones((0, 1), np.float32),
    )


def test_open_axis_of_concat_that_another_input_says_is_1() -> None:
    """The axis was dropped from the result but not from the input."""
    _check(
        """
        func.func @main(%x: tensor<?x?xi32>, %y: tensor<1x1xi32>) -> tensor<1x?xi32> {
          %0 = torsh.concat %x, %y {axis = 1 : i64}
              : (tensor<?x?xi32>, tensor<1x1xi32>) -> tensor<1x?xi32>
          return %0 : tensor<1x?xi32>
        }""",
        np.arange(3, dtype=np.int32).reshape(1, 3),
        np.full((1, 1), 7, np.int32),
    )


def test_open_channels_of_conv_that_the_weight_says_are_1() -> None:
    """The same in a convolution, which did not compile."""
    window = ", ".join(
        f"{name} = array<i64: {value}, {value}>"
        for name, value in (("stride", 1), ("dilation", 1), ("padding_low", 0), ("padding_high", 0))
    )
    _check(
        f"""
        func.func @main(%x: tensor<2x?x5x5xf32>, %w: tensor<1x1x3x3xf32>) -> tensor<2x1x3x3xf32> {{
          %0 = torsh.conv %x, %w {{{window}}}
              : (tensor<2x?x5x5xf32>, tensor<1x1x3x3xf32>) -> tensor<2x1x3x3xf32>
          return %0 : tensor<2x1x3x3xf32>
        }}""",
        np.linspace(-1, 1, 50, dtype=np.float32).reshape(2, 1, 5, 5),
        np.linspace(0, 1, 9, dtype=np.float32).reshape(1, 1, 3, 3),
    )


@pytest.mark.parametrize("size", [1, 3000])
def test_product_of_a_vector_with_itself(size: int) -> None:
    """MLIR merges the equal operands, and the contraction had lost one."""
    _check(
        f"""
        func.func @main(%x: tensor<1x{size}xf32>) -> tensor<1x1xf32> {{
          %0 = torsh.linear %x, %x : (tensor<1x{size}xf32>, tensor<1x{size}xf32>) -> tensor<1x1xf32>
          return %0 : tensor<1x1xf32>
        }}""",
        np.linspace(-1, 1, size, dtype=np.float32).reshape(1, size),
    )


def test_concat_with_an_empty_tensor() -> None:
    """MLIR refuses slices of tensors without elements, so they must not be made."""
    _check(
        """
        func.func @main(%x: tensor<0x2xf32>, %y: tensor<1x2xf32>) -> tensor<1x2xf32> {
          %0 = torsh.concat %x, %y {axis = 0 : i64}
              : (tensor<0x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
          return %0 : tensor<1x2xf32>
        }""",
        np.zeros((0, 2), np.float32),
        np.array([[2.5, -1]], np.float32),
    )


def test_concat_of_one_input_that_leaves_an_extent_open() -> None:
    """Its type was not brought to that of the result, and the program did not compile."""
    _check(
        """
        func.func @main(%x: tensor<0x2xf32>, %y: tensor<1x?xf32>) -> tensor<1x2xf32> {
          %0 = torsh.concat %x, %y {axis = 0 : i64}
              : (tensor<0x2xf32>, tensor<1x?xf32>) -> tensor<1x2xf32>
          return %0 : tensor<1x2xf32>
        }""",
        np.zeros((0, 2), np.float32),
        np.array([[2.5, -1]], np.float32),
    )


@pytest.mark.parametrize("executor", COMPILED)
def test_products_and_sums_with_zero_are_computed(executor: str) -> None:
    """A Vulkan driver took x * 0 for 0 where x is NaN, and x + 0 for x where x is -0."""
    x = np.array([np.nan, np.inf, -1, -0.0, 0.0], np.float32)

    def program(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return x * np.float32(0), x + np.float32(0)

    with np.errstate(invalid="ignore"):
        wanted = program(x)
    for actual, each in zip(_compiled(program, executor)(x), wanted, strict=True):
        np.testing.assert_array_equal(actual, each)
        known = ~np.isnan(each)
        np.testing.assert_array_equal(np.signbit(actual[known]), np.signbit(each[known]))


@pytest.mark.parametrize("executor", COMPILED)
def test_widened_integers_are_compared_as_what_they_are(executor: str) -> None:
    """A Vulkan driver compared them with the constant cut to the narrow type."""
    i = np.array([-(2**31), -4, -3, 4, 5, 2**31 - 1], np.int32)

    def program(i: np.ndarray) -> tuple[np.ndarray, ...]:
        wide = i.astype(np.int64)
        return wide < 5, wide >= -3, wide <= 2**40, wide > 2**32 + 5, wide == 4

    for actual, each in zip(_compiled(program, executor)(i), program(i), strict=True):
        np.testing.assert_array_equal(actual, each)


@pytest.mark.parametrize("executor", COMPILED)
def test_kernels_read_empty_temporaries_of_programs_without_memory(executor: str) -> None:
    """A device looked for the memory of a tensor that has none."""
    x, w = np.zeros((0, 2), np.float32), np.ones((2, 3), np.float32)

    def program(x: np.ndarray, w: np.ndarray) -> np.ndarray:
        return (x @ w).sum(0)

    np.testing.assert_array_equal(_compiled(program, executor)(x, w), program(x, w))


@pytest.mark.parametrize("executor", COMPILED)
def test_logarithms_of_subnormal_numbers(executor: str) -> None:
    """They were those of the smallest normal number."""
    smallest = np.finfo(np.float32).smallest_normal
    x = np.array([1e-45, 1e-40, 1e-38, smallest, 1, 0, -0.0, -1, np.inf, -np.inf], np.float32)

    def program(x: np.ndarray) -> tuple[np.ndarray, ...]:
        return np.log(x), np.log2(x), np.log10(x)

    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = program(x)
    for actual, each in zip(_compiled(program, executor)(x), wanted, strict=True):
        np.testing.assert_allclose(actual, each, rtol=1e-6)


@pytest.mark.parametrize("executor", COMPILED)
def test_long_chains_compile_in_the_time_of_their_length(executor: str) -> None:
    """Each step's body was copied twice into the next one: ten steps took half a minute."""
    rng = np.random.default_rng(0)
    x, y = rng.random(100, np.float32), rng.random(200, np.float32)

    def program(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        for i in range(60):
            x = np.where(y[i : i + 100] > x, y[i : i + 100], x)
        return x

    np.testing.assert_array_equal(_compiled(program, executor)(x, y), program(x, y))


@pytest.mark.parametrize("executor", ["vulkan", "msl-emulated"])
def test_reductions_over_more_than_32_bits_count_are_refused(executor: str) -> None:
    """Each operand is small, but the product of the reduced axes overflowed: -inf came out."""
    reason = missing(executor)
    if reason:
        pytest.skip(reason)
    module = _compiler.Module.parse(
        """
        func.func @main(%x: tensor<?x1xf32>, %y: tensor<?xf32>) -> tensor<f32> {
          %0 = torsh.add %x, %y : (tensor<?x1xf32>, tensor<?xf32>) -> tensor<?x?xf32>
          %1 = torsh.amax %0 {axes = array<i64: 0, 1>} : (tensor<?x?xf32>) -> tensor<f32>
          return %1 : tensor<f32>
        }""",
        _compiler.Context(),
    )
    compiled = torshjit.compile(module, target_device=executor, strict=True)
    x, y = np.full((65536, 1), 2, np.float32), np.ones(65536, np.float32)
    assert compiled(x[:3], y[:5]) == 3
    with pytest.raises(torshjit.TorshError, match="counts 4294967296 elements"):
        compiled(x, y)


@pytest.mark.parametrize("executor", COMPILED)
def test_rounds_that_mix_two_values_compile_in_the_time_of_their_number(executor: str) -> None:
    """Each value was copied into both of its consumers: eight rounds took more than a minute."""
    x = np.arange(50, dtype=np.int32)

    def program(x: np.ndarray, y: np.ndarray) -> tuple:
        for _ in range(30):
            x = x + y
            y = (y * np.int32(3)) ^ x
        return x, y, x ^ y

    results = _compiled(program, executor)(x, x + 1)
    with np.errstate(over="ignore"):
        for got, want in zip(results, program(x, x + 1), strict=True):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("executor", COMPILED)
def test_sums_of_one_kernel_do_not_share_memory(executor: str) -> None:
    """Equal initial values were merged: the third sum was overwritten by the first."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(8).astype(np.float32) for _ in range(4)]

    def program(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> tuple:
        sums = [a.sum()]
        for x in (b, c, d):
            a = a * np.float32(0.5) + x
            sums.append(a.sum())
        return (*sums, a)

    results = _compiled(program, executor)(*arrays)
    for got, want in zip(results, program(*arrays), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("executor", COMPILED)
def test_results_of_one_kernel_are_computed_before_they_are_read(executor: str) -> None:
    """A result computed from another one, of which the last was tiled, was computed first."""

    torch = pytest.importorskip("torch")
    x = torch.linspace(-0.99, 0.99, 400)
    with torch.no_grad():
        result = _compiled(torch.erfinv, executor)(x)
    torch.testing.assert_close(result, torch.erfinv(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("executor", ["cpu", "vulkan"])
def test_reductions_over_nothing_of_many_rows(executor: str) -> None:
    """Their loops were to be tiled, in which MLIR fell over."""
    if reason := missing(executor):
        pytest.skip(reason)
    module = _compiler.Module.parse(
        """
        func.func @main(%x: tensor<0x?x?xi32>) -> tensor<?x?xi32> {
          %0 = torsh.sum %x {axes = array<i64: 0>} : (tensor<0x?x?xi32>) -> tensor<?x?xi32>
          return %0 : tensor<?x?xi32>
        }""",
        _compiler.Context(),
    )
    compiled = torshjit.compile(module, target_device=executor, strict=True)
    np.testing.assert_array_equal(compiled(np.empty((0, 3, 400), np.int32)), np.zeros((3, 400)))


def _compiled(program: Any, executor: str) -> Any:
    reason = missing(executor)
    if reason:
        pytest.skip(reason)
    return torshjit.compile(program, target_device=executor, strict=True)
