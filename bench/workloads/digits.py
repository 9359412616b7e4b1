# SPDX-License-Identifier: Apache-2.0
"""The demo's network on 8x8 images, one at a time and all 1,797 at once, with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.workload import Sizes, Weights, Workload
from bench.workloads.convolution import conv_weights, torch_conv
from bench.workloads.linear import linear, linear_weights, torch_linear


def _images(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    return [rng.random((sizes["batch"], 1, 8, 8))]


def network_weights(rng: np.random.Generator, _sizes: Sizes) -> Weights:
    """Random weights of a spread that training can start from."""
    return {
        **conv_weights(rng, "conv1", 1, 16, 3),
        "conv1.bias": 0.1 * rng.standard_normal(16),
        **conv_weights(rng, "conv2", 16, 32, 3),
        "conv2.bias": 0.1 * rng.standard_normal(32),
        **linear_weights(rng, "fc1", 32 * 2 * 2, 64),
        **linear_weights(rng, "fc2", 64, 10),
    }


def _conv_relu_pool(xp: Any, x: Any, weights: Weights, name: str) -> Any:
    y = xp.conv2d(x, weights[f"{name}.weight"], padding=1)
    y = xp.maximum(y + weights[f"{name}.bias"][:, None, None], 0)
    batch, channels, height, width = y.shape
    return xp.max(y.reshape(batch, channels, height // 2, 2, width // 2, 2), axis=(3, 5))


def network(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    """inputs: images of (N, 1, 8, 8); returns scores of (N, 10)."""
    y = _conv_relu_pool(xp, inputs[0], weights, "conv1")
    y = _conv_relu_pool(xp, y, weights, "conv2").reshape(inputs[0].shape[0], -1)
    return linear(xp.maximum(linear(y, weights, "fc1"), 0), weights, "fc2")


def torch_network(weights: Weights) -> Any:
    """The same network as a module; its parameters are in the order of ``weights``."""
    import torch

    return torch.nn.Sequential(
        torch_conv(weights, "conv1", padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch_conv(weights, "conv2", padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch_linear(weights, "fc1"),
        torch.nn.ReLU(),
        torch_linear(weights, "fc2"),
    )


def _flops(sizes: Sizes) -> float:
    products = 64 * 16 * 9 + 16 * 32 * 16 * 9 + 128 * 64 + 64 * 10
    return 2.0 * sizes["batch"] * products


def _digits_workload(batch: int, quick: int) -> Workload:
    return Workload(
        name=f"digits_batch_{batch}",
        family="digits",
        sizes={"batch": batch},
        quick={"batch": quick},
        inputs=_images,
        weights=network_weights,
        function=network,
        flops=_flops,
        module=torch_network,
        without={"torshjit-numpy": "NumPy has no convolution to trace"},
    )


WORKLOADS = (_digits_workload(1, 1), _digits_workload(1797, 16))
