# SPDX-License-Identifier: Apache-2.0
"""NumPy's functions that read and write at positions: take, put, choose, copyto and their kin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from torshjit.capture.numpy_trace.indexing import getitem, patched_value
from torshjit.capture.numpy_trace.positions import Selection, check_bounds, require, scattered
from torshjit.capture.numpy_trace.reductions import finish
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import METHODS, call_function, function, method
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.values import (
    as_tracer,
    astype,
    broadcast_shapes,
    broadcast_value,
    cast_value,
    is_tracer,
    reshape_value,
    traced,
    wrap,
)

__all__ = ["combine_at"]

#: The reduction of ``torsh.scatter`` that a ufunc's ``at`` is.
_COMBINATIONS: dict[np.ufunc, str] = {
    np.add: "add",
    np.multiply: "mul",
    np.maximum: "max",
    np.minimum: "min",
}

#: Most arrays that numpy.choose selects from.
_MOST_CHOICES = 64


def _axis(axis: Any, rank: int) -> int:
    return np.lib.array_utils.normalize_axis_index(axis, rank)


def _own(session: TraceSession, name: str, array: Any) -> Tracer:
    """An array that a function writes to.

    Raises:
        CaptureError: the array is not traced.
    """
    if type(array) is not Tracer:
        session.refuse(f"{name} writes to an array that is not traced", name)
    return array


def _whole(session: TraceSession, array: Any) -> Tracer:
    positions = as_tracer(session, array)
    if positions.dtype.kind == "b":
        raise TypeError("cannot cast indices from bool to int64 according to the rule 'safe'")
    if positions.dtype.kind not in "iu":
        raise TypeError("indices must be integers")
    return positions


def _positions_in(session: TraceSession, indices: Any, extent: int, mode: str, axis: int) -> Any:
    """Positions within an axis: as given, wrapped around, or clipped."""
    if mode == "raise":
        return indices
    positions = astype(_whole(session, indices), np.dtype(np.int64))
    if mode == "wrap":
        return traced.remainder(positions, extent)
    if mode == "clip":
        return traced.clip(positions, 0, extent - 1)
    raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got '{mode}')")


@function(np.take)
def _take(
    session: TraceSession,
    a: Any,
    indices: Any,
    axis: Any = None,
    out: Any = None,
    mode: str = "raise",
) -> Tracer:
    array = as_tracer(session, a)
    if axis is None:
        array, place = traced.reshape(array, (-1,)), 0
    else:
        place = _axis(axis, array.ndim)
    if not is_tracer(indices):
        indices = np.asarray(indices)
    positions = _positions_in(session, indices, array.shape[place], mode, place)
    if is_tracer(positions):
        _whole(session, positions)
    elif positions.dtype.kind not in "iu" and positions.size:
        raise TypeError("indices must be integers")
    elif not positions.size:
        positions = positions.astype(np.int64)
    key = (*([slice(None)] * place), positions)
    result = getitem(array, key)
    if result.source is not None:
        result = METHODS["copy"](result)
    return finish(session, "numpy.take", out, result)


@method("take")
def _take_method(self: Tracer, *args: Any, **kwargs: Any) -> Tracer:
    return call_function(self.session, np.take, (self, *args), kwargs)


def _rows(
    session: TraceSession, name: str, arr: Any, indices: Any, axis: Any
) -> tuple[Tracer, Tracer, int]:
    """Array and positions along an axis, the positions broadcast along the others."""
    array, positions = as_tracer(session, arr), as_tracer(session, indices)
    if positions.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if axis is None:
        if positions.ndim != 1:
            raise ValueError("when axis=None, `indices` must have a single dimension.")
        array, axis = traced.reshape(array, (-1,)), 0
    place = _axis(axis, array.ndim)
    if positions.ndim != array.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    others = [
        own if i == place else other
        for i, (own, other) in enumerate(zip(positions.shape, array.shape, strict=True))
    ]
    shape = broadcast_shapes(session, name, tuple(others), positions.shape)
    wide = tuple(
        own if i == place else extent
        for i, (own, extent) in enumerate(zip(array.shape, shape, strict=True))
    )
    array = wrap(session, broadcast_value(session, array.value, wide), array.dtype, is_scalar=False)
    positions = wrap(
        session, broadcast_value(session, positions.value, shape), positions.dtype, is_scalar=False
    )
    if array.shape[place] == 0 and positions.size:
        raise IndexError(f"index is out of bounds for axis {place} with size 0")
    check_bounds(session, positions.value, place, array.shape[place])
    return array, positions, place


@function(np.take_along_axis)
def _take_along_axis(session: TraceSession, arr: Any, indices: Any, axis: Any = -1) -> Tracer:
    array, positions, place = _rows(session, "numpy.take_along_axis", arr, indices, axis)
    value = session.create("take_along_axis", [array.value, positions.value], {"axis": place})
    return wrap(session, value, array.dtype, is_scalar=False)


@function(np.put_along_axis)
def _put_along_axis(session: TraceSession, arr: Any, indices: Any, values: Any, axis: Any) -> None:
    target = _own(session, "numpy.put_along_axis", arr)
    array, positions, place = _rows(session, "numpy.put_along_axis", target, indices, axis)
    if array.size != target.size:
        session.unsupported("numpy.put_along_axis", "with indices of a larger shape")
    updates = astype(as_tracer(session, values, target.dtype), target.dtype)
    patch = broadcast_value(session, updates.value, positions.shape)
    value = session.create("put_along_axis", [array.value, positions.value, patch], {"axis": place})
    value = reshape_value(session, value, target.shape)
    target.assign(wrap(session, value, target.dtype, is_scalar=False))


def combine_at(
    session: TraceSession, ufunc: np.ufunc, array: Any, key: Any, operand: Any = None
) -> None:
    """``ufunc.at(array, key, operand)``.

    Raises:
        UnsupportedOpError: the ufunc is not a reduction of ``torsh.scatter``.
        CaptureError: NumPy would write to memory that the caller or a view sees.
    """
    name = f"numpy.{ufunc.__name__}.at"
    target = _own(session, name, array)
    if ufunc is np.subtract and operand is not None:
        ufunc, operand = np.add, traced.negative(as_tracer(session, operand, target.dtype))
    reduction = _COMBINATIONS.get(ufunc)
    if reduction is None or target.dtype == np.bool_ or operand is None:
        session.unsupported(name, f"of dtype {target.dtype}")
    selection = Selection(session, target.shape, key)
    if selection.mask is not None:
        session.unsupported(name, "at a traced mask")
    stored = (
        as_tracer(session, operand, np.asarray(operand).dtype)
        if not is_tracer(operand)
        else operand
    )
    if np.result_type(stored.dtype, target.dtype).kind != target.dtype.kind:
        session.unsupported(name, f"of dtypes {target.dtype} and {stored.dtype}")
    if not np.can_cast(np.result_type(stored.dtype, target.dtype), target.dtype, "same_kind"):
        raise np.exceptions.DTypePromotionError(f"Cannot cast {name} output to {target.dtype}")
    stored = astype(stored, target.dtype)
    shape = tuple(selection.shape)
    if broadcast_shapes(session, name, shape, stored.shape) != shape:
        raise ValueError("array is not broadcastable to correct shape")
    patch = broadcast_value(session, stored.value, shape)
    value = scattered(session, target.value, selection, patch, reduction)
    target.assign(wrap(session, value, target.dtype, is_scalar=False))


@function(np.choose)
def _choose(
    session: TraceSession, a: Any, choices: Any, out: Any = None, mode: str = "raise"
) -> Tracer:
    picks = _whole(session, a)
    arrays = [as_tracer(session, each) for each in choices]
    if len(arrays) > _MOST_CHOICES:
        session.unsupported("numpy.choose", f"among more than {_MOST_CHOICES} arrays")
    if mode == "raise":
        inside = traced.logical_and(traced.greater_equal(picks, 0), traced.less(picks, len(arrays)))
        require(session, inside.value, "numpy.choose: invalid entry in choice array")
    else:
        picks = _positions_in(session, picks, len(arrays), mode, 0)
    dtype = np.result_type(*(each.dtype for each in arrays))
    shape = broadcast_shapes(session, "numpy.choose", picks.shape, *(each.shape for each in arrays))
    result = astype(arrays[-1], dtype)
    for number in range(len(arrays) - 2, -1, -1):
        result = traced.where(traced.equal(picks, number), astype(arrays[number], dtype), result)
    value = broadcast_value(session, result.value, shape)
    return finish(session, "numpy.choose", out, wrap(session, value, dtype, is_scalar=False))


@method("choose")
def _choose_method(self: Tracer, *args: Any, **kwargs: Any) -> Tracer:
    return call_function(self.session, np.choose, (self, *args), kwargs)


# In place.


def _assign(target: Tracer, value: Any) -> None:
    target.assign(wrap(target.session, value, target.dtype, is_scalar=False))


@function(np.copyto)
def _copyto(
    session: TraceSession, dst: Any, src: Any, casting: str = "same_kind", where: Any = True
) -> None:
    target = _own(session, "numpy.copyto", dst)
    source = as_tracer(session, src, None if is_tracer(src) else np.asarray(src).dtype)
    if not np.can_cast(source.dtype, target.dtype, casting):  # type: ignore[arg-type]
        raise TypeError(
            f"Cannot cast array data from {source.dtype!r} to {target.dtype!r} according to the "
            f"rule {casting!r}"
        )
    stored = astype(source, target.dtype)
    value = broadcast_value(session, stored.value, target.shape)
    if where is not True:
        mask = cast_value(session, as_tracer(session, where).value, np.dtype(bool))
        value = session.create("select", [mask, value, target.value])
    _assign(target, value)


@function(np.putmask)
def _putmask(session: TraceSession, a: Any, /, mask: Any, values: Any) -> None:
    target = _own(session, "numpy.putmask", a)
    chosen = as_tracer(session, mask)
    if chosen.size != target.size:
        raise ValueError("putmask: mask and data must be the same size")
    repeated = _repeated(session, values, target)
    shaped = reshape_value(session, cast_value(session, chosen.value, np.dtype(bool)), target.shape)
    _assign(target, session.create("select", [shaped, repeated, target.value]))


def _repeated(session: TraceSession, values: Any, target: Tracer) -> Any:
    """Values repeated in order to the shape of an array, as the graph's value."""
    stored = astype(as_tracer(session, values, target.dtype), target.dtype)
    if stored.size == 1:
        return broadcast_value(session, reshape_value(session, stored.value, ()), target.shape)
    if stored.size == 0:
        session.unsupported("numpy.putmask", "of no values")
    flat = traced.reshape(stored, (-1,))
    if flat.size != target.size:
        flat = traced.take(flat, np.arange(target.size) % flat.size)
    return reshape_value(session, flat.value, target.shape)


