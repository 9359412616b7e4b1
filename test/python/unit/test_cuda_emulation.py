# SPDX-License-Identifier: Apache-2.0
"""Every barrier of the CUDA kernels is needed, and the emulator sees it missing.

The kernels of programs are run as they are, and with each of their barriers deleted in turn: the
emulator must find a race, or results that are wrong. A barrier that can go unnoticed is either
superfluous or unprotected by these tests.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from emulated_kernels import Program, aligned, function_of, lines_with, without_line

from torshjit.errors import TorshError

Reference = Callable[..., np.ndarray]


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def layer_norm(x: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    centred = x - x.mean(1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5) * scale + shift


def unary(op: str, operand: str, result: str, attributes: str) -> str:
    return f"""
func.func @main(%x: tensor<{operand}>) -> tensor<{result}> {{
  %0 = torsh.{op} %x {{{attributes}}} : (tensor<{operand}>) -> tensor<{result}>
  return %0 : tensor<{result}>
}}"""


def product(left: str, right: str, result: str) -> str:
    return f"""
func.func @main(%a: tensor<{left}>, %b: tensor<{right}>) -> tensor<{result}> {{
  %0 = torsh.matmul %a, %b : (tensor<{left}>, tensor<{right}>) -> tensor<{result}>
  return %0 : tensor<{result}>
}}"""


LAYER_NORM = """
func.func @main(%x: tensor<5x2100xf32>, %w: tensor<2100xf32>, %b: tensor<2100xf32>)
    -> tensor<5x2100xf32> {
  %0 = torsh.layer_norm %x weight(%w) bias(%b) {num_axes = 1 : i64, eps = 1.0e-5 : f64}
      : (tensor<5x2100xf32>, tensor<2100xf32>, tensor<2100xf32>) -> tensor<5x2100xf32>
  return %0 : tensor<5x2100xf32>
}"""

CONVOLUTION = """
func.func @main(%x: tensor<2x5x11x13xf32>, %w: tensor<7x5x3x3xf32>) -> tensor<2x7x9x11xf32> {
  %0 = torsh.conv %x, %w {dilation = array<i64: 1, 1>, padding_high = array<i64: 0, 0>,
                          padding_low = array<i64: 0, 0>, stride = array<i64: 1, 1>}
      : (tensor<2x5x11x13xf32>, tensor<7x5x3x3xf32>) -> tensor<2x7x9x11xf32>
  return %0 : tensor<2x7x9x11xf32>
}"""

LINEAR = """
func.func @main(%x: tensor<65x150xf16>, %w: tensor<150x70xf16>, %b: tensor<70xf16>)
    -> tensor<65x70xf16> {
  %0 = torsh.matmul %x, %w : (tensor<65x150xf16>, tensor<150x70xf16>) -> tensor<65x70xf16>
  %1 = torsh.add %0, %b : (tensor<65x70xf16>, tensor<70xf16>) -> tensor<65x70xf16>
  %2 = torsh.relu %1 : (tensor<65x70xf16>) -> tensor<65x70xf16>
  return %2 : tensor<65x70xf16>
}"""


def convolution(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, w)


#: Text, shapes of the arguments, meaning. Extents are no multiples of tiles, rows are too long for
#: a warp, and products are deeper than a tile.
PROGRAMS: dict[str, tuple[str, list[tuple[int, ...]], Reference]] = {
    "softmax": (
        unary("softmax", "5x2100xf32", "5x2100xf32", "axis = 1 : i64"),
        [(5, 2100)],
        softmax,
    ),
    "layer_norm": (LAYER_NORM, [(5, 2100), (2100,), (2100,)], layer_norm),
    "row_reduction": (
        unary("sum", "5x2100xf32", "5xf32", "axes = array<i64: 1>"),
        [(5, 2100)],
        lambda x: x.sum(1),
    ),
    "column_reduction": (
        unary("sum", "300x90xf32", "90xf32", "axes = array<i64: 0>"),
        [(300, 90)],
        lambda x: x.sum(0),
    ),
    "matmul": (
        product("37x150xf32", "150x70xf32", "37x70xf32"),
        [(37, 150), (150, 70)],
        np.matmul,
    ),
    "matmul_f16": (
        product("37x150xf16", "150x70xf16", "37x70xf16"),
        [(37, 150), (150, 70)],
        np.matmul,
    ),
    "linear_f16": (
        LINEAR,
        [(65, 150), (150, 70), (70,)],
        lambda x, w, b: np.maximum(x @ w + b, 0),
    ),
    # Whole tiles of the depth and of the columns: they are copied ahead.
    "matmul_staged": (
        product("70x160xf16", "160x128xf16", "70x128xf16"),
        [(70, 160), (160, 128)],
        np.matmul,
    ),
    "convolution": (CONVOLUTION, [(2, 5, 11, 13), (7, 5, 3, 3)], convolution),
    "matmul_batched": (
        product("3x37x70xf32", "3x70x33xf32", "3x37x33xf32"),
        [(3, 37, 70), (3, 70, 33)],
        np.matmul,
    ),
}

#: The least number of barriers that the kernels have, so that the test is not empty.
BARRIERS = {
    "softmax": 2,
    "layer_norm": 2,
    "row_reduction": 1,
    "column_reduction": 1,
    "matmul": 2,
    "matmul_f16": 2,
    "linear_f16": 2,
    "matmul_staged": 4,
    "convolution": 2,
    "matmul_batched": 2,
}

#: Programs whose kernels use the tensor cores.
TENSOR_CORES = {"matmul_f16", "linear_f16", "matmul_staged"}


@functools.cache
def compiled(name: str) -> Program:
    return Program(PROGRAMS[name][0])


def arguments(name: str) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    dtype = np.float16 if "xf16" in PROGRAMS[name][0] else np.float32
    return [aligned(generator.standard_normal(shape).astype(dtype)) for shape in PROGRAMS[name][1]]


def is_right(name: str, results: list[np.ndarray]) -> bool:
    inputs = arguments(name)
    tolerance = 4e-3 if inputs[0].dtype == np.float16 else 2e-5
    expected = PROGRAMS[name][2](*(x.astype(np.float64) for x in inputs))
    return bool(
        np.allclose(results[0].astype(np.float64), expected, rtol=tolerance, atol=tolerance * 5)
    )


@pytest.fixture(params=["", "2"], ids=["whole_grid", "two_blocks"])
def grid_limit(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With few blocks each computes several tiles, one after another in the same memory."""
    monkeypatch.setenv("TORSHJIT_EMULATOR_GRID_LIMIT", request.param)
    return request.param


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.usefixtures("grid_limit")
def test_the_kernels_are_right_in_all_orders(name: str) -> None:
    for entry in compiled(name).entries():
        assert is_right(name, compiled(name).run(arguments(name), entry=entry)), entry


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_barrier_can_be_deleted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Barriers between the tiles of one block matter where a block has several.
    monkeypatch.setenv("TORSHJIT_EMULATOR_GRID_LIMIT", "2")
    program = compiled(name)
    barriers = lines_with(program.nvvm, "nvvm.barrier")
    assert len(barriers) >= BARRIERS[name]
    unnoticed = []
    for number in barriers:
        entry = function_of(program.nvvm, number)
        mutated = without_line(program.nvvm, number)
        try:
            noticed = not is_right(name, program.run(arguments(name), mutated, entry))
        except TorshError as error:
            noticed = re.search("race on|order in which", str(error)) is not None
        if not noticed:
            unnoticed.append((entry, number))
    assert unnoticed == []


