# SPDX-License-Identifier: Apache-2.0
"""A pre-norm transformer block of GPT-2's shape, with causal attention, over 128 tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.workload import Sizes, Weights, Workload
from bench.workloads.attention import attention
from bench.workloads.linear import gelu, linear, linear_weights, torch_linear
from bench.workloads.normalization import layer_norm

_HEAD_WIDTH = 64


def _tokens(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    return [rng.standard_normal((1, sizes["tokens"], sizes["width"]))]


def _block_weights(rng: np.random.Generator, sizes: Sizes) -> Weights:
    width = sizes["width"]
    norms = {}
    for norm in ("norm1", "norm2"):
        norms[f"{norm}.scale"] = 1 + 0.1 * rng.standard_normal(width)
        norms[f"{norm}.shift"] = 0.1 * rng.standard_normal(width)
    return {
        **norms,
        **linear_weights(rng, "qkv", width, 3 * width),
        **linear_weights(rng, "projection", width, width),
        **linear_weights(rng, "up", width, 4 * width),
        **linear_weights(rng, "down", 4 * width, width),
    }


def _norm(xp: Any, x: Any, weights: Weights, name: str) -> Any:
    return layer_norm(
        xp, [x], {"scale": weights[f"{name}.scale"], "shift": weights[f"{name}.shift"]}
    )


def _block(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    (x,) = inputs
    batch, tokens, width = x.shape
    heads = width // _HEAD_WIDTH

    def split(y: Any, index: int) -> Any:
        part = y[:, :, index * width : (index + 1) * width]
        return xp.swapaxes(part.reshape(batch, tokens, heads, _HEAD_WIDTH), 1, 2)

    qkv = linear(_norm(xp, x, weights, "norm1"), weights, "qkv")
    mixed = attention(xp, split(qkv, 0), split(qkv, 1), split(qkv, 2), causal=True)
    mixed = xp.swapaxes(mixed, 1, 2).reshape(batch, tokens, width)
    x = x + linear(mixed, weights, "projection")
    hidden = gelu(xp, linear(_norm(xp, x, weights, "norm2"), weights, "up"))
    return x + linear(hidden, weights, "down")


def _torch_block(weights: Weights) -> Any:
    import torch

    def torch_norm(name: str) -> Any:
        module = torch.nn.LayerNorm(weights[f"{name}.scale"].shape[0])
        module.weight.data = weights[f"{name}.scale"]
        module.bias.data = weights[f"{name}.shift"]
        return module

    class Block(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = torch_norm("norm1"), torch_norm("norm2")
            self.qkv = torch_linear(weights, "qkv")
            self.projection = torch_linear(weights, "projection")
            self.up, self.down = torch_linear(weights, "up"), torch_linear(weights, "down")

        def forward(self, x: Any) -> Any:
            batch, tokens, width = x.shape
            q, k, v = (
                part.view(batch, tokens, width // _HEAD_WIDTH, _HEAD_WIDTH).transpose(1, 2)
                for part in self.qkv(self.norm1(x)).split(width, dim=-1)
            )
            mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.projection(mixed.transpose(1, 2).reshape(batch, tokens, width))
            hidden = torch.nn.functional.gelu(self.up(self.norm2(x)), approximate="tanh")
            return x + self.down(hidden)

    return Block()


def _flops(sizes: Sizes) -> float:
    width, tokens = sizes["width"], sizes["tokens"]
    return 2.0 * tokens * (12 * width * width + (tokens + 1) * width)


WORKLOADS = (
    Workload(
        name="transformer_block",
        family="transformer",
        sizes={"tokens": 128, "width": 768},
        quick={"tokens": 16, "width": 128},
        inputs=_tokens,
        weights=_block_weights,
        function=_block,
        flops=_flops,
        module=_torch_block,
    ),
)
