# SPDX-License-Identifier: Apache-2.0
"""Products of bytes, summed in i32, and of bf16: exact, or within what their rounding allows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from e2e.native_code import run_natively

import torshjit
from torshjit import _compiler

RANDOM = np.random.default_rng(5)
THREADS = (1, 2)

#: Rows, columns, depth: ragged in each, whole tiles, several blocks of the depth, empty.
SIZES = [
    (67, 45, 131),
    (33, 70, 30),
    (17, 31, 2),
    (64, 64, 64),
    (9, 129, 1023),
    (300, 96, 257),
    (130, 40, 4100),
    (264, 67, 8300),
    (24, 50, 1),
    (20, 40, 0),
    (0, 8, 12),
    (1, 96, 130),
]


PAIRS = [("uint8", "int8"), ("int8", "int8"), ("uint8", "uint8"), ("int8", "uint8")]


def some(choices: list) -> list[tuple]:
    """Each size with one of the choices, the first sizes with all of them."""
    return [
        (size, choice)
        for number, size in enumerate(SIZES)
        for choice in (choices if number < 3 else [choices[number % len(choices)]])
    ]


def draw(dtype: str, *shape: int) -> np.ndarray:
    """Numbers of the whole range, the ends more often than others."""
    limits = np.iinfo(dtype)
    values = RANDOM.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    chosen = RANDOM.integers(0, 4, shape)
    return np.where(chosen == 0, limits.min, np.where(chosen == 1, limits.max, values))


def wide_product(x: np.ndarray, y: np.ndarray) -> Any:
    return np.matmul(x.astype(np.int32), y.astype(np.int32))


def compiled(function: Any, threads: int = 2) -> Any:
    return torshjit.compile(function, target_device="cpu", num_threads=threads, strict=True)


@pytest.mark.parametrize(("size", "dtypes"), some(PAIRS), ids=str)
def test_bytes(size: tuple[int, int, int], dtypes: tuple[str, str]) -> None:
    (m, n, k), (left, right) = size, dtypes
    x, y = draw(left, m, k), draw(right, k, n)
    result = compiled(wide_product, int(RANDOM.choice(THREADS)))(x, y)
    assert result.dtype == np.int32
    np.testing.assert_array_equal(result, wide_product(x, y))


#: Processors with vectors of 256 and of 128 bits, and no instructions for four bytes.
LESSER = ("x86-64-v3", "x86-64-v2")


def skip_where_missing(architecture: str) -> None:
    if missing := _compiler.processor(architecture)["missing_here"]:
        pytest.skip(f"this machine lacks {', '.join(missing)}")


@pytest.mark.parametrize("dtypes", [*PAIRS, ("int16", "int16")], ids=str)
@pytest.mark.parametrize("architecture", LESSER)
def test_bytes_on_lesser_processors(architecture: str, dtypes: tuple[str, str]) -> None:
    skip_where_missing(architecture)
    sizes = [tuple(RANDOM.integers(1, 68, 3)) for _ in range(4)]
    function = torshjit.compile(
        wide_product, target_device=f"cpu:{architecture}", num_threads=2, strict=True
    )
    for m, n, k in [*sizes, (13, 21, 20_001), (20, 40, 0)]:
        x, y = draw(dtypes[0], m, k), draw(dtypes[1], k, n)
        # Of the ends alone, whose sums are the largest.
        x[:1], y[:, :1] = np.iinfo(x.dtype).min, np.iinfo(y.dtype).min
        x[1:2], y[:, 1:2] = np.iinfo(x.dtype).max, np.iinfo(y.dtype).max
        np.testing.assert_array_equal(function(x, y), wide_product(x, y))


@pytest.mark.parametrize(("size", "layout"), some(["nt", "tn", "tt"]), ids=str)
def test_transposed_bytes(size: tuple[int, int, int], layout: str) -> None:
    m, n, k = size

    def product(x: Any, y: Any) -> Any:
        x, y = (each.T if kind == "t" else each for each, kind in zip((x, y), layout, strict=True))
        return wide_product(x, y)

    x = draw("uint8", *((k, m) if layout[0] == "t" else (m, k)))
    y = draw("int8", *((n, k) if layout[1] == "t" else (k, n)))
    np.testing.assert_array_equal(compiled(product)(x, y), product(x, y))


def test_zero_points() -> None:
    """Taken off before the product: of all, by row, by column."""
    x, y = draw("uint8", 40, 70), draw("int8", 70, 36)
    rows, columns = draw("uint8", 40, 1), draw("int8", 36)

    def product(x: Any, y: Any, rows: Any, columns: Any) -> Any:
        left = x.astype(np.int32) - rows.astype(np.int32)
        return np.matmul(left, y.astype(np.int32) - columns.astype(np.int32))

    for zeros in ((rows, columns), (np.uint8(200), np.int8(-128)), (np.uint8(255), columns)):
        np.testing.assert_array_equal(
            compiled(product)(x, y, *zeros), product(x, y, *zeros), err_msg=str(zeros)
        )


def test_open_extents() -> None:
    text = """
    func.func @main(%x: tensor<?x?xi8>, %y: tensor<?x?xi8>) -> tensor<?x?xi32> {
      %0 = torsh.matmul %x, %y {dtype = i32} : (tensor<?x?xi8>, tensor<?x?xi8>) -> tensor<?x?xi32>
      return %0 : tensor<?x?xi32>
    }"""
    for m, n, k in ((37, 50, 70), (300, 33, 1030), (3, 40, 64), (20, 20, 0)):
        module = _compiler.Module.parse(text, _compiler.Context())
        x, y = draw("int8", m, k), draw("int8", k, n)
        (result,) = run_natively(module, [x, y])
        np.testing.assert_array_equal(result, wide_product(x, y))


@pytest.mark.parametrize("architecture", ["", *LESSER])
@pytest.mark.parametrize("input_type", ["i8", "ui8"])
def test_convolution_of_bytes(input_type: str, architecture: str) -> None:
    if architecture:
        skip_where_missing(architecture)
    text = f"""
    func.func @main(%x: tensor<2x12x9x11x{input_type}>, %w: tensor<40x12x3x3xi8>,
                    %z: tensor<{input_type}>) -> tensor<2x40x9x11xi32> {{
      %0 = torsh.cast %x to i32 : (tensor<2x12x9x11x{input_type}>) -> tensor<2x12x9x11xi32>
      %1 = torsh.cast %z to i32 : (tensor<{input_type}>) -> tensor<i32>
      %2 = torsh.sub %0, %1 : (tensor<2x12x9x11xi32>, tensor<i32>) -> tensor<2x12x9x11xi32>
      %3 = torsh.cast %w to i32 : (tensor<40x12x3x3xi8>) -> tensor<40x12x3x3xi32>
      %4 = torsh.conv %2, %3 {{stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>,
          padding_low = array<i64: 1, 1>, padding_high = array<i64: 1, 1>}}
          : (tensor<2x12x9x11xi32>, tensor<40x12x3x3xi32>) -> tensor<2x40x9x11xi32>
      return %4 : tensor<2x40x9x11xi32>
    }}"""
    dtype = {"i8": "int8", "ui8": "uint8"}[input_type]
    x, w = draw(dtype, 2, 12, 9, 11), draw("int8", 40, 12, 3, 3)
    zero = np.array(100, dtype)
    module = _compiler.Module.parse(text, _compiler.Context())
    target = f"cpu:{architecture}" if architecture else "cpu"
    (result,) = run_natively(module, [x, w, zero], target_device=target)
    padded = np.pad(x.astype(np.int32) - 100, ((0, 0), (0, 0), (1, 1), (1, 1)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    expected = np.einsum("nchwij,ocij->nohw", patches, w.astype(np.int32))
    np.testing.assert_array_equal(result, expected)


# bf16.


def _bf16(values: np.ndarray) -> Any:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32)).bfloat16()


torch = pytest.importorskip("torch")


@pytest.mark.parametrize(("size", "transposed"), some([False, True]), ids=str)
def test_bf16(size: tuple[int, int, int], transposed: bool) -> None:
    m, n, k = size
    x = _bf16(RANDOM.standard_normal((m, k)))
    y = _bf16(RANDOM.standard_normal((n, k) if transposed else (k, n)))

    def product(x: Any, y: Any) -> Any:
        return x @ (y.T if transposed else y)

    result = compiled(product, int(RANDOM.choice(THREADS)))(x, y)
    exact = product(x.double(), y.double())
    magnitudes = product(x.double().abs(), y.double().abs())
    # A rounding in f32 for each product added, one to bf16 at the end.
    bound = magnitudes * k * 2.0**-24 + exact.abs() * 2.0**-8
    assert result.dtype == torch.bfloat16
    assert bool(((result.double() - exact).abs() <= bound * 1.01).all())


def test_bf16_special_values() -> None:
    """NaN and infinity reach the elements that they do in IEEE arithmetic, and no others."""
    x, y = RANDOM.standard_normal((40, 67)), RANDOM.standard_normal((67, 50))
    x[3, 5], x[39, 66], y[7, 2], y[66, 49] = np.inf, np.nan, -np.inf, np.inf
    result = compiled(lambda x, y: x @ y)(_bf16(x), _bf16(y))
    expected = _bf16(x).float() @ _bf16(y).float()
    finite = torch.isfinite(expected)
    assert torch.equal(torch.isnan(result), torch.isnan(expected))
    assert torch.equal(
        result[~finite & ~torch.isnan(expected)].float(), expected[~finite & ~torch.isnan(expected)]
    )
    torch.testing.assert_close(result[finite].float(), expected[finite], rtol=2e-2, atol=2e-2)


def test_bf16_denormals_are_close_to_zero() -> None:
    """What is too small for normal numbers may count as zero, and adds no more than it is."""
    tiny = 2.0**-130
    x, y = np.full((32, 64), tiny), np.ones((64, 48))
    x[:, 1], y[1] = 3.0, 2.0
    result = compiled(lambda x, y: x @ y)(_bf16(x), _bf16(y))
    assert bool((result == 6.0).all())
    result = compiled(lambda x, y: x @ y)(_bf16(np.full((32, 64), tiny)), _bf16(np.ones((64, 48))))
    assert bool(((result >= 0) & (result.double() <= 64 * tiny)).all())
