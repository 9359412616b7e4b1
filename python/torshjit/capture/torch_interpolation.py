# SPDX-License-Identifier: Apache-2.0
"""ATen's resizing by the nearest element; torch decomposes the other modes into reads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from torshjit.capture.torch_backward_window import apply_along_axes
from torshjit.capture.torch_lowering import (
    Lowering,
    accumulation_dtype,
    dialect_dtype,
    lowers,
)
from torshjit.errors import ShapeError

__all__: list[str] = []


def _nearest_places(extent: int, size: int, factor: float | None, centred: bool) -> np.ndarray:
    """The position that each of `size` elements is taken from, computed in f32 as torch does."""
    scale = np.float32(1 / factor if factor else extent / size)
    place = np.arange(size, dtype=np.float32)
    if centred:
        place = place + np.float32(0.5)
    return np.minimum(np.floor(place * scale).astype(np.int64), extent - 1)


def _resized(
    g: Lowering,
    x: torch.Tensor,
    sizes: Sequence[int],
    factors: Sequence[float | None],
    centred: bool,
) -> Any:
    value = g.value(x)
    for axis, (size, factor) in enumerate(zip(sizes, factors, strict=True), start=2):
        extent = value.shape[axis]
        if size <= 0 or extent == 0:
            raise ShapeError(f"{g.op}: extent {extent} cannot become {size}")
        places = _nearest_places(extent, size, factor, centred)
        count, left = divmod(size, extent)
        if left == 0 and (places == np.repeat(np.arange(extent), count)).all():
            value = _repeated(g, value, axis, count)
        else:
            table = g.builder.constant(places, loc=g.location)
            value = g.gather(value, [table], [axis])
    return value


def _repeated(g: Lowering, value: Any, axis: int, count: int) -> Any:
    before, extent, after = value.shape[:axis], value.shape[axis], value.shape[axis + 1 :]
    apart = g.reshape(value, (*before, extent, 1, *after))
    return g.reshape(
        g.broadcast(apart, (*before, extent, count, *after)), (*before, extent * count, *after)
    )


def _by_size_or_factor(
    g: Lowering,
    x: torch.Tensor,
    output_size: Sequence[int] | None,
    scale_factors: Sequence[float] | None,
    centred: bool,
) -> Any:
    if output_size is not None:
        return _resized(g, x, output_size, [None] * len(output_size), centred)
    assert scale_factors is not None
    sizes = [math.floor(n * f) for n, f in zip(x.shape[2:], scale_factors, strict=True)]
    return _resized(g, x, sizes, scale_factors, centred)


@lowers("aten.upsample_nearest1d.vec", "aten.upsample_nearest2d.vec", "aten.upsample_nearest3d.vec")
def upsample_nearest(
    g: Lowering,
    x: torch.Tensor,
    output_size: Sequence[int] | None,
    scale_factors: Sequence[float] | None,
) -> Any:
    return _by_size_or_factor(g, x, output_size, scale_factors, centred=False)


@lowers(
    "aten._upsample_nearest_exact1d.vec",
    "aten._upsample_nearest_exact2d.vec",
    "aten._upsample_nearest_exact3d.vec",
)
def upsample_nearest_exact(
    g: Lowering,
    x: torch.Tensor,
    output_size: Sequence[int] | None,
    scale_factors: Sequence[float] | None,
) -> Any:
    return _by_size_or_factor(g, x, output_size, scale_factors, centred=True)


@lowers(
    "aten.upsample_nearest1d.default",
    "aten.upsample_nearest2d.default",
    "aten.upsample_nearest3d.default",
)
def upsample_nearest_to(
    g: Lowering, x: torch.Tensor, output_size: Sequence[int], *factors: float | None
) -> Any:
    return _resized(g, x, output_size, factors or [None] * len(output_size), centred=False)


def _smoothing_matrix(extent: int, size: int, factor: float | None, corners: bool) -> np.ndarray:
    """How much each element of an axis counts for each of `size`: a triangle as wide as a step."""
    if corners:
        step = (extent - 1) / (size - 1) if size > 1 else 0.0
    else:
        step = 1 / factor if factor else extent / size
    reach = max(step, 1.0)
    matrix = np.zeros((size, extent))
    for row in range(size):
        centre = step * (row + 0.5)
        first = max(int(centre - reach + 0.5), 0)
        last = min(int(centre + reach + 0.5), extent)
        gaps = (np.arange(first, last) - centre + 0.5) / reach
        weights = np.maximum(1 - np.abs(gaps), 0)
        matrix[row, first:last] = weights / weights.sum()
    return matrix


@lowers("aten._upsample_bilinear2d_aa.default")
def upsample_smoothly(
    g: Lowering,
    x: torch.Tensor,
    output_size: Sequence[int],
    align_corners: bool,
    *factors: float | None,
) -> Any:
    if 0 in x.shape or min(output_size) <= 0:
        raise ShapeError(f"{g.op}: shape {tuple(x.shape)} cannot become {list(output_size)}")
    dtype = dialect_dtype(x.dtype)
    matrices = [
        _smoothing_matrix(extent, size, factor, align_corners)
        for extent, size, factor in zip(
            x.shape[2:], output_size, factors or (None, None), strict=True
        )
    ]
    value = g.operand(x, accumulation_dtype(dtype))
    return g.cast(apply_along_axes(g, value, matrices, 2), dtype)
