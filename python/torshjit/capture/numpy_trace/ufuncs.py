# SPDX-License-Identifier: Apache-2.0
"""Calls of NumPy ufuncs: dtype resolution as NumPy does it, and the plain elementwise table."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import is_supported
from torshjit.capture.numpy_trace import tables
from torshjit.capture.numpy_trace.host_fallback import recovered
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import METHODS, REDUCTIONS, UFUNCS
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.values import (
    GraphMath,
    as_operand,
    as_tracer,
    astype,
    broadcast_shapes,
    broadcast_value,
    cast_value,
    operand_dtype,
    reshape_value,
    scalar_constant,
    wrap,
)
from torshjit.errors import CaptureError, ShapeError

__all__ = ["COMPARISONS", "call_ufunc", "store"]

#: The predicate of each comparison.
COMPARISONS = {
    np.equal: "eq",
    np.not_equal: "ne",
    np.less: "lt",
    np.less_equal: "le",
    np.greater: "gt",
    np.greater_equal: "ge",
}


def call_ufunc(
    session: TraceSession, ufunc: np.ufunc, method: str, inputs: tuple, kwargs: dict[str, Any]
) -> Any:
    """Runs a ufunc or one of its methods on traced arrays.

    Raises:
        UnsupportedOpError: the ufunc, method or keyword is not covered, nor by the host.
        TypeError: NumPy has no loop for the dtypes, as in a plain call.
        ShapeError: the operands do not broadcast.
    """
    name = _path_of(ufunc)
    path = name if method == "__call__" else f"{name}.{method}"
    function = ufunc if method == "__call__" else getattr(ufunc, method)
    return recovered(
        session,
        lambda: _lowered(session, ufunc, name, method, inputs, dict(kwargs)),
        path,
        function,
        inputs,
        kwargs,
    )


def _path_of(ufunc: np.ufunc) -> str:
    """The name that a user knows a ufunc by: ``scipy.special.expit``."""
    name = ufunc.__name__
    if getattr(np, name, None) is not ufunc:
        special = sys.modules.get("scipy.special")
        if getattr(special, name, None) is ufunc:
            return f"scipy.special.{name}"
    return f"numpy.{name}"


def _lowered(
    session: TraceSession,
    ufunc: np.ufunc,
    name: str,
    method: str,
    inputs: tuple,
    kwargs: dict[str, Any],
) -> Any:
    if method == "reduce":
        if ufunc not in REDUCTIONS:
            session.unsupported(f"{name}.reduce")
        kwargs.setdefault("axis", 0)
        out = kwargs.pop("out", (None,))[0]
        return tables.call_function(session, REDUCTIONS[ufunc], inputs, {**kwargs, "out": out})
    if method == "accumulate":
        from torshjit.capture.numpy_trace.ordering import accumulate

        return accumulate(session, ufunc, *inputs, **kwargs)
    if method == "at":
        from torshjit.capture.numpy_trace.placing import combine_at

        return combine_at(session, ufunc, *inputs, **kwargs)
    if method == "outer" and len(inputs) == 2:
        lhs, rhs = (as_tracer(session, value) for value in inputs)
        column = reshape_value(session, lhs.value, lhs.shape + (1,) * rhs.ndim)
        return call_ufunc(
            session, ufunc, "__call__", (wrap(session, column, lhs.dtype), rhs), kwargs
        )
    if method != "__call__":
        session.unsupported(f"{name}.{method}")

    outs = kwargs.pop("out", None)
    where = kwargs.pop("where", True)
    dtype = kwargs.pop("dtype", None)
    casting = kwargs.pop("casting", "same_kind")
    for ignored in ("order", "subok"):
        kwargs.pop(ignored, None)
    if ufunc.signature is not None:
        operands = tuple(as_tracer(session, value) for value in inputs)
        results = _contract(session, ufunc, operands, dtype, kwargs)
    else:
        tables.reject_arguments(session, name, **kwargs)
        operands_ = tuple(as_operand(session, value) for value in inputs)
        results = _elementwise(session, ufunc, name, operands_, dtype, casting)
    if where is not True:
        results = tuple(
            _where(session, name, where, result, None if outs is None else outs[number])
            for number, result in enumerate(results)
        )
    if outs is not None:
        results = tuple(
            result if out is None else store(session, name, out, result)
            for out, result in zip(outs, results, strict=True)
        )
    return results[0] if len(results) == 1 else results


def _contract(
    session: TraceSession, ufunc: np.ufunc, operands: tuple, dtype: Any, kwargs: dict
) -> tuple[Tracer, ...]:
    handler = tables.FUNCTIONS.get(ufunc)
    if handler is None:
        session.unsupported(f"numpy.{ufunc.__name__}")
    return (tables.call_function(session, ufunc, operands, {"dtype": dtype, **kwargs}),)


def _elementwise(
    session: TraceSession,
    ufunc: np.ufunc,
    name: str,
    operands: tuple[Tracer | int | float, ...],
    dtype: Any,
    casting: str,
) -> tuple[Tracer, ...]:
    if ufunc is np.power and dtype is None and type(operands[1]) is not Tracer:
        return (METHODS["__pow__"](operands[0], operands[1]),)
    lowering = UFUNCS.get(ufunc)
    if lowering is None:
        session.unsupported(name)
    options: dict[str, Any] = {"casting": casting}
    if dtype is not None:
        options["signature"] = (None,) * ufunc.nin + (np.dtype(dtype),) * ufunc.nout
    loop = ufunc.resolve_dtypes(
        tuple(operand_dtype(operand) for operand in operands) + (None,) * ufunc.nout,
        **options,
    )
    unsupported = [str(each) for each in loop if not is_supported(each)]
    if unsupported:
        session.unsupported(name, f"NumPy computes it in {unsupported[0]}")
    shapes = [operand.shape for operand in operands if type(operand) is Tracer]
    shape = broadcast_shapes(session, name, *shapes)
    if ufunc in COMPARISONS and dtype is None:
        answer = _answer_beyond(ufunc, operands, loop)
        if answer is not None:
            value = scalar_constant(session, answer, loop[-1])
            return (wrap(session, broadcast_value(session, value, shape), loop[-1]),)
    values = [
        _loop_value(session, operand, each) for operand, each in zip(operands, loop, strict=False)
    ]
    results = lowering(GraphMath(session), *values)
    results = results if isinstance(results, tuple) else (results,)
    return tuple(
        wrap(session, cast_value(session, result, each), each)
        for result, each in zip(results, loop[ufunc.nin :], strict=True)
    )


def _answer_beyond(
    ufunc: np.ufunc, operands: tuple[Tracer | int | float, ...], loop: tuple[np.dtype, ...]
) -> bool | None:
    """What a comparison with a Python integer that the dtype lacks answers for every element."""
    sides = []
    for operand, dtype in zip(operands, loop, strict=False):
        if type(operand) is not int or dtype.kind not in "iu":
            sides.append(0)
            continue
        limits = np.iinfo(dtype)
        sides.append((operand > limits.max) - (operand < limits.min))
    return bool(ufunc(*sides)) if any(sides) else None


def _loop_value(session: TraceSession, operand: Tracer | int | float, dtype: np.dtype) -> Any:
    if type(operand) is Tracer:
        return cast_value(session, operand.value, dtype)
    return scalar_constant(session, operand, dtype)


def _where(session: TraceSession, name: str, where: Any, result: Tracer, out: Any) -> Tracer:
    """`result` where a mask is true, and the elements of `out`, or anything, elsewhere."""
    mask = as_tracer(session, where)
    if mask.dtype != np.bool_:
        raise TypeError("Cannot cast array data to bool according to the rule 'safe'")
    shape = broadcast_shapes(session, name, result.shape, mask.shape)
    if out is None:
        value = broadcast_value(session, result.value, shape)
        return wrap(session, value, result.dtype)
    if type(out) is not Tracer:
        session.fail(CaptureError(f"{name} writes to an array that is not traced", op=name))
    kept = cast_value(session, out.value, result.dtype)
    value = session.create("select", [mask.value, result.value, kept])
    return wrap(session, value, result.dtype, is_scalar=False)


def store(session: TraceSession, name: str, out: Any, result: Tracer) -> Tracer:
    """Writes `result` into the array `out`, as NumPy's ``out=`` does, and returns it.

    Raises:
        CaptureError: `out` is an argument, a constant, or has views.
        ShapeError: the result does not fit.
    """
    if type(out) is not Tracer:
        session.fail(CaptureError(f"{name} writes to an array that is not traced", op=name))
    if not np.can_cast(result.dtype, out.dtype, "same_kind"):
        raise np.exceptions.DTypePromotionError(
            f"Cannot cast {name} output from {result.dtype} to {out.dtype} with casting rule "
            "'same_kind'"
        )
    if out.is_scalar:
        return result
    if broadcast_shapes(session, name, out.shape, result.shape) != out.shape:
        session.fail(
            ShapeError(f"{name}: result of shape {result.shape} does not fit {out.shape}", op=name)
        )
    value = broadcast_value(session, astype(result, out.dtype).value, out.shape)
    return out.assign(wrap(session, value, out.dtype, is_scalar=False))


@tables.method("__pow__")
def power(base: Any, exponent: Any) -> Any:
    """``base ** exponent``; for a Python number the cheaper operation that NumPy takes."""
    if type(base) is not Tracer or type(exponent) not in (int, float):
        return np.power(base, exponent)
    session, math = base.session, GraphMath(base.session)
    loop = np.power.resolve_dtypes((base.dtype, type(exponent), None))
    dtype = loop[-1]
    if not is_supported(dtype):
        session.unsupported("numpy.power", f"NumPy computes it in {dtype}")
    value = cast_value(session, base.value, dtype)
    is_integer = np.issubdtype(dtype, np.integer)
    if is_integer and exponent < 0:
        raise ValueError("Integers to negative integer powers are not allowed.")
    if exponent == 2:
        result = math("mul", value, value)
    elif exponent == 1:
        result = value
    elif exponent == 0.5:
        result = math("sqrt", value)
    elif exponent == -1:
        result = math("reciprocal", value)
    else:
        result = math("pow", value, scalar_constant(session, exponent, dtype))
    return wrap(session, result, dtype)
