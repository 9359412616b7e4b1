# SPDX-License-Identifier: Apache-2.0
"""ATen's gradients of average pools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.torch_lowering import (
    Lowering,
    accumulation_dtype,
    dialect_dtype,
    lowers,
)

__all__ = ["apply_along_axes"]


def apply_along_axes(
    g: Lowering, value: Any, matrices: Sequence[np.ndarray], first_axis: int
) -> Any:
    """A linear map along each of several axes: (extent, extent before) per axis."""
    rank = len(value.shape)
    for axis, matrix in enumerate(matrices, start=first_axis):
        order = [*(i for i in range(rank) if i != axis), axis]
        inverse = sorted(range(rank), key=order.__getitem__)
        factor = g.builder.constant(
            np.ascontiguousarray(matrix.T.astype(numpy_dtype(value.dtype))), loc=g.location
        )
        value = g.permute(g.emit("matmul", g.permute(value, order), factor), inverse)
    return value


def _pool_matrix(
    extent: int,
    count: int,
    window: int,
    stride: int,
    padding: int,
    count_padding: bool,
    divides: bool,
) -> np.ndarray:
    """Each row averages (or sums) one window along an axis: (count, extent)."""
    matrix = np.zeros((count, extent))
    for row in range(count):
        start = row * stride - padding
        stop = min(start + window, extent + padding)
        low, high = max(start, 0), min(stop, extent)
        size = stop - start if count_padding else high - low
        matrix[row, low:high] = 1 / size if divides else 1
    return matrix


def _adaptive_matrix(extent: int, count: int) -> np.ndarray:
    matrix = np.zeros((count, extent))
    for row in range(count):
        low, high = row * extent // count, -(-(row + 1) * extent // count)
        matrix[row, low:high] = 1 / (high - low)
    return matrix


def _through(g: Lowering, grad: torch.Tensor, matrices: Sequence[np.ndarray]) -> Any:
    dtype = dialect_dtype(grad.dtype)
    wide = accumulation_dtype(dtype)
    value = g.operand(grad, wide)
    first = grad.ndim - len(matrices)
    return g.cast(apply_along_axes(g, value, [each.T for each in matrices], first), dtype)


def _per_axis(numbers: Sequence[int], axes: int) -> list[int]:
    return list(numbers) * axes if len(numbers) == 1 else list(numbers)


def _avg_pool_backward(axes: int) -> Callable[..., Any]:
    def rule(
        g: Lowering,
        grad: torch.Tensor,
        x: torch.Tensor,
        kernel_size: Sequence[int],
        stride: Sequence[int],
        padding: Sequence[int],
        ceil_mode: bool,
        count_include_pad: bool,
        divisor_override: int | None,
    ) -> Any:
        window = _per_axis(kernel_size, axes)
        steps = _per_axis(stride, axes) if stride else window
        margin = _per_axis(padding, axes)
        extents, counts = x.shape[-axes:], grad.shape[-axes:]
        # The size of a window is the product of its extents, so each axis divides by its own.
        matrices = [
            _pool_matrix(n, m, w, s, p, count_include_pad, not divisor_override)
            for n, m, w, s, p in zip(extents, counts, window, steps, margin, strict=True)
        ]
        result = _through(g, grad, matrices)
        if divisor_override:
            result = g.emit("mul", result, g.scalar(1 / divisor_override, result.dtype))
        return result

    return rule


for _axes in (2, 3):
    lowers(f"aten.avg_pool{_axes}d_backward.default")(_avg_pool_backward(_axes))


def _adaptive_avg_pool_backward(axes: int) -> Callable[..., Any]:
    def rule(g: Lowering, grad: torch.Tensor, x: torch.Tensor) -> Any:
        pairs = zip(x.shape[-axes:], grad.shape[-axes:], strict=True)
        return _through(g, grad, [_adaptive_matrix(extent, count) for extent, count in pairs])

    return rule


for _axes in (2, 3):
    lowers(f"aten._adaptive_avg_pool{_axes}d_backward.default")(_adaptive_avg_pool_backward(_axes))
