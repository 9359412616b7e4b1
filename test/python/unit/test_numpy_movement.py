# SPDX-License-Identifier: Apache-2.0
"""NumPy's views, joins, splits, indexing and selection against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from plain_comparison import capture, check

import torshjit

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
Y = np.arange(12, dtype=np.float64).reshape(3, 4) - 5

CASES = {
    "reshape": lambda a: (a.reshape(6, 4), a.reshape((4, -1)), np.reshape(a, -1), a.reshape(24)),
    "ravel": lambda a: (a.ravel(), np.ravel(a), a.flatten()),
    "transpose": lambda a: (a.T, a.transpose(), a.transpose(1, 0, 2), np.transpose(a, (2, 0, 1))),
    "matrix_transpose": lambda a: (a.mT, np.matrix_transpose(a)),
    "swapaxes": lambda a: (a.swapaxes(0, -1), np.swapaxes(a, 1, 2)),
    "moveaxis": lambda a: (np.moveaxis(a, 0, -1), np.moveaxis(a, (0, 1), (2, 0))),
    "rollaxis": lambda a: (np.rollaxis(a, 2), np.rollaxis(a, 0, 3)),
    "expand_dims": lambda a: (
        np.expand_dims(a, 1),
        np.expand_dims(a, (0, 3)),
        a[None],
        a[..., None],
    ),
    "squeeze": lambda a: (a[:1].squeeze(), np.squeeze(a[:, :1], axis=1), a[:1].squeeze(0)),
    "broadcast_to": lambda a: np.broadcast_to(a, (5, 2, 3, 4)),
    "broadcast_arrays": lambda a: np.broadcast_arrays(a, a[0, 0], a[:, :1]),
    "flip": lambda a: (np.flip(a), np.flip(a, 1), np.flip(a, (0, 2)), np.flipud(a), np.fliplr(a)),
    "atleast": lambda a: (np.atleast_1d(a[0, 0, 0]), np.atleast_2d(a[0, 0]), np.atleast_3d(a[0])),
    "atleast_3d": lambda a: (np.atleast_3d(a[0, 0]), np.atleast_3d(a[0, 0, 0])),
    "concatenate": lambda a: (np.concatenate([a, a], 1), np.concatenate((a, a[:1]), axis=None)),
    "stack": lambda a: (np.stack([a, a + 1]), np.stack([a, a], axis=-1)),
    "vstack": lambda a: (np.vstack([a[0], a[1, :1]]), np.vstack([a[0, 0], a[0, 1]])),
    "hstack": lambda a: (np.hstack([a[0], a[1]]), np.hstack([a[0, 0], a[0, 1]])),
    "dstack": lambda a: np.dstack([a[0], a[1]]),
    "column_stack": lambda a: np.column_stack([a[0, 0], a[1, 0]]),
    "meshgrid": lambda a: (
        *np.meshgrid(a[0, 0], a[0, :, 0]),
        *np.meshgrid(a[0, 0], a[0, :, 0], a[:, 0, 0], indexing="ij", sparse=True),
    ),
    "append": lambda a: (np.append(a, a[0]), np.append(a, a, axis=1)),
    "split": lambda a: (np.split(a, 2, axis=2), np.split(a, [1, 3], axis=2), np.vsplit(a, 2)),
    "array_split": lambda a: (np.array_split(a, 3, axis=2), np.hsplit(a, 3), np.dsplit(a, 2)),
    "unstack": lambda a: np.unstack(a, axis=1),
    "roll": lambda a: (np.roll(a, 2), np.roll(a, -1, axis=2), np.roll(a, (1, 2), axis=(0, 2))),
    "tile": lambda a: (np.tile(a, 2), np.tile(a, (2, 1, 3)), np.tile(a[0], (2, 1, 1))),
    "repeat": lambda a: (np.repeat(a, 2), np.repeat(a, 3, axis=1)),
    "pad": lambda a: (np.pad(a, 1), np.pad(a, ((0, 1), (2, 0), (1, 1)), constant_values=7)),
    "astype": lambda a: (a.astype(np.int32), a.astype("float64"), np.astype(a, np.float16)),
    "copy": lambda a: (a.copy(), np.copy(a), np.positive(a)),
    "where": lambda a: (np.where(a > 3, a, 0), np.where(a > 3, 1.5, a), np.where(a[0] > 3, 1, 2)),
    "select": lambda a: np.select([a < 3, a < 9], [a, a * 10], default=-1),
    "clip": lambda a: (np.clip(a, 2, 9), a.clip(2), a.clip(max=5), np.clip(a, a[0], 20)),
    "round": lambda a: (np.round(a / 7, 2), (a / 7).round(), np.round(a * 10, -2), np.fix(a / 7)),
    "nan_to_num": lambda a: np.nan_to_num(np.where(a > 3, np.nan, np.log(a - 1))),
    "diff": lambda a: (np.diff(a), np.diff(a, n=2, axis=0), np.diff(a > 5)),
    "likes": lambda a: (np.zeros_like(a), np.ones_like(a, dtype=int), np.full_like(a, 3.5)),
    "triangles": lambda a: (np.tril(a), np.triu(a, 1), np.tril(a, -1)),
    "isclose": lambda a: np.isclose(a, a + 1e-9),
    "metadata": lambda a: (
        np.shape(a),
        np.ndim(a),
        np.size(a),
        a.size,
        len(a),
        a.itemsize,
        a.nbytes,
    ),
    "asarray": lambda a: (np.asarray(a) + 1, np.array(a, dtype=np.float64), np.array([a[0], a[1]])),
    "full": lambda a: np.full((2, 2), a[0, 0, 1]),
    "iteration": lambda a: [row.sum() for row in a],
    "unpacking": lambda a: (lambda first, second: first - second)(*a),
}


@pytest.mark.parametrize("name", CASES)
def test_function(name: str) -> None:
    check(CASES[name], X)


INDICES = {
    "int": np.s_[1],
    "negative": np.s_[-1, -2],
    "element": np.s_[1, 2, 3],
    "element-ellipsis": np.s_[1, 2, 3, ...],
    "slice": np.s_[:, 1:3],
    "step": np.s_[..., ::2],
    "backwards": np.s_[:, ::-1, 3:0:-2],
    "empty": np.s_[:, 2:1],
    "newaxis": np.s_[:, None, 0, ..., None],
    "ellipsis": np.s_[..., 0],
    "out-of-range-slice": np.s_[-10:10, 5:],
    "numpy-int": (np.int64(1), slice(None)),
    "wrong": np.s_[2],
    "too-many": np.s_[0, 0, 0, 0],
    "float": 1.0,
}


@pytest.mark.parametrize("name", INDICES)
def test_index(name: str) -> None:
    check(lambda a: a[INDICES[name]], X)


@pytest.mark.parametrize("key", ["int", "negative", "element", "slice", "newaxis", "empty"])
def test_assignment(key: str) -> None:
    def assign(a: np.ndarray) -> np.ndarray:
        result = a * 2
        result[INDICES[key]] = 7
        return result

    check(assign, X)


def test_assignment_of_arrays() -> None:
    def assign(a: np.ndarray) -> np.ndarray:
        result = np.zeros_like(a)
        result[:, 1:, 1:3] = a[:, :2, :2]
        result[0, ::-1] = a[1]
        result[...] += 1
        return result

    def whole(a: np.ndarray) -> np.ndarray:
        result = np.empty_like(a)
        result[:] = a[0]
        return result

    check(whole, X)
    check(assign, X)


def test_writes_through_views() -> None:
    def augmented(a: np.ndarray) -> np.ndarray:
        result = a * 2
        result[0] += 1
        result[:, 1:] *= a[:, 1:]
        result[1, 2, 3] -= 5
        return result

    def named(a: np.ndarray) -> tuple:
        result = a * 2
        row = result[0]
        row += 1
        row[1] = 7
        np.multiply(row, 2, out=row)
        return result, row

    def fill(a: np.ndarray) -> np.ndarray:
        result = np.zeros_like(a)
        for place in range(a.shape[2]):
            result[..., place] = a[..., place] * place
        return result

    def other_view(a: np.ndarray) -> np.ndarray:
        result = a * 2
        first, second = result[0], result[1]
        first += 1
        return second

    for function in (augmented, named, fill, other_view):
        check(function, X)


def test_assignment_of_wrong_shape() -> None:
    def assign(a: np.ndarray) -> np.ndarray:
        result = a + 1
        result[0] = a[0, 0, :3]
        return result

    check(assign, X)


def test_wrong_shapes_name_the_op() -> None:
    cases = {
        "numpy.add": lambda a: a + np.ones(5),
        "numpy.reshape": lambda a: a.reshape(5, 5),
        "numpy.concatenate": lambda a: np.concatenate([a, a[:, :2]], axis=2),
        "numpy.broadcast_to": lambda a: np.broadcast_to(a, (2, 3, 5)),
        "numpy.matmul": lambda a: a @ a,
    }
    for op, function in cases.items():
        with pytest.raises(torshjit.ShapeError) as raised:
            capture(function)(X)
        assert raised.value.op == op
        assert raised.value.location[0] == __file__
        check(function, X)


def test_masks_need_values() -> None:
    with pytest.raises(torshjit.CaptureError, match="mask"):
        capture(lambda a: a[a > 3])(X)
    with pytest.raises(torshjit.CaptureError, match="where"):
        capture(lambda a: np.where(a > 3))(X)


def test_two_dimensional_joins() -> None:
    check(lambda a, b: np.concatenate([a[0], b]), X, Y)
    check(lambda a, b: np.stack([a[0], b]), X, Y)