@function(np.place)
def _place(session: TraceSession, arr: Any, mask: Any, vals: Any) -> None:
    if as_tracer(session, vals).size != 1:
        session.unsupported("numpy.place", "of more than one value")
    _putmask(session, arr, mask, vals)


@function(np.put)
def _put(session: TraceSession, a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    target = _own(session, "numpy.put", a)
    if not is_tracer(ind):
        ind = np.asarray(ind)
    count = ind.size
    values = as_tracer(session, v, target.dtype)
    if count == 0 or values.size == 0:
        return
    positions = _positions_in(session, ind, target.size, mode, 0)
    positions = traced.reshape(positions, (-1,))
    flat = traced.reshape(astype(values, target.dtype), (-1,))
    if flat.size not in (1, count):
        flat = traced.take(flat, np.arange(count) % flat.size)
    whole = wrap(session, reshape_value(session, target.value, [target.size]), target.dtype)
    value = patched_value(whole, positions, flat)
    _assign(target, reshape_value(session, value, target.shape))


@method("put")
def _put_method(self: Tracer, *args: Any, **kwargs: Any) -> None:
    call_function(self.session, np.put, (self, *args), kwargs)


@method("fill")
def _fill(self: Tracer, value: Any) -> None:
    stored = astype(as_tracer(self.session, value, self.dtype), self.dtype)
    _assign(self, broadcast_value(self.session, stored.value, self.shape))


@function(np.fill_diagonal)
def _fill_diagonal(session: TraceSession, a: Any, val: Any, wrap: bool = False) -> None:
    target = _own(session, "numpy.fill_diagonal", a)
    if target.ndim < 2:
        raise ValueError("array must be at least 2-d")
    places = np.arange(target.size).reshape(target.shape)
    marks = np.full(target.size, -1)
    np.fill_diagonal(marks.reshape(target.shape), 0, wrap)
    flat = places.reshape(-1)[marks == 0]
    _put(session, target, flat, val)


def _as_method(numpy_function: Callable) -> Callable:
    def call(self: Tracer, *args: Any, **kwargs: Any) -> Any:
        return call_function(self.session, numpy_function, (self, *args), kwargs)

    return call


@function(np.diagonal)
def _diagonal(
    session: TraceSession, a: Any, offset: int = 0, axis1: Any = None, axis2: Any = None
) -> Tracer:
    array = as_tracer(session, a)
    return _diagonal_of(
        session, array, offset, 0 if axis1 is None else axis1, 1 if axis2 is None else axis2
    )


def _diagonal_of(
    session: TraceSession, array: Tracer, offset: int, axis1: Any, axis2: Any
) -> Tracer:
    if array.ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    first, second = _axis(axis1, array.ndim), _axis(axis2, array.ndim)
    if first == second:
        raise ValueError("axis1 and axis2 cannot be the same")
    moved = traced.moveaxis(array, (first, second), (-2, -1))
    rows, columns = moved.shape[-2:]
    count = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    along = np.arange(count)
    key = (Ellipsis, along - min(offset, 0), along + max(offset, 0))
    result = getitem(moved, key)
    # NumPy returns a read-only view.
    return wrap(session, result.value, array.dtype, array.storage, is_scalar=False)


METHODS["diagonal"] = _as_method(np.diagonal)


@function(np.linalg.diagonal)
def _linalg_diagonal(session: TraceSession, x: Any, /, *, offset: int = 0) -> Tracer:
    return _diagonal_of(session, as_tracer(session, x), offset, -2, -1)


@function(np.trace)
def _trace(
    session: TraceSession,
    a: Any,
    offset: int = 0,
    axis1: int = 0,
    axis2: int = 1,
    dtype: Any = None,
    out: Any = None,
) -> Tracer:
    diagonal = _diagonal_of(session, as_tracer(session, a), offset, axis1, axis2)
    return traced.sum(diagonal, axis=-1, dtype=dtype, out=out)


METHODS["trace"] = _as_method(np.trace)


@function(np.linalg.trace)
def _linalg_trace(
    session: TraceSession, x: Any, /, *, offset: int = 0, dtype: Any = None
) -> Tracer:
    return traced.sum(
        _diagonal_of(session, as_tracer(session, x), offset, -2, -1), axis=-1, dtype=dtype
    )


@function(np.diag)
def _diag(session: TraceSession, v: Any, k: int = 0) -> Tracer:
    array = as_tracer(session, v)
    if array.ndim == 2:
        return _diagonal_of(session, array, k, 0, 1)
    if array.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    extent = array.size + abs(k)
    rows = np.arange(array.size) - min(k, 0)
    zeros = as_tracer(session, np.zeros((), array.dtype))
    blank = wrap(session, broadcast_value(session, zeros.value, (extent, extent)), array.dtype)
    value = patched_value(blank, (rows, rows + k), array)
    return wrap(session, value, array.dtype, is_scalar=False)


@function(np.diagflat)
def _diagflat(session: TraceSession, v: Any, k: int = 0) -> Tracer:
    return _diag(session, traced.ravel(as_tracer(session, v)), k)
