# SPDX-License-Identifier: Apache-2.0
"""NumPy's reductions that leave out NaN, and those with the arguments `where` and `initial`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from torshjit.capture.numpy_trace import moments  # noqa: F401  (has the mean)
from torshjit.capture.numpy_trace.positions import require
from torshjit.capture.numpy_trace.reductions import NO_VALUE, finish, keeps_axes
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import FUNCTIONS, function
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.values import as_tracer, astype, is_tracer, traced

__all__: list[str] = []


def _has_nan(array: Tracer) -> bool:
    return array.dtype.kind not in "biu"


@function(np.nanprod)
def _nanprod(
    session: TraceSession,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = NO_VALUE,
) -> Tracer:
    array = as_tracer(session, a)
    if _has_nan(array):
        array = traced.where(traced.isnan(array), array.dtype.type(1), array)
    result = traced.prod(array, axis=axis, dtype=dtype, keepdims=keeps_axes(keepdims))
    return finish(session, "numpy.nanprod", out, result)


def _nan_extremum(numpy_function: Callable, plain: Callable, neutral: float) -> None:
    name = f"numpy.{numpy_function.__name__}"

    @function(numpy_function)
    def reduction(
        session: TraceSession,
        a: Any,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = NO_VALUE,
    ) -> Tracer:
        array = as_tracer(session, a)
        options = {"axis": axis, "keepdims": keeps_axes(keepdims)}
        if not _has_nan(array):
            return finish(session, name, out, plain(array, **options))
        is_nan = traced.isnan(array)
        found = plain(traced.where(is_nan, array.dtype.type(neutral), array), **options)
        result = traced.where(traced.all(is_nan, **options), array.dtype.type(np.nan), found)
        return finish(session, name, out, result if result.ndim else result[()])


_nan_extremum(np.nanmax, traced.max, -np.inf)
_nan_extremum(np.nanmin, traced.min, np.inf)


def _counted(array: Tracer, **options: Any) -> Tracer:
    return traced.sum(traced.logical_not(traced.isnan(array)), dtype=np.int64, **options)


@function(np.nanmean)
def _nanmean(
    session: TraceSession,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = NO_VALUE,
) -> Tracer:
    array = as_tracer(session, a)
    options = {"axis": axis, "keepdims": keeps_axes(keepdims)}
    if not _has_nan(array):
        return traced.mean(array, dtype=dtype, out=out, **options)
    if array.dtype == np.float16 and dtype is None:
        session.unsupported("numpy.nanmean", "of float16")
    total = traced.nansum(array, dtype=dtype, **options)
    result = astype(traced.divide(total, _counted(array, **options)), total.dtype)
    return finish(session, "numpy.nanmean", out, result)


def _nan_variance(numpy_function: Callable, plain: Callable, is_deviation: bool) -> None:
    name = f"numpy.{numpy_function.__name__}"

    @function(numpy_function)
    def reduction(
        session: TraceSession,
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: Any = 0,
        keepdims: Any = NO_VALUE,
    ) -> Tracer:
        array = as_tracer(session, a)
        options = {"axis": axis, "keepdims": keeps_axes(keepdims)}
        if not _has_nan(array):
            return plain(array, dtype=dtype, out=out, ddof=ddof, **options)
        if dtype is not None or array.dtype == np.float16:
            session.unsupported(name, f"of dtype {array.dtype}")
        mean = traced.nanmean(array, axis=axis, keepdims=True)
        total = traced.nansum(traced.square(traced.subtract(array, mean)), **options)
        count = traced.subtract(_counted(array, **options), ddof)
        variance = astype(traced.divide(total, count), array.dtype)
        variance = traced.where(traced.less_equal(count, 0), array.dtype.type(np.nan), variance)
        variance = variance if variance.ndim else variance[()]
        result = traced.sqrt(variance) if is_deviation else variance
        return finish(session, name, out, result)


_nan_variance(np.nanvar, traced.var, False)
_nan_variance(np.nanstd, traced.std, True)


# The arguments `where` and `initial`.


def _identity(numpy_function: Callable, dtype: np.dtype) -> Any:
    """What does not change a reduction, None if NumPy has no such element."""
    if numpy_function in (np.sum, np.any):
        return dtype.type(0)
    if numpy_function in (np.prod, np.all):
        return dtype.type(1)
    return None


#: How `initial` is combined with the result.
_COMBINED = {np.sum: "add", np.prod: "multiply", np.max: "maximum", np.min: "minimum"}


def _with_masks(numpy_function: Callable, *others: Callable) -> None:
    """Adds `where` and `initial` to the handler of a reduction."""
    plain = FUNCTIONS[numpy_function]
    name = f"numpy.{numpy_function.__name__}"

    def reduction(
        session: TraceSession,
        a: Any,
        *args: Any,
        initial: Any = NO_VALUE,
        where: Any = NO_VALUE,
        **kwargs: Any,
    ) -> Any:
        has_initial = initial is not NO_VALUE and initial is not None
        if not has_initial and (where is NO_VALUE or where is True):
            return plain(session, a, *args, **kwargs)
        array = as_tracer(session, a)
        if where is not NO_VALUE and where is not True:
            neutral = _identity(numpy_function, array.dtype)
            if neutral is None and has_initial:
                neutral = array.dtype.type(initial)
            if neutral is None:
                raise ValueError(
                    f"reduction operation '{numpy_function.__name__}imum' does not have an "
                    "identity, so to use a where mask one has to specify 'initial'"
                )
            array = traced.where(as_tracer(session, where), array, neutral)
        out = kwargs.pop("out", None)
        if has_initial and 0 in array.shape and _identity(numpy_function, array.dtype) is None:
            session.unsupported(name, "of no elements with the argument initial")
        result = plain(session, array, *args, **kwargs)
        if has_initial:
            if numpy_function not in _COMBINED:
                session.unsupported(name, "with the argument initial")
            if not is_tracer(initial):
                initial = np.asarray(initial).astype(result.dtype)[()]
            combined = getattr(traced, _COMBINED[numpy_function])(result, initial)
            result = astype(as_tracer(session, combined), result.dtype)
        return finish(session, name, out, result)

    for each in (numpy_function, *others):
        FUNCTIONS[each] = reduction


_with_masks(np.sum)
_with_masks(np.prod)
_with_masks(np.max, np.amax)
_with_masks(np.min, np.amin)
_with_masks(np.any)
_with_masks(np.all)

_plain_mean = FUNCTIONS[np.mean]


@function(np.mean)
def _mean(session: TraceSession, a: Any, *args: Any, where: Any = NO_VALUE, **kwargs: Any) -> Any:
    if where is NO_VALUE or where is True:
        return _plain_mean(session, a, *args, **kwargs)
    array = as_tracer(session, a)
    if set(kwargs) - {"axis", "keepdims"} or len(args) > 1 or array.dtype == np.float16:
        session.unsupported("numpy.mean", "with the argument where, so called")
    dtype = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
    mask = traced.broadcast_to(as_tracer(session, where), array.shape)
    total = traced.sum(array, *args, dtype=dtype, where=mask, **kwargs)
    return astype(traced.divide(total, traced.sum(mask, *args, **kwargs)), dtype)


# Quantiles and places: of sorted rows, in which NaN comes last.


def _nan_position(numpy_function: Callable, plain: Callable, neutral: float) -> None:
    @function(numpy_function)
    def position(
        session: TraceSession,
        a: Any,
        axis: Any = None,
        out: Any = None,
        *,
        keepdims: Any = NO_VALUE,
    ) -> Tracer:
        array = as_tracer(session, a)
        options = {"axis": axis, "keepdims": keeps_axes(keepdims)}
        if _has_nan(array):
            is_nan = traced.isnan(array)
            has_any = traced.logical_not(traced.all(is_nan, axis=axis))
            require(session, has_any.value, "All-NaN slice encountered")
            array = traced.where(is_nan, array.dtype.type(neutral), array)
        return plain(array, out=out, **options)


_nan_position(np.nanargmax, traced.argmax, -np.inf)
_nan_position(np.nanargmin, traced.argmin, np.inf)


@function(np.nanmedian)
def _nanmedian(
    session: TraceSession,
    a: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: Any = NO_VALUE,
) -> Tracer:
    array = as_tracer(session, a)
    if not _has_nan(array):
        return traced.median(array, axis=axis, out=out, keepdims=keeps_axes(keepdims))
    if array.dtype == np.float16 or (axis is not None and not isinstance(axis, int)):
        session.unsupported("numpy.nanmedian", f"of dtype {array.dtype} over axes {axis}")
    flat = traced.reshape(array, (-1,)) if axis is None else traced.moveaxis(array, axis, -1)
    if flat.shape[-1] == 0:
        session.unsupported("numpy.nanmedian", "of no elements")
    ordered = traced.sort(flat, axis=-1)
    count = _counted(flat, axis=-1, keepdims=True)
    low = traced.maximum(traced.floor_divide(traced.subtract(count, 1), 2), 0)
    high = traced.minimum(traced.floor_divide(count, 2), flat.shape[-1] - 1)
    high = traced.where(traced.equal(traced.remainder(count, 2), 1), low, high)
    pair = [traced.take_along_axis(ordered, each, -1)[..., 0] for each in (low, high)]
    result = traced.where(traced.equal(low, high)[..., 0], pair[0], (pair[0] + pair[1]) / 2)
    if keeps_axes(keepdims):
        place = tuple(range(array.ndim)) if axis is None else axis
        result = traced.expand_dims(result, place)
    return finish(session, "numpy.nanmedian", out, result if result.ndim else result[()])
