# SPDX-License-Identifier: Apache-2.0
"""Reference functions of reductions, pools and normalisations against NumPy and torch eager."""

import ml_dtypes
import numpy as np
import pytest
from graph_records import DTYPES, run_op
from torch_arrays import from_torch, to_torch, torch

from torshjit.errors import ShapeError

FLOATS = ["f16", "bf16", "f32", "f64"]
UNSIGNED = ["ui8", "ui16", "ui32", "ui64"]
INTEGERS = ["i8", "i16", "i32", "i64", *UNSIGNED]
RNG = np.random.default_rng(4)
NUMPY = {"sum": np.sum, "prod": np.prod, "mean": np.mean, "amax": np.amax, "amin": np.amin}
SHAPES_AND_AXES = [
    ((), ()),
    ((5,), (0,)),
    ((3, 4), ()),
    ((3, 4), (1,)),
    ((2, 3, 4), (0, 2)),
    ((2, 3, 4), (0, 1, 2)),
]


def _random(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    if dtype in INTEGERS:
        limits = np.iinfo(DTYPES[dtype])
        return RNG.integers(limits.min, limits.max, shape, DTYPES[dtype], endpoint=True)
    return np.asarray(RNG.normal(size=shape)).astype(DTYPES[dtype])


def _reduced_shape(shape, axes, keepdims):
    kept = [1 if i in axes else n for i, n in enumerate(shape)]
    return tuple(kept if keepdims else [n for i, n in enumerate(kept) if i not in axes])


def _assert_close(actual: np.ndarray, expected: np.ndarray, factor: float = 4) -> None:
    expected = np.asarray(expected).astype(actual.dtype)
    if actual.dtype.kind in "iub":
        np.testing.assert_array_equal(actual, expected)
        return
    eps = factor * float(ml_dtypes.finfo(actual.dtype).eps)
    np.testing.assert_allclose(
        actual.astype(np.float64), expected.astype(np.float64), rtol=eps, atol=eps
    )


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(n, d) for n in NUMPY for d in INTEGERS + FLOATS if n != "mean" or d in FLOATS],
)
@pytest.mark.parametrize(("shape", "axes"), SHAPES_AND_AXES)
@pytest.mark.parametrize("keepdims", [False, True])
def test_reduction_against_numpy(name, dtype, shape, axes, keepdims):
    x = _random(dtype, shape)
    result = (dtype, _reduced_shape(shape, axes, keepdims))
    actual = run_op(f"torsh.{name}", [x], result, axes=list(axes), keepdims=keepdims)
    # Python's wide integers, cut to the type, are what wrapping around gives.
    wide = x.astype(object if dtype in INTEGERS else np.float64)
    expected = np.asarray(NUMPY[name](wide, axis=axes, keepdims=keepdims))
    if expected.dtype == object:
        limits = np.iinfo(DTYPES[dtype])
        expected = (expected - limits.min) % 2**limits.bits + limits.min
    _assert_close(actual, expected, factor=64 if dtype in ("f32", "f64") else 4)


@pytest.mark.parametrize("name", ["any", "all"])
@pytest.mark.parametrize(("shape", "axes"), [*SHAPES_AND_AXES, ((0, 3), (0,)), ((0,), (0,))])
def test_any_and_all(name, shape, axes):
    x = RNG.random(shape) < 0.7
    x = np.asarray(x)
    result = ("i1", _reduced_shape(shape, axes, False))
    actual = run_op(f"torsh.{name}", [x], result, axes=list(axes), keepdims=False)
    np.testing.assert_array_equal(actual, getattr(np, name)(x, axis=axes))


@pytest.mark.parametrize(
    ("name", "expected"), [("sum", 0), ("prod", 1), ("mean", np.nan)], ids=["sum", "prod", "mean"]
)
def test_empty_reductions(name, expected):
    x = np.ones((3, 0), np.float32)
    actual = run_op(f"torsh.{name}", [x], ("f32", (3,)), axes=[1], keepdims=False)
    np.testing.assert_array_equal(actual, np.full(3, expected, np.float32))


