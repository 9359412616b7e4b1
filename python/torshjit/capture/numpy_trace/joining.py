# SPDX-License-Identifier: Apache-2.0
"""NumPy's functions that join, split, repeat and pad arrays."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import is_supported
from torshjit.capture.numpy_trace.known_arrays import plain
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.tables import function, reject_arguments
from torshjit.capture.numpy_trace.tracer import Tracer
from torshjit.capture.numpy_trace.ufuncs import store
from torshjit.capture.numpy_trace.values import (
    as_tracer,
    broadcast_shapes,
    broadcast_value,
    cast_value,
    reshape_value,
    scalar_constant,
    traced,
    wrap,
)
from torshjit.errors import ShapeError

__all__ = ["array_of"]


def _axis(axis: Any, rank: int) -> int:
    return np.lib.array_utils.normalize_axis_index(axis, rank)


def _sequence(session: TraceSession, name: str, arrays: Any) -> list[Tracer]:
    """The arrays of a join; a tracer stands for the arrays along its first axis."""
    items = [as_tracer(session, each) for each in arrays]
    if not items:
        raise ValueError(f"{name}: need at least one array to join")
    return items


def _common_dtype(session: TraceSession, name: str, arrays: list[Tracer], dtype: Any) -> np.dtype:
    result = np.dtype(dtype) if dtype is not None else np.result_type(*(a.dtype for a in arrays))
    if not is_supported(result):
        session.unsupported(name, f"in dtype {result}")
    return result


@function(np.concatenate)
def _concatenate(
    session: TraceSession,
    arrays: Any,
    /,
    axis: Any = 0,
    out: Any = None,
    *,
    dtype: Any = None,
    casting: str = "same_kind",
) -> Tracer:
    name = "numpy.concatenate"
    items = _sequence(session, name, arrays)
    if axis is None:
        items = [traced.ravel(item) for item in items]
        axis = 0
    rank = items[0].ndim
    if rank == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    place = _axis(axis, rank)
    for item in items:
        if item.ndim != rank or any(
            mine != other and at != place
            for at, (mine, other) in enumerate(zip(item.shape, items[0].shape, strict=False))
        ):
            shapes = ", ".join(str(each.shape) for each in items)
            session.fail(ShapeError(f"{name}: shapes {shapes} differ off axis {place}", op=name))
    wanted = _common_dtype(session, name, items, dtype)
    values = [cast_value(session, item.value, wanted) for item in items]
    value = session.create("concat", [values], {"axis": place}) if len(values) > 1 else values[0]
    result = wrap(session, value, wanted, is_scalar=False)
    return result if out is None else store(session, name, out, result)


@function(np.stack)
def _stack(
    session: TraceSession,
    arrays: Any,
    axis: int = 0,
    out: Any = None,
    *,
    dtype: Any = None,
    casting: str = "same_kind",
) -> Tracer:
    items = _sequence(session, "numpy.stack", arrays)
    if any(item.shape != items[0].shape for item in items):
        session.fail(
            ShapeError("numpy.stack: all input arrays must have the same shape", op="numpy.stack")
        )
    place = _axis(axis, items[0].ndim + 1)
    expanded = [traced.expand_dims(item, place) for item in items]
    return _concatenate(session, expanded, place, out, dtype=dtype)


def array_of(session: TraceSession, rows: Sequence[Any], dtype: Any = None) -> Tracer:
    """What ``np.array`` makes of nested lists that hold traced arrays.

    Raises:
        CaptureError: the rows are not of one shape.
    """
    items = [
        array_of(session, row) if isinstance(row, (list, tuple)) else as_tracer(session, row)
        for row in rows
    ]
    if any(item.shape != items[0].shape for item in items):
        session.refuse("an array is made from traced arrays of different shapes")
    return _stack(session, items, 0, dtype=dtype)


@function(np.vstack)
def _vstack(
    session: TraceSession, tup: Any, *, dtype: Any = None, casting: str = "same_kind"
) -> Tracer:
    rows = [traced.atleast_2d(item) for item in _sequence(session, "numpy.vstack", tup)]
    return _concatenate(session, rows, 0, dtype=dtype)


@function(np.hstack)
def _hstack(
    session: TraceSession, tup: Any, *, dtype: Any = None, casting: str = "same_kind"
) -> Tracer:
    items = [traced.atleast_1d(item) for item in _sequence(session, "numpy.hstack", tup)]
    return _concatenate(session, items, 0 if items[0].ndim == 1 else 1, dtype=dtype)


@function(np.dstack)
def _dstack(session: TraceSession, tup: Any) -> Tracer:
    items = [traced.atleast_3d(item) for item in _sequence(session, "numpy.dstack", tup)]
    return _concatenate(session, items, 2)


@function(np.column_stack)
def _column_stack(session: TraceSession, tup: Any) -> Tracer:
    items = _sequence(session, "numpy.column_stack", tup)
    columns = [traced.reshape(item, (-1, 1)) if item.ndim < 2 else item for item in items]
    return _concatenate(session, columns, 1)


@function(np.append)
def _append(session: TraceSession, arr: Any, values: Any, axis: Any = None) -> Tracer:
    return _concatenate(session, (as_tracer(session, arr), as_tracer(session, values)), axis)


@function(np.broadcast_arrays)
def _broadcast_arrays(session: TraceSession, *args: Any, subok: bool = False) -> tuple:
    items = [as_tracer(session, each) for each in args]
    shape = broadcast_shapes(session, "numpy.broadcast_arrays", *(each.shape for each in items))
    return tuple(traced.broadcast_to(item, shape) for item in items)


@function(np.meshgrid)
def _meshgrid(
    session: TraceSession, *xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Tracer, ...]:
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    vectors = [traced.ravel(as_tracer(session, each)) for each in xi]
    rank = len(vectors)
    grids = []
    for place, vector in enumerate(vectors):
        axis = 1 - place if indexing == "xy" and rank > 1 and place < 2 else place
        shape = [1] * rank
        shape[axis] = vector.size
        grids.append(traced.reshape(vector, shape))
    return tuple(grids) if sparse else _broadcast_arrays(session, *grids)


# Splitting.


def _section(array: Tracer, axis: int, start: int, stop: int) -> Tracer:
    key: list[slice] = [slice(None)] * array.ndim
    key[axis] = slice(start, stop)
    return array[tuple(key)]


@function(np.array_split)
def _array_split(
    session: TraceSession, ary: Any, indices_or_sections: Any, axis: int = 0
) -> list[Tracer]:
    array = as_tracer(session, ary)
    extent = array.shape[axis]
    place = _axis(axis, array.ndim)
    if isinstance(indices_or_sections, (int, np.integer)):
        sections = int(indices_or_sections)
        if sections <= 0:
            raise ValueError("number sections must be larger than 0.")
        size, longer = divmod(extent, sections)
        sizes = [size + 1] * longer + [size] * (sections - longer)
        bounds = [0, *np.cumsum(sizes).tolist()]
    else:
        bounds = [0, *(int(index) for index in indices_or_sections), extent]
    return [_section(array, place, start, stop) for start, stop in itertools.pairwise(bounds)]


@function(np.split)
def _split(
    session: TraceSession, ary: Any, indices_or_sections: Any, axis: int = 0
) -> list[Tracer]:
    array = as_tracer(session, ary)
    is_count = isinstance(indices_or_sections, (int, np.integer))
    if is_count and array.shape[axis] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return _array_split(session, array, indices_or_sections, axis)


def _split_along(axis_of: Callable[[Tracer], int]) -> Callable:
    def handler(session: TraceSession, ary: Any, indices_or_sections: Any) -> list[Tracer]:
        array = as_tracer(session, ary)
        return _split(session, array, indices_or_sections, axis_of(array))

    return handler


function(np.hsplit)(_split_along(lambda array: 1 if array.ndim > 1 else 0))
function(np.vsplit)(_split_along(lambda array: 0))
function(np.dsplit)(_split_along(lambda array: 2))


@function(np.unstack)
def _unstack(session: TraceSession, x: Any, /, *, axis: int = 0) -> tuple[Tracer, ...]:
    array = traced.moveaxis(as_tracer(session, x), axis, 0)
    return tuple(array[index] for index in range(array.shape[0]))


# Repeating and padding.


@function(np.roll)
def _roll(session: TraceSession, a: Any, shift: Any, axis: Any = None) -> Tracer:
    array = as_tracer(session, a)
    if axis is None:
        return traced.reshape(_roll(session, traced.ravel(array), shift, 0), array.shape)
    axes = axis if isinstance(axis, tuple) else (axis,)
    shifts = shift if isinstance(shift, tuple) else (shift,) * len(axes)
    axes = axes * len(shifts) if len(axes) == 1 else axes
    result = array
    for each, amount in zip(axes, shifts, strict=True):
        place = _axis(each, array.ndim)
        extent = array.shape[place]
        cut = -int(amount) % extent if extent else 0
        if cut:
            pieces = (_section(result, place, cut, extent), _section(result, place, 0, cut))
            result = _concatenate(session, pieces, place)
    return wrap(session, result.value, array.dtype, is_scalar=False)


@function(np.tile)
def _tile(session: TraceSession, A: Any, reps: Any) -> Tracer:
    array = as_tracer(session, A)
    counts = tuple(reps) if isinstance(reps, (tuple, list)) else (reps,)
    rank = max(array.ndim, len(counts))
    counts = (1,) * (rank - len(counts)) + tuple(int(count) for count in counts)
    shape = (1,) * (rank - array.ndim) + array.shape
    narrow = [extent for each in shape for extent in (1, each)]
    wide = [extent for pair in zip(counts, shape, strict=True) for extent in pair]
    value = reshape_value(session, array.value, narrow)
    value = broadcast_value(session, value, wide)
    final = [count * extent for count, extent in zip(counts, shape, strict=True)]
    return wrap(session, reshape_value(session, value, final), array.dtype, is_scalar=False)


@function(np.repeat)
def _repeat(session: TraceSession, a: Any, repeats: Any, axis: Any = None) -> Tracer:
    array = as_tracer(session, a)
    repeats = plain(repeats)
    if type(repeats) is Tracer:
        session.unsupported("numpy.repeat", "with a traced array of repeats")
    if axis is None:
        array, axis = traced.ravel(array), 0
    place = _axis(axis, array.ndim)
    if not isinstance(repeats, (int, np.integer)):
        positions = np.repeat(np.arange(array.shape[place]), repeats)
        return traced.take(array, positions, axis=place)
    before, after = array.shape[: place + 1], array.shape[place + 1 :]
    value = reshape_value(session, array.value, (*before, 1, *after))
    value = broadcast_value(session, value, (*before, int(repeats), *after))
    final = (*before[:-1], before[-1] * int(repeats), *after)
    return wrap(session, reshape_value(session, value, final), array.dtype, is_scalar=False)


@function(np.pad)
def _pad(
    session: TraceSession, array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any
) -> Tracer:
    source = as_tracer(session, array)
    number = kwargs.pop("constant_values", 0)
    reject_arguments(session, "numpy.pad", **kwargs)
    if mode != "constant":
        session.unsupported("numpy.pad", f"in mode {mode}")
    if np.ndim(number) != 0 or type(number) is Tracer:
        session.unsupported("numpy.pad", "with more than one constant")
    if isinstance(pad_width, dict):
        normal = {_axis(axis, source.ndim): width for axis, width in pad_width.items()}
        pad_width = [normal.get(axis, (0, 0)) for axis in range(source.ndim)]
        pad_width = [(w, w) if isinstance(w, int) else w for w in pad_width]
    widths = traced.broadcast_to(np.asarray(pad_width, dtype=np.int64), (source.ndim, 2))
    if (widths < 0).any():
        raise ValueError("index can't contain negative values")
    margin = scalar_constant(session, np.asarray(number).astype(source.dtype), source.dtype)
    attributes = {"low": widths[:, 0].tolist(), "high": widths[:, 1].tolist()}
    value = session.create("pad", [source.value, margin], attributes)
    return wrap(session, value, source.dtype, is_scalar=False)
