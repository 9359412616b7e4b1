# SPDX-License-Identifier: Apache-2.0
"""Recurrent layers of ONNX, compared with torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import torshjit

onnx = pytest.importorskip("onnx")
torch = pytest.importorskip("torch")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

_STEPS, _BATCH, _INPUT, _HIDDEN = 12, 3, 5, 8

#: Where ONNX's gates are in torch's weights: input, output, forget, cell of an LSTM, and update,
#: reset, candidate of a GRU.
_GATES = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}


def model_of(op: str, weights: dict[str, np.ndarray], directions: int, **attributes: Any) -> Any:
    states = ["h", "c"] if op == "LSTM" else ["h"]
    node = helper.make_node(
        op,
        ["x", *weights],
        ["y", *states],
        hidden_size=_HIDDEN,
        direction="bidirectional" if directions == 2 else "forward",
        **attributes,
    )
    shape = (directions, _BATCH, _HIDDEN)
    outputs = [
        helper.make_tensor_value_info("y", TensorProto.FLOAT, (_STEPS, *shape)),
        *(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in states),
    ]
    graph = helper.make_graph(
        [node],
        "recurrent",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (_STEPS, _BATCH, _INPUT))],
        outputs,
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_layer_equals_torch(op: str, directions: int) -> None:
    torch.manual_seed(3)
    layer = getattr(torch.nn, op)(_INPUT, _HIDDEN, bidirectional=directions == 2)

    def gates(name: str) -> np.ndarray:
        """The weights of both directions in ONNX's order of gates."""
        every = []
        for suffix in ("", "_reverse")[:directions]:
            array = getattr(layer, name + suffix).detach().numpy()
            parts = np.split(array, len(_GATES[op]))
            every.append(np.concatenate([parts[gate] for gate in _GATES[op]]))
        return np.stack(every)

    bias = np.concatenate([gates("bias_ih_l0"), gates("bias_hh_l0")], axis=1)
    weights = {"w": gates("weight_ih_l0"), "r": gates("weight_hh_l0"), "b": bias}
    attributes = {"linear_before_reset": 1} if op == "GRU" else {}
    model = model_of(op, weights, directions, **attributes)
    x = torch.randn(_STEPS, _BATCH, _INPUT)
    results = torshjit.compile(model, strict=True)(x.numpy())
    with torch.no_grad():
        expected, states = layer(x)
    states = states if isinstance(states, tuple) else (states,)
    joined = results[0].transpose(0, 2, 1, 3).reshape(expected.shape)
    np.testing.assert_allclose(joined, expected.numpy(), rtol=1e-4, atol=1e-5)
    for result, state in zip(results[1:], states, strict=True):
        np.testing.assert_allclose(result, state.numpy(), rtol=1e-4, atol=1e-5)