@pytest.mark.parametrize("name", ["amax", "amin", "argmax", "argmin"])
def test_an_extremum_of_nothing_is_refused(name):
    x = np.ones((3, 0), np.float32)
    attributes = {"axis": 1} if name.startswith("arg") else {"axes": [1]}
    dtype = "i64" if name.startswith("arg") else "f32"
    with pytest.raises(ShapeError, match="axis 1 is empty"):
        run_op(f"torsh.{name}", [x], (dtype, (3,)), [(3, -1)], keepdims=False, **attributes)


@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_wins_and_the_first_one_is_the_position(dtype):
    x = np.array([[1, np.nan, 3, np.nan], [np.inf, 1, -np.inf, 2]]).astype(DTYPES[dtype])
    for name, expected in {"amax": [np.nan, np.inf], "amin": [np.nan, -np.inf]}.items():
        actual = run_op(f"torsh.{name}", [x], (dtype, (2,)), axes=[1], keepdims=False)
        np.testing.assert_array_equal(actual.astype(np.float64), expected)
    for name, expected in {"argmax": [1, 0], "argmin": [1, 2]}.items():
        actual = run_op(f"torsh.{name}", [x], ("i64", (2,)), axis=1, keepdims=False)
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("keepdims", [False, True])
def test_the_first_of_equal_elements_is_the_position(name, dtype, keepdims):
    x = np.array([[2, 5, 5, 0, 0], [1, 1, 1, 1, 1]]).astype(DTYPES[dtype])
    shape = (2, 1) if keepdims else (2,)
    actual = run_op(f"torsh.{name}", [x], ("i64", shape), axis=1, keepdims=keepdims)
    assert actual.dtype == np.int64
    np.testing.assert_array_equal(actual.ravel(), [1, 0] if name == "argmax" else [3, 0])


POOLS = [
    ((2, 3, 10), [3], [2], [1], [1], [1]),
    ((1, 2, 9, 7), [3, 2], [2, 1], [1, 1], [1, 1], [1, 1]),
    ((1, 2, 9, 9), [2, 3], [1, 1], [0, 1], [0, 1], [2, 1]),
    ((1, 1, 5, 6, 7), [2, 2, 3], [1, 2, 3], [1, 0, 1], [1, 0, 1], [1, 1, 1]),
    ((0, 2, 5, 5), [2, 2], [1, 1], [0, 0], [0, 0], [1, 1]),
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("shape", "window", "stride", "low", "high", "dilation"), POOLS)
def test_max_pool_against_torch(shape, window, stride, low, high, dilation, dtype):
    x = -np.abs(_random(dtype, shape).astype(np.float64)).astype(DTYPES[dtype])
    pool = getattr(torch.nn.functional, f"max_pool{len(window)}d")
    expected = from_torch(pool(to_torch(x.astype(np.float64)), window, stride, low, dilation))
    actual = run_op(
        "torsh.max_pool", [x], (dtype, expected.shape), window=window, stride=stride,
        padding_low=low, padding_high=high, dilation=dilation,
    )  # fmt: skip
    np.testing.assert_array_equal(actual.astype(np.float64), expected)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_max_pool_of_integers_pads_with_the_smallest(dtype):
    smallest = np.iinfo(DTYPES[dtype]).min
    x = np.array([[[0, 1, 9, 7, 0]]]) + smallest
    x = x.astype(DTYPES[dtype])
    actual = run_op(
        "torsh.max_pool", [x], (dtype, (1, 1, 3)), window=[3], stride=[2], padding_low=[1],
        padding_high=[1], dilation=[1],
    )  # fmt: skip
    np.testing.assert_array_equal(actual, [[[smallest + 1, smallest + 9, smallest + 7]]])


def test_max_pool_passes_nan():
    x = np.array([[[1, np.nan, 2, 3]]], np.float32)
    attributes = {"window": [2], "stride": [1], "padding_low": [0], "padding_high": [0]}
    actual = run_op("torsh.max_pool", [x], ("f32", (1, 1, 3)), dilation=[1], **attributes)
    np.testing.assert_array_equal(actual, [[[np.nan, np.nan, 3]]])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize(("shape", "window", "stride", "low", "high", "dilation"), POOLS)
