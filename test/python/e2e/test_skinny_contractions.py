# SPDX-License-Identifier: Apache-2.0
"""Products of a few rows against float64: every number of rows, ragged columns and depths, both
layouts of the wide operand, element types, batches, epilogues, and rows found at run time."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from e2e.native_code import run_natively
from graph_records import DTYPES

import torshjit
from torshjit import _compiler

_ROWS = (1, 2, 3, 5, 8, 9, 13, 16, 17)
# (columns, depth): none, one, less than a vector, around vectors, enough for several threads.
_EXTENTS = (
    (0, 5), (5, 0), (3, 5), (16, 16), (17, 33), (67, 100), (515, 1030), (40, 2048),
)  # fmt: skip


def _values(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    if dtype.startswith("i"):
        return rng.integers(-9, 9, shape).astype(DTYPES[dtype])
    return rng.standard_normal(shape).astype(DTYPES[dtype])


def _run(text: str, *inputs: np.ndarray, **options: object) -> np.ndarray:
    module = _compiler.Module.parse(text, _compiler.Context())
    (result,) = run_natively(module, inputs, **options)
    return result


def _compare(actual: np.ndarray, x: np.ndarray, w: np.ndarray) -> None:
    """`w`: (..., K, N). Integers wrap around; floats are within a few roundings of the sum of
    the products' magnitudes, and of one of their own type."""
    if np.issubdtype(x.dtype, np.integer):
        np.testing.assert_array_equal(actual, x @ w)
        return
    wide, other = x.astype(np.float64), w.astype(np.float64)
    accumulated = np.float64 if x.dtype == np.float64 else np.float32
    bound = np.abs(wide) @ np.abs(other) * np.finfo(accumulated).eps * 8
    expected = wide @ other
    if x.dtype.itemsize == 2:
        bound = bound + np.abs(expected) * (2**-7 if x.dtype != np.float16 else 2**-10)
    np.testing.assert_array_less(np.abs(actual.astype(np.float64) - expected), bound + 1e-30)


def _product(op: str, rows: str, columns: str, depth: str, dtype: str, batch: str = "") -> str:
    x = f"tensor<{batch}{rows}x{depth}x{dtype}>"
    w = f"tensor<{batch}{depth}x{columns}x{dtype}>"
    if op == "linear":
        w = f"tensor<{columns}x{depth}x{dtype}>"
    y = f"tensor<{batch}{rows}x{columns}x{dtype}>"
    return f"""
        func.func @main(%x: {x}, %w: {w}) -> {y} {{
          %0 = torsh.{op} %x, %w : ({x}, {w}) -> {y}
          return %0 : {y}
        }}"""


def _check(
    op: str,
    rows: int,
    columns: int,
    depth: int,
    dtype: str,
    dynamic: bool = False,
    threads: int = 2,
) -> None:
    rng = np.random.default_rng(rows * 1009 + columns * 31 + depth)
    x = _values(rng, dtype, (rows, depth))
    w = _values(rng, dtype, (columns, depth) if op == "linear" else (depth, columns))
    extents = ("?", "?", "?") if dynamic else (str(rows), str(columns), str(depth))
    actual = _run(_product(op, *extents, dtype), x, w, num_threads=threads)
    _compare(actual, x, w.T if op == "linear" else w)


@pytest.mark.parametrize("op", ["matmul", "linear"])
@pytest.mark.parametrize("rows", _ROWS)
def test_rows(op: str, rows: int) -> None:
    for columns, depth in _EXTENTS[_ROWS.index(rows) % 2 :: 2]:
        _check(op, rows, columns, depth, "f32")


@pytest.mark.parametrize("op", ["matmul", "linear"])
@pytest.mark.parametrize("dtype", ["f64", "bf16", "f16", "i8", "i16", "i32", "i64"])
def test_types(op: str, dtype: str) -> None:
    for rows, columns, depth in ((1, 17, 33), (3, 40, 2048)):
        _check(op, rows, columns, depth, dtype)


@pytest.mark.parametrize("op", ["matmul", "linear"])
@pytest.mark.parametrize("dtype", ["f32", "bf16"])
def test_extents_found_at_run_time(op: str, dtype: str) -> None:
    for rows in (0, 1, 6, 16, 17):
        for columns, depth in ((130, 515),):
            _check(op, rows, columns, depth, dtype, dynamic=True)


@pytest.mark.parametrize("op", ["matmul", "linear"])
@pytest.mark.parametrize("rows", [1, 4, 11])
def test_one_thread(op: str, rows: int) -> None:
    _check(op, rows, 67, 1030, "f32", threads=1)


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("columns", [1, 64, 300])
def test_batches(rows: int, columns: int) -> None:
    """What a step of attention multiplies: queries by keys, weights by values."""
    rng = np.random.default_rng(columns)
    for depth in (64, 129):
        x, w = _values(rng, "f32", (12, rows, depth)), _values(rng, "f32", (12, depth, columns))
        text = _product("matmul", str(rows), str(columns), str(depth), "f32", "12x")
        _compare(_run(text, x, w), x, w)


