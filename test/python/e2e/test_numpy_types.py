# SPDX-License-Identifier: Apache-2.0
"""NumPy functions in machine code: every element type, layout and degenerate shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import torshjit

pytest.importorskip("torshjit._compiler")

RANDOM = np.random.default_rng(23)
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "float32", "float64")


def draw(dtype: str, *shape: int) -> np.ndarray:
    if dtype == "bool":
        return RANDOM.integers(0, 2, shape).astype(bool)
    if dtype in INTEGERS:
        # The whole range, so that overflow wraps as NumPy's does.
        limits = np.iinfo(dtype)
        return RANDOM.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return RANDOM.normal(size=shape).astype(dtype)


def check(function: Callable, *arguments: Any) -> None:
    """Compares type, shape and values of each result with NumPy's."""
    compiled = torshjit.compile(function, target_device="cpu", strict=True)
    with np.errstate(all="ignore"):
        expected = function(*arguments)
    for _ in range(2):
        actual = compiled(*arguments)
        assert type(actual) is type(expected)
        assert actual.dtype == expected.dtype
        assert actual.shape == expected.shape
        if expected.dtype.kind == "f":
            eps = np.finfo(expected.dtype).eps
            scale = np.abs(expected[np.isfinite(expected)]).max(initial=1) if expected.size else 1
            np.testing.assert_allclose(actual, expected, rtol=8 * eps, atol=8 * eps * float(scale))
        else:
            np.testing.assert_array_equal(actual, expected)


INTEGER_FUNCTIONS: dict[str, Callable] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "negate": lambda x, y: -x,
    "absolute": lambda x, y: np.abs(x),
    "divide": lambda x, y: x // (y | 1),
    "remainder": lambda x, y: x % (y | 1),
    "bits": lambda x, y: (x & y) ^ (~x | y),
    "compare": lambda x, y: (x < y) | (x == y),
    "minimum": lambda x, y: np.minimum(x, y) + np.maximum(x, y),
    "where": lambda x, y: np.where(x > y, x, y),
    "true-divide": lambda x, y: x / (y | 1),
    "sum": lambda x, y: x.sum(0),
    "max": lambda x, y: x.max(1) - y.min(1),
    "argmax": lambda x, y: x.argmax(0) + y.argmin(0),
    "matmul": lambda x, y: x @ y.T,
    "scalar": lambda x, y: x * 3 + 1,
    "to-float": lambda x, y: x.astype(np.float32) * 0.5,
}


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", INTEGER_FUNCTIONS)
def test_integers(name: str, dtype: str) -> None:
    check(INTEGER_FUNCTIONS[name], draw(dtype, 5, 7), draw(dtype, 5, 7))


BOOL_FUNCTIONS: dict[str, Callable] = {
    "logic": lambda x, y: (x & y) | (~x ^ y),
    "logical": lambda x, y: np.logical_and(x, np.logical_not(y)),
    "sum": lambda x, y: x.sum(0),
    "all": lambda x, y: x.all(1) | y.any(1),
    "mean": lambda x, y: x.mean(),
    "where": lambda x, y: np.where(x, y, ~y),
    "compare": lambda x, y: x == y,
    "add": lambda x, y: x + y,
    "to-int": lambda x, y: x * 3 + y.astype(np.int8),
    "reverse": lambda x, y: x[::-1, 1:],
}


@pytest.mark.parametrize("name", BOOL_FUNCTIONS)
def test_bools(name: str) -> None:
    check(BOOL_FUNCTIONS[name], draw("bool", 5, 7), draw("bool", 5, 7))


