# SPDX-License-Identifier: Apache-2.0
"""ATen writes at positions that are data, as new tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from torshjit.capture.torch_indexing import check_positions, places_of
from torshjit.capture.torch_lowering import (
    Lowering,
    accumulation_dtype,
    axis_of,
    dialect_dtype,
    is_float,
    lowers,
)
from torshjit.capture.torch_view_steps import write_through
from torshjit.capture.torch_views import VIEWS
from torshjit.errors import DTypeError, ShapeError

__all__: list[str] = []

Number = bool | int | float

_LIMITS = {"amax": "max", "amin": "min", "prod": "mul", "sum": "add", "mean": "add"}


def _combined(
    g: Lowering, value: Any, updates: Any, positions: Sequence[Any], axes: Sequence[int], how: str
) -> Any:
    """`scatter` with a reduction; bools are combined as small integers."""
    if value.dtype == "i1" and how != "none":
        wide, added = g.cast(value, "i32"), g.cast(updates, "i32")
        return g.is_true(g.scatter(wide, added, positions, axes, how))
    return g.scatter(value, updates, positions, axes, how)


# Under NumPy's kind of index.


def _masked(g: Lowering, x: Tensor, mask: Tensor, values: Tensor, accumulate: bool) -> Any:
    """``x[mask] = values``: one row of values for all, or one for each that the mask chooses."""
    rank = mask.ndim
    if tuple(mask.shape) != tuple(x.shape[:rank]):
        raise g.fail("the mask must have the leading axes of the tensor")
    rest, dtype = tuple(x.shape[rank:]), dialect_dtype(x.dtype)
    given = g.operand(values, dtype)
    if len(given.shape) > len(rest) and given.shape[0] != 1:
        given = _in_mask_order(g, mask, g.broadcast(given, (given.shape[0], *rest)))
    elif len(given.shape) > len(rest):
        given = g.reshape(given, given.shape[1:])
    condition = g.reshape(g.value(mask), (*mask.shape, *[1] * len(rest)))
    if accumulate:
        if dtype == "i1":
            raise DTypeError(f"{g.op}: bool tensors cannot be added up")
        given = g.emit("add", g.value(x), given)
    return g.emit("select", condition, given, g.value(x))


def _in_mask_order(g: Lowering, mask: Tensor, rows: Any) -> Any:
    """For the n-th place where a mask is true the n-th of rows; their count is checked."""
    count, places = rows.shape[0], mask.numel()
    chosen = g.cast(g.reshape(g.value(mask), (places,)), "i64")
    total = g.reduce("sum", chosen, [0])
    message = f"{g.op}: the mask does not choose {count} elements, for which there are values"
    g.create("assert", (g.compare("eq", total, g.scalar(count, "i64")),), {"message": message})
    if count == 0 or places == 0:
        return g.broadcast(g.scalar(0, rows.dtype), (*mask.shape, *rows.shape[1:]))
    order = g.scan("sum", chosen, 0, exclusive=True)
    return g.reshape(g.gather(rows, [order], [0]), (*mask.shape, *rows.shape[1:]))


@lowers("aten.index_put.default", "aten._unsafe_index_put.default")
def index_put(
    g: Lowering, x: Tensor, indices: Sequence[Any], values: Tensor, accumulate: bool = False
) -> Any:
    given = [each for each in indices if each is not None]
    if len(indices) == 1 and given[0].dtype == torch.bool:
        return _masked(g, x, given[0], values, accumulate)
    places = places_of(g, x, indices)
    if places is None:
        raise g.fail("no axis is indexed")
    rest = [extent for axis, extent in enumerate(x.shape) if axis not in places.axes]
    first = 0 if places.first else places.axes[0]
    shape = (*rest[:first], *places.shape, *rest[first:])
    dtype = dialect_dtype(x.dtype)
    updates = places.from_result(g, g.broadcast(g.operand(values, dtype), shape))
    return _combined(
        g, g.value(x), updates, places.positions, places.axes, "add" if accumulate else "none"
    )


# Rows along one axis.


def _row_positions(g: Lowering, x: Tensor, dim: int, index: Tensor) -> tuple[Any, int, Any]:
    """`x` with at least one axis, the axis, and the positions along it."""
    if index.ndim > 1:
        raise ShapeError(f"{g.op}: an index of rank {index.ndim}")
    axis = axis_of(dim, x.ndim)
    value = g.value(x) if x.ndim else g.reshape(g.value(x), (1,))
    positions = g.reshape(g.value(index), (index.numel(),))
    check_positions(g, positions, value.shape[axis])
    return value, axis, positions


def _row_updates(g: Lowering, value: Any, axis: int, count: int, source: Any) -> Any:
    shape = (*value.shape[:axis], count, *value.shape[axis + 1 :])
    if math.prod(source.shape) == math.prod(shape):
        return g.reshape(source, shape)
    return g.broadcast(source, shape)


@lowers("aten.index_add.default")
def index_add(
    g: Lowering, x: Tensor, dim: int, index: Tensor, source: Tensor, alpha: Number = 1
) -> Any:
    value, axis, positions = _row_positions(g, x, dim, index)
    updates = g.operand(source, value.dtype)
    if alpha != 1:
        updates = g.emit("mul", updates, g.scalar(alpha, value.dtype))
    updates = _row_updates(g, value, axis, index.numel(), updates)
    return g.reshape(_combined(g, value, updates, [positions], [axis], "add"), x.shape)


@lowers("aten.index_copy.default")
def index_copy(g: Lowering, x: Tensor, dim: int, index: Tensor, source: Tensor) -> Any:
    value, axis, positions = _row_positions(g, x, dim, index)
    updates = _row_updates(g, value, axis, index.numel(), g.operand(source, value.dtype))
    return g.reshape(g.scatter(value, updates, [positions], [axis]), x.shape)


@lowers("aten.index_fill.int_Scalar", "aten.index_fill.int_Tensor")
def index_fill(g: Lowering, x: Tensor, dim: int, index: Tensor, filler: Any) -> Any:
    value, axis, positions = _row_positions(g, x, dim, index)
    updates = _row_updates(g, value, axis, index.numel(), g.operand(filler, value.dtype))
    return g.reshape(g.scatter(value, updates, [positions], [axis]), x.shape)


@lowers("aten.index_reduce.default")
def index_reduce(
    g: Lowering,
    x: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    include_self: bool = True,
) -> Any:
    value, axis, positions = _row_positions(g, x, dim, index)
    updates = _row_updates(g, value, axis, index.numel(), g.operand(source, value.dtype))
    result = _reduced(g, value, updates, [positions], [axis], reduce, include_self)
    return g.reshape(result, x.shape)


# One element for each place of an index of the same rank.


def _along(g: Lowering, index: Tensor, axis: int) -> list[Any]:
    """For every axis the positions of each place of `index`: its own along `axis`, else its."""
    return [
        g.value(index)
        if each == axis
        else g.iota([n if each == i else 1 for i, n in enumerate(index.shape)], each, "i64")
        for each in range(index.ndim)
    ]


def _element_places(
    g: Lowering, x: Tensor, dim: int, index: Tensor, source: Tensor | None
) -> tuple[Any, list[Any], Any]:
    """`x` and updates with at least one axis, and the positions along every axis."""
    axis = axis_of(dim, x.ndim)
    if x.ndim == 0 or index.ndim == 0:
        value = g.reshape(g.value(x), (x.numel(),))
        positions = [g.reshape(g.value(index), (index.numel(),))]
        check_positions(g, positions[0], x.numel())
        if source is None:
            return value, positions, None
        flat = g.reshape(g.operand(source, value.dtype), (source.numel(),))
        return value, positions, g.slice(flat, 0, 0, index.numel())
    if index.ndim != x.ndim or (source is not None and source.ndim != x.ndim):
        raise ShapeError(f"{g.op}: index, source and tensor have different ranks")
    value, positions = g.value(x), _along(g, index, axis)
    check_positions(g, positions[axis], x.shape[axis])
    updates = None
    if source is not None:
        updates = g.operand(source, value.dtype)
        for each, taken in enumerate(index.shape):
            if taken > source.shape[each]:
                raise ShapeError(f"{g.op}: extent {taken} of the index along axis {each}")
            updates = g.slice(updates, each, 0, taken)
    return value, positions, updates


def _scattered(
    g: Lowering, x: Tensor, dim: int, index: Tensor, source: Any, how: str, own: bool = True
) -> Any:
    if index.numel() == 0:
        return g.value(x)
    is_tensor = isinstance(source, torch.Tensor)
    value, positions, updates = _element_places(g, x, dim, index, source if is_tensor else None)
    if updates is None:
        updates = g.broadcast(g.scalar(source, value.dtype), index.shape if x.ndim else (1,))
    axes = list(range(len(value.shape)))
    if how == "none":
        return g.reshape(g.scatter(value, updates, positions, axes), x.shape)
    return g.reshape(_reduced(g, value, updates, positions, axes, how, own), x.shape)


@lowers("aten.scatter.src", "aten.scatter.value")
def scatter(g: Lowering, x: Tensor, dim: int, index: Tensor, source: Any) -> Any:
    return _scattered(g, x, dim, index, source, "none")


@lowers("aten.scatter.reduce", "aten.scatter.value_reduce")
def scatter_combined(
    g: Lowering, x: Tensor, dim: int, index: Tensor, source: Any, reduce: str
) -> Any:
    how = {"add": "sum", "multiply": "prod"}.get(reduce)
    if how is None:
        raise g.fail(f"reduce {reduce!r} is not covered")
    return _scattered(g, x, dim, index, source, how)


@lowers("aten.scatter_add.default")
def scatter_add(g: Lowering, x: Tensor, dim: int, index: Tensor, source: Tensor) -> Any:
    return _scattered(g, x, dim, index, source, "sum")


@lowers("aten.scatter_reduce.two")
def scatter_reduce(
    g: Lowering,
    x: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    include_self: bool = True,
) -> Any:
    return _scattered(g, x, dim, index, source, reduce, include_self)


def _reduced(
    g: Lowering,
    value: Any,
    updates: Any,
    positions: Sequence[Any],
    axes: Sequence[int],
    how: str,
    include_self: bool,
) -> Any:
    """A scatter with one of torch's reductions, with or without the elements written to."""
    if how not in _LIMITS:
        raise g.fail(f"reduce {how!r} is not covered")
    dtype = value.dtype
    if not include_self:
        # Elements that are written to begin with what changes nothing.
        neutral = g.broadcast(g.scalar(_neutral(how, dtype), dtype), updates.shape)
        value = g.scatter(value, neutral, positions, axes)
    wide = accumulation_dtype(dtype) if how == "mean" else dtype
    total = _combined(g, g.cast(value, wide), g.cast(updates, wide), positions, axes, _LIMITS[how])
    if how != "mean":
        return total
    if dtype == "i1":
        raise DTypeError(f"{g.op}: the mean of bools")
    counts = g.broadcast(g.scalar(0, wide), value.shape)
    ones = g.broadcast(g.scalar(1, wide), updates.shape)
    counts = g.scatter(counts, ones, positions, axes, "add")
    one = g.scalar(1, wide)
    counts = g.emit("add", counts, one) if include_self else g.emit("maximum", counts, one)
    return g.cast(g.emit("div" if is_float(wide) else "floor_divide", total, counts), dtype)


