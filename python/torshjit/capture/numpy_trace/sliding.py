# SPDX-License-Identifier: Apache-2.0
"""NumPy's functions of every pair of elements or of windows: kron, isin, convolve, interp."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import is_supported
from torshjit.capture.numpy_trace.known_arrays import plain
from torshjit.capture.numpy_trace.positions import require
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import METHODS, function
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.values import as_tracer, astype, traced

__all__: list[str] = []

#: Most pairs of elements that a kernel looks at where NumPy would sort.
_MOST_PAIRS = 1 << 22


def _limit(session: TraceSession, name: str, pairs: int) -> None:
    if pairs > _MOST_PAIRS and not session.is_strict:
        session.unsupported(name, f"of more than {_MOST_PAIRS} pairs of elements")


@function(np.kron)
def _kron(session: TraceSession, a: Any, b: Any) -> Tracer:
    first, second = as_tracer(session, a), as_tracer(session, b)
    rank = max(first.ndim, second.ndim)
    if rank == 0:
        return traced.multiply(first, second)
    left = traced.reshape(first, (1,) * (rank - first.ndim) + first.shape)
    right = traced.reshape(second, (1,) * (rank - second.ndim) + second.shape)
    extents = list(zip(left.shape, right.shape, strict=True))
    rows = traced.reshape(left, [each for own, _ in extents for each in (own, 1)])
    columns = traced.reshape(right, [each for _, own in extents for each in (1, own)])
    return traced.reshape(traced.multiply(rows, columns), [own * other for own, other in extents])


@function(np.isin)
def _isin(
    session: TraceSession,
    element: Any,
    test_elements: Any,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: Any = None,
) -> Tracer:
    elements, tests = as_tracer(session, element), as_tracer(session, test_elements)
    _limit(session, "numpy.isin", elements.size * tests.size)
    column = traced.reshape(elements, (*elements.shape, 1))
    found = traced.any(traced.equal(column, traced.reshape(tests, (-1,))), axis=-1)
    result = traced.logical_not(found) if invert else found
    # Never a scalar, unlike the result of the reduction.
    return Tracer(session, result.value, result.dtype, result.shape)


def _windows(session: TraceSession, name: str, padded: Tracer, width: int) -> Tracer:
    """Every run of `width` elements of a vector, as a matrix."""
    count = padded.size - width + 1
    _limit(session, name, count * width)
    return padded[np.arange(count)[:, None] + np.arange(width)]


def _operands(session: TraceSession, name: str, a: Any, v: Any) -> tuple[Tracer, Tracer]:
    first, second = as_tracer(session, a), as_tracer(session, v)
    if first.ndim > 1 or second.ndim > 1:
        raise ValueError("object too deep for desired array")
    first, second = traced.reshape(first, (-1,)), traced.reshape(second, (-1,))
    if first.size == 0 or second.size == 0:
        raise ValueError("a cannot be empty" if first.size == 0 else "v cannot be empty")
    dtype = np.result_type(first.dtype, second.dtype)
    if not is_supported(dtype) or dtype.kind == "b":
        session.unsupported(name, f"in dtype {dtype}")
    return astype(first, dtype), astype(second, dtype)


@function(np.convolve)
def _convolve(session: TraceSession, a: Any, v: Any, mode: str = "full") -> Tracer:
    first, second = _operands(session, "numpy.convolve", a, v)
    if second.size > first.size:
        first, second = second, first
    return _slid(session, "numpy.convolve", first, second[::-1], mode)


@function(np.correlate)
def _correlate(session: TraceSession, a: Any, v: Any, mode: str = "valid") -> Tracer:
    first, second = _operands(session, "numpy.correlate", a, v)
    if second.size > first.size:
        session.unsupported("numpy.correlate", "by the longer array")
    return _slid(session, "numpy.correlate", first, second, mode)


def _slid(session: TraceSession, name: str, long: Tracer, short: Tracer, mode: str) -> Tracer:
    """Sums of products of a vector with windows of a longer one."""
    width = short.size
    pads = {
        "full": (width - 1, width - 1),
        "same": (width // 2, width - 1 - width // 2),
        "valid": (0, 0),
    }
    if mode not in pads:
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got '{mode}')")
    padded = traced.pad(long, pads[mode]) if width > 1 else long
    windows = _windows(session, name, padded, width)
    return traced.matmul(windows, short)


@function(np.interp)
def _interp(
    session: TraceSession,
    x: Any,
    xp: Any,
    fp: Any,
    left: Any = None,
    right: Any = None,
    period: Any = None,
) -> Tracer:
    if period is not None:
        session.unsupported("numpy.interp", "with a period")
    places, values = as_tracer(session, xp), as_tracer(session, fp)
    if places.shape != values.shape or places.ndim != 1 or places.size == 0:
        raise ValueError("fp and xp are not of the same length.")
    at = astype(as_tracer(session, x), np.dtype(np.float64))
    _limit(session, "numpy.interp", at.size * places.size)
    places, values = places.astype(np.float64), values.astype(np.float64)
    low = values[0] if left is None else left
    high = values[-1] if right is None else right
    result = traced.where(traced.less(at, places[0]), low, traced.where(at > places[-1], high, at))
    if places.size > 1:
        # The last of the places that are not beyond.
        number = traced.sum(
            traced.less_equal(places[1:-1], traced.reshape(at, (*at.shape, 1))),
            axis=-1,
            dtype=np.int64,
        )
        start, value = places[number], values[number]
        slope = (values[number + 1] - value) / (places[number + 1] - start)
        between = slope * (at - start) + value
        exact = traced.where(traced.equal(at, start), value, between)
        exact = traced.where(traced.equal(at, places[-1]), values[-1], exact)
        inside = traced.logical_and(at >= places[0], at <= places[-1])
        result = traced.where(inside, exact, result)
    else:
        result = traced.where(traced.equal(at, places[0]), values[0], result)
    return result[()] if at.is_scalar and result.ndim == 0 else result


@function(np.block)
def _block(session: TraceSession, arrays: Any) -> Tracer:
    depth = _depth(arrays)
    if depth == 0:
        return METHODS["copy"](as_tracer(session, arrays))
    rank = max(depth, *(each.ndim for each in _leaves(session, arrays)))

    def joined(part: Any, level: int) -> Tracer:
        if not isinstance(part, list):
            array = as_tracer(session, part)
            return traced.reshape(array, (1,) * (rank - array.ndim) + array.shape)
        return traced.concatenate(
            [joined(each, level + 1) for each in part], axis=rank - (depth - level)
        )

    return joined(arrays, 0)


def _depth(arrays: Any) -> int:
    if not isinstance(arrays, list):
        return 0
    depths = {_depth(each) for each in arrays}
    if len(depths) != 1:
        raise ValueError("List depths are mismatched or empty.")
    return depths.pop() + 1


def _leaves(session: TraceSession, arrays: Any) -> list[Tracer]:
    if not isinstance(arrays, list):
        return [as_tracer(session, arrays)]
    return [leaf for each in arrays for leaf in _leaves(session, each)]


@function(np.piecewise)
def _piecewise(
    session: TraceSession, x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any
) -> Tracer:
    array = as_tracer(session, x)
    conditions = list(condlist) if isinstance(condlist, (list, tuple)) else [condlist]
    if any(np.shape(each) != array.shape for each in conditions):
        session.unsupported("numpy.piecewise", "with conditions of another shape")
    functions = list(funclist)
    result = traced.zeros_like(array)
    if len(functions) == len(conditions) + 1:
        result = _piece(array, functions.pop(), args, kw)
        otherwise = astype(as_tracer(session, result, array.dtype), array.dtype)
        result = traced.broadcast_to(otherwise, array.shape)
    elif len(functions) != len(conditions):
        raise ValueError(
            f"with {len(conditions)} condition(s), either {len(conditions)} or "
            f"{len(conditions) + 1} functions are expected"
        )
    for condition, part in zip(conditions, functions, strict=True):
        value = as_tracer(session, _piece(array, part, args, kw), array.dtype)
        result = traced.where(condition, astype(value, array.dtype), result)
    return result


def _piece(array: Tracer, part: Any, args: tuple, kw: dict) -> Any:
    return part(array, *args, **kw) if callable(part) else part


@function(np.compress)
def _compress(
    session: TraceSession, condition: Any, a: Any, axis: Any = None, out: Any = None
) -> Tracer:
    mask = plain(condition)
    if type(mask) is Tracer:
        session.unsupported("numpy.compress", "by a traced condition")
    return traced.take(as_tracer(session, a), np.nonzero(np.asarray(mask))[0], axis=axis, out=out)


@function(np.unravel_index)
def _unravel_index(
    session: TraceSession, indices: Any, shape: Any, order: str = "C"
) -> tuple[Tracer, ...]:
    positions = as_tracer(session, indices)
    if order != "C" or positions.dtype.kind not in "iu":
        session.unsupported("numpy.unravel_index", f"in order {order}")
    extents = (shape,) if isinstance(shape, int) else tuple(shape)
    size = int(np.prod(extents, dtype=np.int64))
    wide = positions.astype(np.int64)
    inside = traced.logical_and(wide >= 0, wide < size)
    require(session, inside.value, f"index is out of bounds for array with size {size}")
    results: list[Tracer] = []
    for extent in reversed(extents):
        results.insert(0, traced.remainder(wide, max(extent, 1)))
        wide = traced.floor_divide(wide, max(extent, 1))
    return tuple(results)
