# SPDX-License-Identifier: Apache-2.0
"""StableHLO matrix products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torshjit.capture.onnx_import.operations import Operations
from torshjit.capture.stablehlo_import.bindings import load_bindings
from torshjit.capture.stablehlo_import.handlers import lowers
from torshjit.capture.stablehlo_import.operation import HloOp

__all__: list[str] = []


def _extents(value: Any, axes: Sequence[int]) -> list[int]:
    return [value.shape[axis] for axis in axes]


def _product(
    g: Operations,
    op: HloOp,
    batch: tuple[Sequence[int], Sequence[int]],
    depth: tuple[Sequence[int], Sequence[int]],
) -> Any:
    """The product over axes of both operands: batch axes first, then the rest of each."""
    left, right = op.operands
    dtype = op.dtype
    # Integers and bools are multiplied in the type of the result; so are floats that grow.
    left, right = g.cast(left, dtype), g.cast(right, dtype)
    if dtype == "i1":
        left, right = g.cast(left, "i32"), g.cast(right, "i32")
    rows = [axis for axis in range(len(left.shape)) if axis not in (*batch[0], *depth[0])]
    columns = [axis for axis in range(len(right.shape)) if axis not in (*batch[1], *depth[1])]
    shared = _extents(left, batch[0])
    m, k, n = (
        math.prod(_extents(value, axes))
        for value, axes in ((left, rows), (left, depth[0]), (right, columns))
    )
    a = g.reshape(g.permute(left, [*batch[0], *rows, *depth[0]]), [*shared, m, k])
    b = g.reshape(g.permute(right, [*batch[1], *depth[1], *columns]), [*shared, k, n])
    result = g.emit("matmul", a, b)
    result = g.reshape(result, [*shared, *_extents(left, rows), *_extents(right, columns)])
    return g.cast(result, dtype)


@lowers("stablehlo.dot_general")
def _dot_general(g: Operations, op: HloOp) -> Any:
    _, stablehlo = load_bindings()
    axes = stablehlo.DotDimensionNumbers(op.attribute("dot_dimension_numbers"))
    return _product(
        g,
        op,
        (list(axes.lhs_batching_dimensions), list(axes.rhs_batching_dimensions)),
        (list(axes.lhs_contracting_dimensions), list(axes.rhs_contracting_dimensions)),
    )


@lowers("stablehlo.dot")
def _dot(g: Operations, op: HloOp) -> Any:
    return _product(g, op, ([], []), ([len(op.operands[0].shape) - 1], [0]))
