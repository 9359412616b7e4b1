# SPDX-License-Identifier: Apache-2.0
"""Indices of every kind, random ones against NumPy, and the errors of those out of range."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import torshjit

pytest.importorskip("torshjit._compiler")


class RandomIndex:
    """A random index for a shape: slices, integers, new axes, lists, and traced positions."""

    def __init__(self, random: np.random.Generator, shape: tuple[int, ...]) -> None:
        self.parts: list[Any] = []
        self.arrays: list[np.ndarray] = []
        together = [(3,), (2, 3), (1,), (2, 1), ()][random.integers(5)]
        axis = 0
        while axis < len(shape):
            kind, extent = random.integers(8), shape[axis]
            axis += kind != 3
            if kind == 0:
                self.parts.append(slice(None))
            elif kind == 1:
                first, last = sorted(random.integers(-extent - 1, extent + 2, 2))
                step = int(random.choice([1, 2, -1, -2]))
                self.parts.append(slice(int(first), int(last), step))
            elif kind == 2:
                self.parts.append(int(random.integers(-extent, extent)))
            elif kind == 3:
                self.parts.append(None)
            elif kind in (4, 5):
                dtype = random.choice([np.int32, np.int64, np.int8])
                self.arrays.append(random.integers(-extent, extent, together).astype(dtype))
                self.parts.append(self)
            elif kind == 6:
                known = random.integers(-extent, extent, together)
                self.parts.append(known.tolist() if together else int(known))
            elif not any(part is Ellipsis for part in self.parts):
                self.parts.append(Ellipsis)
                axis += int(random.integers(0, len(shape) - axis + 1)) - 1
            else:
                axis -= 1

    def with_arrays(self, arrays: Any) -> tuple[Any, ...]:
        given = iter(arrays)
        return tuple(next(given) if part is self else part for part in self.parts)


def check(function: Any, arguments: list[np.ndarray], target: str, what: str) -> None:
    expected = function(*arguments)
    result = torshjit.compile(function, target_device=target, strict=True)(*arguments)
    assert type(result) is type(expected), what
    assert (result.dtype, result.shape) == (expected.dtype, expected.shape), what
    np.testing.assert_array_equal(result, expected, what)


@pytest.mark.parametrize(("target", "seed", "count"), [("interpreter", 0, 250), ("cpu", 1, 12)])
def test_random_indices(target: str, seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    done = 0
    while done < count:
        shape = tuple(map(int, random.integers(1, 5, random.integers(1, 5))))
        x = random.standard_normal(shape).astype(np.float32)
        index = RandomIndex(random, shape)
        try:
            values = random.standard_normal(np.shape(x[index.with_arrays(index.arrays)]))
        except IndexError:
            continue  # Positions that do not broadcast.
        done += 1

        def read(x, *arrays, index=index):
            return x[index.with_arrays(arrays)]

        def write(x, values, *arrays, index=index):
            y = x.copy()
            y[index.with_arrays(arrays)] = values
            return y

        def add(x, *arrays, index=index):
            y = x.copy()
            y[index.with_arrays(arrays)] += 1
            return y

        what = f"{shape} {index.parts}"
        check(read, [x, *index.arrays], target, what)
        check(write, [x, values.astype(np.float32), *index.arrays], target, what)
        check(add, [x, *index.arrays], target, what)


X = np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize("target", ["interpreter", "cpu"])
@pytest.mark.parametrize(
    "function",
    [
        lambda x, i: x[i],
        lambda x, i: x[:, i],
        lambda x, i: np.take(x, i, axis=0),
        lambda x, i: np.take_along_axis(x, i[:, None], axis=1),
        lambda x, i: np.choose(i, [x[0, 0], x[0, 1], x[0, 2]]),
    ],
)
def test_positions_out_of_range_are_errors_when_the_program_runs(function, target) -> None:
    compiled = torshjit.compile(function, target_device=target, strict=True)
    good = np.array([0, 2, 1])
    np.testing.assert_array_equal(compiled(X, good), function(X, good))
    for bad in ([0, 4, 1], [-5, 0, 0]):
        with pytest.raises(IndexError, match=r"out of bounds|invalid entry") as raised:
            compiled(X, np.array(bad))
        assert isinstance(raised.value, torshjit.DataError)
        assert "test_numpy_indexing.py" in str(raised.value)
    np.testing.assert_array_equal(compiled(X, good), function(X, good))


def test_writes_out_of_range_are_errors_too() -> None:
    def write(x, i):
        y = x.copy()
        y[i] = 0
        return y

    with pytest.raises(IndexError, match="out of bounds for axis 0 with size 3"):
        torshjit.compile(write, strict=True)(X, np.array([3]))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x[[0, 3]], "index 3 is out of bounds for axis 0 with size 3"),
        (lambda x: x[..., ...], "single ellipsis"),
        (lambda x: x[0, 0, [0]], "too many indices"),
        (lambda x: x[[0.5]], "must be of integer"),
        (lambda x: x[x], "must be of integer"),
        (lambda x: x[np.ones(4, bool)], "boolean index of shape"),
        (lambda x: x["name"], "only integers, slices"),
    ],
)
def test_malformed_indices_raise_what_numpy_raises(function, message) -> None:
    with pytest.raises(IndexError):
        function(X)
    with pytest.raises(IndexError, match=message):
        torshjit.compile(function, strict=True)(X)


def test_masks_write_but_do_not_read() -> None:
    def write(x, mask):
        y = x.copy()
        y[mask] = -1
        y[y > 6] = 0
        y[mask[:, 0]] = x[0] * 2
        return y

    mask = (np.arange(12) % 3 == 0).reshape(3, 4)
    check(write, [X, mask], "cpu", "mask")
    with pytest.raises(torshjit.CaptureError, match="needs its values"):
        torshjit.compile(lambda x: x[x > 1], strict=True)(X)
    np.testing.assert_array_equal(torshjit.compile(lambda x: x[x > 1])(X), X[X > 1])


def test_a_view_by_traced_positions_writes_through() -> None:
    def write(x, i):
        y = x.copy()
        row = y[i[0]]
        row += 1
        return y

    check(write, [X, np.array([1, 2])], "cpu", "view")


def test_an_index_of_no_elements() -> None:
    check(lambda x, i: x[i], [X, np.zeros((0, 2), np.int64)], "cpu", "empty")
    check(lambda x: x[[]], [X], "cpu", "empty list")
    with pytest.raises(IndexError, match="size 0"):
        torshjit.compile(lambda x, i: x[i], strict=True)(np.zeros((0, 2)), np.array([0]))
