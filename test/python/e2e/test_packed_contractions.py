# SPDX-License-Identifier: Apache-2.0
"""Packed products against float64 under schedules of every kind: each extent from 1 to 67, blocks
of the depth, panels that tiles share, element types, threads, NaN and infinity."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from e2e.native_code import compile_natively
from graph_records import DTYPES

from torshjit import _compiler
from torshjit.compiled import CompiledModule

# Small blocks, so that small products have several of everything. The last two numbers of
# `block`: how rows and columns are packed (0 in place, 1 by each tile, 2 once for the kernel).
# Tiles of 256 rows pack columns while those before are multiplied.
WAYS = {
    "per-tile": "tile = [16, 32], register_tile = [8, 16], block = [16, 32, 16, 1, 1]",
    "per-kernel": "tile = [16, 32], register_tile = [8, 16], block = [16, 32, 16, 2, 2]",
    "rows-in-place": "tile = [12, 32], register_tile = [6, 16], block = [12, 32, 16, 0, 2]",
    "columns-in-place": "tile = [0, 12], register_tile = [6, 16], block = [64, 12, 16, 2, 0]",
    "not-of-whole-panels": "tile = [12, 24], register_tile = [8, 16], block = [12, 24, 16, 2, 2]",
    "columns-ahead": "tile = [0, 48], register_tile = [8, 16], block = [256, 48, 16, 1, 1]",
    "untiled": "register_tile = [8, 32], block = [64, 64, 24, 1, 1]",
}


def _compile(
    op: str, way: str, dtype: str, extents: tuple[str, str, str] = ("?", "?", "?"), threads: int = 2
) -> CompiledModule:
    """A program of one kernel with a schedule of its own. `extents`: of rows, columns, depth."""
    m, n, k = extents
    x = f"tensor<{m}x{k}x{dtype}>"
    w = f"tensor<{n}x{k}x{dtype}>" if op == "linear" else f"tensor<{k}x{n}x{dtype}>"
    y = f"tensor<{m}x{n}x{dtype}>"
    sizes = [f"%{name}" for name, extent in (("m", m), ("n", n)) if extent == "?"]
    axis = 0 if op == "linear" else 1
    text = f"""
      torsh.kernel @product(%x: {x}, %w: {w}) -> {y} attributes {{
          kind = #torsh.kind<contraction>, schedule = #torsh.schedule<{WAYS[way]}>}} {{
        %0 = torsh.{op} %x, %w : ({x}, {w}) -> {y}
        torsh.return %0 : {y}
      }}
      func.func @main(%x: {x}, %w: {w}) -> {y} {{
        %c0 = arith.constant 0 : index
        %axis = arith.constant {axis} : index
        %m = tensor.dim %x, %c0 : {x}
        %n = tensor.dim %w, %axis : {w}
        %0 = torsh.launch @product(%x, %w) {f"sizes({', '.join(sizes)})" if sizes else ""}
            : ({x}, {w}) -> {y}
        return %0 : {y}
      }}"""
    module = _compiler.Module.parse(text, _compiler.Context())
    return compile_natively(module, num_threads=threads)


def _values(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    if dtype.startswith("i"):
        return rng.integers(-9, 9, shape).astype(DTYPES[dtype])
    return rng.standard_normal(shape).astype(DTYPES[dtype])


def _check(compiled: CompiledModule, op: str, dtype: str, m: int, n: int, k: int) -> None:
    rng = np.random.default_rng(m * 10007 + n * 101 + k)
    x = _values(rng, dtype, (m, k))
    w = _values(rng, dtype, (n, k) if op == "linear" else (k, n))
    actual = np.asarray(compiled(x, w))
    wide = w.T if op == "linear" else w
    if dtype.startswith("i"):
        np.testing.assert_array_equal(actual, x @ wide)
        return
    left, right = x.astype(np.float64), wide.astype(np.float64)
    bound = (
        np.abs(left) @ np.abs(right) * np.finfo(np.float64 if dtype == "f64" else np.float32).eps
    )
    if x.dtype.itemsize == 2:
        bound = bound + np.abs(left @ right) * (2**-10 if dtype == "f16" else 2**-7)
    error = np.abs(actual.astype(np.float64) - left @ right)
    np.testing.assert_array_less(error, 8 * bound + 1e-30, err_msg=f"{m} x {n} x {k}")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("op", ["matmul", "linear"])
def test_every_extent(op: str, way: str) -> None:
    compiled = _compile(op, way, "f32")
    for extent in range(1, 68):
        _check(compiled, op, "f32", extent, 33, 20)
        _check(compiled, op, "f32", 20, extent, 33)
        _check(compiled, op, "f32", 33, 20, extent)
    for extents in ((0, 5, 7), (5, 0, 7), (5, 7, 0), (0, 0, 0)):
        _check(compiled, op, "f32", *extents)


@pytest.mark.parametrize("dtype", ["f64", "f16", "bf16", "i8", "i16", "i32", "i64"])
@pytest.mark.parametrize(
    "way", ["per-tile", "per-kernel", "rows-in-place", "columns-in-place", "columns-ahead"]
)
def test_types(way: str, dtype: str) -> None:
    compiled = _compile("linear", way, dtype)
    for extents in ((1, 1, 1), (16, 32, 16), (17, 33, 15), (40, 67, 100)):
        _check(compiled, "linear", dtype, *extents)


@pytest.mark.parametrize("way", WAYS)
def test_known_extents(way: str) -> None:
    for m, n, k, threads in ((40, 70, 50, 1), (64, 64, 64, 2), (17, 16, 130, 2)):
        compiled = _compile("matmul", way, "f32", (str(m), str(n), str(k)), threads)
        _check(compiled, "matmul", "f32", m, n, k)


@pytest.mark.parametrize("way", WAYS)
def test_nan_and_infinity_stay_in_their_rows_and_columns(way: str) -> None:
    compiled = _compile("matmul", way, "f32")
    x, w = np.ones((19, 21), np.float32), np.ones((21, 35), np.float32)
    x[18, 20], w[3, 34] = np.nan, np.inf
    actual = np.asarray(compiled(x, w))
    assert np.isnan(actual[18]).all()
    assert np.isinf(actual[:18, 34]).all()
    assert (actual[:18, :34] == 21).all()


@pytest.mark.parametrize("op", ["matmul", "linear"])
def test_rows_found_at_run_time(op: str) -> None:
    """The schedule is the compiler's: rows that tiles share are packed, if there are many."""
    w = "tensor<300x90xf32>" if op == "linear" else "tensor<90x300xf32>"
    text = f"""
      func.func @main(%x: tensor<?x90xf32>, %w: {w}) -> tensor<?x300xf32> {{
        %0 = torsh.{op} %x, %w : (tensor<?x90xf32>, {w}) -> tensor<?x300xf32>
        return %0 : tensor<?x300xf32>
      }}"""
    compiled = compile_natively(_compiler.Module.parse(text, _compiler.Context()), num_threads=2)
    for rows in (0, 1, 16, 17, 64, 257, 1030, 2064):
        _check(compiled, op, "f32", rows, 300, 90)
