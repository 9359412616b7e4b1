# SPDX-License-Identifier: Apache-2.0
"""ATen's gradients of views, and their kin that replace the elements under a view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from torshjit.capture.torch_lowering import Lowering, axis_of, dialect_dtype, lowers
from torshjit.capture.transposed_convolution import spread
from torshjit.errors import ShapeError

__all__: list[str] = []


def _range(extent: int, start: int | None, end: int | None) -> tuple[int, int]:
    """The bounds of ``[start:end]`` within an extent."""

    def clamped(position: int) -> int:
        return min(max(position + extent if position < 0 else position, 0), extent)

    first = clamped(start or 0)
    return first, max(first, extent if end is None else clamped(end))


def _placed(g: Lowering, value: Any, shape: Sequence[int], axis: int, start: int, step: int) -> Any:
    """Zeros of `shape` with `value` at ``start, start + step, ...`` of an axis."""
    value = spread(g, value, axis, step)
    low, high = [0] * len(shape), [0] * len(shape)
    low[axis] = start
    high[axis] = shape[axis] - start - value.shape[axis]
    if not low[axis] and not high[axis]:
        return value
    return g.emit("pad", value, g.scalar(0, value.dtype), low=low, high=high)


@lowers("aten.slice_backward.default")
def slice_backward(
    g: Lowering,
    grad: torch.Tensor,
    sizes: Sequence[int],
    dim: int,
    start: int,
    end: int,
    step: int,
) -> Any:
    axis = axis_of(dim, len(sizes))
    first, _ = _range(sizes[axis], start, end)
    if grad.numel() == 0:
        return g.broadcast(g.scalar(0, dialect_dtype(grad.dtype)), sizes)
    return _placed(g, g.value(grad), sizes, axis, first, step)


@lowers("aten.select_backward.default")
def select_backward(
    g: Lowering, grad: torch.Tensor, sizes: Sequence[int], dim: int, index: int
) -> Any:
    axis = axis_of(dim, len(sizes))
    value = g.reshape(g.value(grad), (*sizes[:axis], 1, *sizes[axis + 1 :]))
    return _placed(g, value, sizes, axis, index % sizes[axis], 1)


@lowers("aten.slice_scatter.default")
def slice_scatter(
    g: Lowering,
    x: torch.Tensor,
    source: torch.Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Any:
    axis = axis_of(dim, x.ndim)
    first, last = _range(x.shape[axis], start, end)
    value, part = g.value(x), g.operand(source, dialect_dtype(x.dtype))
    count = -(-(last - first) // step)
    part = g.broadcast(part, (*x.shape[:axis], count, *x.shape[axis + 1 :]))
    if count == 0:
        return value
    if step == 1:
        return _joined(g, value, part, axis, first, last)
    placed = _placed(g, part, x.shape, axis, first, step)
    column = [x.shape[axis] if i == axis else 1 for i in range(x.ndim)]
    position = g.emit("sub", g.iota(column, axis, "i64"), g.scalar(first, "i64"))
    rest = g.emit("remainder", position, g.scalar(step, "i64"))
    taken = g.compare("eq", rest, g.scalar(0, "i64"))
    taken = g.emit("and", taken, g.compare("ge", position, g.scalar(0, "i64")))
    taken = g.emit("and", taken, g.compare("lt", position, g.scalar(last - first, "i64")))
    return g.emit("select", taken, placed, value)


@lowers("aten.select_scatter.default")
def select_scatter(g: Lowering, x: torch.Tensor, source: torch.Tensor, dim: int, index: int) -> Any:
    axis = axis_of(dim, x.ndim)
    if not -x.shape[axis] <= index < x.shape[axis]:
        raise ShapeError(f"{g.op}: index {index} is out of range for shape {tuple(x.shape)}")
    first = index % x.shape[axis]
    part = g.operand(source, dialect_dtype(x.dtype))
    part = g.reshape(part, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))
    return _joined(g, g.value(x), part, axis, first, first + 1)


@lowers("aten.copy.default")
def copy(g: Lowering, x: torch.Tensor, source: torch.Tensor, non_blocking: bool = False) -> Any:
    return g.broadcast(g.operand(source, dialect_dtype(x.dtype)), x.shape)


def _joined(g: Lowering, value: Any, part: Any, axis: int, first: int, last: int) -> Any:
    """`value` with the elements from `first` to `last` of an axis replaced."""
    extent = value.shape[axis]
    before = [g.slice(value, axis, 0, first)] if first else []
    after = [g.slice(value, axis, last, extent)] if last < extent else []
    return g.concat([*before, part, *after], axis)


@lowers("prims.convert_element_type.default")
def convert_element_type(g: Lowering, x: torch.Tensor, dtype: torch.dtype) -> Any:
    return g.operand(x, dialect_dtype(dtype))
