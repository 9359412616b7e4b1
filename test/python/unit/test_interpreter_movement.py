# SPDX-License-Identifier: Apache-2.0
"""Reference functions of constants and movements against NumPy."""

import numpy as np
import pytest
from graph_records import DTYPES, run_op

from torshjit.errors import ShapeError

END = np.iinfo(np.int64).max
ALL = sorted(DTYPES)


def _numbered(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(DTYPES[dtype])


def _assert_same(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    assert actual.tobytes() == np.ascontiguousarray(expected).tobytes()


@pytest.mark.parametrize("dtype", ALL)
def test_every_movement_keeps_the_elements_of_every_dtype(dtype):
    x = _numbered(dtype, (2, 3, 4))
    value = np.array(1).astype(DTYPES[dtype])
    padded = np.full((3, 3, 7), value)
    padded[1:, :, 1:5] = x
    cases = [
        ("constant", [], {"value": x}, x),
        ("reshape", [x, None], {}, x.reshape(4, 6)),
        ("broadcast", [x, None], {}, np.broadcast_to(x, (5, 2, 3, 4))),
        ("permute", [x], {"permutation": [2, 0, 1]}, x.transpose(2, 0, 1)),
        ("slice", [x], {"start": [0, 1, 3], "stop": [2, 3, -1], "stride": [1, 1, -2]},
         x[0:2, 1:3, 3::-2]),
        ("concat", [[x, x[:, :1], x]], {"axis": 1}, np.concatenate([x, x[:, :1], x], 1)),
        ("pad", [x, value], {"low": [1, 0, 1], "high": [0, 0, 2]}, padded),
    ]  # fmt: skip
    for name, operands, attributes, expected in cases:
        actual = run_op(f"torsh.{name}", operands, (dtype, expected.shape), **attributes)
        _assert_same(actual, expected)


@pytest.mark.parametrize("dtype", [name for name in ALL if name != "i1"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_iota(axis, dtype):
    shape = (2, 3, 4)
    actual = run_op("torsh.iota", [None], (dtype, shape), axis=axis)
    _assert_same(actual, np.indices(shape)[axis].astype(DTYPES[dtype]))


def test_iota_of_more_positions_than_the_type_counts_wraps_around():
    actual = run_op("torsh.iota", [None], ("i8", (300,)), axis=0)
    np.testing.assert_array_equal(actual, np.arange(300).astype(np.int8))


@pytest.mark.parametrize("extent", [0, 1, 5, 6])
@pytest.mark.parametrize("step", [-3, -2, -1, 1, 2, 3])
def test_slice_agrees_with_pythons_slices(extent, step):
    x = np.arange(extent, dtype=np.int64)
    bounds = [None, *range(-extent - 2, extent + 3)]
    for begin in bounds:
        for end in bounds:
            start, stop, stride = slice(begin, end, step).indices(extent)
            expected = x[begin:end:step]
            actual = run_op(
                "torsh.slice", [x], ("i64", expected.shape), start=[start], stop=[stop],
                stride=[stride],
            )  # fmt: skip
            np.testing.assert_array_equal(actual, expected)


def test_slice_of_a_dynamic_axis():
    x = np.arange(7, dtype=np.float32)
    actual = run_op("torsh.slice", [x], ("f32", (-1,)), [(-1,)], start=[1], stop=[END], stride=[2])
    np.testing.assert_array_equal(actual, x[1::2])
    for start, stop in ((0, 8), (8, END)):
        with pytest.raises(ShapeError, match=r"torsh\.slice: bounds .* outside axis 0 of extent 7"):
            run_op(
                "torsh.slice", [x], ("f32", (-1,)), [(-1,)], start=[start], stop=[stop], stride=[1]
            )


@pytest.mark.parametrize(
    ("shape", "type_", "result", "expected"),
    [
        ((6, 4), (-1, 4), (-1, 8), (3, 8)),
        ((0, 4), (-1, 4), (-1, 8), (0, 8)),
        ((1,), (1,), (), ()),
        ((), (), (1, 1), (1, 1)),
        ((0, 3), (0, 3), (3, 0, 5), (3, 0, 5)),
    ],
)
def test_reshape(shape, type_, result, expected):
    x = _numbered("f32", shape)
    actual = run_op("torsh.reshape", [x, None], ("f32", result), [type_])
    _assert_same(actual, x.reshape(expected))


def test_reshape_of_a_wrong_number_of_elements():
    x = _numbered("f32", (3, 4))
    with pytest.raises(ShapeError, match="12 elements of shape 3x4 do not fill the shape 5x"):
        run_op("torsh.reshape", [x, None], ("f32", (5, -1)), [(-1, 4)])


@pytest.mark.parametrize(
    ("shape", "type_", "result", "expected"),
    [
        ((), (), (2, 3), (2, 3)),
        ((3, 1), (-1, 1), (2, -1, 4), (2, 3, 4)),
        ((1,), (1,), (0,), (0,)),
        ((4,), (-1,), (2, 4), (2, 4)),
    ],
)
def test_broadcast(shape, type_, result, expected):
    x = _numbered("f32", shape)
    actual = run_op("torsh.broadcast", [x, None], ("f32", result), [type_])
    _assert_same(actual, np.broadcast_to(x, expected))


def test_broadcast_never_repeats_a_dynamic_axis():
    x = _numbered("f32", (1,))
    with pytest.raises(ShapeError, match="only a static extent of 1 is repeated"):
        run_op("torsh.broadcast", [x, None], ("f32", (4,)), [(-1,)])


def test_concat_of_tensors_that_differ_elsewhere():
    x, y = _numbered("f32", (2, 3)), _numbered("f32", (4, 3))
    actual = run_op("torsh.concat", [[x, y]], ("f32", (-1, 3)), [(-1, 3)], axis=0)
    _assert_same(actual, np.concatenate([x, y]))
    with pytest.raises(ShapeError, match="shapes 2x3, 4x3 differ elsewhere than along axis 1"):
        run_op("torsh.concat", [[x, y]], ("f32", (-1, 6)), [(-1, 3), (-1, 3)], axis=1)


def test_pad_of_an_empty_tensor_with_nan():
    x, nan = np.ones((0, 2), np.float32), np.array(np.nan, np.float32)
    actual = run_op("torsh.pad", [x, nan], ("f32", (3, 2)), low=[1, 0], high=[2, 0])
    _assert_same(actual, np.full((3, 2), np.nan, np.float32))
