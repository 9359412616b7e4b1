# SPDX-License-Identifier: Apache-2.0
"""Ufuncs that are one operation of the dialect, or nearly so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from torshjit.capture.numpy_trace.tables import UFUNCS
from torshjit.capture.numpy_trace.ufuncs import COMPARISONS
from torshjit.capture.numpy_trace.values import GraphMath

__all__: list[str] = []


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
    def lower(math: GraphMath, lhs: Any, rhs: Any) -> Any:
        if lhs.dtype == rhs.dtype:
            return math.compare(predicate, lhs, rhs)
        # uint64 with int64, which no integer type holds both of: a negative number is below
        # every unsigned one, the others are compared as such.
        signed = lhs if lhs.dtype == "i64" else rhs
        negative = math.compare("lt", signed, 0)
        order = ("lt", "le", "ne") if signed is lhs else ("gt", "ge", "ne")
        others = math.compare(predicate, math.cast(lhs, "ui64"), math.cast(rhs, "ui64"))
        answer = math.constant(predicate in order, others)
        return math("select", negative, answer, others)

    return lower


UFUNCS.update({ufunc: _comparison(predicate) for ufunc, predicate in COMPARISONS.items()})
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
        if x.dtype[0] in "iu":
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
    if x.dtype[0] in "iu":
        math.session.unsupported("numpy.reciprocal", "of integers")
    return math("reciprocal", x)


def _power(math: GraphMath, base: Any, exponent: Any) -> Any:
    if exponent.dtype[0] == "i":
        from torshjit.capture.numpy_trace.positions import require

        message = "Integers to negative integer powers are not allowed."
        require(math.session, math.compare("ge", exponent, 0), message)
    return math("pow", base, exponent)


UFUNCS[np.reciprocal] = _reciprocal
UFUNCS[np.power] = _power
UFUNCS[np.float_power] = _power
