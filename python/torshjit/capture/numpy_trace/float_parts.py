# SPDX-License-Identifier: Apache-2.0
"""Ufuncs on signs, bits and parts of numbers, and what real arrays answer about complex ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import METHODS, UFUNCS, call_function, function, method
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.values import GraphMath, as_tracer, traced, wrap

__all__: list[str] = []

#: The integers that have the bits of each float type.
_BITS = {"f16": "i16", "bf16": "i16", "f32": "i32", "f64": "i64"}


def _is_negative(math: GraphMath, x: Any) -> Any:
    """Whether the sign bit is set, also that of -0.0 and of NaN."""
    if x.dtype in _BITS:
        return math.compare("lt", math("bitcast", x, dtype=_BITS[x.dtype]), 0)
    if x.dtype[0] == "u" or x.dtype == "i1":
        return math.compare("ne", x, x)
    return math.compare("lt", x, 0)


def _with_sign(math: GraphMath, size: Any, sign: Any) -> Any:
    positive = math("abs", size)
    return math("select", _is_negative(math, sign), math("neg", positive), positive)


def _modf(math: GraphMath, x: Any) -> tuple[Any, Any]:
    whole = math("trunc", x)
    is_infinite = math.compare("eq", math("abs", x), float("inf"))
    part = math("select", is_infinite, math.constant(0.0, x), math("sub", x, whole))
    return _with_sign(math, part, x), whole


def _logaddexp2(math: GraphMath, a: Any, b: Any) -> Any:
    larger = math("maximum", a, b)
    distance = math("neg", math("abs", math("sub", a, b)))
    scale = math.constant(float(np.log(2)), a)
    grown = math("log1p", math("exp", math("mul", distance, scale)))
    result = math("add", larger, math("div", grown, scale))
    # Equal infinities have no distance.
    doubled = math("add", larger, math.constant(1.0, a))
    return math("select", math.compare("eq", a, b), doubled, result)


UFUNCS.update(
    {
        np.signbit: _is_negative,
        np.copysign: _with_sign,
        np.modf: _modf,
        np.logaddexp2: _logaddexp2,
        np.left_shift: lambda math, x, count: math("shift_left", x, count),
        np.right_shift: lambda math, x, count: math("shift_right", x, count),
    }
)


@method("conj", "conjugate")
def _conjugate(self: Tracer) -> Tracer:
    """A real array itself, as NumPy returns it."""
    return self


@method("repeat")
def _repeat(self: Tracer, *args: Any, **kwargs: Any) -> Tracer:
    return call_function(self.session, np.repeat, (self, *args), kwargs)


@method("view")
def _view(self: Tracer, dtype: Any = None, type: Any = None) -> Tracer:
    """The same bits as another dtype of one size: a copy, if nothing is written to either."""
    session = self.session
    other = np.dtype(dtype) if dtype is not None else self.dtype
    kinds = {self.dtype.kind, other.kind}
    if type is not None or other.itemsize != self.dtype.itemsize or not kinds <= set("iuf"):
        session.unsupported("numpy.ndarray.view", f"of dtype {self.dtype} as {dtype}")
    from torshjit.capture.numpy_dtypes import dialect_dtype

    value = self.value
    if other != self.dtype:
        value = session.create("bitcast", [value], {"dtype": dialect_dtype(other)})
    return wrap(session, value, other, self.storage, is_scalar=False)


@function(np.imag)
def _imag(session: TraceSession, val: Any) -> Tracer:
    return METHODS["copy"](traced.zeros_like(as_tracer(session, val)))


@function(np.isreal)
def _isreal(session: TraceSession, x: Any) -> Tracer:
    return traced.ones_like(as_tracer(session, x), dtype=bool)


@function(np.iscomplex)
def _iscomplex(session: TraceSession, x: Any) -> Tracer:
    return traced.zeros_like(as_tracer(session, x), dtype=bool)


@function(np.linalg.matrix_power)
def _matrix_power(session: TraceSession, a: Any, n: int) -> Tracer:
    array = as_tracer(session, a)
    if array.ndim < 2 or array.shape[-1] != array.shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    if type(n) is not int or not 1 <= n <= 64 or array.dtype.kind != "f":
        session.unsupported("numpy.linalg.matrix_power", f"of dtype {array.dtype} to the power {n}")
    result, square = None, array
    while n:
        if n & 1:
            result = square if result is None else traced.matmul(result, square)
        n >>= 1
        square = traced.matmul(square, square) if n else square
    assert result is not None
    return METHODS["copy"](result)


@function(np.linalg.matrix_norm)
def _matrix_norm(
    session: TraceSession, x: Any, /, *, keepdims: bool = False, ord: Any = "fro"
) -> Tracer:
    return traced.linalg.norm(as_tracer(session, x), ord, axis=(-2, -1), keepdims=keepdims)
