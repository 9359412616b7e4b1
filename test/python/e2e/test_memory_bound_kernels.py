# SPDX-License-Identifier: Apache-2.0
"""Kernels that are written for memory: results past the caches, transpositions in registers,
reductions in parts. Their sizes are those at which these begin."""

from __future__ import annotations

import numpy as np
import pytest

import torshjit


def _normal(*shape: int, dtype: str = "float32") -> np.ndarray:
    return (np.random.default_rng(sum(shape)).standard_normal(shape) * 8).astype(dtype)


# More than the last cache holds, in and out; rows that end within a line and start within one.
@pytest.mark.parametrize("shape", [(2**23 + 2**17,), (2**23 + 5,), (2049, 4099), (65539, 129)])
@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_large_results_are_written_past_the_caches(shape, dtype):
    x = _normal(*shape, dtype=dtype)
    run = torshjit.compile(lambda a: a + a)
    np.testing.assert_array_equal(run(x), x + x)
    if dtype == "float32":
        assert "nontemporal" in run.ir("loops")


def test_large_results_may_be_of_several_types():
    x = _normal(2**23 + 3)
    low, high = torshjit.compile(lambda a: ((a > 1), a * 2))(x)
    np.testing.assert_array_equal(low, x > 1)
    np.testing.assert_array_equal(high, x * 2)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int8", "int64"])
@pytest.mark.parametrize("shape", [(300, 500), (257, 129), (1000, 17), (40, 2000), (15, 5000)])
def test_transposed_operands(shape, dtype):
    x, y = _normal(*shape, dtype=dtype), _normal(*shape[::-1], dtype=dtype)
    run = torshjit.compile(lambda a, b: a.T + b)
    np.testing.assert_array_equal(run(x, y), x.T + y)


@pytest.mark.parametrize("axes", [(0, 3, 1, 2), (3, 2, 1, 0), (1, 0, 3, 2), (2, 3, 0, 1)])
def test_permuted_operands(axes):
    x = _normal(5, 34, 21, 40)
    run = torshjit.compile(lambda a: a.transpose(axes) * 2)
    np.testing.assert_array_equal(run(x), x.transpose(axes) * 2)


_REDUCTIONS = {
    "sum": lambda x, axis: np.sum(x, axis=axis),
    "max": lambda x, axis: np.max(x, axis=axis),
    "min": lambda x, axis: np.min(x, axis=axis),
    "mean": lambda x, axis: np.mean(x, axis=axis) * 2,
    "square root of squares": lambda x, axis: np.sqrt(np.sum(x * x, axis=axis)),
}


@pytest.mark.parametrize("axis", [0, 1, None], ids=str)
@pytest.mark.parametrize("shape", [(70000, 3), (3, 70000), (513, 1025), (4001, 260)], ids=str)
@pytest.mark.parametrize("name", sorted(_REDUCTIONS))
def test_reductions_in_parts(name, shape, axis):
    function, x = _REDUCTIONS[name], _normal(*shape)
    expected = function(x.astype(np.float64), axis)
    magnitude = np.sum(np.abs(x), axis=axis, dtype=np.float64) if name != "mean" else 8.0
    found = torshjit.compile(lambda a: function(a, axis))(x)
    assert np.all(np.abs(found - expected) <= 1e-6 * magnitude + 1e-6 * np.abs(expected))


@pytest.mark.parametrize("axis", [0, 1, None], ids=str)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["sum", "max", "min", "mean"])
def test_reductions_pass_on_what_is_no_number(name, value, axis):
    x = _normal(3001, 65)
    x[2999, 7] = value
    found = torshjit.compile(lambda a: _REDUCTIONS[name](a, axis))(x)
    expected = _REDUCTIONS[name](x, axis)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_array_equal(np.isinf(found), np.isinf(expected))


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_parts_of_a_tensor_that_is_read_in_two_ways(axis):
    x = _normal(600, 600)
    actual = torshjit.compile(lambda a: (a * a.T).sum(axis))(x)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(actual, (wide * wide.T).sum(axis), rtol=1e-5, atol=0.5)


def test_parts_do_not_depend_on_the_number_of_threads():
    x = _normal(10**6 + 7)
    sums = {
        float(torshjit.compile(lambda a: np.sum(a), num_threads=threads)(x)) for threads in (1, 2)
    }
    assert len(sums) == 1


