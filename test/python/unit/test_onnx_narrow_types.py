# SPDX-License-Identifier: Apache-2.0
"""Floats of 8 and 4 bits and integers of 4 and 2 bits in ONNX models, against ml_dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import torshjit
from torshjit.errors import DTypeError, UnsupportedOpError

onnx = pytest.importorskip("onnx")
ml_dtypes = pytest.importorskip("ml_dtypes")

from onnx import TensorProto, helper  # noqa: E402

FLOATS = ["float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float4_e2m1fn"]
INTEGERS = ["int4", "uint4", "int2", "uint2"]


def cast_model(source: Any, target: Any, shape: Any, **attributes: Any) -> Any:
    types = [helper.np_dtype_to_tensor_dtype(np.dtype(each)) for each in (source, target)]
    node = helper.make_node("Cast", ["x"], ["y"], to=types[1], **attributes)
    graph = helper.make_graph(
        [node],
        "cast",
        [helper.make_tensor_value_info("x", types[0], shape)],
        [helper.make_tensor_value_info("y", types[1], shape)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 24)], ir_version=11)


def cast(x: np.ndarray, target: Any, **attributes: Any) -> np.ndarray:
    model = cast_model(x.dtype, target, x.shape, **attributes)
    result = torshjit.compile(model, strict=True)(x)
    assert result.dtype == target
    return result


def samples(dtype: Any) -> np.ndarray:
    """Numbers of every exponent, halves between codes and their neighbours, what is not finite."""
    rng = np.random.default_rng(0)
    spread = rng.standard_normal(4000) * 2.0 ** rng.integers(-30, 20, 4000)
    codes = np.arange(256).astype(np.uint8)
    numbers = np.concatenate(
        [codes.view(getattr(ml_dtypes, name)).astype(np.float64) for name in FLOATS[:4]]
    )
    numbers = np.sort(numbers[np.isfinite(numbers)])
    halves = (numbers[1:] + numbers[:-1]) / 2
    near = np.concatenate([np.nextafter(halves, np.inf), np.nextafter(halves, -np.inf)])
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 464.0, 61440.0])
    with np.errstate(over="ignore"):
        return np.concatenate([spread, numbers, halves, near, special]).astype(dtype)


@pytest.mark.parametrize("source", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("saturate", [0, 1])
def test_floats_are_rounded_once(name: str, source: Any, saturate: int) -> None:
    target = np.dtype(getattr(ml_dtypes, name))
    x = samples(source)
    with np.errstate(all="ignore"):
        expected = x.astype(target)
        if saturate and name != "float4_e2m1fn":
            expected = onnx.numpy_helper.saturate_cast(x, target)
    got = cast(x, target, saturate=saturate)
    np.testing.assert_array_equal(
        got.view(np.uint8)[~np.isnan(x)], expected.view(np.uint8)[~np.isnan(x)]
    )
    if name != "float4_e2m1fn":
        assert np.isnan(got[np.isnan(x)].astype(np.float32)).all()


@pytest.mark.parametrize("round_mode", ["up", "down", "nearest"])
@pytest.mark.parametrize("saturate", [0, 1])
def test_exponents(round_mode: str, saturate: int) -> None:
    x = np.concatenate([np.abs(samples(np.float32)), np.array([3e38, 1.5, 6e-39], np.float32)])
    expected = onnx.numpy_helper.to_float8e8m0(x, bool(saturate), round_mode)
    got = cast(x, np.dtype(ml_dtypes.float8_e8m0fnu), round_mode=round_mode, saturate=saturate)
    np.testing.assert_array_equal(got.view(np.uint8), expected.view(np.uint8))


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("source", [np.float32, np.int32, np.int8])
def test_small_integers_wrap_around(name: str, source: Any) -> None:
    target = np.dtype(getattr(ml_dtypes, name))
    x = np.array([-20, -9, -8, -2.7, -1, 0, 1, 2.5, 3, 7, 8, 15, 16, 100]).astype(source)
    np.testing.assert_array_equal(cast(x, target).view(np.uint8), x.astype(target).view(np.uint8))


@pytest.mark.parametrize("name", [*FLOATS, *INTEGERS, "float8_e8m0fnu"])
def test_every_code_is_read(name: str) -> None:
    dtype = np.dtype(getattr(ml_dtypes, name))
    count = 16 if "4" in name[:6] else 256
    x = np.arange({"int2": 4, "uint2": 4}.get(name, count)).astype(np.uint8).view(dtype)
    for target in (np.float32, np.float16, np.float64):
        with np.errstate(all="ignore"):
            expected = x.astype(np.float32).astype(target)
        np.testing.assert_array_equal(cast(x, np.dtype(target)), expected)


def test_narrow_elements_move_and_do_not_compute() -> None:
    dtype = np.dtype(ml_dtypes.float8_e4m3fn)
    element = TensorProto.FLOAT8E4M3FN
    x = np.arange(24).astype(np.float32).astype(dtype).reshape(2, 3, 4)

    def model(op: str, inputs: list[str], shape: Any) -> Any:
        graph = helper.make_graph(
            [helper.make_node(op, inputs, ["y"])],
            "moves",
            [helper.make_tensor_value_info("x", element, x.shape)],
            [helper.make_tensor_value_info("y", element, shape)],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)

    turned = torshjit.compile(model("Transpose", ["x"], (4, 3, 2)), strict=True)(x)
    assert turned.dtype == dtype
    np.testing.assert_array_equal(turned.astype(np.float32), x.astype(np.float32).T)
    with pytest.raises((UnsupportedOpError, DTypeError), match="float8_e4m3fn"):
        torshjit.compile(model("Relu", ["x"], x.shape), strict=True)(x)


def test_an_argument_of_another_type_is_refused() -> None:
    model = cast_model(ml_dtypes.int4, np.float32, (2,))
    with pytest.raises(DTypeError, match="declared as int4, got int8"):
        torshjit.compile(model)(np.zeros(2, np.int8))
