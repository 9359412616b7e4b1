# SPDX-License-Identifier: Apache-2.0
"""Code for AArch64 computes the same: a sample of all operations, and kernels that are tiled.

Its processor is emulated, a process for each kernel. Skipped where there is no emulator.
"""

from __future__ import annotations

import itertools
import zlib

import numpy as np
import pytest
from e2e.aarch64.emulated_calls import missing, run_emulated
from e2e.op_case import Case
from e2e.op_cases import CASES
from e2e.op_programs import build_program
from e2e.tolerance import assert_within, scale_of
from graph_records import DTYPES

from torshjit.interpreter import evaluate

_compiler = pytest.importorskip("torshjit._compiler")

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

_CONTEXT = _compiler.Context()
#: One case in so many, beside the first one of each operation.
_SAMPLE = 40


def _sample() -> list[Case]:
    first = {case.op: case for case in reversed(CASES)}
    return [
        case
        for case in CASES
        if first[case.op] is case or zlib.crc32(case.id.encode()) % _SAMPLE == 0
    ]


@pytest.mark.parametrize("case", _sample(), ids=lambda case: case.id)
def test_operation_under_emulation(case: Case) -> None:
    module = build_program(case, _compiler.GraphBuilder(_CONTEXT))
    arrays = case.values()
    graph = module.graph("main")

    def oracle(operands):
        typed = [a.astype(b.dtype) for a, b in zip(operands, arrays, strict=True)]
        return evaluate(graph, typed, "f64")[0]

    (actual,) = run_emulated(module, arrays)
    assert actual.dtype == DTYPES[case.result_dtype]
    expected = oracle(arrays)
    assert_within(
        actual, expected, case.tolerance, scale_of(case.tolerance, arrays, expected, oracle)
    )


def _uniform(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    return rng.uniform(-1, 1, shape).astype(DTYPES[dtype])


@pytest.mark.parametrize("dtype", ["f32", "f64", "f16", "bf16"])
@pytest.mark.parametrize("shape", [(1, 300, 200), (7, 64, 96), (67, 130, 45), (300, 257, 129)])
def test_product_with_bias_and_gelu(dtype: str, shape: tuple[int, int, int]) -> None:
    rows, depth, columns = shape
    rng = np.random.default_rng(rows)
    arrays = [_uniform(rng, dtype, s) for s in ((rows, depth), (depth, columns), (columns,))]
    builder = _compiler.GraphBuilder(_CONTEXT)
    x, w, b = (builder.input(dtype, array.shape) for array in arrays)
    product = builder.create("add", [builder.create("matmul", [x, w]), b])
    module = builder.finish([builder.create("gelu", [product])])
    (actual,) = run_emulated(module, arrays)
    (expected,) = evaluate(module.graph("main"), arrays, "f64")
    unit = {"f32": 2e-6, "f64": 1e-14, "f16": 2e-3, "bf16": 2e-2}[dtype]
    np.testing.assert_allclose(
        actual.astype(np.float64), expected.astype(np.float64), rtol=unit, atol=unit * depth**0.5
    )


#: Processors with no instructions for dot products, with those for bytes of one kind, and with
#: those for bytes of both kinds and for bf16.
_WITH_DOTS = ("aarch64", "neoverse-n1", "neoverse-v1")


@pytest.mark.parametrize("architecture", _WITH_DOTS)
@pytest.mark.parametrize("right", ["i8", "ui8"])
@pytest.mark.parametrize("left", ["i8", "ui8"])
def test_product_of_bytes(left: str, right: str, architecture: str) -> None:
    rng = np.random.default_rng(3)
    for rows, depth, columns in [(67, 131, 45), (13, 4100, 18), (33, 64, 7)]:
        arrays = []
        for dtype, shape in ((left, (rows, depth)), (right, (depth, columns))):
            limits = np.iinfo(DTYPES[dtype])
            drawn = rng.integers(limits.min - 99, limits.max + 99, shape)
            arrays.append(drawn.clip(limits.min, limits.max).astype(DTYPES[dtype]))
        builder = _compiler.GraphBuilder(_CONTEXT)
        operands = [builder.input(d, a.shape) for d, a in zip((left, right), arrays, strict=True)]
        module = builder.finish([builder.create("matmul", operands, {"dtype": "i32"})])
        (actual,) = run_emulated(module, arrays, architecture)
        expected = np.matmul(*(array.astype(np.int32) for array in arrays))
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("shape", [(67, 131, 45), (24, 2050, 40)])
def test_product_of_bf16_by_pairs(shape: tuple[int, int, int]) -> None:
    rows, depth, columns = shape
    rng = np.random.default_rng(rows)
    arrays = [_uniform(rng, "bf16", s) for s in ((rows, depth), (depth, columns))]
    builder = _compiler.GraphBuilder(_CONTEXT)
    operands = [builder.input("bf16", array.shape) for array in arrays]
    module = builder.finish([builder.create("matmul", operands)])
    (actual,) = run_emulated(module, arrays, "neoverse-v1")
    x, y = (array.astype(np.float64) for array in arrays)
    sums = (depth + 2) * 2.0**-24 * (np.abs(x) @ np.abs(y))
    error = np.abs(actual.astype(np.float64) - x @ y)
    assert np.all(error <= sums + 2.0**-8 * (np.abs(x @ y) + sums))


@pytest.mark.parametrize(
    ("op", "axis"), list(itertools.product(["softmax", "sum", "amax", "argmax"], [0, 1]))
)
def test_rows_and_columns_on_several_threads(op: str, axis: int) -> None:
    rng = np.random.default_rng(axis)
    array = _uniform(rng, "f32", (400, 513))
    builder = _compiler.GraphBuilder(_CONTEXT)
    x = builder.input("f32", array.shape)
    attributes = {"axis": axis} if op in ("softmax", "argmax") else {"axes": [axis]}
    if op != "softmax":
        attributes["keepdims"] = False
    module = builder.finish([builder.create(op, [x], attributes)])
    (actual,) = run_emulated(module, [array])
    (expected,) = evaluate(module.graph("main"), [array], "f64")
    np.testing.assert_allclose(actual, expected, rtol=2e-6, atol=2e-5)
