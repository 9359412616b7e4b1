# SPDX-License-Identifier: Apache-2.0
"""NumPy's reductions: functions, ndarray methods and ``ufunc.reduce``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import is_supported
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import (
    METHODS,
    REDUCTIONS,
    call_function,
    function,
    reject_arguments,
)
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.ufuncs import store
from torshjit.capture.numpy_trace.values import (
    GraphMath,
    as_tracer,
    cast_value,
    reshape_value,
    traced,
    wrap,
)

__all__: list[str] = []

_NO_VALUE: Any = np._NoValue


def _axes(array: Tracer, axis: Any) -> list[int]:
    """The axes as the dialect wants them: distinct, not negative, sorted.

    Raises:
        numpy.exceptions.AxisError: an axis is out of range.
    """
    if axis is None:
        return list(range(array.ndim))
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return sorted(np.lib.array_utils.normalize_axis_tuple(axes, array.ndim, "axis"))


def _reduce(array: Tracer, op: str, dtype: np.dtype, axes: list[int], keepdims: bool) -> Tracer:
    """Reduces over `axes` in `dtype`."""
    session = array.session
    value = cast_value(session, array.value, dtype)
    if axes:
        value = session.create(op, [value], {"axes": axes, "keepdims": bool(keepdims)})
    return wrap(session, value, dtype)


def _keep(keepdims: Any) -> bool:
    return keepdims is not _NO_VALUE and bool(keepdims)


def _finish(session: TraceSession, name: str, out: Any, result: Tracer) -> Tracer:
    return result if out is None else store(session, name, out, result)


def _sum_dtype(array: Tracer, dtype: Any) -> np.dtype:
    """The dtype that NumPy adds and multiplies in: small integers are widened."""
    if dtype is not None:
        return np.dtype(dtype)
    return np.sum(np.empty(0, array.dtype)).dtype


def _widened(op: str, numpy_function: Callable) -> None:
    name = f"numpy.{numpy_function.__name__}"

    @function(numpy_function)
    def reduction(
        session: TraceSession,
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = _NO_VALUE,
        where: Any = _NO_VALUE,
    ) -> Tracer:
        reject_arguments(session, name, initial=initial, where=where)
        array = as_tracer(session, a)
        loop = _sum_dtype(array, dtype)
        if not is_supported(loop):
            session.unsupported(name, f"in dtype {loop}")
        result = _reduce(array, op, loop, _axes(array, axis), _keep(keepdims))
        return _finish(session, name, out, result)


def _extremum(op: str, bool_op: str, *numpy_functions: Callable) -> None:
    name = f"numpy.{numpy_functions[0].__name__}"

    @function(*numpy_functions)
    def reduction(
        session: TraceSession,
        a: Any,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = _NO_VALUE,
        where: Any = _NO_VALUE,
    ) -> Tracer:
        reject_arguments(session, name, initial=initial, where=where)
        array = as_tracer(session, a)
        axes = _axes(array, axis)
        if any(array.shape[each] == 0 for each in axes):
            raise ValueError(f"zero-size array to reduction operation {name} which has no identity")
        chosen = bool_op if array.dtype == np.bool_ else op
        result = _reduce(array, chosen, array.dtype, axes, _keep(keepdims))
        return _finish(session, name, out, result)


def _truth(op: str, numpy_function: Callable) -> None:
    name = f"numpy.{numpy_function.__name__}"

    @function(numpy_function)
    def reduction(
        session: TraceSession,
        a: Any,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = False,
        *,
        where: Any = _NO_VALUE,
    ) -> Tracer:
        reject_arguments(session, name, where=where)
        array = as_tracer(session, a)
        result = _reduce(array, op, np.dtype(bool), _axes(array, axis), _keep(keepdims))
        return _finish(session, name, out, result)


_widened("sum", np.sum)
_widened("prod", np.prod)
_extremum("amax", "any", np.max, np.amax)
_extremum("amin", "all", np.min, np.amin)
_truth("any", np.any)
_truth("all", np.all)


def _statistics_dtype(session: TraceSession, name: str, array: Tracer, dtype: Any) -> np.dtype:
    """The dtype of a mean or variance: integers and bools are averaged in float64."""
    if dtype is not None:
        result = np.dtype(dtype)
        if not is_supported(result) or not np.issubdtype(result, np.floating):
            session.unsupported(name, f"in dtype {result}")
        return result
    return np.dtype(np.float64) if array.dtype.kind in "bi" else array.dtype


@function(np.mean)
def _mean(
    session: TraceSession,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    *,
    where: Any = _NO_VALUE,
) -> Tracer:
    reject_arguments(session, "numpy.mean", where=where)
    array = as_tracer(session, a)
    loop = _statistics_dtype(session, "numpy.mean", array, dtype)
    result = _reduce(array, "mean", loop, _axes(array, axis), _keep(keepdims))
    return _finish(session, "numpy.mean", out, result)


def _variance(
    session: TraceSession, name: str, a: Any, axis: Any, dtype: Any, ddof: Any, keepdims: Any
) -> tuple[Any, np.dtype]:
    """The variance as a graph value, in f32 for narrower floats, and NumPy's dtype for it."""
    array = as_tracer(session, a)
    dtype = _statistics_dtype(session, name, array, dtype)
    wide = np.dtype(np.float32) if dtype.itemsize < 4 else dtype
    axes = _axes(array, axis)
    math = GraphMath(session)
    value = cast_value(session, array.value, wide)
    mean = session.create("mean", [value], {"axes": axes, "keepdims": True}) if axes else value
    deviation = math("sub", value, mean)
    total = math("mul", deviation, deviation)
    if axes:
        total = session.create("sum", [total], {"axes": axes, "keepdims": _keep(keepdims)})
    count = int(np.prod([array.shape[each] for each in axes], dtype=np.int64))
    return math("div", total, math.constant(max(count - ddof, 0), total)), dtype


