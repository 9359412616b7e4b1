# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that put windows back where they came from."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations
from torshjit.errors import ShapeError

__all__: list[str] = []


@functools.lru_cache(maxsize=64)
def _targets(
    image: tuple[int, ...],
    window: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    low: tuple[int, ...],
    counts: tuple[int, ...],
) -> np.ndarray:
    """For each place of the window and each window, where it is in the flat image.

    In the padding it is the image's size, which is nowhere.
    """
    total: Any = 0
    inside: Any = True
    rank = len(image)
    for axis in range(rank):
        places = np.arange(window[axis])[:, None] * dilation[axis] - low[axis]
        places = places + np.arange(counts[axis]) * stride[axis]
        shape = [1] * (2 * rank)
        shape[axis], shape[rank + axis] = places.shape
        places = places.reshape(shape)
        total = total * image[axis] + places
        inside = inside & (places >= 0) & (places < image[axis])
    return np.where(inside, total, math.prod(image)).reshape(-1)


@lowers("Col2Im")
def _col2im(g: Operations, node: Node) -> Any:
    """Adds the columns to the image, all at once."""
    value = node.value(0)
    image = node.known_integers(1, "the shape of the image")
    window = node.known_integers(2, "the shape of the window")
    rank, size = len(image), math.prod(window)
    stride = node.integers("strides", [1] * rank) or []
    dilation = node.integers("dilations", [1] * rank) or []
    pads = node.integers("pads", [0] * (2 * rank)) or []
    counts = [
        (image[axis] + pads[axis] + pads[rank + axis] - dilation[axis] * (window[axis] - 1) - 1)
        // stride[axis]
        + 1
        for axis in range(rank)
    ]
    batch, columns = value.shape[:2]
    if columns % size or tuple(value.shape[2:]) != (math.prod(counts),) or min(counts) < 1:
        raise ShapeError(f"{node}: columns of {tuple(value.shape)} for windows {counts} in {image}")
    channels = columns // size
    lists = (image, window, stride, dilation, pads[:rank], counts)
    where = g.value(_targets(*map(tuple, lists)))
    flat = g.reshape(value, (batch, channels, size * math.prod(counts)))
    empty = g.filled(0, value.dtype, (batch, channels, math.prod(image)))
    made = g.emit("scatter", empty, flat, [where], axes=[2], reduction="add")
    return g.reshape(made, (batch, channels, *image))


@lowers("MaxUnpool")
def _max_unpool(g: Operations, node: Node) -> Any:
    value, indices = node.value(0), node.value(1)
    window = node.integers("kernel_shape") or []
    rank = len(window)
    if len(value.shape) != rank + 2 or tuple(value.shape) != tuple(indices.shape):
        raise ShapeError(f"{node}: values {tuple(value.shape)}, indices {tuple(indices.shape)}")
    stride = node.integers("strides", [1] * rank) or []
    pads = node.integers("pads", [0] * (2 * rank)) or []
    inner = [
        (value.shape[2 + axis] - 1) * stride[axis] - pads[axis] - pads[rank + axis] + window[axis]
        for axis in range(rank)
    ]
    shape = [*value.shape[:2], *inner]
    total, count = math.prod(shape), math.prod(value.shape)
    places = g.reshape(indices, (count,))
    g.require_inside(places, total, f"{node}: an index is out of range for {total} elements")
    empty = g.filled(0, value.dtype, (total,))
    flat = g.emit("scatter", empty, g.reshape(value, (count,)), [places], axes=[0])
    made = g.reshape(flat, shape)
    wanted = node.known_integers(2, "the shape of the result", shape)
    if len(wanted) != len(shape) or any(a < b for a, b in zip(wanted, shape, strict=True)):
        raise ShapeError(f"{node}: the shape {wanted} is less than {shape}")
    high = [a - b for a, b in zip(wanted, shape, strict=True)]
    return g.pad(made, [0] * len(shape), high)
