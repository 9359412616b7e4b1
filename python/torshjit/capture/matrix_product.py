# SPDX-License-Identifier: Apache-2.0
"""Matrix products whose operands may be vectors, as NumPy, torch and ONNX have them."""

from __future__ import annotations

from typing import Any

from torshjit.capture.graph_builder import GraphBuilder
from torshjit.errors import ShapeError

__all__ = ["matrix_product"]


def matrix_product(g: GraphBuilder, left: Any, right: Any) -> Any:
    """`numpy.matmul`: an operand of one axis is a row or a column, whose axis is dropped.

    Raises:
        ShapeError: an operand has no axis, or the operands do not fit.
    """
    if not left.shape or not right.shape:
        raise ShapeError(f"{g.op}: both operands need at least one axis", op=g.op)
    row, column = len(left.shape) == 1, len(right.shape) == 1
    if row:
        left = g.reshape(left, (1, *left.shape))
    if column:
        right = g.reshape(right, (*right.shape, 1))
    result = g.emit("matmul", left, right)
    shape = list(result.shape)
    if column:
        del shape[-1]
    if row:
        del shape[-1 if column else -2]
    return g.reshape(result, shape)
