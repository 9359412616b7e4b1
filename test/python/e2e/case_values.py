# SPDX-License-Identifier: Apache-2.0
"""Seeded values for the operands of a case, special ones among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ml_dtypes
import numpy as np
from graph_records import DTYPES

Values = Callable[[np.random.Generator, str, tuple[int, ...]], np.ndarray]

SIGNED = ("i8", "i16", "i32", "i64")
UNSIGNED = ("ui8", "ui16", "ui32", "ui64")
INTEGERS = SIGNED + UNSIGNED
FLOATS = ("f16", "bf16", "f32", "f64")
NUMERIC = INTEGERS + FLOATS
ALL = ("i1", *NUMERIC)


def sampled(variants: Mapping[str, Any], dtype: str) -> dict[str, Any]:
    """All variants; of an unsigned type the first, where it is treated as the signed one is."""
    return dict(list(variants.items())[: 1 if dtype in UNSIGNED else None])


def largest(dtype: str) -> float:
    return float(ml_dtypes.finfo(DTYPES[dtype]).max)


def specials(dtype: str) -> np.ndarray:
    """Zeros of both signs, halves, the type's extremes, infinities and NaN; for integers the
    extremes and what is next to zero, for unsigned ones also what a signed one would not hold."""
    if dtype == "i1":
        return np.array([False, True])
    if dtype in UNSIGNED:
        most = np.iinfo(DTYPES[dtype]).max
        half = most // 2
        return np.array([0, 1, 2, 7, half, half + 1, most - 6, most], DTYPES[dtype])
    if dtype in SIGNED:
        limits = np.iinfo(DTYPES[dtype])
        return np.array([limits.min, limits.min + 1, -7, -1, 0, 1, 2, 7, limits.max], DTYPES[dtype])
    values = [0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, np.inf, -np.inf, np.nan]
    return np.array([*values, largest(dtype), -largest(dtype)]).astype(DTYPES[dtype])


def numbers(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Normally distributed floats; integers from all of the type's range; random bools."""
    if dtype == "i1":
        return np.asarray(rng.random(shape) < 0.5)
    if dtype in INTEGERS:
        limits = np.iinfo(DTYPES[dtype])
        return np.asarray(rng.integers(limits.min, limits.max, shape, DTYPES[dtype], endpoint=True))
    return np.asarray(rng.normal(0, 2, shape)).astype(DTYPES[dtype])


def uniform(low: float, high: float) -> Values:
    """Uniformly distributed values; integers for an integer type, which has to hold the bounds."""

    def values(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        return np.asarray(rng.uniform(low, high, shape)).astype(DTYPES[dtype])

    return values


def beginning_with(special: Callable[[str], np.ndarray], rest: Values = numbers) -> Values:
    """Values of `rest` of which the first are replaced by special ones."""

    def values(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        result = rest(rng, dtype, shape)
        first = special(dtype)[: result.size]
        result.reshape(-1)[: first.size] = first
        return result

    return values


def chosen(*values: float) -> Callable[[str], np.ndarray]:
    """These values as specials, for `beginning_with`."""
    return lambda dtype: np.array(values).astype(DTYPES[dtype])


def pairs(side: int, special: Callable[[str], np.ndarray] = specials) -> Values:
    """The left (0) or right (1) members of all pairs of specials, over the number there are."""

    def values(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        members = special(dtype)
        both = np.meshgrid(members, members, indexing="ij")
        return np.resize(both[side].ravel(), shape)

    return values


def repeating(*values: float) -> Values:
    """These values over and over, so that there are many equal ones."""

    def fill(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        return np.resize(np.array(values).astype(DTYPES[dtype]), shape)

    return fill
