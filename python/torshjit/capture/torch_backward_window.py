# SPDX-License-Identifier: Apache-2.0
"""ATen's gradients of pools and of resampling."""

from __future__ import annotations

import math
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


# Maximum pools: each gradient goes to the position in the flattened input that was the largest.


def _to_positions(g: Lowering, grad: torch.Tensor, x: torch.Tensor, indices: Any, axes: int) -> Any:
    dtype = dialect_dtype(grad.dtype)
    lead = tuple(x.shape[:-axes])
    flat, count = math.prod(x.shape[-axes:]), math.prod(grad.shape[-axes:])
    if 0 in x.shape or 0 in grad.shape:
        return g.broadcast(g.scalar(0, dtype), x.shape)
    zeros = g.broadcast(g.scalar(0, dtype), (*lead, flat))
    result = g.emit(
        "put_along_axis",
        zeros,
        g.reshape(indices, (*lead, count)),
        g.reshape(g.value(grad), (*lead, count)),
        axis=len(lead),
        reduction="add",
    )
    return g.reshape(result, x.shape)


def _max_pool_backward(axes: int) -> Callable[..., Any]:
    def rule(g: Lowering, grad: torch.Tensor, x: torch.Tensor, *geometry: Any, **named: Any) -> Any:
        indices = named["indices"] if "indices" in named else geometry[-1]
        return _to_positions(g, grad, x, g.value(indices), axes)

    return rule


for _axes in (2, 3):
    lowers(
        f"aten.max_pool{_axes}d_with_indices_backward.default",
        f"aten.adaptive_max_pool{_axes}d_backward.default",
    )(_max_pool_backward(_axes))


# Padding by the elements at the edge: each gradient goes to the element that was repeated.


def _edge_matrix(extent: int, low: int, high: int) -> np.ndarray:
    """Each row picks the nearest element: (low + extent + high, extent)."""
    picked = np.clip(np.arange(-low, extent + high), 0, extent - 1)
    return np.eye(extent)[picked]


def _replication_pad_backward(axes: int) -> Callable[..., Any]:
    def rule(g: Lowering, grad: torch.Tensor, x: torch.Tensor, padding: Sequence[int]) -> Any:
        # The margins of the last axis come first.
        margins = [(padding[2 * i], padding[2 * i + 1]) for i in reversed(range(axes))]
        extents = x.shape[-axes:]
        return _through(
            g, grad, [_edge_matrix(n, *m) for n, m in zip(extents, margins, strict=True)]
        )

    return rule


for _axes in (1, 2, 3):
    lowers(f"aten.replication_pad{_axes}d_backward.default")(_replication_pad_backward(_axes))


# Resampling: a linear map along each axis.


def _nearest_matrix(extent: int, count: int, scale: float | None, exact: bool) -> np.ndarray:
    """Each row picks one element: (count, extent)."""
    matrix = np.zeros((count, extent))
    ratio = np.float32(1 / scale if scale else extent / count)
    place = np.arange(count, dtype=np.float32) + np.float32(0.5 if exact else 0)
    picked = np.minimum(np.floor(place * ratio).astype(int), extent - 1)
    matrix[np.arange(count), picked] = 1
    return matrix


def _linear_matrix(extent: int, count: int, scale: float | None, aligned: bool) -> np.ndarray:
    """Each row mixes two neighbours: (count, extent)."""
    place = np.arange(count, dtype=np.float64)
    if aligned:
        position = place * ((extent - 1) / (count - 1) if count > 1 else 0)
    else:
        ratio = 1 / scale if scale else extent / count
        position = np.maximum((place + 0.5) * ratio - 0.5, 0)
    low = np.minimum(np.floor(position).astype(int), extent - 1)
    share = position - low
    matrix = np.zeros((count, extent))
    np.add.at(matrix, (np.arange(count), low), 1 - share)
    np.add.at(matrix, (np.arange(count), np.minimum(low + 1, extent - 1)), share)
    return matrix


def _nearest_backward(axes: int, exact: bool) -> Callable[..., Any]:
    def rule(
        g: Lowering,
        grad: torch.Tensor,
        output_size: Sequence[int],
        input_size: Sequence[int],
        *scales: float | None,
        **named: float | None,
    ) -> Any:
        factors = _scales(scales, named, axes)
        matrices = [
            _nearest_matrix(extent, count, scale, exact)
            for extent, count, scale in zip(input_size[2:], output_size, factors, strict=True)
        ]
        return _through(g, grad, matrices)

    return rule


def _linear_backward(axes: int) -> Callable[..., Any]:
    def rule(
        g: Lowering,
        grad: torch.Tensor,
        output_size: Sequence[int],
        input_size: Sequence[int],
        align_corners: bool,
        *scales: float | None,
        **named: float | None,
    ) -> Any:
        factors = _scales(scales, named, axes)
        matrices = [
            _linear_matrix(extent, count, scale, align_corners)
            for extent, count, scale in zip(input_size[2:], output_size, factors, strict=True)
        ]
        return _through(g, grad, matrices)

    return rule


def _scales(
    scales: Sequence[float | None], named: dict[str, float | None], axes: int
) -> list[float | None]:
    names = ["scales"] if axes == 1 else ["scales_d", "scales_h", "scales_w"][-axes:]
    given = [*scales, *[None] * (axes - len(scales))]
    return [named.get(name, scale) for name, scale in zip(names, given, strict=True)]


for _axes, _name in ((1, "linear1d"), (2, "bilinear2d"), (3, "trilinear3d")):
    lowers(f"aten.upsample_{_name}_backward.default")(_linear_backward(_axes))
    lowers(f"aten.upsample_nearest{_axes}d_backward.default")(_nearest_backward(_axes, False))
    lowers(f"aten._upsample_nearest_exact{_axes}d_backward.default")(_nearest_backward(_axes, True))