@function(np.var)
def _var(
    session: TraceSession,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = _NO_VALUE,
    mean: Any = _NO_VALUE,
    correction: Any = _NO_VALUE,
) -> Tracer:
    reject_arguments(session, "numpy.var", where=where, mean=mean)
    ddof = ddof if correction is _NO_VALUE else correction
    value, loop = _variance(session, "numpy.var", a, axis, dtype, ddof, keepdims)
    result = wrap(session, cast_value(session, value, loop), loop)
    return _finish(session, "numpy.var", out, result)


@function(np.std)
def _std(
    session: TraceSession,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = _NO_VALUE,
    mean: Any = _NO_VALUE,
    correction: Any = _NO_VALUE,
) -> Tracer:
    reject_arguments(session, "numpy.std", where=where, mean=mean)
    ddof = ddof if correction is _NO_VALUE else correction
    value, loop = _variance(session, "numpy.std", a, axis, dtype, ddof, keepdims)
    root = session.create("sqrt", [value])
    result = wrap(session, cast_value(session, root, loop), loop)
    return _finish(session, "numpy.std", out, result)


def _position(op: str, numpy_function: Callable) -> None:
    name = f"numpy.{numpy_function.__name__}"

    @function(numpy_function)
    def reduction(
        session: TraceSession,
        a: Any,
        axis: Any = None,
        out: Any = None,
        *,
        keepdims: Any = False,
    ) -> Tracer:
        array = as_tracer(session, a)
        if (array.size if axis is None else array.shape[_axes(array, axis)[0]]) == 0:
            raise ValueError(f"attempt to get {numpy_function.__name__} of an empty sequence")
        value = array.value
        if array.dtype == np.bool_:
            value = cast_value(session, value, np.dtype(np.int8))
        keep = _keep(keepdims)
        if axis is None:
            value = reshape_value(session, value, (array.size,))
            value = session.create(op, [value], {"axis": 0, "keepdims": False})
            if keep:
                value = reshape_value(session, value, (1,) * array.ndim)
        else:
            (normal,) = _axes(array, axis)
            value = session.create(op, [value], {"axis": normal, "keepdims": keep})
        result = wrap(session, value, np.dtype(np.int64))
        return _finish(session, name, out, result)


_position("argmax", np.argmax)
_position("argmin", np.argmin)


@function(np.ptp)
def _ptp(
    session: TraceSession, a: Any, axis: Any = None, out: Any = None, keepdims: Any = False
) -> Tracer:
    array = as_tracer(session, a)
    options = {"axis": axis, "keepdims": _keep(keepdims)}
    result = traced.subtract(traced.max(array, **options), traced.min(array, **options))
    return _finish(session, "numpy.ptp", out, result)


@function(np.count_nonzero)
def _count_nonzero(
    session: TraceSession, a: Any, axis: Any = None, *, keepdims: Any = False
) -> Tracer:
    array = as_tracer(session, a)
    return traced.sum(traced.not_equal(array, 0), axis=axis, keepdims=_keep(keepdims))


@function(np.nansum)
def _nansum(
    session: TraceSession,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
) -> Tracer:
    array = as_tracer(session, a)
    if array.dtype.kind not in "bi":
        array = traced.where(traced.isnan(array), array.dtype.type(0), array)
    result = traced.sum(array, axis=axis, dtype=dtype, keepdims=_keep(keepdims))
    return _finish(session, "numpy.nansum", out, result)


REDUCTIONS.update(
    {
        np.add: np.sum,
        np.multiply: np.prod,
        np.maximum: np.max,
        np.minimum: np.min,
        np.logical_or: np.any,
        np.logical_and: np.all,
    }
)


def _as_method(numpy_function: Callable) -> Callable:
    def reduction(self: Tracer, *args: Any, **kwargs: Any) -> Tracer:
        return call_function(self.session, numpy_function, (self, *args), kwargs)

    return reduction


for _name in (
    "sum",
    "prod",
    "max",
    "min",
    "any",
    "all",
    "mean",
    "var",
    "std",
    "argmax",
    "argmin",
):
    METHODS[_name] = _as_method(getattr(np, _name))