FLOAT_FUNCTIONS: dict[str, Callable] = {
    "arithmetic": lambda x, y: (x + y) * x - y / (np.abs(x) + 1),
    "exponential": lambda x, y: np.exp(x) + np.log1p(np.abs(y)),
    "tanh": lambda x, y: np.tanh(x * y),
    "sine": lambda x, y: np.sin(x) * np.cos(y),
    "root": lambda x, y: np.sqrt(np.abs(x)) + np.cbrt(y),
    "round": lambda x, y: np.rint(x * 3) + np.floor(y) + np.ceil(x) + np.trunc(y),
    "sum": lambda x, y: (x * y).sum(1),
    "mean": lambda x, y: x.mean(0) + y.max(0),
    "matmul": lambda x, y: x @ y.T,
    "special": lambda x, y: np.where(x > 0, np.inf, np.nan) + np.maximum(y, 0),
    "to-int": lambda x, y: (x * 20).astype(np.int8) + (y > 0),
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", FLOAT_FUNCTIONS)
def test_floats(name: str, dtype: str) -> None:
    check(FLOAT_FUNCTIONS[name], draw(dtype, 5, 7), draw(dtype, 5, 7))


@pytest.mark.parametrize("left", ["bool", "int8", "int64", "uint8", "uint64", "float16", "float32"])
@pytest.mark.parametrize("right", ["bool", "int16", "int64", "uint32", "float16", "float64"])
def test_promotion(left: str, right: str) -> None:
    x, y = draw(left, 3, 4), draw(right, 4)
    check(lambda x, y: np.where(x > y, x, y), x, y)
    if "bool" not in (left, right):
        check(lambda x, y: x * 0 + y, np.ones_like(x), y)


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "rows": lambda x: x[::2],
    "columns": lambda x: x[:, 1::3],
    "reversed": lambda x: x[::-1, ::-1],
    "transposed": lambda x: x.T,
    "fortran": np.asfortranarray,
    "broadcast": lambda x: np.broadcast_to(x[0], (4, x.shape[1])),
    "swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "misaligned": lambda x: np.frombuffer(b"\0" + x.tobytes(), x.dtype, offset=1).reshape(x.shape),
    "read-only": lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
}


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "uint8", "float16", "float64"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(name: str, dtype: str) -> None:
    x = LAYOUTS[name](draw(dtype, 6, 9))
    check(lambda x: np.stack([x, x]).sum(1), x)
    check(lambda x: np.where(x == x[:1], x, x[-1:]), x)


@pytest.mark.parametrize("dtype", ["bool", "int32", "float16", "float32"])
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 4), (1,), (1, 1)])
def test_empty_and_single(shape: tuple[int, ...], dtype: str) -> None:
    x = draw(dtype, *shape)
    check(lambda x: np.where(x > 0, x, x), x)
    check(lambda x: x.sum(-1), x)
    check(lambda x: x.any(0), x)
    check(lambda x: np.concatenate([x, x]).reshape(-1), x)
    if len(shape) == 2:
        check(lambda x: x.T.astype(np.float32) @ x.astype(np.float32), x)


@pytest.mark.parametrize("dtype", ["bool", *INTEGERS, *FLOATS])
def test_zero_dimensional(dtype: str) -> None:
    array = np.array(draw(dtype, 1)[0])
    assert array.shape == ()
    check(lambda x: np.where(x > 0, x, x), array)
    check(lambda x: x.reshape(1, 1), array)
    check(lambda x: np.broadcast_to(x, (2, 3)).sum(0), array)
    check(lambda x: np.stack([x, x]), array)
    # A scalar gives a scalar, as in NumPy.
    check(lambda x: x + x if x.dtype != bool else x | x, array[()])


def test_reductions_of_nothing() -> None:
    empty = np.empty((0, 3), np.float32)
    check(lambda x: x.sum(), empty)
    check(lambda x: x.prod(0), empty)
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning):
        expected = empty.mean(0)
    compiled = torshjit.compile(lambda x: x.mean(0), target_device="cpu", strict=True)
    np.testing.assert_array_equal(compiled(empty), expected)
    with pytest.raises((torshjit.TorshError, ValueError), match=r"max|zero-size"):
        torshjit.compile(lambda x: x.max(0), target_device="cpu", strict=True)(empty)
