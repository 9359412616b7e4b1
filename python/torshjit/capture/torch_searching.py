# SPDX-License-Identifier: Apache-2.0
"""ATen searches: places in sorted rows, membership."""

from __future__ import annotations

import math
from typing import Any

import torch

from torshjit.capture.torch_elementwise import binary_dtype
from torshjit.capture.torch_lowering import Lowering, lowers
from torshjit.errors import ShapeError

__all__: list[str] = []


def _found(g: Lowering, boundaries: Any, values: Any, right: bool, dtype: str) -> Any:
    """How many of the sorted `boundaries` (..., n) lie before each of `values` (..., m)."""
    *lead, many = values.shape
    column = g.reshape(values, (*lead, many, 1))
    shape = boundaries.shape
    row = g.reshape(boundaries, (*shape[:-1], 1, shape[-1]))
    # A NaN is larger than every boundary.
    before = g.emit("not", g.compare("gt" if right else "ge", row, column))
    counted = g.cast(g.broadcast(before, (*lead, many, shape[-1])), dtype)
    return g.reduce("sum", counted, [len(lead) + 1])


@lowers("aten.searchsorted.Tensor", "aten.searchsorted.Scalar")
def searchsorted(
    g: Lowering,
    sequence: torch.Tensor,
    values: Any,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: torch.Tensor | None = None,
) -> Any:
    dtype = "i32" if out_int32 else "i64"
    wide = binary_dtype(sequence, values)
    rows = g.operand(sequence, wide)
    if sorter is not None:
        rows = g.take_along(rows, g.value(sorter), sequence.ndim - 1)
    if isinstance(values, torch.Tensor):
        shape, wanted = tuple(values.shape), g.operand(values, wide)
    else:
        shape, wanted = (), g.scalar(values, wide)
    if sequence.ndim == 1:
        wanted = g.reshape(wanted, (math.prod(shape),))
    elif shape[:-1] != tuple(sequence.shape[:-1]):
        raise ShapeError(f"{g.op}: rows of {shape} in rows of {tuple(sequence.shape)}")
    result = _found(g, rows, wanted, right or side == "right", dtype)
    return g.reshape(result, shape)


@lowers("aten.bucketize.Tensor", "aten.bucketize.Scalar")
def bucketize(
    g: Lowering, values: Any, boundaries: torch.Tensor, out_int32: bool = False, right: bool = False
) -> Any:
    return searchsorted(g, boundaries, values, out_int32, right)


@lowers("aten.isin.Tensor_Tensor", "aten.isin.Tensor_Scalar", "aten.isin.Scalar_Tensor")
def isin(
    g: Lowering, elements: Any, tests: Any, assume_unique: bool = False, invert: bool = False
) -> Any:
    wide = binary_dtype(elements, tests)
    value, wanted = g.operand(elements, wide), g.operand(tests, wide)
    flat = g.reshape(wanted, (math.prod(wanted.shape),))
    same = g.compare("eq", g.reshape(value, (*value.shape, 1)), flat)
    found = g.reduce("any", same, [len(value.shape)])
    return g.emit("not", found) if invert else found
