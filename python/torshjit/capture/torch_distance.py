# SPDX-License-Identifier: Apache-2.0
"""ATen distances between rows, and products of three."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from torshjit.capture.torch_lowering import Lowering, accumulation_dtype, dialect_dtype, lowers
from torshjit.errors import ShapeError

__all__: list[str] = []


def _length(g: Lowering, gap: Any, order: float) -> Any:
    """The norm of a Value along its last axis."""
    axes = [len(gap.shape) - 1]
    size = g.emit("abs", gap)
    if gap.shape[-1] == 0:
        return g.reduce("sum", size, axes)
    if order == 0:
        return g.reduce("sum", g.cast(g.is_true(size), gap.dtype), axes)
    if order == 1:
        return g.reduce("sum", size, axes)
    if order == 2:
        return g.emit("sqrt", g.reduce("sum", g.emit("mul", gap, gap), axes))
    if math.isinf(order):
        return g.reduce("amax", size, axes)
    total = g.reduce("sum", g.emit("pow", size, g.scalar(order, gap.dtype)), axes)
    return g.emit("pow", total, g.scalar(1 / order, gap.dtype))


@lowers("aten._cdist_forward.default", "aten.cdist.default")
def cdist(
    g: Lowering, left: torch.Tensor, right: torch.Tensor, p: float = 2, compute_mode: Any = None
) -> Any:
    if left.ndim < 2 or right.ndim < 2 or left.shape[-1] != right.shape[-1]:
        raise ShapeError(f"{g.op}: rows of {tuple(left.shape)} and {tuple(right.shape)}")
    dtype = dialect_dtype(torch.promote_types(left.dtype, right.dtype))
    wide = accumulation_dtype(dtype)
    a, b = g.operands((left, right), wide)
    a = g.reshape(a, (*a.shape[:-1], 1, a.shape[-1]))
    b = g.reshape(b, (*b.shape[:-2], 1, *b.shape[-2:]))
    return g.cast(_length(g, g.emit("sub", a, b), p), dtype)


@lowers("aten._pdist_forward.default")
def pdist(g: Lowering, x: torch.Tensor, p: float = 2) -> Any:
    dtype = dialect_dtype(x.dtype)
    value = g.operand(x, accumulation_dtype(dtype))
    first, second = np.triu_indices(x.shape[0], 1)
    if len(first) == 0:
        return g.broadcast(g.scalar(0, dtype), (0,))
    a, b = (
        g.gather(value, [g.builder.constant(rows.astype(np.int64), loc=g.location)], [0])
        for rows in (first, second)
    )
    return g.cast(_length(g, g.emit("sub", a, b), p), dtype)


@lowers("aten._trilinear.default")
def trilinear(
    g: Lowering,
    first: torch.Tensor,
    second: torch.Tensor,
    third: torch.Tensor,
    expand1: Sequence[int],
    expand2: Sequence[int],
    expand3: Sequence[int],
    sumdim: Sequence[int],
    unroll_dim: int = 1,
) -> Any:
    dtype = dialect_dtype(first.dtype)
    wide = accumulation_dtype(dtype)
    product = None
    for tensor, expanded in ((first, expand1), (second, expand2), (third, expand3)):
        shape = list(tensor.shape)
        for axis in sorted(expanded):
            shape.insert(axis, 1)
        value = g.reshape(g.operand(tensor, wide), shape)
        product = value if product is None else g.emit("mul", product, value)
    return g.cast(g.reduce("sum", product, sorted(sumdim)), dtype)
