# SPDX-License-Identifier: Apache-2.0
"""Programs with `?` extents from MLIR text: extents given as operands, extents that disagree."""

from __future__ import annotations

import numpy as np
import pytest
from e2e.executors import COMPILED, missing
from e2e.native_code import compile_natively, run_natively

import torshjit
from torshjit.interpreter import evaluate

_compiler = pytest.importorskip("torshjit._compiler")

RESHAPE = """
func.func @main(%x: tensor<?x6xf32>) -> tensor<?x?xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %rows = tensor.dim %x, %c0 : tensor<?x6xf32>
  %doubled = arith.muli %rows, %c2 : index
  %0 = torsh.reshape %x sizes(%doubled, %c3) : (tensor<?x6xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
"""
BROADCAST = """
func.func @main(%x: tensor<1x4xf32>, %like: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %like, %c0 : tensor<?x4xf32>
  %0 = torsh.broadcast %x sizes(%rows) : (tensor<1x4xf32>) -> tensor<?x4xf32>
  %1 = torsh.mul %0, %like : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}
"""
IOTA = """
func.func @main(%x: tensor<?x3xi32>) -> tensor<?x3xi32> {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x3xi32>
  %0 = torsh.iota sizes(%rows) {axis = 0 : i64} : tensor<?x3xi32>
  %1 = torsh.add %0, %x : (tensor<?x3xi32>, tensor<?x3xi32>) -> tensor<?x3xi32>
  return %1 : tensor<?x3xi32>
}
"""


def _array(dtype: type, *shape: int) -> np.ndarray:
    return np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)


@pytest.fixture(params=COMPILED)
def executor(request: pytest.FixtureRequest) -> str:
    """Each executor that compiles, where it can run."""
    if reason := missing(request.param):
        pytest.skip(reason)
    return request.param


@pytest.fixture(scope="module")
def context() -> _compiler.Context:
    return _compiler.Context()


@pytest.mark.parametrize("rows", [0, 1, 2, 5])
@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        (RESHAPE, lambda n: [_array(np.float32, n, 6)]),
        (BROADCAST, lambda n: [_array(np.float32, 1, 4), _array(np.float32, n, 4)]),
        (IOTA, lambda n: [_array(np.int32, n, 3)]),
    ],
    ids=["reshape", "broadcast", "iota"],
)
def test_extents_given_as_operands(text, inputs, rows, executor, context):
    module = _compiler.Module.parse(text, context)
    arrays = inputs(rows)
    (expected,) = evaluate(module.graph("main"), arrays)
    (actual,) = run_natively(module, arrays, target_device=executor)
    np.testing.assert_array_equal(actual, expected)


def _program(context, op: str, types: list[tuple[int, ...]], **attributes):
    builder = _compiler.GraphBuilder(context)
    operands = [builder.input("f32", shape) for shape in types]
    if op == "concat":
        operands = [operands]
    return builder.finish([builder.create(op, operands, attributes)])


@pytest.mark.parametrize(
    ("op", "types", "shapes", "attributes"),
    [
        ("add", [(-1,), (-1,)], [(1,), (4,)], {}),
        ("add", [(-1,), (4,)], [(1,), (4,)], {}),
        ("add", [(2, -1), (-1,)], [(2, 3), (4,)], {}),
        ("matmul", [(2, -1), (-1, 3)], [(2, 4), (5, 3)], {}),
        ("matmul", [(-1, 2, 3), (-1, 3, 2)], [(1, 2, 3), (4, 3, 2)], {}),
        ("linear", [(2, -1), (3, 4)], [(2, 5), (3, 4)], {}),
        ("concat", [(-1, 3), (2, -1)], [(2, 3), (2, 4)], {"axis": 0}),
        ("slice", [(-1,)], [(3,)], {"start": [0], "stop": [5], "stride": [1]}),
        ("amax", [(-1, 2)], [(0, 2)], {"axes": [0], "keepdims": False}),
        ("argmin", [(2, -1)], [(2, 0)], {"axis": 1, "keepdims": False}),
        (
            "max_pool",
            [(1, 1, -1)],
            [(1, 1, 2)],
            {
                "window": [3],
                "stride": [1],
                "padding_low": [0],
                "padding_high": [0],
                "dilation": [1],
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_extents_that_disagree_raise(op, types, shapes, attributes, context):
    module = _program(context, op, types, **attributes)
    arrays = [np.ones(shape, np.float32) for shape in shapes]
    with pytest.raises(torshjit.ShapeError, match=op):
        evaluate(module.graph("main"), arrays)
    compiled = compile_natively(module)
    with pytest.raises(torshjit.ShapeError, match=op):
        compiled(*arrays)


@pytest.mark.parametrize(
    ("rows", "positions"), [((-1, 3), (2,)), ((-1, 3), (-1,))], ids=["static", "dynamic"]
)
def test_reading_at_positions_of_an_empty_axis_raises(rows, positions, context):
    builder = _compiler.GraphBuilder(context)
    table, index = builder.input("f32", rows), builder.input("i64", positions)
    module = builder.finish([builder.create("gather", (table, [index]), {"axes": [0]})])
    empty = np.empty((0, 3), np.float32)
    compiled = compile_natively(module)
    for run in (lambda *a: evaluate(module.graph("main"), a), compiled):
        with pytest.raises(torshjit.ShapeError, match=r"torsh\.gather"):
            run(empty, np.array([0, -1]))
    if positions == (-1,):
        assert compiled(empty, np.empty(0, np.int64)).shape == (0, 3)


def test_a_program_still_runs_after_extents_disagreed(executor, context):
    module = _program(context, "add", [(-1,), (-1,)])
    compiled = compile_natively(module, target_device=executor)
    ones = np.ones(4, np.float32)
    with pytest.raises(torshjit.ShapeError):
        compiled(ones, ones[:1])
    np.testing.assert_array_equal(compiled(ones, ones), 2 * ones)
