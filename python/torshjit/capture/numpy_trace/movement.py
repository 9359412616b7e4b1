# SPDX-License-Identifier: Apache-2.0
"""NumPy's functions and methods that move elements of one array without computing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from torshjit.capture.numpy_trace.known_arrays import plain
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import (
    METHODS,
    call_function,
    function,
    method,
)
from torshjit.capture.numpy_trace.tracer import Tracer, View
from torshjit.capture.numpy_trace.values import (
    as_tracer,
    broadcast_value,
    reshape_value,
    wrap,
)
from torshjit.errors import ShapeError

__all__ = ["permuted", "view"]


def view(array: Tracer, value: Any) -> Tracer:
    """A tracer that shares the memory of `array`; never a NumPy scalar."""
    return wrap(array.session, value, array.dtype, array.storage, is_scalar=False)


def permuted(array: Tracer, order: Any) -> Tracer:
    """The view of `array` with its axes in another order."""
    order = list(order)
    session, back = array.session, [int(place) for place in np.argsort(order)]

    def turned(value: Any, permutation: list[int]) -> Any:
        if permutation == list(range(array.ndim)):
            return value
        return session.create("permute", [value], {"permutation": permutation})

    result = view(array, turned(array.value, order))
    result.source = View(
        array, lambda value: turned(value, order), lambda _, patch: turned(patch, back)
    )
    return result


def _with_unit_axes(array: Tracer, shape: Any) -> Tracer:
    """The view of `array` with axes of extent 1 put in or left out."""
    session, own = array.session, array.shape
    result = view(array, reshape_value(session, array.value, shape))
    result.source = View(
        array,
        lambda value: reshape_value(session, value, shape),
        lambda _, patch: reshape_value(session, patch, own),
    )
    return result


def _axis(axis: Any, rank: int) -> int:
    return np.lib.array_utils.normalize_axis_index(axis, rank)


@function(np.reshape)
def _reshape(
    session: TraceSession, a: Any, /, shape: Any = None, order: str = "C", *, copy: Any = None
) -> Tracer:
    array = as_tracer(session, a)
    shape = plain(shape)
    shape = shape.tolist() if isinstance(shape, np.ndarray) else shape
    if order not in ("C", "K", "A"):
        session.unsupported("numpy.reshape", f"in order {order}")
    new = [int(extent) for extent in shape] if isinstance(shape, (tuple, list)) else [int(shape)]
    if -1 in new:
        known = int(np.prod([extent for extent in new if extent != -1], dtype=np.int64))
        if new.count(-1) > 1 or known == 0 or array.size % known:
            _cannot_reshape(session, array, shape)
        new[new.index(-1)] = array.size // known
    if any(extent < 0 for extent in new) or int(np.prod(new, dtype=np.int64)) != array.size:
        _cannot_reshape(session, array, shape)
    result = view(array, reshape_value(session, array.value, new))
    return METHODS["copy"](result) if copy else result


def _cannot_reshape(session: TraceSession, array: Tracer, shape: Any) -> None:
    message = f"numpy.reshape: cannot reshape an array of shape {array.shape} into {shape}"
    session.fail(ShapeError(message, op="numpy.reshape"))


@method("reshape")
def _reshape_method(self: Tracer, *shape: Any, order: str = "C", copy: Any = None) -> Tracer:
    wanted = shape[0] if len(shape) == 1 else shape
    return _reshape(self.session, self, wanted, order, copy=copy)


@function(np.ravel)
def _ravel(session: TraceSession, a: Any, order: str = "C") -> Tracer:
    return _reshape(session, a, (-1,) if as_tracer(session, a).size else (0,), order)


@method("ravel")
def _ravel_method(self: Tracer, order: str = "C") -> Tracer:
    return _ravel(self.session, self, order)


@method("flatten")
def _flatten(self: Tracer, order: str = "C") -> Tracer:
    return METHODS["copy"](_ravel(self.session, self, order))


@function(np.transpose, np.permute_dims)
def _transpose(session: TraceSession, a: Any, axes: Any = None) -> Tracer:
    array = as_tracer(session, a)
    if axes is None:
        return permuted(array, range(array.ndim)[::-1])
    order = [_axis(axis, array.ndim) for axis in axes]
    if sorted(order) != list(range(array.ndim)):
        raise ValueError("axes don't match array")
    return permuted(array, order)


@method("transpose")
def _transpose_method(self: Tracer, *axes: Any) -> Tracer:
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], (tuple, list))):
        return _transpose(self.session, self, axes[0])
    return _transpose(self.session, self, axes or None)


@function(np.matrix_transpose, np.linalg.matrix_transpose)
def _matrix_transpose(session: TraceSession, x: Any, /) -> Tracer:
    array = as_tracer(session, x)
    if array.ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {array.ndim}")
    return _swapaxes(session, array, -1, -2)


@function(np.swapaxes)
def _swapaxes(session: TraceSession, a: Any, axis1: int, axis2: int) -> Tracer:
    array = as_tracer(session, a)
    order = list(range(array.ndim))
    first, second = _axis(axis1, array.ndim), _axis(axis2, array.ndim)
    order[first], order[second] = order[second], order[first]
    return permuted(array, order)


@function(np.moveaxis)
def _moveaxis(session: TraceSession, a: Any, source: Any, destination: Any) -> Tracer:
    array = as_tracer(session, a)
    normalize = np.lib.array_utils.normalize_axis_tuple
    sources = normalize(source, array.ndim, "source")
    destinations = normalize(destination, array.ndim, "destination")
    if len(sources) != len(destinations):
        raise ValueError(
            "`source` and `destination` arguments must have the same number of elements"
        )
    order = [axis for axis in range(array.ndim) if axis not in sources]
    for place, axis in sorted(zip(destinations, sources, strict=True)):
        order.insert(place, axis)
    return permuted(array, order)


@function(np.rollaxis)
def _rollaxis(session: TraceSession, a: Any, axis: int, start: int = 0) -> Tracer:
    array = as_tracer(session, a)
    axis = _axis(axis, array.ndim)
    start = start + array.ndim if start < 0 else start
    start = start - 1 if axis < start else start
    order = [each for each in range(array.ndim) if each != axis]
    order.insert(start, axis)
    return permuted(array, order)


@function(np.expand_dims)
def _expand_dims(session: TraceSession, a: Any, axis: Any) -> Tracer:
    array = as_tracer(session, a)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    rank = array.ndim + len(axes)
    places = np.lib.array_utils.normalize_axis_tuple(axes, rank)
    extents = iter(array.shape)
    shape = [1 if place in places else next(extents) for place in range(rank)]
    return _with_unit_axes(array, shape)


@function(np.squeeze)
def _squeeze(session: TraceSession, a: Any, axis: Any = None) -> Tracer:
    array = as_tracer(session, a)
    if axis is None:
        dropped = tuple(place for place, extent in enumerate(array.shape) if extent == 1)
    else:
        dropped = np.lib.array_utils.normalize_axis_tuple(axis, array.ndim)
        if any(array.shape[place] != 1 for place in dropped):
            raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    shape = [extent for place, extent in enumerate(array.shape) if place not in dropped]
    return _with_unit_axes(array, shape)


@function(np.broadcast_to)
def _broadcast_to(session: TraceSession, array: Any, shape: Any, subok: bool = False) -> Tracer:
    array = as_tracer(session, array)
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    try:
        fits = np.broadcast_shapes(array.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        message = f"numpy.broadcast_to: shape {array.shape} cannot be broadcast to {shape}"
        session.fail(ShapeError(message, op="numpy.broadcast_to"))
    return view(array, broadcast_value(session, array.value, shape))


def _reversed(array: Tracer, axes: Any) -> Tracer:
    key: list[slice] = [slice(None)] * array.ndim
    for axis in axes:
        key[axis] = slice(None, None, -1)
    return array[tuple(key)]


@function(np.flip)
def _flip(session: TraceSession, m: Any, axis: Any = None) -> Tracer:
    array = as_tracer(session, m)
    if axis is None:
        return _reversed(array, range(array.ndim))
    return _reversed(array, np.lib.array_utils.normalize_axis_tuple(axis, array.ndim))


@function(np.flipud)
def _flipud(session: TraceSession, m: Any) -> Tracer:
    return _flip(session, m, 0)


@function(np.fliplr)
def _fliplr(session: TraceSession, m: Any) -> Tracer:
    return _flip(session, m, 1)


def _at_least(rank: int, place: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Callable:
    def handler(session: TraceSession, *arys: Any) -> Any:
        results = []
        for each in arys:
            array = as_tracer(session, each)
            shape = array.shape if array.ndim >= rank else place(array.shape)
            results.append(_with_unit_axes(array, shape))
        return results[0] if len(results) == 1 else tuple(results)

    return handler


function(np.atleast_1d)(_at_least(1, lambda shape: (1,)))
function(np.atleast_2d)(_at_least(2, lambda shape: (1,) * (2 - len(shape)) + shape))
function(np.atleast_3d)(
    _at_least(3, lambda shape: {0: (1, 1, 1), 1: (1, *shape, 1), 2: (*shape, 1)}[len(shape)])
)


def _as_method(numpy_function: Callable) -> Callable:
    def movement(self: Tracer, *args: Any, **kwargs: Any) -> Any:
        return call_function(self.session, numpy_function, (self, *args), kwargs)

    return movement


METHODS["swapaxes"] = _as_method(np.swapaxes)
METHODS["squeeze"] = _as_method(np.squeeze)
