# SPDX-License-Identifier: Apache-2.0
"""Training steps (loss, gradients, SGD): a perceptron of batch 64, a small conv net of batch 32."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.workload import Sizes, Weights, Workload
from bench.workloads.convolution import conv_weights
from bench.workloads.linear import linear_weights


def _classes(rng: np.random.Generator, sizes: Sizes) -> np.ndarray:
    return rng.integers(0, 10, sizes["batch"])


def _rows(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    return [rng.standard_normal((sizes["batch"], sizes["inputs"])), _classes(rng, sizes)]


def _perceptron_weights(rng: np.random.Generator, sizes: Sizes) -> Weights:
    return {
        **linear_weights(rng, "fc1", sizes["inputs"], sizes["hidden"]),
        **linear_weights(rng, "fc2", sizes["hidden"], sizes["hidden"]),
        **linear_weights(rng, "fc3", sizes["hidden"], 10),
    }


def _apply(xp: Any, x: Any, weights: Weights, name: str) -> Any:
    return xp.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _perceptron_loss(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    x, classes = inputs
    x = xp.relu(_apply(xp, x, weights, "fc1"))
    x = xp.relu(_apply(xp, x, weights, "fc2"))
    return xp.cross_entropy(_apply(xp, x, weights, "fc3"), classes)


def _perceptron_flops(sizes: Sizes) -> float:
    hidden = sizes["hidden"]
    # Forward, gradients of the weights, and gradients of the inputs but the first.
    later = hidden * hidden + hidden * 10
    return 2.0 * sizes["batch"] * (2 * sizes["inputs"] * hidden + 3 * later)


def _images(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    shape = (sizes["batch"], 3, sizes["size"], sizes["size"])
    return [rng.standard_normal(shape), _classes(rng, sizes)]


def _conv_net_weights(rng: np.random.Generator, sizes: Sizes) -> Weights:
    channels, left = sizes["channels"], sizes["size"] // 8
    weights: dict[str, Any] = {}
    for name, inputs, outputs in _layers(channels):
        weights |= conv_weights(rng, name, inputs, outputs, 3)
        weights[f"{name}.bias"] = 0.1 * rng.standard_normal(outputs)
    return {**weights, **linear_weights(rng, "fc", 4 * channels * left * left, 10)}


def _layers(channels: int) -> list[tuple[str, int, int]]:
    return [
        ("conv1", 3, channels),
        ("conv2", channels, 2 * channels),
        ("conv3", 2 * channels, 4 * channels),
    ]


def _conv_net_loss(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    x, classes = inputs
    for name in ("conv1", "conv2", "conv3"):
        y = xp.conv2d(x, weights[f"{name}.weight"], padding=1)
        x = xp.max_pool2d(xp.relu(y + weights[f"{name}.bias"][:, None, None]), 2, 2)
    return xp.cross_entropy(_apply(xp, x.reshape(x.shape[0], -1), weights, "fc"), classes)


def _conv_net_flops(sizes: Sizes) -> float:
    size, products = sizes["size"], 0.0
    for name, inputs, outputs in _layers(sizes["channels"]):
        products += 9 * inputs * outputs * size * size * (2 if name == "conv1" else 3)
        size //= 2
    return 2.0 * sizes["batch"] * (products + 3 * 4 * sizes["channels"] * size * size * 10)


_NO_TRAINING: Mapping[str, str] = dict.fromkeys(
    ("torshjit-numpy", "numpy", "onnxruntime", "openvino"), "it does not train here"
)

WORKLOADS = (
    Workload(
        name="train_mlp_batch_64",
        family="training",
        sizes={"batch": 64, "inputs": 784, "hidden": 1024},
        quick={"batch": 8, "inputs": 64, "hidden": 64},
        inputs=_rows,
        weights=_perceptron_weights,
        function=_perceptron_loss,
        trains=True,
        flops=_perceptron_flops,
        tolerance=1e-3,
        without=_NO_TRAINING,
    ),
    Workload(
        name="train_conv_batch_32",
        family="training",
        sizes={"batch": 32, "size": 32, "channels": 32},
        quick={"batch": 4, "size": 16, "channels": 8},
        inputs=_images,
        weights=_conv_net_weights,
        function=_conv_net_loss,
        trains=True,
        flops=_conv_net_flops,
        tolerance=1e-3,
        without=_NO_TRAINING,
    ),
)