def test_a_long_sum_is_as_good_as_that_of_numpy():
    x = np.random.default_rng(0).random(10**7).astype(np.float32)
    truth = np.sum(x, dtype=np.float64)
    ours = abs(float(torshjit.compile(lambda a: np.sum(a))(x)) - truth)
    assert ours <= max(abs(float(np.sum(x)) - truth), 2e-7 * truth)


def test_columns_are_summed_better_than_one_row_after_another():
    x = np.random.default_rng(0).random((8192, 300)).astype(np.float32)
    truth = np.sum(x, axis=0, dtype=np.float64)
    ours = np.abs(torshjit.compile(lambda a: np.sum(a, axis=0))(x) - truth).max()
    assert ours <= np.abs(np.sum(x, axis=0) - truth).max()


def test_a_norm_of_all_elements():
    x = _normal(700, 900)
    found = torshjit.compile(lambda a: a / np.sqrt(np.sum(a * a)))(x)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(found, wide / np.sqrt(np.sum(wide * wide)), rtol=2e-6)


@pytest.mark.parametrize("dtype", ["float32", "int16"])
@pytest.mark.parametrize("shape", [(64, 256), (67, 131), (5, 300), (700, 900)])
def test_transposition_alone(shape, dtype):
    x = _normal(*shape, dtype=dtype)
    np.testing.assert_array_equal(torshjit.compile(lambda a: np.ascontiguousarray(a.T))(x), x.T)


def _extremes(dtype: str) -> np.ndarray:
    finite = np.finfo(dtype)
    numbers = [0, 1, 3, 1 / 3, finite.tiny, finite.smallest_subnormal, finite.max, 2.0**60, 2.0**61]
    numbers = [*numbers, np.nextafter(numbers[1], 0, dtype=dtype), np.inf]
    return np.array([*numbers, *(-number for number in numbers), np.nan], dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_are_divided_as_by_a_division(dtype):
    rng = np.random.default_rng(0)
    divisors = np.concatenate([_extremes(dtype), np.exp2(rng.uniform(-3, 62, 500)).astype(dtype)])
    row = np.concatenate([_extremes(dtype), _normal(4000, dtype=dtype)])
    x = np.tile(row, (len(divisors), 1))
    run = torshjit.compile(lambda a, b: a / b)
    with np.errstate(all="ignore"):
        expected = x / divisors[:, None]
    found = run(x, divisors[:, None])
    assert "math.fma" in run.ir("loops")
    # What rounds to a subnormal number is rounded twice.
    tiny = np.finfo(dtype).tiny
    np.testing.assert_allclose(found, expected, rtol=0, atol=np.finfo(dtype).smallest_subnormal)
    is_normal = ~(np.abs(expected) < tiny) | (expected == 0)
    np.testing.assert_array_equal(found[is_normal], expected[is_normal])
    np.testing.assert_array_equal(np.signbit(found[is_normal]), np.signbit(expected[is_normal]))


@pytest.mark.parametrize("shape", [(1100, 1000), (4099, 257), (1023, 4100), (70, 20000)], ids=str)
def test_rows_that_are_read_again_are_prefetched(shape):
    x = _normal(*shape)
    run = torshjit.compile(lambda a: np.exp(a - a.max(axis=1, keepdims=True)) + a.min())
    y = x.astype(np.float64)
    expected = np.exp(y - y.max(axis=1, keepdims=True)) + y.min()
    np.testing.assert_allclose(run(x), expected, rtol=1e-6)
    assert "memref.prefetch" in run.ir("loops")


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "int8", "uint8", "int64", "uint64"]
)
@pytest.mark.parametrize("shape", [(1, 1), (3, 17), (70, 1025), (1, 100003), (5, 3, 64)], ids=str)
def test_positions_of_extremes(shape, dtype, name):
    # Few values: the first of many equal ones, both zeros among them.
    rng = np.random.default_rng(sum(shape))
    x = rng.integers(0, 5, shape).astype(dtype) - (2 if np.dtype(dtype).kind != "u" else 0)
    x = (x * rng.choice([-1, 1], shape)).astype(dtype)
    function = getattr(np, name)
    run = torshjit.compile(lambda a: (function(a, axis=-1), function(a)))
    for found, expected in zip(run(x), (function(x, axis=-1), function(x)), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_of_what_is_no_number(value, name):
    x = _normal(40, 333)
    x[3:, 100] = x[5:, 7] = x[:, 332] = value
    x[39] = value
    function = getattr(np, name)
    run = torshjit.compile(lambda a: function(a * 2, axis=1))
    np.testing.assert_array_equal(run(x), function(x * 2, axis=1))
