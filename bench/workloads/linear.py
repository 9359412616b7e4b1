# SPDX-License-Identifier: Apache-2.0
"""Linear layers: linear + GELU, a perceptron of three layers, one of int8 weights."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.workload import Sizes, Weights, Workload


def gelu(xp: Any, x: Any) -> Any:
    """The tanh form, which NumPy can say too."""
    return 0.5 * x * (1.0 + xp.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))


def linear_weights(rng: np.random.Generator, name: str, inputs: int, outputs: int) -> Weights:
    """A weight of (outputs, inputs) and a bias of (outputs), as torch stores them."""
    return {
        f"{name}.weight": rng.standard_normal((outputs, inputs)) / np.sqrt(inputs),
        f"{name}.bias": 0.1 * rng.standard_normal(outputs),
    }


def linear(x: Any, weights: Weights, name: str) -> Any:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def torch_linear(weights: Weights, name: str) -> Any:
    import torch

    outputs, inputs = weights[f"{name}.weight"].shape
    module = torch.nn.utils.skip_init(torch.nn.Linear, inputs, outputs)
    module.weight.data = weights[f"{name}.weight"]
    module.bias.data = weights[f"{name}.bias"]
    return module


def _batch(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    return [rng.standard_normal((sizes["batch"], sizes["inputs"]))]


def _linear_gelu_weights(rng: np.random.Generator, sizes: Sizes) -> Weights:
    return linear_weights(rng, "fc", sizes["inputs"], sizes["outputs"])


def _linear_gelu(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    return gelu(xp, linear(inputs[0], weights, "fc"))


def _torch_linear_gelu(weights: Weights) -> Any:
    import torch

    return torch.nn.Sequential(torch_linear(weights, "fc"), torch.nn.GELU(approximate="tanh"))


def _mlp_weights(rng: np.random.Generator, sizes: Sizes) -> Weights:
    return {
        **linear_weights(rng, "fc1", sizes["inputs"], sizes["hidden"]),
        **linear_weights(rng, "fc2", sizes["hidden"], sizes["hidden"]),
        **linear_weights(rng, "fc3", sizes["hidden"], sizes["outputs"]),
    }


def _mlp(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    hidden = xp.maximum(linear(inputs[0], weights, "fc1"), 0)
    hidden = xp.maximum(linear(hidden, weights, "fc2"), 0)
    return linear(hidden, weights, "fc3")


def _torch_mlp(weights: Weights) -> Any:
    import torch

    return torch.nn.Sequential(
        torch_linear(weights, "fc1"),
        torch.nn.ReLU(),
        torch_linear(weights, "fc2"),
        torch.nn.ReLU(),
        torch_linear(weights, "fc3"),
    )


def _mlp_flops(sizes: Sizes) -> float:
    hidden = sizes["hidden"]
    products = hidden * (sizes["inputs"] + hidden + sizes["outputs"])
    return 2.0 * sizes["batch"] * products


_SMALL_LINEARS = 100


def _small_weights(rng: np.random.Generator, sizes: Sizes) -> Weights:
    weights: dict[str, Any] = {}
    for layer in range(_SMALL_LINEARS):
        weights |= linear_weights(rng, f"fc{layer}", sizes["inputs"], sizes["inputs"])
    return weights


def _small_linears(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    (x,) = inputs
    for layer in range(_SMALL_LINEARS):
        x = xp.relu(xp.linear(x, weights[f"fc{layer}.weight"], weights[f"fc{layer}.bias"]))
    return x


def _mlp_workload(batch: int) -> Workload:
    return Workload(
        name=f"mlp_batch_{batch}",
        family="linear",
        sizes={"batch": batch, "inputs": 1024, "hidden": 4096, "outputs": 1024},
        quick={"batch": batch, "inputs": 64, "hidden": 128, "outputs": 64},
        inputs=_batch,
        weights=_mlp_weights,
        function=_mlp,
        flops=_mlp_flops,
        module=_torch_mlp,
    )


def _int8_weights(rng: np.random.Generator, sizes: Sizes) -> Weights:
    return linear_weights(rng, "fc", sizes["inputs"], sizes["outputs"])


def _int8_linear(_xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    return linear(inputs[0], weights, "fc")


def _torch_int8_linear(weights: Weights) -> Any:
    """The layer as torch quantises it: the weight at once, the input at each call."""
    import torch

    layer = torch.nn.Sequential(torch_linear(weights, "fc"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.ao.quantization.quantize_dynamic(layer, {torch.nn.Linear}, torch.qint8)


_NOT_QUANTISED = "the program is quantised by torch"

WORKLOADS = (
    Workload(
        name="linear_gelu",
        family="linear",
        sizes={"batch": 512, "inputs": 1024, "outputs": 4096},
        quick={"batch": 32, "inputs": 64, "outputs": 128},
        inputs=_batch,
        weights=_linear_gelu_weights,
        function=_linear_gelu,
        flops=lambda sizes: 2.0 * sizes["batch"] * sizes["inputs"] * sizes["outputs"],
        module=_torch_linear_gelu,
    ),
    _mlp_workload(1),
    _mlp_workload(64),
    Workload(
        name="linears_100_small",
        family="small ops",
        sizes={"batch": 8, "inputs": 64},
        quick={"batch": 8, "inputs": 16},
        inputs=_batch,
        weights=_small_weights,
        function=_small_linears,
        flops=lambda sizes: 2.0 * _SMALL_LINEARS * sizes["batch"] * sizes["inputs"] ** 2,
    ),
    Workload(
        name="int8_linear",
        family="linear",
        sizes={"batch": 512, "inputs": 1024, "outputs": 1024},
        quick={"batch": 32, "inputs": 64, "outputs": 64},
        inputs=_batch,
        weights=_int8_weights,
        function=_int8_linear,
        module=_torch_int8_linear,
        tolerance=3e-2,
        flops=lambda sizes: 2.0 * sizes["batch"] * sizes["inputs"] * sizes["outputs"],
        without=dict.fromkeys(("numpy", "torshjit-numpy", "jax", "onnxruntime"), _NOT_QUANTISED),
    ),
)
