# SPDX-License-Identifier: Apache-2.0
"""Softmax, layer norm and RMS norm over the last axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.workload import Sizes, Weights, Workload

_EPSILON = 1e-5


def _matrix(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    return [rng.standard_normal((sizes["rows"], sizes["columns"]))]


def _scale_and_shift(rng: np.random.Generator, sizes: Sizes) -> Weights:
    columns = sizes["columns"]
    return {"scale": 1 + 0.1 * rng.standard_normal(columns), "shift": rng.standard_normal(columns)}


def _scale(rng: np.random.Generator, sizes: Sizes) -> Weights:
    return {"scale": 1 + 0.1 * rng.standard_normal(sizes["columns"])}


def softmax(xp: Any, inputs: Sequence[Any], _weights: Weights) -> Any:
    (x,) = inputs
    shifted = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return shifted / xp.sum(shifted, axis=-1, keepdims=True)


def layer_norm(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    (x,) = inputs
    centred = x - xp.mean(x, axis=-1, keepdims=True)
    variance = xp.mean(centred * centred, axis=-1, keepdims=True)
    return centred / xp.sqrt(variance + _EPSILON) * weights["scale"] + weights["shift"]


def rms_norm(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    (x,) = inputs
    return x / xp.sqrt(xp.mean(x * x, axis=-1, keepdims=True) + _EPSILON) * weights["scale"]


def _torch_softmax(_weights: Weights) -> Any:
    import torch

    return torch.nn.Softmax(dim=-1)


def _torch_layer_norm(weights: Weights) -> Any:
    import torch

    module = torch.nn.LayerNorm(weights["scale"].shape[0], eps=_EPSILON)
    module.weight.data = weights["scale"]
    module.bias.data = weights["shift"]
    return module


# RMS norm has no builder: people write it out in torch, as models do.
_NORM_SIZES = {"rows": 8192, "columns": 1024}
_NORM_QUICK = {"rows": 128, "columns": 256}

WORKLOADS = (
    Workload(
        name="softmax",
        family="normalization",
        sizes={"rows": 4096, "columns": 4096},
        quick={"rows": 128, "columns": 256},
        inputs=_matrix,
        function=softmax,
        module=_torch_softmax,
    ),
    Workload(
        name="layer_norm",
        family="normalization",
        sizes=_NORM_SIZES,
        quick=_NORM_QUICK,
        inputs=_matrix,
        weights=_scale_and_shift,
        function=layer_norm,
        module=_torch_layer_norm,
    ),
    Workload(
        name="layer_norm_128x768",
        family="normalization",
        sizes={"rows": 128, "columns": 768},
        quick={"rows": 16, "columns": 768},
        inputs=_matrix,
        weights=_scale_and_shift,
        function=layer_norm,
        module=_torch_layer_norm,
    ),
    Workload(
        name="rms_norm",
        family="normalization",
        sizes=_NORM_SIZES,
        quick=_NORM_QUICK,
        inputs=_matrix,
        weights=_scale,
        function=rms_norm,
    ),
)
