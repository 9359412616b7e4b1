# SPDX-License-Identifier: Apache-2.0
"""ATen operations whose result is a view of their first argument, as view steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from torshjit.capture.torch_lowering import axis_of
from torshjit.capture.torch_view_steps import (
    ViewStep,
    broadcast_step,
    permute_step,
    reshape_step,
    slice_step,
    windows_step,
)
from torshjit.errors import ShapeError

__all__ = ["AMBIGUOUS_VIEWS", "VIEWS"]

Shape = Sequence[int]
Steps = list[ViewStep]

#: Overload -> function of (shape, other arguments) giving the steps, or one list of steps for
#: each result in a tuple.
VIEWS: dict[str, Callable[..., Any]] = {}

#: Those of VIEWS that copy instead for some memory layouts.
AMBIGUOUS_VIEWS = frozenset(
    {
        "aten.reshape.default",
        "aten.contiguous.default",
        "aten.flatten.using_ints",
        "aten._unsafe_view.default",
    }
)


def _view(*overloads: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        for overload in overloads:
            VIEWS[overload] = function
        return function

    return register


@_view(
    "aten.alias.default",
    "aten.detach.default",
    "aten.lift_fresh.default",
    "aten.contiguous.default",
)
def _same(shape: Shape, memory_format: Any = None) -> Steps:
    return []


@_view("aten.view.default", "aten._unsafe_view.default", "aten.reshape.default")
def _reshape(shape: Shape, size: Shape) -> Steps:
    target = list(size)
    count = math.prod(shape)
    if target.count(-1) == 1:
        known = math.prod(extent for extent in target if extent != -1)
        if known == 0 or count % known:
            raise ShapeError(f"shape {list(size)} is invalid for a tensor of {count} elements")
        target[target.index(-1)] = count // known
    if any(extent < 0 for extent in target) or math.prod(target) != count:
        raise ShapeError(f"shape {list(size)} is invalid for a tensor of {count} elements")
    return [reshape_step(shape, target)]


@_view(
    "aten.view_as.default",
)
def _reshape_as(shape: Shape, other: torch.Tensor) -> Steps:
    return _reshape(shape, other.shape)


@_view(
    "aten.flatten.using_ints",
)
def _flatten(shape: Shape, start_dim: int = 0, end_dim: int = -1) -> Steps:
    if not shape:
        return [reshape_step(shape, (1,))]
    start, end = axis_of(start_dim, len(shape)), axis_of(end_dim, len(shape))
    if start > end:
        raise ShapeError("flatten: start_dim lies after end_dim")
    joined = math.prod(shape[start : end + 1])
    return [reshape_step(shape, (*shape[:start], joined, *shape[end + 1 :]))]


@_view("aten.unflatten.int")
def _unflatten(shape: Shape, dim: int, sizes: Shape) -> Steps:
    axis = axis_of(dim, len(shape))
    inner = _reshape((shape[axis],), sizes)[0].after
    return [reshape_step(shape, (*shape[:axis], *inner, *shape[axis + 1 :]))]


@_view("aten.permute.default")
def _permute(shape: Shape, dims: Shape) -> Steps:
    axes = [axis_of(axis, len(shape)) for axis in dims]
    if sorted(axes) != list(range(len(shape))):
        raise ShapeError(f"permute: axes {list(dims)} do not name each of {len(shape)} axes once")
    return [permute_step(shape, axes)]


@_view(
    "aten.transpose.int",
)
def _transpose(shape: Shape, dim0: int, dim1: int) -> Steps:
    axes = list(range(len(shape)))
    first, second = axis_of(dim0, len(shape)), axis_of(dim1, len(shape))
    if axes:
        axes[first], axes[second] = axes[second], axes[first]
    return [permute_step(shape, axes)]


@_view("aten.t.default")
def _t(shape: Shape) -> Steps:
    if len(shape) > 2:
        raise ShapeError(f"t: a tensor of rank {len(shape)} has more than two axes")
    return [permute_step(shape, range(len(shape))[::-1])]


@_view("aten.numpy_T.default")
def _reverse_axes(shape: Shape) -> Steps:
    return [permute_step(shape, range(len(shape))[::-1])]


@_view(
    "aten.mT.default",
)
def _matrix_transpose(shape: Shape) -> Steps:
    return _transpose(shape, -2, -1)


@_view(
    "aten.movedim.intlist",
)
def _movedim(shape: Shape, source: Shape, destination: Shape) -> Steps:
    rank = len(shape)
    sources = [axis_of(axis, rank) for axis in source]
    order = [axis for axis in range(rank) if axis not in sources]
    for target, axis in sorted(zip((axis_of(d, rank) for d in destination), sources, strict=True)):
        order.insert(target, axis)
    return [permute_step(shape, order)]


@_view(
    "aten.movedim.int",
)
def _movedim_one(shape: Shape, source: int, destination: int) -> Steps:
    return _movedim(shape, [source], [destination])


@_view("aten.unsqueeze.default")
def _unsqueeze(shape: Shape, dim: int) -> Steps:
    axis = axis_of(dim, len(shape) + 1)
    return [reshape_step(shape, (*shape[:axis], 1, *shape[axis:]))]


@_view("aten.squeeze.default")
def _squeeze(shape: Shape) -> Steps:
    return [reshape_step(shape, [extent for extent in shape if extent != 1])]


@_view("aten.squeeze.dim", "aten.squeeze.dims")
def _squeeze_axes(shape: Shape, dim: int | Shape) -> Steps:
    axes = {axis_of(d, len(shape)) for d in ([dim] if isinstance(dim, int) else dim)}
    kept = [extent for axis, extent in enumerate(shape) if axis not in axes or extent != 1]
    return [reshape_step(shape, kept)]


@_view("aten.expand.default")
def _expand(shape: Shape, size: Shape, implicit: bool = False) -> Steps:
    lead = len(size) - len(shape)
    if lead < 0:
        raise ShapeError(f"expand: shape {list(size)} has fewer axes than {list(shape)}")
    target = [
        shape[axis - lead] if extent == -1 and axis >= lead else extent
        for axis, extent in enumerate(size)
    ]
    fits = all(a in (1, b) for a, b in zip(shape, target[lead:], strict=True))
    if not fits or any(extent < 0 for extent in target):
        raise ShapeError(f"expand: shape {list(shape)} does not expand to {list(size)}")
    return [broadcast_step(shape, target)]


@_view("aten.expand_as.default")
def _expand_as(shape: Shape, other: torch.Tensor) -> Steps:
    return _expand(shape, other.shape)


@_view()
def _broadcast_to(shape: Shape, size: Shape) -> Steps:
    return _expand(shape, size)


def _clamped(position: int, extent: int) -> int:
    return min(max(position + extent if position < 0 else position, 0), extent)


@_view("aten.slice.Tensor")
def _slice(
    shape: Shape, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Steps:
    axis = axis_of(dim, len(shape))
    first = _clamped(start or 0, shape[axis])
    last = shape[axis] if end is None else _clamped(end, shape[axis])
    return [slice_step(shape, axis, first, last, step)]


@_view("aten.narrow.default")
def _narrow(shape: Shape, dim: int, start: int, length: int) -> Steps:
    axis = axis_of(dim, len(shape))
    first = start + shape[axis] if start < 0 else start
    if length < 0 or not 0 <= first <= shape[axis] - length:
        raise ShapeError(f"narrow: {start}, {length} is out of range for extent {shape[axis]}")
    return [slice_step(shape, axis, first, first + length)]


@_view("aten.select.int")
def _select(shape: Shape, dim: int, index: int) -> Steps:
    axis = axis_of(dim, len(shape))
    if not shape or not -shape[axis] <= index < shape[axis]:
        raise ShapeError(f"select: index {index} is out of range for shape {list(shape)}")
    first = index % shape[axis]
    taken = slice_step(shape, axis, first, first + 1)
    return [taken, reshape_step(taken.after, (*shape[:axis], *shape[axis + 1 :]))]


@_view("aten.unbind.int")
def _unbind(shape: Shape, dim: int = 0) -> tuple[Steps, ...]:
    axis = axis_of(dim, len(shape))
    return tuple(_select(shape, axis, index) for index in range(shape[axis]))


@_view("aten.diagonal.default")
def _diagonal(shape: Shape, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Steps:
    rank = len(shape)
    first, second = axis_of(dim1, rank), axis_of(dim2, rank)
    if first == second:
        raise ShapeError(f"diagonal: both axes are {first}")
    order = [axis for axis in range(rank) if axis not in (first, second)] + [first, second]
    steps = [permute_step(shape, order)]
    rows, columns = shape[first], shape[second]
    length = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    # The square that it is the diagonal of, whose elements are one row and one column apart.
    for axis, start in ((rank - 2, max(0, -offset)), (rank - 1, max(0, offset))):
        start = min(start, steps[-1].after[axis])
        steps.append(slice_step(steps[-1].after, axis, start, start + length))
    lead = steps[-1].after[:-2]
    steps.append(reshape_step(steps[-1].after, (*lead, length * length)))
    steps.append(slice_step(steps[-1].after, rank - 2, 0, length * length, length + 1))
    return steps


@_view("aten.unfold.default")
def _unfold(shape: Shape, dimension: int, size: int, step: int) -> Steps:
    axis = axis_of(dimension, len(shape))
    if not shape:
        return [reshape_step(shape, (1,)), slice_step((1,), 0, 0, size)]
    if size > shape[axis] or size < 0 or step <= 0:
        raise ShapeError(f"unfold: size {size}, step {step} of an axis of extent {shape[axis]}")
    return [windows_step(shape, axis, size, step)]


def _cut(shape: Shape, axis: int, sizes: Shape) -> tuple[Steps, ...]:
    results, start = [], 0
    for size in sizes:
        results.append([slice_step(shape, axis, start, start + size)])
        start += size
    return tuple(results)


@_view("aten.split.Tensor", "aten.unsafe_split.Tensor")
def _split(shape: Shape, split_size: int, dim: int = 0) -> tuple[Steps, ...]:
    axis = axis_of(dim, len(shape))
    extent = shape[axis]
    if split_size <= 0:
        if extent or split_size < 0:
            raise ShapeError(f"split: size {split_size} is not positive")
        return ([],)
    count = max(1, -(-extent // split_size))
    sizes = [min(split_size, extent - i * split_size) for i in range(count)]
    return _cut(shape, axis, sizes)


@_view(
    "aten.split_with_sizes.default",
    "aten.split.sizes",
    "aten.unsafe_split_with_sizes.default",
)
def _split_with_sizes(shape: Shape, sizes: Shape, dim: int = 0) -> tuple[Steps, ...]:
    axis = axis_of(dim, len(shape))
    if sum(sizes) != shape[axis]:
        raise ShapeError(f"split: sizes {list(sizes)} do not add up to extent {shape[axis]}")
    return _cut(shape, axis, sizes)


@_view("aten.chunk.default", "aten.unsafe_chunk.default")
def _chunk(shape: Shape, chunks: int, dim: int = 0) -> tuple[Steps, ...]:
    extent = shape[axis_of(dim, len(shape))]
    if extent == 0:
        return _cut(shape, axis_of(dim, len(shape)), [0] * chunks)
    return _split(shape, -(-extent // chunks), dim)
