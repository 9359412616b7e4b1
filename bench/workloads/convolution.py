# SPDX-License-Identifier: Apache-2.0
"""Convolutions of image networks: 3x3 with batch norm and ReLU, pointwise, depthwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bench.workload import Sizes, Weights, Workload

_EPSILON = 1e-5
_NO_NUMPY_FRONT: Mapping[str, str] = {"torshjit-numpy": "NumPy has no convolution to trace"}


def conv_weights(
    rng: np.random.Generator, name: str, inputs: int, outputs: int, kernel: int, groups: int = 1
) -> Weights:
    fan_in = inputs // groups * kernel * kernel
    shape = (outputs, inputs // groups, kernel, kernel)
    return {f"{name}.weight": rng.standard_normal(shape) * np.sqrt(2 / fan_in)}


def torch_conv(weights: Weights, name: str, padding: int, groups: int = 1) -> Any:
    """An nn.Conv2d with the named weight and, where there is one, the named bias."""
    import torch

    weight = weights[f"{name}.weight"]
    module = torch.nn.Conv2d(
        weight.shape[1] * groups,
        weight.shape[0],
        weight.shape[2],
        padding=padding,
        groups=groups,
        bias=f"{name}.bias" in weights,
    )
    module.weight.data = weight
    if module.bias is not None:
        module.bias.data = weights[f"{name}.bias"]
    return module


def _image(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    size = sizes["size"]
    return [rng.standard_normal((sizes["batch"], sizes["channels"], size, size))]


def _norm_weights(rng: np.random.Generator, sizes: Sizes) -> Weights:
    channels = sizes["channels"]
    return {
        **conv_weights(rng, "conv", channels, channels, 3),
        "scale": 1 + 0.1 * rng.standard_normal(channels),
        "shift": 0.1 * rng.standard_normal(channels),
        "mean": 0.1 * rng.standard_normal(channels),
        "variance": 1 + 0.1 * rng.random(channels),
    }


def _conv_norm_relu(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    y = xp.conv2d(inputs[0], weights["conv.weight"], padding=1)
    scale = weights["scale"] / xp.sqrt(weights["variance"] + _EPSILON)
    shift = weights["shift"] - weights["mean"] * scale
    return xp.maximum(y * scale[:, None, None] + shift[:, None, None], 0)


def _torch_conv_norm_relu(weights: Weights) -> Any:
    import torch

    norm = torch.nn.BatchNorm2d(weights["scale"].shape[0], eps=_EPSILON)
    norm.weight.data, norm.bias.data = weights["scale"], weights["shift"]
    norm.running_mean, norm.running_var = weights["mean"], weights["variance"]
    return torch.nn.Sequential(torch_conv(weights, "conv", padding=1), norm, torch.nn.ReLU())


def _pointwise_weights(rng: np.random.Generator, sizes: Sizes) -> Weights:
    return conv_weights(rng, "conv", sizes["channels"], sizes["channels"], 1)


def _pointwise(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    return xp.conv2d(inputs[0], weights["conv.weight"])


def _torch_pointwise(weights: Weights) -> Any:
    return torch_conv(weights, "conv", padding=0)


def _depthwise_weights(rng: np.random.Generator, sizes: Sizes) -> Weights:
    channels = sizes["channels"]
    return conv_weights(rng, "conv", channels, channels, 3, groups=channels)


def _depthwise(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    w = weights["conv.weight"]
    return xp.conv2d(inputs[0], w, padding=1, groups=w.shape[0])


def _torch_depthwise(weights: Weights) -> Any:
    return torch_conv(weights, "conv", padding=1, groups=weights["conv.weight"].shape[0])


def _flops(kernel: int, grouped: bool = False) -> Callable[[Sizes], float]:
    def count(sizes: Sizes) -> float:
        channels = sizes["channels"]
        products = channels * (1 if grouped else channels) * kernel**2
        return 2.0 * sizes["batch"] * sizes["size"] ** 2 * products

    return count


def _conv_norm_relu_workload(batch: int) -> Workload:
    return Workload(
        name=f"conv3x3_bn_relu_batch_{batch}",
        family="convolution",
        sizes={"batch": batch, "channels": 64, "size": 56},
        quick={"batch": batch, "channels": 8, "size": 14},
        inputs=_image,
        weights=_norm_weights,
        function=_conv_norm_relu,
        flops=_flops(3),
        module=_torch_conv_norm_relu,
        without=_NO_NUMPY_FRONT,
    )


WORKLOADS = (
    _conv_norm_relu_workload(1),
    _conv_norm_relu_workload(8),
    Workload(
        name="conv1x1",
        family="convolution",
        sizes={"batch": 8, "channels": 256, "size": 28},
        quick={"batch": 2, "channels": 16, "size": 7},
        inputs=_image,
        weights=_pointwise_weights,
        function=_pointwise,
        flops=_flops(1),
        module=_torch_pointwise,
        without=_NO_NUMPY_FRONT,
    ),
    Workload(
        name="conv3x3_depthwise",
        family="convolution",
        sizes={"batch": 8, "channels": 128, "size": 56},
        quick={"batch": 2, "channels": 8, "size": 14},
        inputs=_image,
        weights=_depthwise_weights,
        function=_depthwise,
        flops=_flops(3, grouped=True),
        module=_torch_depthwise,
        without=_NO_NUMPY_FRONT,
    ),
)
