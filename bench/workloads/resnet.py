# SPDX-License-Identifier: Apache-2.0
"""ResNet-50 on one image of 224x224, in inference: what most papers time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.workload import Sizes, Weights, Workload

_EXPANSION = 4


@dataclass(frozen=True)
class _Conv:
    """A convolution with batch norm: square, padded to keep its size at stride 1."""

    name: str
    inputs: int
    outputs: int
    kernel: int
    stride: int = 1


@dataclass(frozen=True)
class _Bottleneck:
    reduce: _Conv
    middle: _Conv
    expand: _Conv
    shortcut: _Conv | None


def _bottlenecks(sizes: Sizes) -> Iterator[_Bottleneck]:
    channels = sizes["channels"]
    for stage, blocks in enumerate((3, 4, 6, 3)[: sizes["stages"]]):
        width = sizes["channels"] << stage
        for block in range(blocks):
            stride = 2 if block == 0 and stage > 0 else 1
            name = f"stage{stage}.{block}"
            outputs = width * _EXPANSION
            yield _Bottleneck(
                _Conv(f"{name}.reduce", channels, width, 1),
                _Conv(f"{name}.middle", width, width, 3, stride),
                _Conv(f"{name}.expand", width, outputs, 1),
                _Conv(f"{name}.shortcut", channels, outputs, 1, stride) if block == 0 else None,
            )
            channels = outputs


def _stem(sizes: Sizes) -> _Conv:
    return _Conv("stem", 3, sizes["channels"], 7, 2)


def _convolutions(sizes: Sizes) -> Iterator[tuple[_Conv, int]]:
    """Every convolution, with the size of its result."""
    size = sizes["size"] // 2
    yield _stem(sizes), size
    size //= 2
    for block in _bottlenecks(sizes):
        yield block.reduce, size
        size //= block.middle.stride
        yield block.middle, size
        yield block.expand, size
        if block.shortcut:
            yield block.shortcut, size


def _image(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    return [rng.standard_normal((1, 3, sizes["size"], sizes["size"]), dtype=np.float32)]


def _weights(rng: np.random.Generator, sizes: Sizes) -> Weights:
    weights = {}
    features = 3
    for conv, _ in _convolutions(sizes):
        shape = (conv.outputs, conv.inputs, conv.kernel, conv.kernel)
        spread = np.float32(np.sqrt(2 / np.prod(shape[1:])))
        weights[conv.name] = rng.standard_normal(shape, dtype=np.float32) * spread
        # The last norm of a block starts small, as in training: activations stay near one.
        scale = 0.2 if conv.name.endswith("expand") else 1.0
        weights[f"{conv.name}.scale"] = scale * (1 + 0.1 * rng.standard_normal(conv.outputs))
        weights[f"{conv.name}.shift"] = 0.1 * rng.standard_normal(conv.outputs)
        weights[f"{conv.name}.mean"] = 0.1 * rng.standard_normal(conv.outputs)
        weights[f"{conv.name}.variance"] = 1 + 0.1 * rng.random(conv.outputs)
        features = max(features, conv.outputs)
    weights["classify"] = rng.standard_normal((sizes["classes"], features)) * features**-0.5
    weights["classify.bias"] = 0.1 * rng.standard_normal(sizes["classes"])
    return weights


def _network(xp: Any, inputs: Sequence[Any], weights: Weights, sizes: Sizes) -> Any:
    def normed(x: Any, conv: _Conv) -> Any:
        y = xp.conv2d(x, weights[conv.name], stride=conv.stride, padding=conv.kernel // 2)
        return xp.batch_norm(
            y, *(weights[f"{conv.name}.{part}"] for part in ("scale", "shift", "mean", "variance"))
        )

    x = xp.relu(normed(inputs[0], _stem(sizes)))
    x = xp.max_pool2d(x, 3, 2, 1)
    for block in _bottlenecks(sizes):
        shortcut = normed(x, block.shortcut) if block.shortcut else x
        y = xp.relu(normed(x, block.reduce))
        y = xp.relu(normed(y, block.middle))
        x = xp.relu(normed(y, block.expand) + shortcut)
    return xp.linear(xp.mean(x, axis=(2, 3)), weights["classify"], weights["classify.bias"])


def _flops(sizes: Sizes) -> float:
    return 2.0 * sum(
        conv.inputs * conv.outputs * conv.kernel**2 * size**2 for conv, size in _convolutions(sizes)
    )


_SIZES = {"size": 224, "channels": 64, "stages": 4, "classes": 1000}
_QUICK = {"size": 32, "channels": 8, "stages": 2, "classes": 10}


def _of_sizes(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    sizes = _SIZES if weights["classify"].shape[0] == _SIZES["classes"] else _QUICK
    return _network(xp, inputs, weights, sizes)


WORKLOADS = (
    Workload(
        name="resnet50",
        family="vision models",
        sizes=_SIZES,
        quick=_QUICK,
        inputs=_image,
        weights=_weights,
        function=_of_sizes,
        flops=_flops,
        tolerance=1e-3,
        without={"torshjit-numpy": "NumPy has no convolution to trace"},
    ),
)
