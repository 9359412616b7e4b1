# SPDX-License-Identifier: Apache-2.0
"""BERT-base, GPT-2 with and without a cache, and one block of a Llama, of their real sizes.

The architectures are written out over the namespace's operations; weights are random, of a spread
that keeps activations near one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.workload import Sizes, Weights, Workload


def _normal(rng: np.random.Generator, *shape: int, spread: float = 1.0) -> np.ndarray:
    # Single precision at once: there are a hundred million of them.
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(spread)


def _linear(rng: np.random.Generator, name: str, inputs: int, outputs: int) -> Weights:
    return {
        f"{name}.weight": _normal(rng, outputs, inputs, spread=inputs**-0.5),
        f"{name}.bias": _normal(rng, outputs, spread=0.1),
    }


def _norm(rng: np.random.Generator, name: str, width: int) -> Weights:
    return {
        f"{name}.scale": 1 + _normal(rng, width, spread=0.1),
        f"{name}.shift": _normal(rng, width, spread=0.1),
    }


def _block_weights(rng: np.random.Generator, block: str, width: int) -> Weights:
    weights = {**_norm(rng, f"{block}.norm1", width), **_norm(rng, f"{block}.norm2", width)}
    for name in ("q", "k", "v", "out"):
        weights |= _linear(rng, f"{block}.{name}", width, width)
    weights |= _linear(rng, f"{block}.up", width, 4 * width)
    weights |= _linear(rng, f"{block}.down", 4 * width, width)
    return weights


def _apply(xp: Any, x: Any, weights: Weights, name: str) -> Any:
    return xp.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _layer_norm(xp: Any, x: Any, weights: Weights, name: str) -> Any:
    return xp.layer_norm(x, weights[f"{name}.scale"], weights[f"{name}.shift"])


def _split(xp: Any, x: Any, head_width: int) -> Any:
    """(batch, tokens, width) to (batch, heads, tokens, head_width)."""
    batch, tokens, width = x.shape
    return xp.swapaxes(x.reshape(batch, tokens, width // head_width, head_width), 1, 2)


def _join(xp: Any, x: Any) -> Any:
    batch, heads, tokens, head_width = x.shape
    return xp.swapaxes(x, 1, 2).reshape(batch, tokens, heads * head_width)


def _block_flops(sizes: Sizes, tokens: int, keys: float) -> float:
    width = sizes["width"]
    products = 12 * width * width + 2 * keys * width
    return 2.0 * sizes["layers"] * tokens * products


# --- BERT


def _token_ids(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    return [rng.integers(0, sizes["vocabulary"], (1, sizes["tokens"]))]


def _bert_weights(rng: np.random.Generator, sizes: Sizes) -> Weights:
    width = sizes["width"]
    weights = {
        "words": _normal(rng, sizes["vocabulary"], width),
        "positions": _normal(rng, sizes["positions"], width, spread=0.1),
        "segments": _normal(rng, 2, width, spread=0.1),
        **_norm(rng, "norm", width),
    }
    for layer in range(sizes["layers"]):
        weights |= _block_weights(rng, f"layer{layer}", width)
    return weights


def _bert(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    (ids,) = inputs
    x = weights["words"][ids] + weights["positions"][: ids.shape[1]] + weights["segments"][0]
    x = _layer_norm(xp, x, weights, "norm")
    layers = sum(name.endswith(".q.weight") for name in weights)
    for block in (f"layer{layer}" for layer in range(layers)):
        q, k, v = (
            _split(xp, _apply(xp, x, weights, f"{block}.{name}"), _HEAD_WIDTH) for name in "qkv"
        )
        mixed = _join(xp, xp.attention(q, k, v))
        x = _layer_norm(
            xp, x + _apply(xp, mixed, weights, f"{block}.out"), weights, f"{block}.norm1"
        )
        hidden = xp.gelu(_apply(xp, x, weights, f"{block}.up"))
        x = _layer_norm(
            xp, x + _apply(xp, hidden, weights, f"{block}.down"), weights, f"{block}.norm2"
        )
    return x


def _bert_unread(sizes: Sizes) -> float:
    rows = sizes["vocabulary"] + sizes["positions"] - 2 * sizes["tokens"]
    return 4.0 * rows * sizes["width"]


# --- GPT-2


def _gpt2_weights(rng: np.random.Generator, sizes: Sizes) -> Weights:
    width = sizes["width"]
    weights = {
        "words": _normal(rng, sizes["vocabulary"], width, spread=0.1),
        "positions": _normal(rng, sizes["positions"], width, spread=0.1),
        **_norm(rng, "norm", width),
    }
    for layer in range(sizes["layers"]):
        block = f"layer{layer}"
        weights |= {**_norm(rng, f"{block}.norm1", width), **_norm(rng, f"{block}.norm2", width)}
        weights |= _linear(rng, f"{block}.qkv", width, 3 * width)
        weights |= _linear(rng, f"{block}.out", width, width)
        weights |= _linear(rng, f"{block}.up", width, 4 * width)
        weights |= _linear(rng, f"{block}.down", 4 * width, width)
    return weights


def _gpt2_block(xp: Any, x: Any, weights: Weights, block: str, past: Any) -> Any:
    """The block's result, and its keys and values; ``past`` is those of the tokens before."""
    width = x.shape[-1]
    qkv = _apply(xp, _layer_norm(xp, x, weights, f"{block}.norm1"), weights, f"{block}.qkv")
    q, k, v = (
        _split(xp, qkv[..., part * width : (part + 1) * width], _HEAD_WIDTH) for part in range(3)
    )
    keys, values = k, v
    if past is not None:
        keys = xp.concatenate((past[0], k), axis=2)
        values = xp.concatenate((past[1], v), axis=2)
    mixed = _join(xp, xp.attention(q, keys, values, causal=past is None))
    x = x + _apply(xp, mixed, weights, f"{block}.out")
    normed = _layer_norm(xp, x, weights, f"{block}.norm2")
    hidden = xp.gelu_tanh(_apply(xp, normed, weights, f"{block}.up"))
    return x + _apply(xp, hidden, weights, f"{block}.down"), k, v


