# SPDX-License-Identifier: Apache-2.0
"""ONNX Fourier transforms, by a matrix of cosines and sines."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations, wider
from torshjit.errors import ShapeError

__all__: list[str] = []

#: A longer transform by a matrix would be much more work than a fast one.
_LONGEST = 1024


def _angles(length: int, count: int) -> np.ndarray:
    # Products are reduced first, so that the angles of long transforms stay exact.
    return np.outer(np.arange(length), np.arange(count)) % length * (2 * np.pi / length)


def _matrix(g: Operations, array: np.ndarray, dtype: str) -> Any:
    return g.value(np.ascontiguousarray(array.astype(numpy_dtype(dtype))))


def _resized(g: Operations, value: Any, axis: int, extent: int) -> Any:
    """`value` cut, or with zeros added, to an extent."""
    margin = [0] * len(value.shape)
    margin[axis] = max(0, extent - value.shape[axis])
    kept = g.slice(value, axis, 0, min(extent, value.shape[axis]))
    return g.pad(kept, [0] * len(value.shape), margin)


class _Parts:
    """Real and imaginary part of a tensor whose last axis has them, an axis moved to the end."""

    def __init__(self, g: Operations, value: Any, axis: int) -> None:
        self.g = g
        rank = len(value.shape)
        self._order = [*(place for place in range(rank) if place != axis), axis]
        self._rank = rank
        self.real = self._part(value, 0)
        self.imaginary = self._part(value, 1) if value.shape[-1] == 2 else None

    def _part(self, value: Any, place: int) -> Any:
        part = self.g.slice(value, self._rank - 1, place, place + 1)
        return self.g.permute(part, self._order)

    def joined(self, *parts: Any) -> Any:
        """The parts as the last axis, the other one back in its place."""
        back = [self._order.index(place) for place in range(self._rank)]
        return self.g.concat([self.g.permute(each, back) for each in parts], self._rank - 1)


def _transformed(
    g: Operations, value: Any, axis: int, length: int, *, inverse: bool, onesided: bool
) -> Any:
    value = _resized(g, value, axis, length)
    count = length // 2 + 1 if onesided else length
    angles = _angles(length, count)
    scale, sign = (1 / length, -1.0) if inverse else (1.0, 1.0)
    cosines = _matrix(g, np.cos(angles) * scale, value.dtype)
    sines = _matrix(g, np.sin(angles) * scale * sign, value.dtype)
    parts = _Parts(g, value, axis)
    first = g.emit("matmul", parts.real, cosines)
    second = g.emit("neg", g.emit("matmul", parts.real, sines))
    if parts.imaginary is not None:
        first = g.emit("add", first, g.emit("matmul", parts.imaginary, sines))
        second = g.emit("add", second, g.emit("matmul", parts.imaginary, cosines))
    return parts.joined(first, second)


def _real_inverse(g: Operations, value: Any, axis: int, length: int) -> Any:
    """The signal of `length` real numbers whose one-sided transform `value` is."""
    count = length // 2 + 1
    value = _resized(g, value, axis, count)
    # All but the first and the middle frequency stand for two.
    weights = np.full((count, 1), 2 / length)
    weights[0] /= 2
    if length % 2 == 0:
        weights[-1] /= 2
    angles = _angles(length, count).T
    parts = _Parts(g, value, axis)
    result = g.emit("matmul", parts.real, _matrix(g, np.cos(angles) * weights, value.dtype))
    if parts.imaginary is not None:
        sines = _matrix(g, np.sin(angles) * weights, value.dtype)
        result = g.emit("sub", result, g.emit("matmul", parts.imaginary, sines))
    return parts.joined(result)


@lowers("DFT")
def _dft(g: Operations, node: Node) -> Any:
    value = node.value(0)
    rank, dtype = len(value.shape), value.dtype
    if node.version < 20:
        axis = node.attribute("axis", 1)
    else:
        axis = node.known_integers(2, "the axis", [-2])[0]
    axis = node.axis(axis, rank)
    extent = value.shape[axis]
    inverse = bool(node.attribute("inverse", 0))
    onesided = bool(node.attribute("onesided", 0))
    default = 2 * (extent - 1) if inverse and onesided else extent
    length = node.known_integers(1, "the length", [default])[0]
    if not 0 < length <= _LONGEST or axis == rank - 1 or value.shape[-1] not in (1, 2):
        raise node.fail(f"length {length} along axis {axis} of {tuple(value.shape)} is not covered")
    wide = g.cast(value, wider(dtype))
    if inverse and onesided:
        return g.cast(_real_inverse(g, wide, axis, length), dtype)
    made = _transformed(g, wide, axis, length, inverse=inverse, onesided=onesided)
    return g.cast(made, dtype)


@lowers("STFT")
def _stft(g: Operations, node: Node) -> Any:
    value = node.value(0)
    if len(value.shape) == 2:
        value = g.reshape(value, (*value.shape, 1))
    dtype = value.dtype
    extent, kinds = value.shape[1:]
    step = node.known_integers(1, "the step")[0]
    window = node.optional(2)
    default = extent if window is None else window.shape[0]
    length = node.known_integers(3, "the length of a frame", [default])[0]
    if not 0 < length <= min(extent, _LONGEST) or step <= 0:
        raise node.fail(f"frames of {length} in a signal of {extent} are not covered")
    if window is not None and tuple(window.shape) != (length,):
        raise ShapeError(f"{node}: a window of {tuple(window.shape)} for frames of {length}")
    count = 1 + (extent - length) // step
    places = np.arange(count)[:, None] * step + np.arange(length)
    frames = g.emit("gather", g.cast(value, wider(dtype)), [g.value(places)], axes=[1])
    if window is not None:
        scale = g.reshape(g.cast(window, frames.dtype), (1, 1, length, 1))
        frames = g.emit("mul", frames, scale)
    onesided = bool(node.attribute("onesided", 1)) and kinds == 1
    made = _transformed(g, frames, 2, length, inverse=False, onesided=onesided)
    return g.cast(made, dtype)
