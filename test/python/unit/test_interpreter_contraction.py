# SPDX-License-Identifier: Apache-2.0
"""Reference functions of matmul, linear and convolution against torch eager and exact sums."""

import ml_dtypes
import numpy as np
import pytest
from graph_records import DTYPES, run_op
from torch_arrays import from_torch, to_torch, torch

from torshjit.errors import ShapeError

RNG = np.random.default_rng(3)


def _random(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    if dtype.startswith("i"):
        limits = np.iinfo(DTYPES[dtype])
        return RNG.integers(limits.min, limits.max, shape, DTYPES[dtype], endpoint=True)
    return RNG.normal(size=shape).astype(DTYPES[dtype])


def _assert_close(actual: np.ndarray, expected: np.ndarray, terms: int) -> None:
    assert actual.dtype == expected.dtype
    if actual.dtype.kind == "i":
        np.testing.assert_array_equal(actual, expected)
        return
    eps = float(ml_dtypes.finfo(actual.dtype).eps)
    np.testing.assert_allclose(
        actual.astype(np.float64), expected.astype(np.float64), rtol=2 * eps, atol=terms * eps
    )


@pytest.mark.parametrize("dtype", ["i8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64"])
@pytest.mark.parametrize(
    ("lhs", "rhs"),
    [
        ((3, 5), (5, 7)),
        ((1, 5), (5, 1)),
        ((2, 1, 3, 5), (4, 5, 7)),
        ((3, 0), (0, 7)),
        ((0, 5), (5, 7)),
        ((0, 3, 5), (1, 5, 2)),
    ],
)
def test_matmul(lhs, rhs, dtype):
    x, y = _random(dtype, lhs), _random(dtype, rhs)
    expected = from_torch(torch.matmul(to_torch(x), to_torch(y)))
    actual = run_op("torsh.matmul", [x, y], (dtype, expected.shape))
    _assert_close(actual, expected, terms=lhs[-1])


def test_integer_matmul_wraps_around():
    x, y = _random("i8", (4, 9)), _random("i8", (9, 5))
    exact = x.astype(np.int64) @ y.astype(np.int64)
    actual = run_op("torsh.matmul", [x, y], ("i8", (4, 5)))
    np.testing.assert_array_equal(actual, exact.astype(np.int8))


def test_half_products_are_accumulated_in_float32():
    # In f16 the running sum would stop at 2048.
    x = np.ones((1, 4096), np.float16)
    actual = run_op("torsh.matmul", [x, x.T.copy()], ("f16", (1, 1)))
    assert actual == 4096


@pytest.mark.parametrize("dtype", ["i32", "f16", "bf16", "f32", "f64"])
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 5), (0, 5)])
def test_linear(shape, with_bias, dtype):
    x, weight = _random(dtype, shape), _random(dtype, (7, 5))
    bias = _random(dtype, (7,)) if with_bias else None
    wide = np.float32 if dtype in ("f16", "bf16") else DTYPES[dtype]
    expected = x.astype(wide) @ weight.astype(wide).T
    if bias is not None:
        expected = expected + bias.astype(wide)
    actual = run_op("torsh.linear", [x, weight, bias], (dtype, expected.shape))
    _assert_close(actual, expected.astype(DTYPES[dtype]), terms=5)


CONVOLUTIONS = {
    "1d": ((2, 3, 10), (4, 3, 3), [1], [0], [0], [1], 1),
    "2d-padded-strided": ((2, 3, 9, 7), (4, 3, 3, 2), [2, 1], [1, 1], [1, 1], [1, 1], 1),
    "2d-dilated-groups": ((1, 4, 9, 9), (6, 2, 3, 3), [1, 2], [2, 1], [2, 1], [2, 1], 2),
    "depthwise": ((2, 5, 6, 6), (5, 1, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1], 5),
    "3d": ((1, 2, 5, 6, 7), (3, 2, 2, 3, 1), [1, 2, 3], [0, 1, 0], [0, 1, 0], [1, 1, 2], 1),
    "pointwise": ((2, 3, 4, 4), (5, 3, 1, 1), [1, 1], [0, 0], [0, 0], [1, 1], 1),
    "empty-batch": ((0, 3, 6, 6), (4, 3, 3, 3), [1, 1], [0, 0], [0, 0], [1, 1], 1),
}


