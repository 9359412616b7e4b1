# SPDX-License-Identifier: Apache-2.0
"""ONNX Det, by elimination with the largest pivot, unrolled over the columns."""

from __future__ import annotations

import math
from typing import Any

from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations, wider
from torshjit.errors import ShapeError

__all__: list[str] = []

#: Larger matrices are not unrolled.
_LARGEST = 16


@lowers("Det")
def _det(g: Operations, node: Node) -> Any:
    value = node.value(0)
    shape = tuple(value.shape)
    size = shape[-1]
    if len(shape) < 2 or shape[-2] != size:
        raise ShapeError(f"{node}: a matrix of {shape} has no determinant")
    if not 0 < size <= _LARGEST:
        raise node.fail(f"matrices of {size} rows are not unrolled")
    batch = math.prod(shape[:-2])
    matrix = g.reshape(g.cast(value, wider(value.dtype)), (batch, size, size))
    result = None
    for left in range(size, 0, -1):
        # The row of the largest element of the first column takes the first row's place.
        column = g.slice(matrix, 2, 0, 1)
        chosen = g.emit("argmax", g.emit("abs", column), axis=1, keepdims=True)
        here = g.compare("eq", g.iota((1, left, 1), 1, "i64"), chosen)
        row = g.reduce("sum", g.where(here, matrix, 0.0), [1], keepdims=True)
        pivot = g.slice(row, 2, 0, 1)
        sign = g.where(g.compare("eq", chosen, 0), g.scalar(1.0, pivot.dtype), -1.0)
        factor = g.emit("mul", pivot, sign)
        result = factor if result is None else g.emit("mul", result, factor)
        if left == 1:
            break
        swapped = g.emit("select", here, g.slice(matrix, 1, 0, 1), matrix)
        rest = g.slice(swapped, 1, 1, left)
        # A pivot of zero leaves zeros; anything divides them.
        safe = g.where(g.compare("eq", pivot, 0.0), 1.0, pivot)
        ratio = g.emit("div", g.slice(rest, 2, 0, 1), safe)
        rest = g.emit("sub", rest, g.emit("mul", ratio, row))
        matrix = g.slice(rest, 2, 1, left)
    return g.cast(g.reshape(result, shape[:-2]), value.dtype)
