# SPDX-License-Identifier: Apache-2.0
"""Writes to arrays and through their views, as NumPy does them; arrays of plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import torshjit

pytest.importorskip("torshjit._compiler")

X = np.random.default_rng(0).standard_normal((4, 5))


def check(function: Callable[..., Any], *arrays: np.ndarray, target: str = "interpreter") -> None:
    expected = function(*arrays)
    result = torshjit.compile(function, target_device=target, strict=True)(*arrays)
    np.testing.assert_equal(result, expected)
    for part, wanted in zip(
        result if isinstance(result, tuple) else (result,),
        expected if isinstance(expected, tuple) else (expected,),
        strict=True,
    ):
        assert (type(part), getattr(part, "dtype", None)) == (
            type(wanted),
            getattr(wanted, "dtype", None),
        )


class RandomWrites:
    """A random program of views and writes, the same at each run."""

    VIEWS: tuple[Callable[[Any], Any], ...] = (
        lambda a: a[1:],
        lambda a: a[::-1],
        lambda a: a[..., 0:2],
        lambda a: a.T,
        lambda a: a[0],
        lambda a: a[:, None],
        lambda a: np.swapaxes(a, 0, -1),
        lambda a: np.flip(a),
        lambda a: a[..., ::2],
        lambda a: np.squeeze(a[None]),
    )

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self._copies = bool(random.random() < 0.6)
        self._steps = [tuple(map(int, random.integers(0, 1 << 20, 3))) for _ in range(7)]

    def __call__(self, x: Any) -> Any:
        arrays = [x.copy() if self._copies else np.zeros((4, 5))]
        for which, action, detail in self._steps:
            chosen = arrays[which % len(arrays)]
            if chosen.ndim == 0 or 0 in chosen.shape:
                continue
            kind = action % 5
            if kind < 2:
                arrays.append(self.VIEWS[detail % len(self.VIEWS)](chosen))
            elif kind == 2:
                chosen[detail % chosen.shape[0]] = x[1, 1]
            elif kind == 3:
                chosen *= 2.0
            else:
                chosen[..., 0] += float(detail % 5)
        return tuple(array + 0 for array in arrays)


@pytest.mark.parametrize("seed", range(120))
def test_random_writes_through_views(seed: int) -> None:
    writes = RandomWrites(seed)
    try:
        writes(X)
    except IndexError:
        return  # A view that the array has too few axes for.
    try:
        check(lambda x: writes(x), X)
    except torshjit.CaptureError:
        # A view of an array of plain values, which then became one of the program.
        np.testing.assert_equal(torshjit.compile(lambda x: writes(x))(X), writes(X))


def test_writes_through_views_natively() -> None:
    def program(x):
        y = x.copy()
        column = y.T[1]
        column += 1
        corner = y[1:, :2]
        y[0] = 0
        corner *= column[1:, None]
        return y, column + 0, corner + 0

    check(program, X, target="cpu")


def test_reshaped_views_are_refused_rather_than_wrong() -> None:
    def program(x):
        y = x.copy()
        flat = y.ravel()
        flat[0] = 1
        return y

    with pytest.raises(torshjit.CaptureError, match="view by reshaping"):
        torshjit.compile(program, strict=True)(X)
    np.testing.assert_array_equal(torshjit.compile(program)(X), program(X))


def zeros_then_rows(x):
    out = np.zeros((4, 5))
    out[1:] = x[1:]
    return out


def loop(x):
    out = np.empty(4)
    for row in range(4):
        out[row] = x[row].sum()
    return out


def known_mask(x):
    mask = np.zeros(4, bool)
    mask[2] = mask[0] = True
    return x[mask]


def known_counts(x):
    counts = np.arange(4)
    weights = np.ones(3) / 3
    total = 0.0
    for weight in weights:
        total = total + float(weight)
    return x[counts[1:]], x[int(counts[2])], counts * x[:, 0], x * total, weights


def into_out(x):
    out = np.zeros(5)
    np.add(x[0], 1, out=out)
    out += 1
    return out


def two_names(x):
    first = np.zeros(3)
    second = first
    second[0] = 1
    second[1] = x[0, 0]
    return first


def view_of_zeros(x):
    out = np.zeros((2, 3))
    row = out[0]
    row[1] = 5
    row[2] = x[0, 0]
    out[1] = 7
    return out, row + 0


def shape_from_array(x):
    shape = np.array([10, 2])
    return x.reshape(shape), np.zeros(shape) + x[0, 0]


def diagonal(x):
    out = np.eye(4)
    out[np.arange(4), np.arange(4)] = x[:, 0]
    return out @ x


def conditions(x):
    steps = np.array([1, 2, 3])
    if steps[0] == 1 and 2 in steps and steps.sum() > 5:
        x = x + steps.max()
    return x, f"{steps}", steps.tolist()


@pytest.mark.parametrize(
    "function",
    [
        zeros_then_rows,
        loop,
        known_mask,
        known_counts,
        into_out,
        two_names,
        view_of_zeros,
        shape_from_array,
        diagonal,
        conditions,
    ],
)
def test_arrays_of_plain_values(function: Callable[..., Any]) -> None:
    check(function, X)


def test_a_library_cannot_write_to_a_copy_unseen() -> None:
    """What C code writes to the array that it is given would be lost: it is read-only."""

    def program(x):
        out = np.zeros(3)
        memoryview(np.ndarray.__array__(out))[0] = 1.0
        return out + x[0, 0]

    compiled = torshjit.compile(program)
    with pytest.warns(torshjit.FallbackWarning):
        np.testing.assert_array_equal(compiled(X), program(X))


@pytest.mark.parametrize(
    "write",
    [
        lambda a: np.multiply.at(a, [0, 1, 1], 2.0),
        lambda a: np.subtract.at(a, [0, 1], np.arange(5, dtype=np.int16)),
        lambda a: np.power.at(a, [0, 0], 2),
        lambda a: np.place(a, a > 3, [1, 2]),
        lambda a: np.random.shuffle(a),  # noqa: NPY002
        lambda a: a.byteswap(inplace=True),
        lambda a: a.partition(1),
    ],
)
def test_functions_that_write_to_their_argument_do(write: Callable[..., Any]) -> None:
    """A call of the host would write to a copy: NumPy's own checks do not find all of them."""

    def program(x):
        a = x.copy()
        write(a)
        return np.sort(a, axis=None)

    x = np.arange(20, dtype=np.int16).reshape(4, 5)
    before = x.copy()
    for target in ("interpreter", "cpu"):
        np.testing.assert_array_equal(
            torshjit.compile(program, target_device=target)(x), program(x.copy())
        )
        np.testing.assert_array_equal(x, before)
