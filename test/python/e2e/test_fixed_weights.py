# SPDX-License-Identifier: Apache-2.0
"""Products whose weights are fixed, and packed by kernels of their own, against float64: each
extent from 1 to 67, element types, both layouts and sides, shared and given schedules."""

from __future__ import annotations

import os

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from e2e.native_code import compile_natively
from graph_records import DTYPES

import torshjit
from torshjit import _compiler
from torshjit.compiled import CompiledModule


def _constant(values: np.ndarray, element: str) -> str:
    shape = "x".join(map(str, values.shape))
    return f'torsh.constant dense<"0x{values.tobytes().hex().upper()}"> : tensor<{shape}x{element}>'


def _compile(text: str, **options) -> CompiledModule:
    return compile_natively(_compiler.Module.parse(text, _compiler.Context()), **options)


def _values(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    if dtype.startswith("i"):
        return rng.integers(-9, 9, shape).astype(DTYPES[dtype])
    return rng.standard_normal(shape).astype(DTYPES[dtype])


def _check(op: str, dtype: str, m: int, n: int, k: int, *, left: bool = False, **options) -> None:
    rng = np.random.default_rng(m * 10007 + n * 101 + k)
    is_rows = left or op == "linear"
    x = _values(rng, dtype, (k, m) if left else (m, k))
    w = _values(rng, dtype, (n, k) if is_rows else (k, n))
    (x_type, w_type), y = (
        tuple(f"tensor<{'x'.join(map(str, v.shape))}x{dtype}>" for v in (x, w)),
        f"tensor<{n}x{m}x{dtype}>" if left else f"tensor<{m}x{n}x{dtype}>",
    )
    operands, types = (
        ("%w, %x", f"{w_type}, {x_type}") if left else ("%x, %w", f"{x_type}, {w_type}")
    )
    compiled = _compile(
        f"""
      func.func @main(%x: {x_type}) -> {y} {{
        %w = {_constant(w, dtype)}
        %0 = torsh.{op} {operands} : ({types}) -> {y}
        return %0 : {y}
      }}""",
        **options,
    )
    for _ in range(2):
        actual = np.asarray(compiled(x))
        first, second = (w, x) if left else (x, w.T if is_rows else w)
        if dtype.startswith("i"):
            np.testing.assert_array_equal(actual, first @ second)
            continue
        first, second = first.astype(np.float64), second.astype(np.float64)
        narrow = {"f64": 2.0**-52, "f16": 2.0**-10, "bf16": 2.0**-7}.get(dtype, 2.0**-23)
        bound = np.abs(first) @ np.abs(second) * min(narrow, 2.0**-23)
        bound += np.abs(first @ second) * narrow
        error = np.abs(actual.astype(np.float64) - first @ second)
        np.testing.assert_array_less(error, 8 * bound + 1e-30, err_msg=f"{m} x {n} x {k}")


@pytest.mark.parametrize("op", ["matmul", "linear"])
def test_every_extent(op: str) -> None:
    for extent in range(1, 68, 1 if os.environ.get("TORSH_EVERY_EXTENT") else 6):
        _check(op, "f32", 17 + extent, 33, 40)
        _check(op, "f32", 20, extent + 2, 67)
        _check(op, "f32", 33, 67, extent + 4)


@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16", "i32"])
def test_few_rows_by_small_weights(dtype: str) -> None:
    for rows in (1, 2, 3, 7, 8, 12, 13):
        for columns, depth in [
            (16, 67),
            (32, 33),
            (48, 64),
            (64, 64),
            (80, 129),
            (128, 128),
            (65, 40),
        ]:
            _check("linear", dtype, rows, columns, depth)


@pytest.mark.parametrize("dtype", ["f64", "f16", "bf16", "i8", "i16", "i32", "i64"])
@pytest.mark.parametrize("op", ["matmul", "linear"])
def test_types(op: str, dtype: str) -> None:
    for extents in ((17, 64, 64), (130, 67, 33), (33, 32, 1030)):
        _check(op, dtype, *extents)


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
def test_weights_on_the_left(dtype: str) -> None:
    for extents in ((40, 64, 64), (130, 67, 33), (33, 300, 1030)):
        _check("matmul", dtype, *extents, left=True)


@pytest.mark.parametrize("threads", [1, 2])
def test_blocks_of_the_depth_and_tiles(threads: int) -> None:
    for op in ("matmul", "linear"):
        _check(op, "f32", 100, 1000, 2500, num_threads=threads)


def test_bytes_keep_their_sums() -> None:
    """The panels of a weight of bytes begin with what flipping the other operand's signs adds."""
    for x_type, w_type in (("i8", "i8"), ("ui8", "i8"), ("i8", "ui8"), ("ui8", "ui8")):
        rng = np.random.default_rng(0)
        types = {"i8": np.int8, "ui8": np.uint8}
        a, b = (
            rng.integers(np.iinfo(types[t]).min, np.iinfo(types[t]).max + 1, shape).astype(types[t])
            for t, shape in ((x_type, (37, 70)), (w_type, (70, 50)))
        )
        x, y = f"tensor<37x70x{x_type}>", "tensor<37x50xi32>"
        compiled = _compile(f"""
          func.func @main(%x: {x}) -> {y} {{
            %w = {_constant(b, w_type)}
            %0 = torsh.cast %x to i32 : ({x}) -> tensor<37x70xi32>
            %1 = torsh.cast %w to i32 : (tensor<70x50x{w_type}>) -> tensor<70x50xi32>
            %2 = torsh.matmul %0, %1 : (tensor<37x70xi32>, tensor<70x50xi32>) -> {y}
            return %2 : {y}
          }}""")
        expected = a.astype(np.int32) @ b.astype(np.int32)
        np.testing.assert_array_equal(np.asarray(compiled(a)), expected)


def test_constants_of_numpy_functions() -> None:
    rng = np.random.default_rng(0)
    w, v = (rng.standard_normal(s).astype(np.float32) for s in ((70, 200), (200, 70)))
    b = rng.standard_normal(200).astype(np.float32)
    x = rng.standard_normal((40, 70)).astype(np.float32)

    def network(x):
        hidden = np.maximum(x @ w + b, 0)
        return hidden @ v + hidden @ w.T

    compiled = torshjit.compile(network, freeze=True)
    for _ in range(2):
        np.testing.assert_allclose(compiled(x), network(x), rtol=1e-4, atol=1e-3)
    assert "packed once" in compiled.explain()


def test_schedules_say_whether_weights_are_packed_before() -> None:
    rng = np.random.default_rng(0)
    w = rng.standard_normal((70, 200)).astype(np.float32)
    x = rng.standard_normal((64, 70)).astype(np.float32)
    for packing, is_given in ((3, True), (2, False), (1, False)):
        schedule = (
            "#torsh.schedule<tile = [32, 64, 0], register_tile = [8, 32], "
            f"block = [32, 64, 50, 1, {packing}]>"
        )
        compiled = torshjit.compile(lambda x: x @ w, schedules={"matmul": schedule}, freeze=True)
        np.testing.assert_allclose(compiled(x), x @ w, rtol=1e-4, atol=1e-4)
        assert ("packed once" in compiled.explain()) == is_given


def test_nan_and_infinity_stay_in_their_columns() -> None:
    w = np.ones((40, 35), np.float32)
    w[3, 34], w[5, 2] = np.inf, np.nan
    actual = np.asarray(
        torshjit.compile(lambda x: x @ w, freeze=True)(np.ones((19, 40), np.float32))
    )
    assert np.isinf(actual[:, 34]).all()
    assert np.isnan(actual[:, 2]).all()
    assert (np.delete(actual, (2, 34), axis=1) == 40).all()
