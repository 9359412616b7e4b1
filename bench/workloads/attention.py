# SPDX-License-Identifier: Apache-2.0
"""Scaled dot-product attention over (heads, tokens, width), full and causal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.workload import Sizes, Weights, Workload

# Lower than any score, and finite, so that no system's exp sees an infinity.
_MASKED = -1e30


def attention(xp: Any, q: Any, k: Any, v: Any, causal: bool) -> Any:
    """q, k, v: (..., tokens, width); returns the shape of v."""
    tokens, width = q.shape[-2:]
    scores = (q @ xp.swapaxes(k, -1, -2)) * (1.0 / math.sqrt(width))
    if causal:
        scores = xp.where(np.tri(tokens, dtype=bool), scores, _MASKED)
    weights = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
    return (weights / xp.sum(weights, axis=-1, keepdims=True)) @ v


def _query_key_value(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    shape = (1, sizes["heads"], sizes["tokens"], sizes["width"])
    return [rng.standard_normal(shape) for _ in range(3)]


def _full(xp: Any, inputs: Sequence[Any], _weights: Weights) -> Any:
    q, k, v = inputs
    return attention(xp, q, k, v, causal=False)


def _causal(xp: Any, inputs: Sequence[Any], _weights: Weights) -> Any:
    q, k, v = inputs
    return attention(xp, q, k, v, causal=True)


def _torch_attention(causal: bool) -> Any:
    import torch

    class Attention(torch.nn.Module):
        def forward(self, q: Any, k: Any, v: Any) -> Any:
            return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)

    return Attention()


def _torch_full(_weights: Weights) -> Any:
    return _torch_attention(causal=False)


def _torch_causal(_weights: Weights) -> Any:
    return _torch_attention(causal=True)


def _flops(sizes: Sizes) -> float:
    return 4.0 * sizes["heads"] * sizes["tokens"] ** 2 * sizes["width"]


def _causal_flops(sizes: Sizes) -> float:
    """Of the scores, the masked ones need not be computed."""
    return _flops(sizes) * (sizes["tokens"] + 1) / (2 * sizes["tokens"])


_SIZES = {"heads": 12, "tokens": 1024, "width": 64}
_QUICK = {"heads": 2, "tokens": 64, "width": 32}

WORKLOADS = (
    Workload(
        name="attention",
        family="attention",
        sizes=_SIZES,
        quick=_QUICK,
        inputs=_query_key_value,
        function=_full,
        flops=_flops,
        module=_torch_full,
    ),
    Workload(
        name="attention_causal",
        family="attention",
        sizes=_SIZES,
        quick=_QUICK,
        inputs=_query_key_value,
        function=_causal,
        flops=_causal_flops,
        module=_torch_causal,
    ),
)
