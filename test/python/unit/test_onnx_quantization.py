# SPDX-License-Identifier: Apache-2.0
"""ONNX quantisation against the reference evaluator, which computes in integers too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
ml_dtypes = pytest.importorskip("ml_dtypes")

from onnx_nodes import check_node  # noqa: E402

from torshjit.capture.numpy_dtypes import is_supported  # noqa: E402

RNG = np.random.default_rng(11)
TYPES = [np.int8, np.int16, np.uint8, np.uint16, ml_dtypes.int4, ml_dtypes.uint4]
TYPES = [each for each in TYPES if np.dtype(each).kind != "u" or is_supported(np.dtype(each))]
EIGHT = [np.int8] + [np.uint8] * is_supported(np.dtype(np.uint8))


def integers(dtype: Any, shape: Any) -> np.ndarray:
    info = ml_dtypes.iinfo(dtype)
    return RNG.integers(int(info.min), int(info.max) + 1, shape).astype(dtype)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("axis", [None, 0, 2])
def test_quantize_and_back(dtype: Any, axis: int | None) -> None:
    x = (RNG.standard_normal((3, 4, 5)) * 1000).astype(np.float32)
    shape = () if axis is None else (x.shape[axis],)
    scale = np.asarray(RNG.random(shape) * 10 + 0.1, np.float32)
    zero = np.asarray(integers(dtype, shape), dtype)
    options = {} if axis is None else {"axis": axis}
    check_node("QuantizeLinear", [x, scale, zero], **options)
    check_node(
        "DequantizeLinear", [integers(dtype, x.shape), scale, zero], tolerance=1e-6, **options
    )


def test_halves_go_to_even() -> None:
    x = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 126.5, 127.5, 1e9, -1e9, np.inf], np.float32)
    check_node("QuantizeLinear", [x[:-1], np.float32(1), np.int8(0)])


@pytest.mark.parametrize("rows", [4, 3])
def test_blocks(rows: int) -> None:
    x = (RNG.standard_normal((rows, 7)) * 30).astype(np.float32)
    scale = (RNG.random((2, 7)) + 0.5).astype(np.float32)
    zero = integers(np.int8, (2, 7))
    check_node("QuantizeLinear", [x, scale, zero], axis=0, block_size=2)
    check_node(
        "DequantizeLinear",
        [integers(np.int8, x.shape), scale, zero],
        axis=0,
        block_size=2,
        tolerance=1e-6,
    )


@pytest.mark.parametrize("dtype", EIGHT)
@pytest.mark.parametrize("batch", [(), (3,)])
def test_qlinear_matmul(dtype: Any, batch: tuple) -> None:
    a, b = integers(dtype, (*batch, 5, 40)), integers(dtype, (*batch, 40, 6))
    scales = [np.float32(each) for each in (0.02, 0.03, 1.7)]
    zeros = [np.asarray(integers(dtype, ()), dtype) for _ in range(3)]
    check_node(
        "QLinearMatMul",
        [a, scales[0], zeros[0], b, scales[1], zeros[1], scales[2], zeros[2]],
    )


@pytest.mark.parametrize("dtype", EIGHT)
@pytest.mark.parametrize("per_channel", [False, True])
def test_qlinear_conv(dtype: Any, per_channel: bool) -> None:
    x, w = integers(dtype, (2, 4, 9, 8)), integers(dtype, (6, 2, 3, 3))
    shape = (6,) if per_channel else ()
    w_scale = np.asarray(RNG.random(shape) * 0.05 + 0.01, np.float32)
    w_zero = np.asarray(integers(dtype, shape), dtype)
    zeros = [np.asarray(integers(dtype, ()), dtype) for _ in range(2)]
    bias = RNG.integers(-1000, 1000, 6).astype(np.int32)
    check_node(
        "QLinearConv",
        [x, np.float32(0.05), zeros[0], w, w_scale, w_zero, np.float32(2.5), zeros[1], bias],
        group=2,
        pads=[1, 0, 1, 2],
        strides=[2, 1],
    )


def test_products_of_integers_are_exact() -> None:
    a, b = integers(np.int8, (3, 300)), integers(np.int8, (300, 4))
    check_node("MatMulInteger", [a, b, np.int8(-7), integers(np.int8, (4,))])
    check_node(
        "ConvInteger",
        [integers(np.int8, (1, 3, 6, 6)), integers(np.int8, (2, 3, 3, 3)), np.int8(5)],
    )


@pytest.mark.parametrize("per_channel", [False, True])
def test_a_quantised_network_serves_every_batch(per_channel: bool) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    import torshjit

    channels = (8,) if per_channel else ()
    arrays = {
        "sx": np.float32(0.05),
        "zx": np.int8(3),
        "w": integers(np.int8, (8, 3, 3, 3)),
        "sw": np.asarray(RNG.random(channels) * 0.02 + 0.01, np.float32),
        "zw": np.zeros(channels, np.int8),
        "v": integers(np.int8, (8, 5)),
    }
    make = helper.make_node
    nodes = [
        make("QuantizeLinear", ["x", "sx", "zx"], ["xq"]),
        make("DequantizeLinear", ["xq", "sx", "zx"], ["xd"]),
        make("DequantizeLinear", ["w", "sw", "zw"], ["wd"], axis=0),
        make("Conv", ["xd", "wd"], ["c"], pads=[1, 1, 1, 1]),
        make("Relu", ["c"], ["r"]),
        make("GlobalAveragePool", ["r"], ["p"]),
        make("Flatten", ["p"], ["f"]),
        make("QuantizeLinear", ["f", "sx", "zx"], ["fq"]),
        make("MatMulInteger", ["fq", "v", "zx"], ["m"]),
        make("Cast", ["m"], ["y"], to=TensorProto.FLOAT),
    ]
    graph = helper.make_graph(
        nodes,
        "quantised",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("batch", 3, 7, 6))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("batch", 5))],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    compiled = torshjit.compile(model, strict=True)
    for batch in (2, 5, 1):
        x = RNG.standard_normal((batch, 3, 7, 6)).astype(np.float32)
        (expected,) = onnx.reference.ReferenceEvaluator(model).run(None, {"x": x})
        # Where a mean is halfway between two steps, sums in another order go to the other one.
        difference = np.abs(compiled(x) - expected)
        assert difference.max() <= np.abs(arrays["v"].astype(np.int32)).max()
        assert (difference == 0).mean() > 0.7
    assert compiled.stats()["specializations"] == 1
