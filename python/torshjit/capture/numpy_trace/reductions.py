# SPDX-License-Identifier: Apache-2.0
"""NumPy's reductions: functions, ndarray methods and ``ufunc.reduce``."""

from __future__ import annotations

import operator
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
    as_tracer,
    cast_value,
    reshape_value,
    traced,
    wrap,
)

__all__ = ["NO_VALUE", "finish", "keeps_axes", "reduce_axes", "reduction_axes"]

#: What NumPy passes for an argument that was not given.
NO_VALUE: Any = np._NoValue


def reduction_axes(array: Tracer, axis: Any) -> list[int]:
    """The axes as the dialect wants them: distinct, not negative, sorted.

    Raises:
        numpy.exceptions.AxisError: an axis is out of range.
    """
    if axis is None:
        return list(range(array.ndim))
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return sorted(np.lib.array_utils.normalize_axis_tuple(axes, array.ndim, "axis"))


def reduce_axes(array: Tracer, op: str, dtype: np.dtype, axes: list[int], keepdims: bool) -> Tracer:
    """Reduces over `axes` in `dtype`."""
    session = array.session
    value = cast_value(session, array.value, dtype)
    if axes:
        value = session.create(op, [value], {"axes": axes, "keepdims": bool(keepdims)})
    return wrap(session, value, dtype)


def keeps_axes(keepdims: Any) -> bool:
    """Whether `keepdims` was given and true."""
    return keepdims is not NO_VALUE and bool(keepdims)


def finish(session: TraceSession, name: str, out: Any, result: Tracer) -> Tracer:
    """Returns `result`, written to `out` if there is one."""
    return result if out is None else store(session, name, out, result)


def _sum_dtype(array: Tracer, dtype: Any, out: Any = None) -> np.dtype:
    """The dtype that NumPy adds and multiplies in: small integers are widened, or that of `out`."""
    if dtype is not None:
        return np.dtype(dtype)
    if out is not None:
        return out.dtype
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
        initial: Any = NO_VALUE,
        where: Any = NO_VALUE,
    ) -> Tracer:
        reject_arguments(session, name, initial=initial, where=where)
        array = as_tracer(session, a)
        loop = _sum_dtype(array, dtype, out)
        if not is_supported(loop):
            session.unsupported(name, f"in dtype {loop}")
        result = reduce_axes(array, op, loop, reduction_axes(array, axis), keeps_axes(keepdims))
        return finish(session, name, out, result)


def _extremum(op: str, bool_op: str, *numpy_functions: Callable) -> None:
    name = f"numpy.{numpy_functions[0].__name__}"

    @function(*numpy_functions)
    def reduction(
        session: TraceSession,
        a: Any,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = NO_VALUE,
        where: Any = NO_VALUE,
    ) -> Tracer:
        reject_arguments(session, name, initial=initial, where=where)
        array = as_tracer(session, a)
        axes = reduction_axes(array, axis)
        if any(array.shape[each] == 0 for each in axes):
            raise ValueError(f"zero-size array to reduction operation {name} which has no identity")
        chosen = bool_op if array.dtype == np.bool_ else op
        result = reduce_axes(array, chosen, array.dtype, axes, keeps_axes(keepdims))
        return finish(session, name, out, result)


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
        where: Any = NO_VALUE,
    ) -> Tracer:
        reject_arguments(session, name, where=where)
        array = as_tracer(session, a)
        result = reduce_axes(
            array, op, np.dtype(bool), reduction_axes(array, axis), keeps_axes(keepdims)
        )
        return finish(session, name, out, result)


_widened("sum", np.sum)
_widened("prod", np.prod)
_extremum("amax", "any", np.max, np.amax)
_extremum("amin", "all", np.min, np.amin)
_truth("any", np.any)
_truth("all", np.all)


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
        axis = None if axis is None else operator.index(axis)
        if (array.size if axis is None else array.shape[reduction_axes(array, axis)[0]]) == 0:
            raise ValueError(f"attempt to get {numpy_function.__name__} of an empty sequence")
        value = array.value
        if array.dtype == np.bool_:
            value = cast_value(session, value, np.dtype(np.int8))
        keep = keeps_axes(keepdims)
        if axis is None:
            value = reshape_value(session, value, (array.size,))
            value = session.create(op, [value], {"axis": 0, "keepdims": False})
            if keep:
                value = reshape_value(session, value, (1,) * array.ndim)
        else:
            (normal,) = reduction_axes(array, axis)
            value = session.create(op, [value], {"axis": normal, "keepdims": keep})
        result = wrap(session, value, np.dtype(np.int64))
        return finish(session, name, out, result)


_position("argmax", np.argmax)
_position("argmin", np.argmin)


@function(np.ptp)
def _ptp(
    session: TraceSession, a: Any, axis: Any = None, out: Any = None, keepdims: Any = False
) -> Tracer:
    array = as_tracer(session, a)
    options = {"axis": axis, "keepdims": keeps_axes(keepdims)}
    result = traced.subtract(traced.max(array, **options), traced.min(array, **options))
    return finish(session, "numpy.ptp", out, result)


@function(np.count_nonzero)
def _count_nonzero(
    session: TraceSession, a: Any, axis: Any = None, *, keepdims: Any = False
) -> Tracer:
    array = as_tracer(session, a)
    return traced.sum(traced.not_equal(array, 0), axis=axis, keepdims=keeps_axes(keepdims))


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
    if array.dtype.kind not in "biu":
        array = traced.where(traced.isnan(array), array.dtype.type(0), array)
    result = traced.sum(array, axis=axis, dtype=dtype, keepdims=keeps_axes(keepdims))
    return finish(session, "numpy.nansum", out, result)


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
