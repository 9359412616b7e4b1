# SPDX-License-Identifier: Apache-2.0
"""NumPy's functions that choose between elements, fill, round or mask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import dialect_dtype, is_supported
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import METHODS, function, method, reject_arguments
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.ufuncs import store
from torshjit.capture.numpy_trace.values import (
    as_operand,
    as_tracer,
    astype,
    broadcast_shapes,
    broadcast_value,
    cast_value,
    operand_dtype,
    scalar_constant,
    traced,
    wrap,
)

__all__: list[str] = []


def _result_dtype(session: TraceSession, name: str, *operands: Any) -> np.dtype:
    """NumPy's promotion, in which Python numbers are weak."""
    weak = {int: 0, float: 0.0}
    kinds = [operand_dtype(operand) for operand in operands]
    dtype = np.result_type(*(weak.get(kind, kind) for kind in kinds))
    if not is_supported(dtype):
        session.unsupported(name, f"NumPy computes it in {dtype}")
    return dtype


def _value(session: TraceSession, operand: Any, dtype: np.dtype) -> Any:
    if type(operand) is int:
        # Here NumPy lets a number that the dtype lacks wrap around.
        return session.constant(np.asarray(operand).astype(dtype))
    return cast_value(session, as_tracer(session, operand, dtype).value, dtype)


@function(np.where)
def _where(session: TraceSession, condition: Any, x: Any = None, y: Any = None, /) -> Tracer:
    name = "numpy.where"
    if x is None or y is None:
        session.refuse("the shape of numpy.where(condition) needs the condition's values", name)
    mask = as_tracer(session, condition)
    on_true, on_false = as_operand(session, x), as_operand(session, y)
    dtype = _result_dtype(session, name, on_true, on_false)
    shapes = [each.shape for each in (mask, on_true, on_false) if type(each) is Tracer]
    broadcast_shapes(session, name, *shapes)
    chosen = cast_value(session, mask.value, np.dtype(bool))
    values = [_value(session, each, dtype) for each in (on_true, on_false)]
    value = session.create("select", [chosen, *values])
    return wrap(session, value, dtype, is_scalar=False)


@function(np.select)
def _select(session: TraceSession, condlist: Any, choicelist: Any, default: Any = 0) -> Tracer:
    result = as_operand(session, default)
    dtype = _result_dtype(
        session, "numpy.select", *(as_operand(session, each) for each in choicelist), result
    )
    result = as_tracer(session, result, dtype)
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = traced.where(condition, as_tracer(session, choice, dtype), result)
    return astype(result, dtype)


@function(np.clip)
def _clip(
    session: TraceSession,
    a: Any,
    a_min: Any = None,
    a_max: Any = None,
    out: Any = None,
    *,
    min: Any = None,
    max: Any = None,
) -> Tracer:
    low = a_min if min is None else min
    high = a_max if max is None else max
    result = as_tracer(session, a)
    if result.dtype.kind in "iu":
        # What no element is beyond is no bound, whether the dtype has it or not.
        limits = np.iinfo(result.dtype)
        low = None if type(low) is int and low <= limits.min else low
        high = None if type(high) is int and high >= limits.max else high
    bounds = [as_operand(session, bound) for bound in (low, high) if bound is not None]
    dtype = _result_dtype(session, "numpy.clip", result, *bounds)
    result = astype(result, dtype)
    if low is not None:
        result = traced.maximum(result, as_tracer(session, low, dtype))
    if high is not None:
        result = traced.minimum(result, as_tracer(session, high, dtype))
    return result if out is None else store(session, "numpy.clip", out, result)


@method("clip")
def _clip_method(
    self: Tracer,
    min: Any = None,
    max: Any = None,
    out: Any = None,
) -> Tracer:
    return _clip(self.session, self, min, max, out)


@function(np.round, np.around)
def _round(session: TraceSession, a: Any, decimals: int = 0, out: Any = None) -> Tracer:
    array = as_tracer(session, a)
    if array.dtype.kind in "iu" and decimals >= 0:
        result = METHODS["copy"](array)
    elif array.dtype.kind in "biu":
        session.unsupported("numpy.round", f"of dtype {array.dtype} to {decimals} decimals")
    elif decimals == 0:
        result = traced.rint(array)
    else:
        scale = float(10 ** abs(decimals))
        if decimals > 0:
            result = traced.divide(traced.rint(traced.multiply(array, scale)), scale)
        else:
            result = traced.multiply(traced.rint(traced.divide(array, scale)), scale)
    return result if out is None else store(session, "numpy.round", out, result)


@method("round")
def _round_method(self: Tracer, decimals: int = 0, out: Any = None) -> Tracer:
    return _round(self.session, self, decimals, out)