def _gpt2_layers(weights: Weights) -> list[str]:
    layers = sum(name.endswith(".qkv.weight") for name in weights)
    return [f"layer{layer}" for layer in range(layers)]


def _gpt2(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    (ids,) = inputs
    x = weights["words"][ids] + weights["positions"][: ids.shape[1]]
    for block in _gpt2_layers(weights):
        x, _, _ = _gpt2_block(xp, x, weights, block, None)
    return xp.linear(_layer_norm(xp, x, weights, "norm"), weights["words"])


def _decode_inputs(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    heads = sizes["width"] // _HEAD_WIDTH
    cache = (sizes["layers"], 2, 1, heads, sizes["cache"], _HEAD_WIDTH)
    return [rng.integers(0, sizes["vocabulary"], (1, 1)), _normal(rng, *cache)]


def _gpt2_decode(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    """One token after ``cache`` others: its scores, and every layer's new key and value."""
    ids, cache = inputs
    position = cache.shape[-2]
    x = weights["words"][ids] + weights["positions"][position : position + 1]
    new = []
    for layer, block in enumerate(_gpt2_layers(weights)):
        x, key, value = _gpt2_block(xp, x, weights, block, cache[layer])
        new += [key, value]
    return (xp.linear(_layer_norm(xp, x, weights, "norm"), weights["words"]), *new)


def _gpt2_flops(sizes: Sizes) -> float:
    tokens = sizes["tokens"]
    scores = 2.0 * tokens * sizes["width"] * sizes["vocabulary"]
    # Half of the products of causal attention are of keys that are masked.
    return _block_flops(sizes, tokens, (tokens + 1) / 2) + scores


def _decode_flops(sizes: Sizes) -> float:
    scores = 2.0 * sizes["width"] * sizes["vocabulary"]
    return _block_flops(sizes, 1, sizes["cache"] + 1) + scores


def _positions_unread(sizes: Sizes) -> float:
    return 4.0 * (sizes["positions"] - sizes.get("tokens", 1)) * sizes["width"]


# --- Llama


def _llama_inputs(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    return [_normal(rng, 1, sizes["tokens"], sizes["width"])]


def _llama_weights(rng: np.random.Generator, sizes: Sizes) -> Weights:
    width, hidden = sizes["width"], sizes["hidden"]
    angles = np.outer(
        np.arange(sizes["tokens"]), 10000.0 ** (-np.arange(0, _HEAD_WIDTH, 2) / _HEAD_WIDTH)
    )
    angles = np.concatenate([angles, angles], axis=-1)
    shapes = {"q": (width, width), "k": (width, width), "v": (width, width), "out": (width, width)}
    shapes |= {"gate": (hidden, width), "up": (hidden, width), "down": (width, hidden)}
    return {
        "cos": np.cos(angles),
        "sin": np.sin(angles),
        "norm1": 1 + _normal(rng, width, spread=0.1),
        "norm2": 1 + _normal(rng, width, spread=0.1),
        **{name: _normal(rng, *shape, spread=shape[1] ** -0.5) for name, shape in shapes.items()},
    }


def _llama_block(xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    (x,) = inputs

    def rotate(y: Any) -> Any:
        half = _HEAD_WIDTH // 2
        turned = xp.concatenate((-y[..., half:], y[..., :half]), axis=-1)
        return y * weights["cos"] + turned * weights["sin"]

    normed = xp.rms_norm(x, weights["norm1"])
    q, k, v = (_split(xp, xp.linear(normed, weights[name]), _HEAD_WIDTH) for name in "qkv")
    mixed = _join(xp, xp.attention(rotate(q), rotate(k), v, causal=True))
    x = x + xp.linear(mixed, weights["out"])
    normed = xp.rms_norm(x, weights["norm2"])
    hidden = xp.silu(xp.linear(normed, weights["gate"])) * xp.linear(normed, weights["up"])
    return x + xp.linear(hidden, weights["down"])


def _llama_flops(sizes: Sizes) -> float:
    width, tokens = sizes["width"], sizes["tokens"]
    products = 4 * width * width + 3 * width * sizes["hidden"] + (tokens + 1) * width
    return 2.0 * tokens * products


_HEAD_WIDTH = 64
_GPT2 = {"width": 768, "layers": 12, "vocabulary": 50257, "positions": 1024}
_GPT2_QUICK = {"width": 128, "layers": 2, "vocabulary": 500, "positions": 64}
_NO_ERF = {"torshjit-numpy": "NumPy has no erf to trace"}

WORKLOADS = (
    Workload(
        name="bert_base",
        family="language models",
        sizes={"tokens": 128, "width": 768, "layers": 12, "vocabulary": 30522, "positions": 512},
        quick={"tokens": 16, "width": 128, "layers": 2, "vocabulary": 500, "positions": 64},
        inputs=_token_ids,
        weights=_bert_weights,
        function=_bert,
        flops=lambda sizes: _block_flops(sizes, sizes["tokens"], sizes["tokens"]),
        unread=_bert_unread,
        without=_NO_ERF,
    ),
    Workload(
        name="gpt2",
        family="language models",
        sizes={**_GPT2, "tokens": 128},
        quick={**_GPT2_QUICK, "tokens": 16},
        inputs=_token_ids,
        weights=_gpt2_weights,
        function=_gpt2,
        flops=_gpt2_flops,
        unread=_positions_unread,
    ),
    Workload(
        name="gpt2_decode",
        family="language models",
        sizes={**_GPT2, "cache": 128},
        quick={**_GPT2_QUICK, "cache": 16},
        inputs=_decode_inputs,
        weights=_gpt2_weights,
        function=_gpt2_decode,
        flops=_decode_flops,
        unread=_positions_unread,
    ),
    Workload(
        name="llama_block",
        family="language models",
        sizes={"tokens": 128, "width": 1024, "hidden": 2816},
        quick={"tokens": 16, "width": 128, "hidden": 256},
        inputs=_llama_inputs,
        weights=_llama_weights,
        function=_llama_block,
        flops=_llama_flops,
    ),
)