def _neutral(how: str, dtype: str) -> Number:
    if how in ("sum", "mean"):
        return 0
    if how == "prod":
        return 1
    if dtype == "i1":
        return how == "amin"
    if is_float(dtype):
        return -math.inf if how == "amax" else math.inf
    bits = int(dtype.lstrip("ui"))
    if dtype[0] == "u":
        return 0 if how == "amax" else 2**bits - 1
    return -(2 ** (bits - 1)) if how == "amax" else 2 ** (bits - 1) - 1


# Others.


@lowers("aten.put.default")
def put(g: Lowering, x: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Any:
    count = index.numel()
    if count == 0:
        return g.value(x)
    flat = g.reshape(g.value(x), (x.numel(),))
    positions = g.reshape(g.value(index), (count,))
    check_positions(g, positions, x.numel(), negative=True)
    updates = g.reshape(g.operand(source, flat.dtype), (count,))
    how = "add" if accumulate else "none"
    return g.reshape(_combined(g, flat, updates, [positions], [0], how), x.shape)


@lowers("aten.masked_scatter.default")
def masked_scatter(g: Lowering, x: Tensor, mask: Tensor, source: Tensor) -> Any:
    shape = torch.broadcast_shapes(x.shape, mask.shape)
    count = math.prod(shape)
    value = g.broadcast(g.value(x), shape)
    if count == 0 or source.numel() == 0:
        return value
    chosen = g.reshape(g.broadcast(g.value(mask), shape), (count,))
    # The n-th chosen element takes the n-th of the source.
    order = g.scan("sum", g.cast(chosen, "i64"), 0, exclusive=True)
    flat = g.reshape(g.operand(source, value.dtype), (source.numel(),))
    taken = g.gather(flat, [order], [0])
    result = g.emit("select", chosen, taken, g.reshape(value, (count,)))
    return g.reshape(result, shape)


@lowers("aten.diagonal_scatter.default")
def diagonal_scatter(
    g: Lowering, x: Tensor, source: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Any:
    steps = VIEWS["aten.diagonal.default"](tuple(x.shape), offset, dim1, dim2)
    if tuple(source.shape) != tuple(steps[-1].after):
        raise ShapeError(
            f"{g.op}: a diagonal of shape {tuple(source.shape)}, not {tuple(steps[-1].after)}"
        )
    if 0 in source.shape:
        return g.value(x)
    return write_through(g, steps, g.value(x), g.operand(source, dialect_dtype(x.dtype)))
