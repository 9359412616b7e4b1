# SPDX-License-Identifier: Apache-2.0
"""Array namespaces for workload functions: NumPy's names plus the operations of networks.

``conv2d(x, w, stride, padding, groups)`` takes x: (N, C, H, W) and w: (O, C / groups, KH, KW) and
returns (N, O, H', W'); ``max_pool2d(x, size, stride, padding)`` keeps N and C. ``linear(x, w, b)``
has torch's weight of (outputs, inputs). ``attention(q, k, v, causal)`` takes (..., tokens, width).
The rest are ``layer_norm(x, scale, shift)``, ``rms_norm(x, scale)``, ``batch_norm(x, scale, shift,
mean, variance)``, ``relu``, ``silu``, ``gelu`` (by erf), ``gelu_tanh`` and
``cross_entropy(scores, classes)``. In torch each is the function that its users call.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

EPSILON = 1e-5


class Namespace:
    """A module's functions, with some added."""

    def __init__(self, module: Any, **added: Any) -> None:
        self._module = module
        for name, value in added.items():
            setattr(self, name, value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _numpy_conv2d(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0, groups: int = 1
) -> np.ndarray:
    """One matrix product per kernel tap: the quickest way in plain NumPy that copies little."""
    batch, channels, height, width = x.shape
    out_channels, group_channels, kernel_h, kernel_w = w.shape
    out_h = (height + 2 * padding - kernel_h) // stride + 1
    out_w = (width + 2 * padding - kernel_w) // stride + 1
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    grouped = padded.reshape(batch, groups, channels // groups, *padded.shape[2:])
    # (groups, outputs per group, inputs per group) for every tap
    taps = w.reshape(groups, out_channels // groups, group_channels, kernel_h, kernel_w)
    pixels = out_h * out_w
    result = np.zeros((batch, groups, out_channels // groups, pixels), dtype=x.dtype)
    for i in range(kernel_h):
        for j in range(kernel_w):
            window = grouped[
                ..., i : i + stride * out_h : stride, j : j + stride * out_w : stride
            ].reshape(batch, groups, group_channels, pixels)
            tap = taps[..., i, j]
            # A depthwise product is a scaling; matmul would call BLAS for every channel.
            result += tap * window if group_channels == 1 else tap @ window
    return result.reshape(batch, out_channels, out_h, out_w)


def _numpy_max_pool2d(x: np.ndarray, size: int, stride: int, padding: int = 0) -> np.ndarray:
    height, width = x.shape[-2:]
    out_h = (height + 2 * padding - size) // stride + 1
    out_w = (width + 2 * padding - size) // stride + 1
    margins = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    padded = np.pad(x, margins, constant_values=-np.inf)
    windows = [
        padded[..., i : i + stride * out_h : stride, j : j + stride * out_w : stride]
        for i in range(size)
        for j in range(size)
    ]
    return np.maximum.reduce(windows)


class _Composed:
    """The operations of networks over NumPy's names, ``xp``."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    def linear(self, x: Any, w: Any, b: Any = None) -> Any:
        y = x @ w.T
        return y if b is None else y + b

    def relu(self, x: Any) -> Any:
        return self.xp.maximum(x, 0)

    def silu(self, x: Any) -> Any:
        return x / (1 + self.xp.exp(-x))

    def gelu_tanh(self, x: Any) -> Any:
        inner = 0.7978845608028654 * (x + 0.044715 * x * x * x)
        return 0.5 * x * (1.0 + self.xp.tanh(inner))

    def layer_norm(self, x: Any, scale: Any, shift: Any) -> Any:
        xp = self.xp
        centred = x - xp.mean(x, axis=-1, keepdims=True)
        variance = xp.mean(centred * centred, axis=-1, keepdims=True)
        return centred / xp.sqrt(variance + EPSILON) * scale + shift

    def rms_norm(self, x: Any, scale: Any) -> Any:
        xp = self.xp
        return x / xp.sqrt(xp.mean(x * x, axis=-1, keepdims=True) + EPSILON) * scale

    def batch_norm(self, x: Any, scale: Any, shift: Any, mean: Any, variance: Any) -> Any:
        factor = scale / self.xp.sqrt(variance + EPSILON)
        return x * factor[:, None, None] + (shift - mean * factor)[:, None, None]

    def attention(self, q: Any, k: Any, v: Any, causal: bool = False) -> Any:
        xp = self.xp
        scores = (q @ xp.swapaxes(k, -1, -2)) * (1.0 / math.sqrt(q.shape[-1]))
        if causal:
            # Lower than any score, and finite, so that no system's exp sees an infinity.
            scores = xp.where(np.tri(q.shape[-2], dtype=bool), scores, -1e30)
        weights = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
        return (weights / xp.sum(weights, axis=-1, keepdims=True)) @ v

    def cross_entropy(self, scores: Any, classes: Any) -> Any:
        xp = self.xp
        shifted = scores - xp.max(scores, axis=-1, keepdims=True)
        chosen = shifted[np.arange(scores.shape[0]), classes]
        return xp.mean(xp.log(xp.sum(xp.exp(shifted), axis=-1)) - chosen)

    def names(self) -> dict[str, Any]:
        public = [name for name in dir(self) if name[0] != "_" and name not in ("names", "xp")]
        return {name: getattr(self, name) for name in public}


def numpy_namespace() -> Namespace:
    composed = _Composed(np).names()
    erf = np.vectorize(math.erf, otypes=[np.float64])
    return Namespace(
        np,
        **composed,
        conv2d=_numpy_conv2d,
        max_pool2d=_numpy_max_pool2d,
        gelu=lambda x: (0.5 * x * (1 + erf(x * math.sqrt(0.5)))).astype(x.dtype),
    )


def jax_namespace() -> Namespace:
    import jax
    import jax.numpy as jnp

    def conv2d(x: Any, w: Any, stride: int = 1, padding: int = 0, groups: int = 1) -> Any:
        return jax.lax.conv_general_dilated(
            x,
            w,
            (stride, stride),
            [(padding, padding), (padding, padding)],
            dimension_numbers=("NCHW", "OIHW", "NCHW"),
            feature_group_count=groups,
        )

    def max_pool2d(x: Any, size: int, stride: int, padding: int = 0) -> Any:
        window, strides = (1, 1, size, size), (1, 1, stride, stride)
        margins = ((0, 0), (0, 0), (padding, padding), (padding, padding))
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, strides, margins)

    return Namespace(
        jnp,
        **_Composed(jnp).names(),
        conv2d=conv2d,
        max_pool2d=max_pool2d,
        gelu=lambda x: jax.nn.gelu(x, approximate=False),
    )


def torch_namespace() -> Namespace:
    import torch
    from torch.nn import functional

    def batch_norm(x: Any, scale: Any, shift: Any, mean: Any, variance: Any) -> Any:
        return functional.batch_norm(x, mean, variance, scale, shift, eps=EPSILON)

    def attention(q: Any, k: Any, v: Any, causal: bool = False) -> Any:
        return functional.scaled_dot_product_attention(q, k, v, is_causal=causal)

    return Namespace(
        torch,
        linear=functional.linear,
        relu=functional.relu,
        silu=functional.silu,
        gelu=functional.gelu,
        gelu_tanh=lambda x: functional.gelu(x, approximate="tanh"),
        layer_norm=lambda x, scale, shift: functional.layer_norm(
            x, (x.shape[-1],), scale, shift, EPSILON
        ),
        rms_norm=lambda x, scale: functional.rms_norm(x, (x.shape[-1],), scale, EPSILON),
        batch_norm=batch_norm,
        attention=attention,
        cross_entropy=functional.cross_entropy,
        conv2d=lambda x, w, stride=1, padding=0, groups=1: functional.conv2d(
            x, w, None, stride, padding, 1, groups
        ),
        max_pool2d=functional.max_pool2d,
        concatenate=torch.cat,
    )
