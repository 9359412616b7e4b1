# SPDX-License-Identifier: Apache-2.0
"""Array namespaces for workload functions: NumPy's names plus the one operation NumPy lacks.

``conv2d(x, w, stride, padding, groups)`` takes x: (N, C, H, W) and w: (O, C / groups, KH, KW) and
returns (N, O, H', W').
"""

from __future__ import annotations

from typing import Any

import numpy as np


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


def numpy_namespace() -> Namespace:
    return Namespace(np, conv2d=_numpy_conv2d)


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

    return Namespace(jnp, conv2d=conv2d)
