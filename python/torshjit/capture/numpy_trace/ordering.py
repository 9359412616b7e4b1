# SPDX-License-Identifier: Apache-2.0
"""NumPy's running sums and products, and what sorts: sort, median, quantiles, searches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import dialect_dtype, is_supported
from torshjit.capture.numpy_trace.reductions import finish
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import METHODS, call_function, function, method
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.values import (
    as_tracer,
    astype,
    cast_value,
    reshape_value,
    traced,
    wrap,
)

__all__ = ["scan"]

#: Longest axis that is sorted in a kernel: on a GPU each element is compared with every other.
_LONGEST_SORTED = 1 << 16

#: Most comparisons that a search makes in a kernel, each value with every element.
_MOST_COMPARED = 1 << 22


def _axis(axis: Any, rank: int) -> int:
    return np.lib.array_utils.normalize_axis_index(axis, rank)


def _flat(session: TraceSession, array: Tracer, axis: Any) -> tuple[Tracer, int]:
    """The array and the axis to work along; without an axis, the flattened array."""
    if axis is None:
        return wrap(
            session, reshape_value(session, array.value, [array.size]), array.dtype, is_scalar=False
        ), 0
    return array, _axis(axis, array.ndim)


# Running sums and products.


def scan(array: Tracer, kind: str, dtype: np.dtype, axis: int, **attributes: Any) -> Tracer:
    """``torsh.scan`` along an axis, in `dtype`; bools are combined as small integers."""
    session = array.session
    value = cast_value(session, array.value, dtype)
    if dtype == np.bool_:
        value = cast_value(session, value, np.dtype(np.int8))
    value = session.create("scan", [value], {"kind": kind, "axis": axis, **attributes})
    return wrap(session, cast_value(session, value, dtype), dtype, is_scalar=False)


def _sum_dtype(dtype: np.dtype, given: Any, out: Any = None) -> np.dtype:
    """The dtype that NumPy sums in: small integers are widened, or that of `out`."""
    if given is None and out is not None:
        return (out[0] if isinstance(out, tuple) else out).dtype
    return np.dtype(given) if given is not None else np.sum(np.empty(0, dtype)).dtype


def _running(kind: str, *numpy_functions: Callable) -> None:
    name = f"numpy.{numpy_functions[0].__name__}"

    @function(*numpy_functions)
    def running(
        session: TraceSession, a: Any, axis: Any = None, dtype: Any = None, out: Any = None
    ) -> Tracer:
        array, place = _flat(session, as_tracer(session, a), axis)
        loop = _sum_dtype(array.dtype, dtype, out)
        if not is_supported(loop):
            session.unsupported(name, f"in dtype {loop}")
        return finish(session, name, out, scan(array, kind, loop, place))


_running("sum", np.cumsum)
_running("prod", np.cumprod)


def _without_nan(numpy_function: Callable, plain: Callable, neutral: int) -> None:
    @function(numpy_function)
    def running(
        session: TraceSession, a: Any, axis: Any = None, dtype: Any = None, out: Any = None
    ) -> Tracer:
        array = as_tracer(session, a)
        if array.dtype.kind == "f":
            array = traced.where(traced.isnan(array), array.dtype.type(neutral), array)
        return call_function(session, plain, (array, axis, dtype, out), {})


_without_nan(np.nancumsum, np.cumsum, 0)
_without_nan(np.nancumprod, np.cumprod, 1)


def _cumulative(numpy_function: Callable, kind: str, neutral: int) -> None:
    name = f"numpy.{numpy_function.__name__}"

    @function(numpy_function)
    def running(
        session: TraceSession,
        x: Any,
        /,
        *,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        include_initial: bool = False,
    ) -> Tracer:
        array = as_tracer(session, x)
        if axis is None and array.ndim != 1:
            raise ValueError(
                "For arrays which have more than one dimension ``axis`` argument is required."
            )
        place = _axis(0 if axis is None else axis, array.ndim)
        loop = _sum_dtype(array.dtype, dtype, out)
        if not is_supported(loop):
            session.unsupported(name, f"in dtype {loop}")
        result = scan(array, kind, loop, place)
        if include_initial:
            shape = list(array.shape)
            shape[place] = 1
            first = as_tracer(session, np.full(shape, neutral, loop).tolist())
            result = traced.concatenate([astype(first, loop), result], axis=place)
        return finish(session, name, out, result)


_cumulative(np.cumulative_sum, "sum", 0)
_cumulative(np.cumulative_prod, "prod", 1)

METHODS["cumsum"] = lambda self, *args, **kwargs: call_function(
    self.session, np.cumsum, (self, *args), kwargs
)
METHODS["cumprod"] = lambda self, *args, **kwargs: call_function(
    self.session, np.cumprod, (self, *args), kwargs
)

#: The scan that a ufunc's ``accumulate`` is.
ACCUMULATIONS: dict[np.ufunc, str] = {
    np.add: "sum",
    np.multiply: "prod",
    np.maximum: "max",
    np.minimum: "min",
    np.logical_and: "min",
    np.logical_or: "max",
}


def accumulate(
    session: TraceSession,
    ufunc: np.ufunc,
    array: Any,
    axis: int = 0,
    dtype: Any = None,
    out: Any = None,
) -> Tracer:
    """``ufunc.accumulate``.

    Raises:
        UnsupportedOpError: the ufunc is not a scan of the dialect.
    """
    name = f"numpy.{ufunc.__name__}.accumulate"
    kind = ACCUMULATIONS.get(ufunc)
    if kind is None:
        session.unsupported(name)
    operand = as_tracer(session, array)
    if operand.ndim == 0:
        raise TypeError("cannot accumulate on a scalar")
    if kind in ("sum", "prod"):
        loop = _sum_dtype(operand.dtype, dtype, out)
    elif ufunc in (np.logical_and, np.logical_or):
        loop = np.dtype(bool)
    else:
        loop = np.dtype(dtype) if dtype is not None else operand.dtype
    if not is_supported(loop):
        session.unsupported(name, f"in dtype {loop}")
    place = out[0] if isinstance(out, tuple) else out
    result = scan(astype(operand, loop), kind, loop, _axis(axis, operand.ndim))
    return finish(session, name, place, result)


# Sorting.


def _require_short(session: TraceSession, name: str, array: Tracer, axis: int) -> None:
    if array.shape[axis] > _LONGEST_SORTED and not session.is_strict:
        session.unsupported(name, f"along an axis of more than {_LONGEST_SORTED} elements")


def _sorted(session: TraceSession, name: str, array: Tracer, axis: int) -> Tracer:
    _require_short(session, name, array, axis)
    if array.shape[axis] <= 1:
        return METHODS["copy"](array)
    ranks = session.create("rank", [array.value], {"axis": axis})
    value = session.create("put_along_axis", [array.value, ranks, array.value], {"axis": axis})
    return wrap(session, value, array.dtype, is_scalar=False)


@function(np.sort)
def _sort(
    session: TraceSession,
    a: Any,
    axis: Any = -1,
    kind: Any = None,
    order: Any = None,
    *,
    stable: Any = None,
) -> Tracer:
    if order is not None:
        session.unsupported("numpy.sort", "with the argument order")
    array = as_tracer(session, a)
    if array.ndim == 0 and axis is not None:
        _axis(axis, 0)
    array, place = _flat(session, array, axis)
    return _sorted(session, "numpy.sort", array, place)


@method("sort")
def _sort_method(
    self: Tracer, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> None:
    self.assign(_sort(self.session, self, axis, kind, order, stable=stable))


@function(np.argsort)
def _argsort(
    session: TraceSession,
    a: Any,
    axis: Any = -1,
    kind: Any = None,
    order: Any = None,
    *,
    stable: Any = None,
) -> Tracer:
    if order is not None:
        session.unsupported("numpy.argsort", "with the argument order")
    array, place = _flat(session, as_tracer(session, a), axis)
    _require_short(session, "numpy.argsort", array, place)
    value = session.create("argsort", [array.value], {"axis": place})
    return wrap(session, value, np.dtype(np.int64), is_scalar=False)


@method("argsort")
def _argsort_method(self: Tracer, *args: Any, **kwargs: Any) -> Tracer:
    return call_function(self.session, np.argsort, (self, *args), kwargs)


# A sorted array is partitioned at every place; the order elsewhere is not NumPy's, nor anybody's.


@function(np.partition)
def _partition(
    session: TraceSession,
    a: Any,
    kth: Any,
    axis: Any = -1,
    kind: str = "introselect",
    order: Any = None,
) -> Tracer:
    return _sort(session, a, axis, None, order)


@function(np.argpartition)
def _argpartition(
    session: TraceSession,
    a: Any,
    kth: Any,
    axis: Any = -1,
    kind: str = "introselect",
    order: Any = None,
) -> Tracer:
    return _argsort(session, a, axis, None, order)


@method("partition")
def _partition_method(
    self: Tracer, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None
) -> None:
    self.assign(_sort(self.session, self, axis, None, order))


# Quantiles.


def _merged_axes(array: Tracer, axis: Any) -> tuple[Tracer, int, tuple[int, ...]]:
    """The array with the reduced axes as its last one, and the axes that were reduced."""
    rank = array.ndim
    given = range(rank) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = np.lib.array_utils.normalize_axis_tuple(tuple(given), rank, "axis")
    kept = [each for each in range(rank) if each not in axes]
    moved = traced.transpose(array, [*kept, *axes])
    merged = traced.reshape(moved, (*(array.shape[each] for each in kept), -1))
    return merged, len(kept), tuple(axes)


def _with_axes(result: Tracer, shape: tuple[int, ...], axes: tuple[int, ...], lead: int) -> Tracer:
    """`result`, behind `lead` axes, with the reduced axes kept as extents of 1."""
    extents = [1 if axis in axes else extent for axis, extent in enumerate(shape)]
    return traced.reshape(result, (*result.shape[:lead], *extents))


@function(np.median)
def _median(
    session: TraceSession,
    a: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Tracer:
    array = as_tracer(session, a)
    merged, place, axes = _merged_axes(array, axis)
    count = merged.shape[place]
    if count == 0:
        session.unsupported("numpy.median", "of no elements")
    ordered = _sorted(session, "numpy.median", merged, place)
    low, high = ordered[..., (count - 1) // 2], ordered[..., count // 2]
    if array.dtype.kind in "biu":
        low, high = low.astype(np.float64), high.astype(np.float64)
    if count % 2:
        result = traced.add(low, 0) if array.dtype.kind == "f" else low
    else:
        result = (low + high) / 2
        if array.dtype == np.float16:
            result = ((low.astype(np.float32) + high.astype(np.float32)) / 2).astype(np.float16)
    if array.dtype.kind == "f":
        last = ordered[..., -1]
        result = traced.where(traced.isnan(last), last, result)
    return finish(session, "numpy.median", out, _shaped(array, result, axes, keepdims, 0))


def _shaped(
    array: Tracer, result: Tracer, axes: tuple[int, ...], keepdims: bool, lead: int
) -> Tracer:
    if keepdims:
        return _with_axes(result, array.shape, axes, lead)
    if result.shape == ():
        return wrap(result.session, result.value, result.dtype, is_scalar=True)
    return result


@function(np.quantile)
def _quantile(
    session: TraceSession,
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Tracer:
    name = "numpy.quantile"
    if method != "linear" or weights is not None:
        session.unsupported(name, f"by the method {method}" if weights is None else "with weights")
    if type(q) is Tracer:
        session.unsupported(name, "at traced places")
    array = as_tracer(session, a)
    places = np.asarray(q, np.float64)
    if not np.all((places >= 0) & (places <= 1)):
        raise ValueError("Quantiles must be in the range [0, 1]")
    is_wide = array.dtype.kind != "f" or not isinstance(q, (int, float))
    dtype = np.result_type(array.dtype, np.float64) if is_wide else array.dtype
    if array.dtype.kind not in "fiu" or array.dtype == np.float16 or places.ndim > 1:
        session.unsupported(name, f"of dtype {array.dtype}")
    merged, place, axes = _merged_axes(array, axis)
    count = merged.shape[place]
    if count == 0:
        session.unsupported(name, "of no elements")
    ordered = _sorted(session, name, merged, place)
    # NumPy takes the difference of floats in their own dtype.
    ordered = ordered if array.dtype.kind == "f" else astype(ordered, dtype)
    results = [_interpolated(ordered, count, float(each), dtype) for each in places.reshape(-1)]
    if places.ndim:
        result = traced.stack(results, axis=0) if results else None
        if result is None:
            session.unsupported(name, "at no places")
    else:
        result = results[0]
    result = _shaped(array, result, axes, keepdims, places.ndim)
    return finish(session, name, out, result)


def _interpolated(ordered: Tracer, count: int, place: float, dtype: np.dtype) -> Tracer:
    """The element at a place between 0 and 1 of sorted rows, between two of them."""
    exact = (
        np.asarray(place).astype(dtype) * (count - 1)
        if dtype != np.float64
        else place * (count - 1)
    )
    position = float(exact)
    low = int(np.floor(position))
    high = min(low + 1, count - 1)
    part = dtype.type(position - low)
    first, second = ordered[..., low], ordered[..., high]
    step = second - first
    # As NumPy interpolates: from the nearer end.
    result = first + step * part if part < 0.5 else second - step * (1 - part)
    if low == high:
        result = first + 0
    if ordered.dtype.kind == "f":
        last = ordered[..., -1]
        result = traced.where(traced.isnan(last), last, result)
    return result.astype(dtype)


@function(np.percentile)
def _percentile(
    session: TraceSession,
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Tracer:
    if type(q) is Tracer:
        session.unsupported("numpy.percentile", "at traced places")
    scaled = np.true_divide(q, 100) if not isinstance(q, (int, float)) else q / 100
    if isinstance(scaled, np.floating) and not isinstance(q, np.generic):
        scaled = float(scaled)
    if not np.all((np.asarray(scaled) >= 0) & (np.asarray(scaled) <= 1)):
        raise ValueError("Percentiles must be in the range [0, 100]")
    return _quantile(
        session, a, scaled, axis, out, overwrite_input, method, keepdims, weights=weights
    )


# Searches.


@function(np.searchsorted)
def _searchsorted(
    session: TraceSession, a: Any, v: Any, side: str = "left", sorter: Any = None
) -> Tracer:
    name = "numpy.searchsorted"
    array, wanted = as_tracer(session, a), as_tracer(session, v)
    if array.ndim != 1:
        raise ValueError("object too deep for desired array")
    if sorter is not None:
        array = traced.take(array, sorter)
    if array.size * wanted.size > _MOST_COMPARED and not session.is_strict:
        session.unsupported(name, f"of more than {_MOST_COMPARED} comparisons")
    dtype = np.result_type(array.dtype, wanted.dtype)
    if not is_supported(dtype):
        session.unsupported(name, f"in dtype {dtype}")
    elements = astype(array, dtype)
    values = traced.reshape(astype(wanted, dtype), (*wanted.shape, 1))
    before = (
        traced.less(elements, values) if side == "left" else traced.less_equal(elements, values)
    )
    if dtype.kind == "f":
        # A NaN is larger than every number.
        is_nan = traced.isnan(values)
        behind = traced.logical_not(traced.isnan(elements)) if side == "left" else is_nan
        before = traced.logical_or(before, traced.logical_and(is_nan, behind))
    count = traced.sum(before, axis=-1, dtype=np.int64)
    is_scalar = wanted.ndim == 0
    return wrap(session, count.value, np.dtype(np.int64), is_scalar=is_scalar)


@method("searchsorted")
def _searchsorted_method(self: Tracer, *args: Any, **kwargs: Any) -> Tracer:
    return call_function(self.session, np.searchsorted, (self, *args), kwargs)


@function(np.digitize)
def _digitize(session: TraceSession, x: Any, bins: Any, right: bool = False) -> Tracer:
    if type(bins) is Tracer:
        session.unsupported("numpy.digitize", "with traced bins")
    edges = np.asarray(bins)
    side = "left" if right else "right"
    if edges.ndim != 1 or np.any(edges[1:] < edges[:-1]):
        session.unsupported("numpy.digitize", "with bins that do not increase")
    if dialect_dtype(edges.dtype) == "i1":
        session.unsupported("numpy.digitize", "with bools as bins")
    return _searchsorted(session, edges, x, side)
