# SPDX-License-Identifier: Apache-2.0
"""ATen orders: sorting, the largest few, medians, the most frequent."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from torshjit.capture.torch_lowering import Lowering, axis_of, dialect_dtype, is_float, lowers
from torshjit.errors import ShapeError

__all__: list[str] = []

Pair = tuple[Any, Any]


def _sorted(g: Lowering, value: Any, axis: int, descending: bool = False) -> Pair:
    """Elements in order along an axis, and where each was; a NaN is the largest."""
    order = g.emit("argsort", value, axis=axis, descending=descending)
    return g.take_along(value, order, axis), order


@lowers("aten.sort.default")
def sort(g: Lowering, x: Tensor, dim: int = -1, descending: bool = False) -> Pair:
    axis = axis_of(dim, x.ndim)
    if x.ndim == 0 or x.numel() == 0:
        return g.value(x), g.broadcast(g.scalar(0, "i64"), x.shape)
    return _sorted(g, g.value(x), axis, descending)


@lowers("aten.sort.stable")
def sort_stably(
    g: Lowering, x: Tensor, *, stable: bool | None, dim: int = -1, descending: bool = False
) -> Pair:
    return sort(g, x, dim, descending)


@lowers("aten.topk.default")
def topk(
    g: Lowering, x: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> Pair:
    axis = axis_of(dim, x.ndim)
    extent = x.shape[axis] if x.ndim else 1
    if not 0 <= k <= extent:
        raise ShapeError(f"{g.op}: {k} elements of an axis of extent {extent}")
    values, order = sort(g, x, dim, largest)
    if x.ndim == 0:
        return values, order
    return g.slice(values, axis, 0, k), g.slice(order, axis, 0, k)


@lowers("aten.kthvalue.default")
def kthvalue(g: Lowering, x: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Pair:
    axis = axis_of(dim, x.ndim)
    extent = x.shape[axis] if x.ndim else 1
    if not 1 <= k <= extent:
        raise ShapeError(f"{g.op}: element {k} of an axis of extent {extent}")
    if x.ndim == 0:
        return g.value(x), g.scalar(0, "i64")
    order = g.slice(g.emit("argsort", g.value(x), axis=axis), axis, k - 1, k)
    return _picked(g, g.value(x), order, axis, keepdim)


def _picked(g: Lowering, value: Any, place: Any, axis: int, keepdim: bool) -> Pair:
    """The element at one place of each row, and that place."""
    result = g.take_along(value, place, axis)
    if keepdim:
        return result, place
    shape = [n for each, n in enumerate(value.shape) if each != axis]
    return g.reshape(result, shape), g.reshape(place, shape)


# Medians: the lower one of two.


def _median(g: Lowering, value: Any, axis: int, keepdim: bool, without_nan: bool) -> Pair:
    extent = value.shape[axis]
    if extent == 0:
        raise ShapeError(f"{g.op}: the median of no elements is not defined")
    order = g.emit("argsort", value, axis=axis)
    middle = g.scalar((extent - 1) // 2, "i64")
    if is_float(value.dtype):
        # NaNs stand last.
        count = g.reduce("sum", g.cast(g.emit("isnan", value), "i64"), [axis], keepdims=True)
        numbers = g.emit("sub", g.scalar(extent, "i64"), count)
        if without_nan:
            half = g.emit("sub", numbers, g.scalar(1, "i64"))
            half = g.emit("maximum", half, g.scalar(0, "i64"))
            middle = g.emit("floor_divide", half, g.scalar(2, "i64"))
        else:
            complete = g.compare("eq", count, g.scalar(0, "i64"))
            middle = g.emit("select", complete, middle, numbers)
    shape = [1 if each == axis else n for each, n in enumerate(value.shape)]
    place = g.take_along(order, g.broadcast(middle, shape), axis)
    return _picked(g, value, place, axis, keepdim)


def _median_of_rows(g: Lowering, x: Tensor, dim: int, keepdim: bool, without_nan: bool) -> Pair:
    axis = axis_of(dim, x.ndim)
    if x.ndim == 0:
        return g.value(x), g.scalar(0, "i64")
    return _median(g, g.value(x), axis, keepdim, without_nan)


@lowers("aten.median.dim")
def median_of_rows(g: Lowering, x: Tensor, dim: int, keepdim: bool = False) -> Pair:
    return _median_of_rows(g, x, dim, keepdim, without_nan=False)


@lowers("aten.nanmedian.dim")
def nanmedian_of_rows(g: Lowering, x: Tensor, dim: int, keepdim: bool = False) -> Pair:
    return _median_of_rows(g, x, dim, keepdim, without_nan=True)


@lowers("aten.median.default")
def median(g: Lowering, x: Tensor) -> Any:
    return _median(g, g.reshape(g.value(x), (x.numel(),)), 0, False, without_nan=False)[0]


@lowers("aten.nanmedian.default")
def nanmedian(g: Lowering, x: Tensor) -> Any:
    return _median(g, g.reshape(g.value(x), (x.numel(),)), 0, False, without_nan=True)[0]


@lowers("aten.mode.default")
def mode(g: Lowering, x: Tensor, dim: int = -1, keepdim: bool = False) -> Pair:
    axis = axis_of(dim, x.ndim)
    if x.ndim == 0:
        return g.value(x), g.scalar(0, "i64")
    extent = x.shape[axis]
    if extent == 0:
        raise ShapeError(f"{g.op}: the mode of no elements is not defined")
    own = dialect_dtype(x.dtype)
    value, order = _sorted(g, g.operand(x, "i8" if own == "i1" else own), axis)
    # How many equal elements stand before each in its run of the sorted row.
    shape = [n if each == axis else 1 for each, n in enumerate(x.shape)]
    place = g.iota(shape, axis, "i64")
    begins = _begins_run(g, value, axis)
    start = g.scan("max", g.emit("select", begins, place, g.scalar(0, "i64")), axis)
    length = g.emit("sub", place, start)
    # The first of the longest runs, at its end.
    best = g.emit("argmax", length, axis=axis, keepdims=True)
    values, _ = _picked(g, value, best, axis, keepdim)
    places, _ = _picked(g, order, best, axis, keepdim)
    return g.cast(values, own), places


def _begins_run(g: Lowering, value: Any, axis: int) -> Any:
    """Where an element of a sorted row differs from the one before it; true for the first."""
    extent = value.shape[axis]
    later, earlier = g.slice(value, axis, 1, extent), g.slice(value, axis, 0, extent - 1)
    first = [1 if each == axis else n for each, n in enumerate(value.shape)]
    changes = g.compare("ne", later, earlier)
    return g.concat([g.broadcast(g.scalar(True, "i1"), first), changes], axis)
