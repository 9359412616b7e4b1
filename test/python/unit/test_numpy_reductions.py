# SPDX-License-Identifier: Apache-2.0
"""NumPy's reductions as functions and methods, over dtypes, axes and empty extents."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from plain_comparison import capture, check

import torshjit

DTYPES = ["bool", "int8", "int32", "int64", "float16", "float32", "float64"]
NAMES = ["sum", "prod", "max", "min", "any", "all", "mean", "var", "std", "argmax", "argmin"]


def values(dtype: str, shape: tuple[int, ...] = (2, 3, 4)) -> np.ndarray:
    numbers = np.random.default_rng(7).integers(-2, 3, shape)
    return (numbers / 2).astype(dtype) if dtype.startswith("float") else numbers.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_each_dtype(name: str, dtype: str) -> None:
    x = values(dtype)
    check(lambda a: getattr(np, name)(a), x)
    check(lambda a: getattr(a, name)(axis=1), x)
    check(lambda a: getattr(np, name)(a, axis=-1, keepdims=True), x)
    if not name.startswith("arg"):
        check(lambda a: getattr(np, name)(a, axis=(0, 2)), x)


@pytest.mark.parametrize("name", NAMES)
def test_one_axis_gives_a_scalar(name: str) -> None:
    check(lambda a: getattr(a, name)(), values("float32", (5,)))
    check(lambda a: getattr(np, name)(a, axis=0), values("float32", (5,)))


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "mean", "any", "all", "argmax"])
def test_nan(name: str) -> None:
    x = values("float64")
    x[1, 1, 1] = np.nan
    check(lambda a: getattr(np, name)(a, axis=0), x)


@pytest.mark.parametrize("name", NAMES)
def test_empty(name: str) -> None:
    check(lambda a: getattr(np, name)(a, axis=0), np.zeros((0, 3), np.float32))
    check(lambda a: getattr(np, name)(a, axis=1), np.zeros((0, 3), np.float32))


def test_dtype_and_ddof() -> None:
    x = values("float32")
    check(lambda a: (a.sum(dtype=np.float64), a.var(ddof=1), a.std(axis=0, ddof=1)), x)
    check(lambda a: np.mean(a, dtype=np.float64), values("int32"))


def test_compositions() -> None:
    x = values("float32")
    check(lambda a: (np.ptp(a), np.ptp(a, axis=1), np.count_nonzero(a, axis=0)), x)
    y = x.copy()
    y[0, 0, 0] = np.nan
    check(lambda a: (np.nansum(a), np.nansum(a, axis=2)), y)


def test_average() -> None:
    x = values("float32")
    w = np.abs(values("float64")) + 1
    check(lambda a: (np.average(a), np.average(a, axis=1)), x)
    check(lambda a, b: (np.average(a, weights=b), np.average(a, axis=0, weights=b)), x, w)
    check(lambda a, b: np.average(a, weights=b, axis=2, returned=True), values("int32"), w)


def test_norms() -> None:
    x = np.random.default_rng(0).normal(size=(3, 4))
    check(lambda a: (np.linalg.norm(a), np.linalg.norm(a, axis=1), np.linalg.norm(a[0], 1)), x)
    check(lambda a: (np.linalg.norm(a[0], np.inf), np.linalg.norm(a[0], 3)), x)
    check(lambda a: np.linalg.norm(a, "fro", keepdims=True), x)


def test_wrong_axis() -> None:
    check(lambda a: a.sum(axis=3), values("float32"))


def test_unsupported_argument_is_named() -> None:
    with pytest.raises(torshjit.UnsupportedOpError, match=r"numpy\.var .* where"):
        capture(lambda a: np.var(a, where=a > 0))(values("float32"))
    with pytest.raises(torshjit.UnsupportedOpError, match=r"numpy\.lexsort"):
        capture(lambda a: np.lexsort((a,)))(values("float32"))
