# SPDX-License-Identifier: Apache-2.0
"""Reference functions of indexing, scans, orders and bits against NumPy and torch."""

import numpy as np
import pytest
from graph_records import run_op
from graph_records import type_of as _type_of
from torch_arrays import from_torch, to_torch, torch

from torshjit.errors import ShapeError


def type_of(array: np.ndarray) -> tuple[str, tuple[int, ...]]:
    """The type of a result like `array`."""
    known = _type_of(array)
    return known.dtype, known.shape


def _data(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "axes", "index"),
    [
        ((7, 5), [0], np.s_[[[1, -1], [6, 0]]]),
        ((3, 7, 5), [1], np.s_[:, [2, 2, -7]]),
        ((7, 5, 3), [0, 1], np.s_[[[1], [2]], [0, -1]]),
        ((3, 7, 5), [1, 2], np.s_[:, [[1], [2]], [0, -1]]),
    ],
)
def test_gather_is_numpys_indexing_with_adjacent_arrays(shape, axes, index):
    x = _data(*shape)
    arrays = [
        np.asarray(i)
        for i in (index if isinstance(index, tuple) else (index,))
        if not isinstance(i, slice)
    ]
    expected = x[index]
    result = run_op("torsh.gather", [x, arrays], type_of(expected), axes=axes)
    np.testing.assert_array_equal(result, expected)


def test_gather_puts_axes_of_positions_where_the_first_indexed_axis_was():
    x, i, j = _data(2, 3, 4, 5), np.array([0, 2]), np.array([3, 1])
    expected = np.moveaxis(x[:, i, :, j], 0, 1)  # NumPy puts those of separated arrays first.
    result = run_op("torsh.gather", [x, [i, j]], type_of(expected), axes=[1, 3])
    np.testing.assert_array_equal(result, expected)


def test_positions_outside_are_clamped_when_read_and_left_out_when_written():
    x = _data(4)
    index = np.array([-9, -4, 3, 4, 100])
    result = run_op("torsh.gather", [x, [index]], type_of(x[[0, 0, 3, 3, 3]]), axes=[0])
    np.testing.assert_array_equal(result, x[[0, 0, 3, 3, 3]])
    updates = np.arange(5, dtype=np.float32)
    result = run_op("torsh.scatter", [x, updates, [index]], type_of(x), axes=[0], reduction="none")
    np.testing.assert_array_equal(result, [1, x[1], x[2], 2])


def test_take_along_axis():
    x, index = _data(3, 7), np.array([[0, -1], [3, 3], [6, 2]])
    expected = np.take_along_axis(x, index, 1)
    result = run_op("torsh.take_along_axis", [x, index], type_of(expected), axis=1)
    np.testing.assert_array_equal(result, expected)
    with pytest.raises(ShapeError, match="extents differ along axis 0"):
        run_op("torsh.take_along_axis", [x, index[:2]], type_of(expected[:2]), axis=1)


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "min", "max"])
def test_scatter_applies_updates_in_their_order(reduction):
    x, index = _data(4, 3), np.array([1, 3, 1, -1])
    updates = _data(4, 3) + 1
    expected = x.copy()
    ufunc = {"add": np.add, "mul": np.multiply, "min": np.minimum, "max": np.maximum}
    if reduction == "none":
        expected[index] = updates
    else:
        ufunc[reduction].at(expected, index, updates)
    result = run_op(
        "torsh.scatter", [x, updates, [index]], type_of(x), axes=[0], reduction=reduction
    )
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(
    ("reduction", "name"),
    [("add", "sum"), ("mul", "prod"), ("min", "amin"), ("max", "amax")],
)
@pytest.mark.parametrize("axis", [0, 1])
def test_put_along_axis_against_torch(reduction, name, axis):
    x, updates = _data(4, 5), _data(4, 5)[:, ::-1].copy()
    index = np.random.default_rng(1).integers(0, 4, (4, 5))
    expected = to_torch(x).scatter_reduce(axis, to_torch(index), to_torch(updates), name)
    result = run_op(
        "torsh.put_along_axis", [x, index, updates], type_of(x), axis=axis, reduction=reduction
    )
    np.testing.assert_allclose(result, from_torch(expected), rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("sum", np.add),
        ("prod", np.multiply),
        ("max", np.maximum),
        ("min", np.minimum),
    ],
)
def test_scan(kind, function):
    x = _data(3, 6)
    common = {"axis": 1, "kind": kind}
    inclusive = function.accumulate(x, axis=1)
    result = run_op("torsh.scan", [x], type_of(x), **common, reverse=False, exclusive=False)
    np.testing.assert_array_equal(result, inclusive)
    result = run_op("torsh.scan", [x], type_of(x), **common, reverse=True, exclusive=False)
    np.testing.assert_array_equal(result, function.accumulate(x[:, ::-1], axis=1)[:, ::-1])
    result = run_op("torsh.scan", [x], type_of(x), **common, reverse=False, exclusive=True)
    np.testing.assert_array_equal(result[:, 1:], inclusive[:, :-1])
    assert (result[:, 0] == {"sum": 0, "prod": 1, "max": -np.inf, "min": np.inf}[kind]).all()


@pytest.mark.parametrize("descending", [False, True])
def test_order_is_stable_and_has_nan_as_the_largest(descending):
    x = np.array([[2, np.nan, 1, 2, -np.inf, np.nan, np.inf, 1]], np.float32)
    expected = from_torch(torch.argsort(to_torch(x), descending=descending, stable=True))
    common = {"axis": 1, "descending": descending}
    order = run_op("torsh.argsort", [x], type_of(expected), **common)
    np.testing.assert_array_equal(order, expected)
    rank = run_op("torsh.rank", [x], type_of(expected), **common)
    np.testing.assert_array_equal(np.take_along_axis(rank, order, 1), [range(8)])


def test_shifts_by_no_distance_of_the_type_leave_zero_or_the_sign():
    x, distance = np.array([-5, -5, 5, 5, 1], np.int8), np.array([1, 8, -1, 2, 7], np.int8)
    result = run_op("torsh.shift_right", [x, distance], type_of(x))
    np.testing.assert_array_equal(result, [-3, -1, 0, 1, 0])
    result = run_op("torsh.shift_left", [x, distance], type_of(x))
    np.testing.assert_array_equal(result, [-10, 0, 0, 20, -128])


def test_bits_are_kept_under_another_type():
    x = np.array([1.0, -0.0, np.inf], np.float32)
    result = run_op("torsh.bitcast", [x], type_of(x.view(np.int32)), dtype="i32")
    np.testing.assert_array_equal(result, x.view(np.int32))