def test_avg_pool_against_torch(shape, window, stride, low, high, dilation, include, dtype):
    x = _random(dtype, shape)
    pool = getattr(torch.nn.functional, f"avg_pool{len(window)}d")
    # torch allows at most half a window of padding.
    low, high = (
        [min(p, n // 2) for p, n in zip(side, window, strict=True)] for side in (low, high)
    )
    expected = from_torch(
        pool(to_torch(x.astype(np.float64)), window, stride, low, count_include_pad=include)
    )
    actual = run_op(
        "torsh.avg_pool", [x], (dtype, expected.shape), window=window, stride=stride,
        padding_low=low, padding_high=high, count_include_pad=include,
    )  # fmt: skip
    _assert_close(actual, expected)


def test_avg_pool_with_asymmetric_padding_counts_what_is_present():
    x = np.array([[[2, 4, 6]]], np.float64)
    attributes = {"window": [2], "stride": [1], "padding_low": [0], "padding_high": [1]}
    for include, expected in ((True, [3, 5, 3]), (False, [3, 5, 6])):
        actual = run_op(
            "torsh.avg_pool", [x], ("f64", (1, 1, 3)), count_include_pad=include, **attributes
        )
        np.testing.assert_array_equal(actual, [[expected]])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize(("shape", "axis"), [((7,), 0), ((2, 5), 0), ((2, 3, 1), 2), ((3, 0), 1)])
def test_softmax_against_torch(name, shape, axis, dtype):
    x = (_random(dtype, shape) * 10).astype(DTYPES[dtype])
    expected = getattr(torch, name)(to_torch(x.astype(np.float64)), axis)
    actual = run_op(f"torsh.{name}", [x], (dtype, shape), axis=axis)
    _assert_close(actual, from_torch(expected), factor=32)


def test_softmax_neither_overflows_nor_hides_nan():
    x = np.array(
        [[1e4, 0], [-1e4, -1e4], [-np.inf, 0], [np.nan, 0], [-np.inf, -np.inf], [np.inf, 0]]
    )
    actual = run_op("torsh.softmax", [x], ("f64", x.shape), axis=1)
    np.testing.assert_array_equal(actual, from_torch(torch.softmax(to_torch(x), 1)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("parts", ["neither", "weight", "bias", "both"])
@pytest.mark.parametrize(("shape", "num_axes"), [((2, 3, 8), 1), ((2, 3, 8), 2), ((5,), 1)])
def test_layer_norm_against_torch(shape, num_axes, parts, dtype):
    x = (_random(dtype, shape) + 3).astype(DTYPES[dtype])
    normalized = shape[len(shape) - num_axes :]
    weight = _random(dtype, normalized) if parts in ("weight", "both") else None
    bias = _random(dtype, normalized) if parts in ("bias", "both") else None
    wide = [None if a is None else to_torch(a.astype(np.float64)) for a in (weight, bias)]
    expected = torch.nn.functional.layer_norm(
        to_torch(x.astype(np.float64)), normalized, *wide, eps=1e-3
    )
    actual = run_op(
        "torsh.layer_norm", [x, weight, bias], (dtype, shape), num_axes=num_axes, eps=1e-3
    )
    _assert_close(actual, from_torch(expected), factor=32)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5), (2, 3, 4, 5), (0, 3, 2, 2)])
def test_batch_norm_against_torch(shape, affine, dtype):
    x, mean, variance, weight, bias = (_random(dtype, s) for s in (shape, *[(3,)] * 4))
    variance = np.abs(variance) + variance.dtype.type(0.5)
    if not affine:
        weight = bias = None
    wide = [
        None if a is None else to_torch(a.astype(np.float64))
        for a in (x, mean, variance, weight, bias)
    ]
    expected = torch.nn.functional.batch_norm(*wide, training=False, eps=1e-3)
    actual = run_op("torsh.batch_norm", [x, mean, variance, weight, bias], (dtype, shape), eps=1e-3)
    _assert_close(actual, from_torch(expected), factor=16)


def test_statistics_of_another_extent_are_refused():
    x, three = np.ones((2, 4), np.float32), np.ones(3, np.float32)
    with pytest.raises(ShapeError, match="extents of x and mean differ: 4 and 3"):
        run_op(
            "torsh.batch_norm", [x, three, three, None, None], ("f32", (2, -1)),
            types=[(2, -1)], eps=1e-3,
        )  # fmt: skip
    with pytest.raises(ShapeError, match="extents of x and weight differ: 4 and 3"):
        run_op(
            "torsh.layer_norm", [x, three, None], ("f32", (2, -1)), types=[(2, -1)],
            num_axes=1, eps=1e-3,
        )  # fmt: skip
