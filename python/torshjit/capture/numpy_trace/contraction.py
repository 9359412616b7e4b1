# SPDX-License-Identifier: Apache-2.0
"""NumPy's products that sum over axes: matmul, dot, tensordot and their kin."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import is_supported
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import METHODS, function, reject_arguments
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.ufuncs import store
from torshjit.capture.numpy_trace.values import (
    as_tracer,
    cast_value,
    reshape_value,
    traced,
    wrap,
)
from torshjit.errors import ShapeError

__all__ = ["contract", "product_dtype"]


def product_dtype(session: TraceSession, name: str, a: Tracer, b: Tracer, dtype: Any) -> np.dtype:
    """The dtype a product is computed in.

    Raises:
        UnsupportedOpError: NumPy computes it in bool or in a dtype the dialect lacks.
    """
    result = np.dtype(dtype) if dtype is not None else np.result_type(a.dtype, b.dtype)
    if not is_supported(result) or result == np.bool_:
        session.unsupported(name, f"in dtype {result}")
    return result


def _mismatch(session: TraceSession, name: str, a: Tracer, b: Tracer) -> None:
    session.fail(ShapeError(f"{name}: shapes {a.shape} and {b.shape} are not aligned", op=name))


@function(np.matmul, np.linalg.matmul)
def _matmul(
    session: TraceSession,
    x1: Any,
    x2: Any,
    /,
    out: Any = None,
    *,
    dtype: Any = None,
    axes: Any = None,
    axis: Any = None,
    keepdims: Any = None,
) -> Tracer:
    name = "numpy.matmul"
    reject_arguments(session, name, axes=axes, axis=axis, keepdims=keepdims)
    a, b = as_tracer(session, x1), as_tracer(session, x2)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError("matmul: Input operand does not have enough dimensions")
    loop = product_dtype(session, name, a, b, dtype)
    if a.shape[-1] != b.shape[max(b.ndim - 2, 0)]:
        _mismatch(session, name, a, b)
    left, right = cast_value(session, a.value, loop), cast_value(session, b.value, loop)
    if a.ndim == 1:
        left = reshape_value(session, left, (1, *a.shape))
    if b.ndim == 1:
        right = reshape_value(session, right, (*b.shape, 1))
    try:
        batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    except ValueError:
        _mismatch(session, name, a, b)
    value = session.create("matmul", [left, right])
    rows = () if a.ndim == 1 else (a.shape[-2],)
    columns = () if b.ndim == 1 else (b.shape[-1],)
    value = reshape_value(session, value, (*batch, *rows, *columns))
    result = wrap(session, value, loop)
    return result if out is None else store(session, name, out, result)


def contract(
    session: TraceSession,
    name: str,
    a: Tracer,
    b: Tracer,
    batch: tuple[list[int], list[int]],
    summed: tuple[list[int], list[int]],
) -> Any:
    """Sums products over pairs of axes; all operands are of one dtype.

    Returns the graph value with axes (batch..., rest of a..., rest of b...).

    Raises:
        ShapeError: a pair of axes differs in extent.
    """
    for axis_a, axis_b in zip(batch[0] + summed[0], batch[1] + summed[1], strict=True):
        if a.shape[axis_a] != b.shape[axis_b]:
            _mismatch(session, name, a, b)
    rest_a = [axis for axis in range(a.ndim) if axis not in batch[0] + summed[0]]
    rest_b = [axis for axis in range(b.ndim) if axis not in batch[1] + summed[1]]

    def extents(array: Tracer, axes: list[int]) -> list[int]:
        return [array.shape[axis] for axis in axes]

    def size(array: Tracer, axes: list[int]) -> int:
        return int(np.prod(extents(array, axes), dtype=np.int64))

    left = traced.transpose(a, batch[0] + rest_a + summed[0]).value
    right = traced.transpose(b, batch[1] + summed[1] + rest_b).value
    lead = extents(a, batch[0])
    left = reshape_value(session, left, (*lead, size(a, rest_a), size(a, summed[0])))
    right = reshape_value(session, right, (*lead, size(b, summed[1]), size(b, rest_b)))
    value = session.create("matmul", [left, right])
    return reshape_value(session, value, (*lead, *extents(a, rest_a), *extents(b, rest_b)))


def _pair(session: TraceSession, name: str, a: Any, b: Any) -> tuple[Tracer, Tracer, np.dtype]:
    left, right = as_tracer(session, a), as_tracer(session, b)
    loop = product_dtype(session, name, left, right, None)
    cast = (wrap(session, cast_value(session, each.value, loop), loop) for each in (left, right))
    return (*cast, loop)  # type: ignore[return-value]


@function(np.dot)
def _dot(session: TraceSession, a: Any, b: Any, out: Any = None) -> Tracer:
    left, right, loop = _pair(session, "numpy.dot", a, b)
    if left.ndim == 0 or right.ndim == 0:
        result = traced.multiply(left, right)
    else:
        summed = ([left.ndim - 1], [max(right.ndim - 2, 0)])
        value = contract(session, "numpy.dot", left, right, ([], []), summed)
        result = wrap(session, value, loop)
    return result if out is None else store(session, "numpy.dot", out, result)


def _dot_method(self: Tracer, b: Any, out: Any = None) -> Tracer:
    return _dot(self.session, self, b, out)


METHODS["dot"] = _dot_method


@function(np.inner)
def _inner(session: TraceSession, a: Any, b: Any, /) -> Tracer:
    left, right, loop = _pair(session, "numpy.inner", a, b)
    if left.ndim == 0 or right.ndim == 0:
        return traced.multiply(left, right)
    summed = ([left.ndim - 1], [right.ndim - 1])
    value = contract(session, "numpy.inner", left, right, ([], []), summed)
    return wrap(session, value, loop)


@function(np.vdot)
def _vdot(session: TraceSession, a: Any, b: Any, /) -> Tracer:
    left, right = as_tracer(session, a), as_tracer(session, b)
    return _dot(session, traced.ravel(left), traced.ravel(right))


@function(np.outer, np.linalg.outer)
def _outer(session: TraceSession, a: Any, b: Any, out: Any = None) -> Tracer:
    left, right = traced.ravel(as_tracer(session, a)), traced.ravel(as_tracer(session, b))
    result = traced.multiply(left[:, None], right[None, :])
    return result if out is None else store(session, "numpy.outer", out, result)


@function(np.tensordot, np.linalg.tensordot)
def _tensordot(session: TraceSession, a: Any, b: Any, axes: Any = 2) -> Tracer:
    left, right, loop = _pair(session, "numpy.tensordot", a, b)
    if isinstance(axes, (int, np.integer)):
        pairs = list(range(left.ndim - axes, left.ndim)), list(range(axes))
    else:
        first, second = axes
        normalize = np.lib.array_utils.normalize_axis_tuple
        pairs = list(normalize(first, left.ndim)), list(normalize(second, right.ndim))
        if len(pairs[0]) != len(pairs[1]):
            raise ValueError("shape-mismatch for sum")
    value = contract(session, "numpy.tensordot", left, right, ([], []), pairs)
    return wrap(session, value, loop, is_scalar=False)


def _vector_product(session: TraceSession, name: str, x1: Any, x2: Any, axis: int) -> Tracer:
    a, b = as_tracer(session, x1), as_tracer(session, x2)
    a, b = traced.moveaxis(a, axis, -1), traced.moveaxis(b, axis, -1)
    if a.shape[-1] != b.shape[-1]:
        _mismatch(session, name, a, b)
    product = _matmul(session, a[..., None, :], b[..., :, None])
    return product[..., 0, 0] if product.ndim > 2 else product[0, 0]


@function(np.linalg.vecdot)
def _linalg_vecdot(session: TraceSession, x1: Any, x2: Any, /, *, axis: int = -1) -> Tracer:
    return _vector_product(session, "numpy.linalg.vecdot", x1, x2, operator.index(axis))


def _vecdot(
    session: TraceSession, x1: Any, x2: Any, /, *, dtype: Any = None, axis: int = -1
) -> Tracer:
    reject_arguments(session, "numpy.vecdot", dtype=dtype)
    return _vector_product(session, "numpy.vecdot", x1, x2, axis)


def _matvec(session: TraceSession, x1: Any, x2: Any, /, *, dtype: Any = None) -> Tracer:
    vector = as_tracer(session, x2)
    return _matmul(session, x1, vector[..., None], dtype=dtype)[..., 0]


def _vecmat(session: TraceSession, x1: Any, x2: Any, /, *, dtype: Any = None) -> Tracer:
    vector = as_tracer(session, x1)
    return _matmul(session, vector[..., None, :], x2, dtype=dtype)[..., 0, :]


# These ufuncs came with NumPy 2.0 and 2.2.
for _name, _handler in (("vecdot", _vecdot), ("matvec", _matvec), ("vecmat", _vecmat)):
    if hasattr(np, _name):
        function(getattr(np, _name))(_handler)
