# SPDX-License-Identifier: Apache-2.0
"""``numpy.linalg``: the norms; products are in contraction.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import function
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.values import as_tracer, traced

__all__: list[str] = []


@function(np.linalg.norm)
def _norm(
    session: TraceSession, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False
) -> Tracer:
    array = as_tracer(session, x)
    if array.dtype.kind in "biu":
        array = array.astype(np.float64)
    axes = axis
    if axis is None:
        if ord is not None and array.ndim > 2:
            raise ValueError("Improper number of dimensions to norm.")
        axes = tuple(range(array.ndim))
    elif not isinstance(axis, tuple):
        axes = (axis,)
    is_matrix = len(axes) == 2
    if ord is None or (ord == 2 and len(axes) == 1) or (ord in ("fro", "f") and is_matrix):
        return traced.sqrt(traced.sum(traced.square(array), axis=axes, keepdims=keepdims))
    if len(axes) != 1:
        session.unsupported("numpy.linalg.norm", f"of a matrix with ord={ord!r}")
    return _vector_norm(session, array, ord, axes[0], keepdims)


def _vector_norm(
    session: TraceSession, array: Tracer, order: Any, axis: int, keepdims: bool
) -> Tracer:
    size = traced.absolute(array)
    if order == np.inf:
        return traced.max(size, axis=axis, keepdims=keepdims)
    if order == -np.inf:
        return traced.min(size, axis=axis, keepdims=keepdims)
    if order == 0:
        counted = traced.not_equal(array, 0).astype(array.dtype)
        return traced.sum(counted, axis=axis, keepdims=keepdims)
    if order == 1:
        return traced.sum(size, axis=axis, keepdims=keepdims)
    if not isinstance(order, (int, float)):
        session.unsupported("numpy.linalg.norm", f"with ord={order!r}")
    total = traced.sum(size**order, axis=axis, keepdims=keepdims)
    return total ** (1.0 / order)


@function(np.linalg.vector_norm)
def _linalg_vector_norm(
    session: TraceSession,
    x: Any,
    /,
    *,
    axis: Any = None,
    keepdims: bool = False,
    ord: Any = 2,
) -> Tracer:
    array = as_tracer(session, x)
    if axis is None and not keepdims:
        return _norm(session, traced.ravel(array), ord, 0)
    if axis is None or isinstance(axis, tuple):
        session.unsupported("numpy.linalg.vector_norm", "over more than one axis")
    return _norm(session, array, ord, axis, keepdims)
