# SPDX-License-Identifier: Apache-2.0
"""Sliding windows over the spatial axes of a (batch, channels, spatial...) tensor, and pools."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from torshjit.interpreter.registry import Call, reference


def padded(image: np.ndarray, low: Sequence[int], high: Sequence[int], value: float) -> np.ndarray:
    """`image` with a margin of `value` before and after each of its spatial axes."""
    margins = [(0, 0), (0, 0), *zip(low, high, strict=True)]
    if not any(before or after for before, after in margins):
        return image
    return np.pad(image, margins, constant_values=value)


def windows(
    call: Call,
    image: np.ndarray,
    window: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> np.ndarray:
    """A view (batch, channels, positions..., window...) of a padded image.

    Raises:
        ShapeError: a dilated window is larger than the padded image.
    """
    spans = [(size - 1) * step + 1 for size, step in zip(window, dilation, strict=True)]
    for axis, (extent, span) in enumerate(zip(image.shape[2:], spans, strict=True)):
        if span > extent:
            raise call.shape_error(
                f"the window spans {span} elements of spatial axis {axis}, which has only "
                f"{extent} with its padding"
            )
    spatial = tuple(range(2, image.ndim))
    view = sliding_window_view(image, spans, axis=spatial)
    steps = (slice(None, None, step) for step in (*stride, *dilation))
    selection = (slice(None), slice(None), *steps)
    return view[selection]


def _window_axes(view: np.ndarray, window: Sequence[int]) -> tuple[int, ...]:
    return tuple(range(view.ndim - len(window), view.ndim))


@reference("torsh.max_pool")
def _max_pool(call: Call) -> np.ndarray:
    image, attributes = call.operand(0), call.attributes
    smallest = -np.inf if image.dtype.kind == "f" else np.iinfo(image.dtype).min
    image = padded(image, attributes["padding_low"], attributes["padding_high"], smallest)
    window = attributes["window"]
    view = windows(call, image, window, attributes["stride"], attributes["dilation"])
    return view.max(axis=_window_axes(view, window))


@reference("torsh.avg_pool")
def _avg_pool(call: Call) -> np.ndarray:
    image, attributes = call.operand(0), call.attributes
    window, stride = attributes["window"], attributes["stride"]
    low, high = attributes["padding_low"], attributes["padding_high"]
    dilation = [1] * len(window)

    view = windows(call, padded(image, low, high, 0), window, stride, dilation)
    total = view.sum(axis=_window_axes(view, window))
    if attributes["count_include_pad"]:
        return total / total.dtype.type(np.prod(window))
    ones = padded(np.ones((1, 1, *image.shape[2:]), image.dtype), low, high, 0)
    present = windows(call, ones, window, stride, dilation)
    return total / present.sum(axis=_window_axes(present, window))