@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32", "f64", "i64"])
@pytest.mark.parametrize("case", sorted(CONVOLUTIONS))
@pytest.mark.parametrize("with_bias", [False, True])
def test_conv_against_torch(case, with_bias, dtype):
    image_shape, weight_shape, stride, low, high, dilation, groups = CONVOLUTIONS[case]
    if dtype == "i64":
        image, weight = (RNG.integers(-9, 9, shape) for shape in (image_shape, weight_shape))
        bias = RNG.integers(-9, 9, weight_shape[:1])
    else:
        image, weight = _random(dtype, image_shape), _random(dtype, weight_shape)
        bias = _random(dtype, weight_shape[:1])
    # torch convolves in float64: exact for these integers, and rounded once for the halves.
    convolve = getattr(torch.nn.functional, f"conv{len(stride)}d")
    expected = from_torch(
        convolve(
            to_torch(image.astype(np.float64)),
            to_torch(weight.astype(np.float64)),
            to_torch(bias.astype(np.float64)) if with_bias else None,
            stride=stride,
            padding=low,
            dilation=dilation,
            groups=groups,
        )
    ).astype(DTYPES[dtype])
    actual = run_op(
        "torsh.conv",
        [image, weight, bias if with_bias else None],
        (dtype, expected.shape),
        stride=stride,
        padding_low=low,
        padding_high=high,
        dilation=dilation,
        groups=groups,
    )
    _assert_close(actual, expected, terms=30)


def test_conv_with_asymmetric_padding():
    image, weight = _random("f64", (1, 2, 5, 6)), _random("f64", (3, 2, 3, 3))
    padded = np.pad(image, [(0, 0), (0, 0), (0, 2), (1, 3)])
    expected = from_torch(torch.nn.functional.conv2d(to_torch(padded), to_torch(weight)))
    actual = run_op(
        "torsh.conv", [image, weight, None], ("f64", expected.shape), stride=[1, 1],
        padding_low=[0, 1], padding_high=[2, 3], dilation=[1, 1], groups=1,
    )  # fmt: skip
    _assert_close(actual, expected, terms=18)


@pytest.mark.parametrize(
    ("name", "shapes", "types", "message"),
    [
        ("matmul", [(2, 3), (4, 5)], [(2, -1), (4, 5)], "summed over differ: 3 and 4"),
        ("matmul", [(1, 2, 3), (4, 3, 5)], [(-1, 2, 3), (4, 3, 5)], "never broadcasts"),
        ("linear", [(2, 3), (4, 5)], [(2, -1), (4, 5)], "summed over differ: 3 and 5"),
        ("linear", [(2, 3), (4, 3), (1,)], [None, None, (-1,)], "weight and bias differ"),
    ],
)
def test_dynamic_extents_that_disagree(name, shapes, types, message):
    operands = [np.ones(shape, np.float32) for shape in shapes]
    if name == "linear" and len(operands) == 2:
        operands.append(None)
    rank = max(len(shape) for shape in shapes)
    with pytest.raises(ShapeError, match=message):
        run_op(f"torsh.{name}", operands, ("f32", (-1,) * rank), types=types)


def test_conv_refuses_what_does_not_fit():
    attributes = {"stride": [1], "padding_low": [1], "padding_high": [0], "dilation": [2]}
    weight = np.ones((4, 2, 3), np.float32)
    for shape, groups, message in [
        ((1, 3, 9), 1, "the input has 3 channels, the weight 2 in each of 1 groups"),
        ((1, 2, 3), 1, "the window spans 5 elements of spatial axis 0, which has only 4"),
    ]:
        with pytest.raises(ShapeError, match=message):
            run_op(
                "torsh.conv", [np.ones(shape, np.float32), weight, None], ("f32", (-1, -1, -1)),
                types=[(-1, -1, -1)], groups=groups, **attributes,
            )  # fmt: skip
