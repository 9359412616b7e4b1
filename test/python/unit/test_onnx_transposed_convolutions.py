# SPDX-License-Identifier: Apache-2.0
"""ONNX ConvTranspose against torch's: by phases where windows leave no gaps, else over gaps."""

from __future__ import annotations

import numpy as np
import pytest

import torshjit

pytest.importorskip("onnx")

from onnx_nodes import node_model

torch = pytest.importorskip("torch")


def both(shape, weight, *, stride, pads, extra, dilation, groups=1) -> tuple:
    """What the compiled node and torch return; `pads` are before and after the two axes."""
    rng = np.random.default_rng(0)
    operands = [
        rng.standard_normal(s).astype(np.float32) for s in (shape, weight, (weight[1] * groups,))
    ]
    model = node_model(
        "ConvTranspose",
        operands,
        strides=stride,
        pads=pads,
        output_padding=extra,
        dilations=dilation,
        group=groups,
    )
    model.graph.output[0].type.tensor_type.shape.Clear()
    for axis in "nchw":
        model.graph.output[0].type.tensor_type.shape.dim.add().dim_param = axis
    result = torshjit.compile(model)(*operands)
    x, w, bias = map(torch.from_numpy, operands)
    whole = torch.nn.functional.conv_transpose2d(
        x, w, None, stride, dilation=dilation, groups=groups
    )
    # The extra places follow those that windows reach.
    whole = torch.nn.functional.pad(whole, (0, extra[1], 0, extra[0])) + bias[:, None, None]
    height, width = whole.shape[2:]
    return result, whole[:, :, pads[0] : height - pads[2], pads[1] : width - pads[3]].numpy()


@pytest.mark.parametrize("pads", [(0, 0, 0, 0), (1, 1, 1, 1), (0, 1, 2, 0)], ids=str)
@pytest.mark.parametrize("window", [(2, 2), (3, 3), (4, 3), (1, 5)], ids=str)
@pytest.mark.parametrize(
    ("stride", "dilation", "extra"),
    [
        ((1, 1), (1, 1), (0, 0)),
        ((2, 2), (1, 1), (1, 0)),
        ((3, 2), (1, 1), (0, 1)),
        ((2, 1), (2, 1), (1, 0)),
        ((4, 4), (1, 1), (0, 3)),
    ],
    ids=str,
)
def test_against_torch(stride, dilation, extra, window, pads) -> None:
    result, expected = both(
        (2, 4, 5, 7),
        (4, 3, *window),
        stride=stride,
        pads=pads,
        extra=extra,
        dilation=dilation,
    )
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)


def test_groups() -> None:
    result, expected = both(
        (1, 8, 6, 5),
        (8, 2, 3, 3),
        stride=(2, 2),
        pads=(1, 1, 1, 1),
        extra=(1, 1),
        dilation=(1, 1),
        groups=4,
    )
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)
