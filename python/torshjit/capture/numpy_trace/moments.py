# SPDX-License-Identifier: Apache-2.0
"""Mean, variance and standard deviation."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import is_supported
from torshjit.capture.numpy_trace.reductions import (
    NO_VALUE,
    finish,
    keeps_axes,
    reduce_axes,
    reduction_axes,
)
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import function, reject_arguments
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.values import GraphMath, as_tracer, cast_value, traced, wrap

__all__: list[str] = []


def _statistics_dtype(session: TraceSession, name: str, array: Tracer, dtype: Any) -> np.dtype:
    """The dtype of a mean or variance: integers and bools are averaged in float64."""
    if dtype is not None:
        result = np.dtype(dtype)
        if not is_supported(result) or not np.issubdtype(result, np.floating):
            session.unsupported(name, f"in dtype {result}")
        return result
    return np.dtype(np.float64) if array.dtype.kind in "biu" else array.dtype


@function(np.mean)
def _mean(
    session: TraceSession,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    *,
    where: Any = NO_VALUE,
) -> Tracer:
    reject_arguments(session, "numpy.mean", where=where)
    array = as_tracer(session, a)
    loop = _statistics_dtype(session, "numpy.mean", array, dtype)
    result = reduce_axes(array, "mean", loop, reduction_axes(array, axis), keeps_axes(keepdims))
    return finish(session, "numpy.mean", out, result)


@function(np.average)
def _average(
    session: TraceSession,
    a: Any,
    axis: Any = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: Any = NO_VALUE,
) -> Any:
    array = as_tracer(session, a)
    options = {"axis": axis, "keepdims": keeps_axes(keepdims)}
    if weights is None:
        result = traced.mean(array, **options)
        if not returned:
            return result
        count = traced.full_like(result, array.size / max(result.size, 1))
        return result, count if result.ndim else count[()]
    factors = as_tracer(session, weights)
    if factors.shape != array.shape:
        session.unsupported("numpy.average", "with weights of another shape")
    dtype = np.result_type(array.dtype, factors.dtype, *([np.float64] * _is_whole(array)))
    total = traced.sum(factors, dtype=dtype, **options)
    result = traced.sum(traced.multiply(array, factors, dtype=dtype), **options) / total
    return (result, total) if returned else result


def _is_whole(array: Tracer) -> bool:
    return array.dtype.kind in "biu"


def _variance(
    session: TraceSession, name: str, a: Any, axis: Any, dtype: Any, ddof: Any, keepdims: Any
) -> tuple[Any, np.dtype]:
    """The variance as a graph value, in f32 for narrower floats, and NumPy's dtype for it."""
    array = as_tracer(session, a)
    dtype = _statistics_dtype(session, name, array, dtype)
    wide = np.dtype(np.float32) if dtype.itemsize < 4 else dtype
    axes = reduction_axes(array, axis)
    math = GraphMath(session)
    value = cast_value(session, array.value, wide)
    mean = session.create("mean", [value], {"axes": axes, "keepdims": True}) if axes else value
    deviation = math("sub", value, mean)
    total = math("mul", deviation, deviation)
    if axes:
        total = session.create("sum", [total], {"axes": axes, "keepdims": keeps_axes(keepdims)})
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
    where: Any = NO_VALUE,
    mean: Any = NO_VALUE,
    correction: Any = NO_VALUE,
) -> Tracer:
    reject_arguments(session, "numpy.var", where=where, mean=mean)
    ddof = ddof if correction is NO_VALUE else correction
    value, loop = _variance(session, "numpy.var", a, axis, dtype, ddof, keepdims)
    result = wrap(session, cast_value(session, value, loop), loop)
    return finish(session, "numpy.var", out, result)


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
    where: Any = NO_VALUE,
    mean: Any = NO_VALUE,
    correction: Any = NO_VALUE,
) -> Tracer:
    reject_arguments(session, "numpy.std", where=where, mean=mean)
    ddof = ddof if correction is NO_VALUE else correction
    value, loop = _variance(session, "numpy.std", a, axis, dtype, ddof, keepdims)
    root = session.create("sqrt", [value])
    result = wrap(session, cast_value(session, root, loop), loop)
    return finish(session, "numpy.std", out, result)