@pytest.mark.parametrize("columns", [2, 8, 16])
def test_wide_operand_on_the_left(columns: int) -> None:
    """Its rows are the result's, so that the result is not contiguous along them."""
    rng = np.random.default_rng(columns)
    for rows, depth in ((67, 100), (515, 1030)):
        _check("matmul", rows, columns, depth, "f32")
        x, w = _values(rng, "f32", (depth, rows)), _values(rng, "f32", (depth, columns))
        actual = _run(
            f"""
            func.func @main(%x: tensor<{depth}x{rows}xf32>, %w: tensor<{depth}x{columns}xf32>)
                -> tensor<{rows}x{columns}xf32> {{
              %0 = torsh.permute %x {{permutation = array<i64: 1, 0>}}
                  : (tensor<{depth}x{rows}xf32>) -> tensor<{rows}x{depth}xf32>
              %1 = torsh.matmul %0, %w : (tensor<{rows}x{depth}xf32>, tensor<{depth}x{columns}xf32>)
                  -> tensor<{rows}x{columns}xf32>
              return %1 : tensor<{rows}x{columns}xf32>
            }}""",
            x,
            w,
        )
        _compare(actual, np.ascontiguousarray(x.T), w)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("op", ["matmul", "linear"])
def test_epilogue(op: str, rows: int) -> None:
    """A bias, an activation and a residual, after sums that threads share by depth or columns."""
    rng = np.random.default_rng(rows)
    depth, columns = 1024, 515
    x = _values(rng, "f32", (rows, depth))
    w = _values(rng, "f32", (columns, depth) if op == "linear" else (depth, columns))
    bias, residual = _values(rng, "f32", (columns,)), _values(rng, "f32", (rows, columns))
    w_type = f"tensor<{'x'.join(map(str, w.shape))}xf32>"
    x_type, y, b = f"tensor<{rows}x{depth}xf32>", f"tensor<{rows}x{columns}xf32>", "tensor<515xf32>"
    actual = _run(
        f"""
        func.func @main(%x: {x_type}, %w: {w_type}, %b: {b}, %r: {y}) -> {y} {{
          %0 = torsh.{op} %x, %w : ({x_type}, {w_type}) -> {y}
          %1 = torsh.add %0, %b : ({y}, {b}) -> {y}
          %2 = torsh.relu %1 : ({y}) -> {y}
          %3 = torsh.add %2, %r : ({y}, {y}) -> {y}
          return %3 : {y}
        }}""",
        x,
        w,
        bias,
        residual,
    )
    other = w.T if op == "linear" else w
    expected = np.maximum(x.astype(np.float64) @ other.astype(np.float64) + bias, 0) + residual
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


def test_nan_and_infinity_reach_only_their_own_results() -> None:
    """Lanes past an edge are computed with zeros and are not stored."""
    x, w = np.ones((3, 37), np.float32), np.ones((37, 19), np.float32)
    w[36, 18], x[1, 36] = np.inf, np.nan
    actual = _run(_product("matmul", "3", "19", "37", "f32"), x, w)
    np.testing.assert_array_equal(actual, x @ w)
    actual = _run(_product("linear", "3", "19", "37", "f32"), x, np.ascontiguousarray(w.T))
    np.testing.assert_array_equal(actual, x @ w)


@pytest.mark.parametrize("axis", [0, 1])
def test_sum_of_a_product(axis: int) -> None:
    """Written as a multiplication and a reduction: the same loops, of products rounded first."""
    rng = np.random.default_rng(axis)
    a, x = _values(rng, "f32", (130, 515)), _values(rng, "f32", (515,) if axis else (130,))
    shape = f"1x{x.size}" if axis else f"{x.size}x1"
    y = f"tensor<{130 if axis else 515}xf32>"
    actual = _run(
        f"""
        func.func @main(%a: tensor<130x515xf32>, %x: tensor<{shape}xf32>) -> {y} {{
          %0 = torsh.mul %a, %x
              : (tensor<130x515xf32>, tensor<{shape}xf32>) -> tensor<130x515xf32>
          %1 = torsh.sum %0 {{axes = array<i64: {axis}>}} : (tensor<130x515xf32>) -> {y}
          return %1 : {y}
        }}""",
        a,
        x.reshape(1, -1) if axis else x.reshape(-1, 1),
    )
    _compare(actual, a if axis else np.ascontiguousarray(a.T), x)


@pytest.mark.parametrize(("m", "n"), [(17, 17), (33, 65), (64, 40)])
@pytest.mark.parametrize("depth", [8192, 9009, 10007, 40000])
@pytest.mark.parametrize("is_transposed", [False, True], ids=["rows", "transposed"])
def test_great_depth_is_summed_in_parts(m: int, n: int, depth: int, is_transposed: bool) -> None:
    rng = np.random.default_rng(depth)
    x, y = (rng.standard_normal(shape).astype(np.float32) for shape in ((m, depth), (depth, n)))
    x[1, depth - 1], y[depth // 2, 3] = np.nan, np.inf
    x[:, depth // 2] = 1
    if is_transposed:
        x = np.ascontiguousarray(x.T)
        actual = torshjit.compile(lambda x, y: x.T @ y + 1)(x, y)
        x = x.T
    else:
        actual = torshjit.compile(lambda x, y: x @ y + 1)(x, y)
    expected = x.astype(np.float64) @ y.astype(np.float64) + 1
    # No farther than a sum of as many in f32 may be.
    bound = 4 * np.sqrt(depth) * np.finfo(np.float32).eps * np.sqrt(depth)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=bound)
