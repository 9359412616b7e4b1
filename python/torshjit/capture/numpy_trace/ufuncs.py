# SPDX-License-Identifier: Apache-2.0
"""Calls of NumPy ufuncs: dtype resolution as NumPy does it, and the plain elementwise table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import is_supported
from torshjit.capture.numpy_trace import tables
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

__all__ = ["call_ufunc", "store"]

_COMPARISONS = {
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
        UnsupportedOpError: the ufunc, method or keyword is not covered.
        TypeError: NumPy has no loop for the dtypes, as in a plain call.
        ShapeError: the operands do not broadcast.
    """
    name = f"numpy.{ufunc.__name__}"
    if method == "reduce":
        if ufunc not in REDUCTIONS:
            session.unsupported(f"{name}.reduce")
        kwargs.setdefault("axis", 0)
        out = kwargs.pop("out", (None,))[0]
        return tables.call_function(session, REDUCTIONS[ufunc], inputs, {**kwargs, "out": out})
    if method == "outer" and len(inputs) == 2:
        lhs, rhs = (as_tracer(session, value) for value in inputs)
        column = reshape_value(session, lhs.value, lhs.shape + (1,) * rhs.ndim)
        return call_ufunc(
            session, ufunc, "__call__", (wrap(session, column, lhs.dtype), rhs), kwargs
        )
    if method != "__call__":
        session.unsupported(f"{name}.{method}")

    outs = kwargs.pop("out", None)
    if kwargs.pop("where", True) is not True:
        session.unsupported(name, "with the argument where")
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
    broadcast_shapes(session, name, *shapes)
    values = [
        _loop_value(session, ufunc, operand, each)
        for operand, each in zip(operands, loop, strict=False)
    ]
    results = lowering(GraphMath(session), *values)
    results = results if isinstance(results, tuple) else (results,)
    return tuple(
        wrap(session, cast_value(session, result, each), each)
        for result, each in zip(results, loop[ufunc.nin :], strict=True)
    )


def _loop_value(
    session: TraceSession, ufunc: np.ufunc, operand: Tracer | int | float, dtype: np.dtype
) -> Any:
    if type(operand) is Tracer:
        return cast_value(session, operand.value, dtype)
    try:
        return scalar_constant(session, operand, dtype)
    except OverflowError:
        if ufunc in _COMPARISONS:
            # NumPy compares such integers exactly instead of raising.
            session.refuse(f"numpy.{ufunc.__name__} with {operand}, which {dtype} cannot hold")
        raise


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


# The plain table: one operation of the dialect for each ufunc.


def _direct(op: str) -> Callable:
    return lambda math, *values: math(op, *values)


def _with_bool(op: str, bool_op: str | None) -> Callable:
    """`op` on numbers; on bools `bool_op`, or the operand itself where that is None."""

    def lower(math: GraphMath, *values: Any) -> Any:
        if values[0].dtype == "i1":
            return math(bool_op, *values) if bool_op else values[0]
        return math(op, *values)

    return lower


def _float_only(op: str) -> Callable:
    """`op` on floats; integers have no fraction, so NumPy returns them as they are."""

    def lower(math: GraphMath, value: Any) -> Any:
        return math(op, value) if value.dtype[0] in "fb" else value

    return lower


def _logical(op: str) -> Callable:
    def lower(math: GraphMath, *values: Any) -> Any:
        return math(op, *(math.cast(value, "i1") for value in values))

    return lower


def _comparison(predicate: str) -> Callable:
    return lambda math, lhs, rhs: math.compare(predicate, lhs, rhs)


UFUNCS.update({ufunc: _comparison(predicate) for ufunc, predicate in _COMPARISONS.items()})
UFUNCS.update(
    {
        np.add: _with_bool("add", "or"),
        np.multiply: _with_bool("mul", "and"),
        np.subtract: _direct("sub"),
        np.divide: _direct("div"),
        np.floor_divide: _direct("floor_divide"),
        np.remainder: _direct("remainder"),
        np.divmod: lambda math, a, b: (math("floor_divide", a, b), math("remainder", a, b)),
        np.maximum: _with_bool("maximum", "or"),
        np.minimum: _with_bool("minimum", "and"),
        np.arctan2: _direct("atan2"),
        np.negative: _direct("neg"),
        np.positive: lambda math, x: x,
        np.conjugate: lambda math, x: x,
        np.absolute: _with_bool("abs", None),
        np.fabs: _direct("abs"),
        np.sign: _direct("sign"),
        np.sqrt: _direct("sqrt"),
        np.exp: _direct("exp"),
        np.expm1: _direct("expm1"),
        np.log: _direct("log"),
        np.log1p: _direct("log1p"),
        np.sin: _direct("sin"),
        np.cos: _direct("cos"),
        np.tanh: _direct("tanh"),
        np.floor: _float_only("floor"),
        np.ceil: _float_only("ceil"),
        np.trunc: _float_only("trunc"),
        np.rint: _direct("round"),
        np.bitwise_and: _direct("and"),
        np.bitwise_or: _direct("or"),
        np.bitwise_xor: _direct("xor"),
        np.invert: _direct("not"),
        np.logical_and: _logical("and"),
        np.logical_or: _logical("or"),
        np.logical_xor: _logical("xor"),
        np.logical_not: _logical("not"),
        np.square: lambda math, x: math("and" if x.dtype == "i1" else "mul", x, x),
    }
)


def _float_test(lower_float: Callable, integer_answer: bool) -> Callable:
    """A test of float values that every integer answers in the same way."""

    def lower(math: GraphMath, x: Any) -> Any:
        if x.dtype[0] == "i":
            return math.compare("eq" if integer_answer else "ne", x, x)
        return lower_float(math, x)

    return lower


UFUNCS[np.isnan] = _float_test(lambda math, x: math("isnan", x), False)
UFUNCS[np.isinf] = _float_test(
    lambda math, x: math.compare("eq", math("abs", x), float("inf")), False
)
UFUNCS[np.isfinite] = _float_test(
    lambda math, x: math.compare("lt", math("abs", x), float("inf")), True
)


def _reciprocal(math: GraphMath, x: Any) -> Any:
    if x.dtype[0] == "i":
        math.session.unsupported("numpy.reciprocal", "of integers")
    return math("reciprocal", x)


def _power(math: GraphMath, base: Any, exponent: Any) -> Any:
    if exponent.dtype[0] == "i":
        # NumPy raises where an exponent is negative, which depends on its elements.
        math.session.unsupported("numpy.power", "with an array of integer exponents")
    return math("pow", base, exponent)


UFUNCS[np.reciprocal] = _reciprocal
UFUNCS[np.power] = _power
UFUNCS[np.float_power] = _power