def test_no_wait_for_copies_can_be_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORSHJIT_EMULATOR_GRID_LIMIT", "2")
    name = "matmul_staged"
    program = compiled(name)
    waits = lines_with(program.nvvm, "nvvm.cp.async.wait")
    assert waits
    for number in waits:
        entry = function_of(program.nvvm, number)
        mutated = without_line(program.nvvm, number)
        with contextlib.suppress(TorshError):
            assert not is_right(name, program.run(arguments(name), mutated, entry))


@pytest.mark.parametrize("name", PROGRAMS)
def test_products_of_half_precision_use_the_tensor_cores(name: str) -> None:
    """So that the tests above cover matrix instructions, and what stages their operands."""
    assert ("nvvm.mma.sync" in compiled(name).nvvm) == (name in TENSOR_CORES)


@pytest.mark.parametrize("order", ["ascending", "descending", "shuffled"])
def test_one_order_is_enough_to_see_a_race(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORSHJIT_EMULATOR_ORDER", order)
    program = compiled("matmul")
    assert is_right("matmul", program.run(arguments("matmul")))
    for number in lines_with(program.nvvm, "nvvm.barrier"):
        with pytest.raises(TorshError, match="race on shared memory: thread"):
            program.run(
                arguments("matmul"),
                without_line(program.nvvm, number),
                function_of(program.nvvm, number),
            )