@function(np.fix)
def _fix(session: TraceSession, x: Any, out: Any = None) -> Tracer:
    result = traced.trunc(as_tracer(session, x))
    return result if out is None else store(session, "numpy.fix", out, result)


@function(np.nan_to_num)
def _nan_to_num(
    session: TraceSession,
    x: Any,
    copy: bool = True,
    nan: float = 0.0,
    posinf: Any = None,
    neginf: Any = None,
) -> Tracer:
    array = as_tracer(session, x)
    if not copy:
        session.refuse("numpy.nan_to_num(copy=False) writes to its argument", "numpy.nan_to_num")
    if array.dtype.kind in "biu":
        return METHODS["copy"](array)
    limits = np.finfo(array.dtype)
    highest = limits.max if posinf is None else posinf
    lowest = limits.min if neginf is None else neginf
    result = traced.where(traced.equal(array, np.inf), array.dtype.type(highest), array)
    result = traced.where(traced.equal(array, -np.inf), array.dtype.type(lowest), result)
    return traced.where(traced.isnan(array), array.dtype.type(nan), result)


@function(np.diff)
def _diff(
    session: TraceSession,
    a: Any,
    n: int = 1,
    axis: int = -1,
    prepend: Any = np._NoValue,
    append: Any = np._NoValue,
) -> Tracer:
    reject_arguments(session, "numpy.diff", prepend=prepend, append=append)
    result = as_tracer(session, a)
    place = np.lib.array_utils.normalize_axis_index(axis, result.ndim)
    for _ in range(n):
        later: list[slice] = [slice(None)] * result.ndim
        earlier = list(later)
        later[place], earlier[place] = slice(1, None), slice(None, -1)
        difference = traced.not_equal if result.dtype == np.bool_ else traced.subtract
        result = difference(result[tuple(later)], result[tuple(earlier)])
    return result


def _like(number: Any) -> Callable:
    def handler(
        session: TraceSession,
        a: Any,
        dtype: Any = None,
        order: str = "K",
        subok: bool = True,
        shape: Any = None,
        *,
        device: Any = None,
    ) -> Tracer:
        return _full_like(session, a, number, dtype, order, subok, shape, device=device)

    return handler


@function(np.full_like)
def _full_like(
    session: TraceSession,
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Tracer:
    array = as_tracer(session, a)
    wanted = array.dtype if dtype is None else np.dtype(dtype)
    if not is_supported(wanted):
        session.unsupported("numpy.full_like", f"in dtype {wanted}")
    extents = array.shape if shape is None else shape
    extents = tuple(extents) if isinstance(extents, (tuple, list)) else (extents,)
    if type(fill_value) is Tracer:
        value = cast_value(session, fill_value.value, wanted)
    else:
        value = scalar_constant(session, fill_value, wanted)
    value = broadcast_value(session, value, extents)
    return wrap(session, value, wanted, is_scalar=False)


function(np.zeros_like)(_like(0))
function(np.ones_like)(_like(1))
# What NumPy leaves in memory is unspecified, so zeros are as good.
function(np.empty_like)(_like(0))


def _triangle(keep_lower: bool) -> Callable:
    def handler(session: TraceSession, m: Any, k: int = 0) -> Tracer:
        array = as_tracer(session, m)
        if array.ndim < 2:
            session.unsupported("numpy.tril" if keep_lower else "numpy.triu", "of a 1-d array")
        extents = list(array.shape[-2:])
        name = dialect_dtype(np.dtype(np.int64))
        row, column = (
            session.create("iota", [], {"axis": axis}, result_type=(name, extents))
            for axis in (0, 1)
        )
        distance = wrap(session, session.create("sub", [column, row]), np.dtype(np.int64))
        kept = traced.less_equal(distance, k) if keep_lower else traced.greater_equal(distance, k)
        return traced.where(kept, array, array.dtype.type(0))

    return handler


function(np.tril)(_triangle(True))
function(np.triu)(_triangle(False))


def _is_close(
    session: TraceSession,
    a: Any,
    b: Any,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> Tracer:
    x, y = as_tracer(session, a), as_tracer(session, b)
    # NumPy makes the second one inexact, so that differences of integers do not wrap around.
    y = astype(y, np.result_type(y.dtype, 1.0))
    bound = traced.add(atol, traced.multiply(rtol, traced.absolute(y)))
    near = traced.logical_and(
        traced.isfinite(y), traced.less_equal(traced.absolute(traced.subtract(x, y)), bound)
    )
    result = traced.logical_or(near, traced.equal(x, y))
    if equal_nan:
        result = traced.logical_or(result, traced.logical_and(traced.isnan(x), traced.isnan(y)))
    return result


function(np.isclose)(_is_close)
