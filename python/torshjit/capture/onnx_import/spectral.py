# SPDX-License-Identifier: Apache-2.0
"""ONNX DFT, by a matrix of cosines and sines."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations, wider

__all__: list[str] = []

#: A longer transform by a matrix would be much more work than a fast one.
_LONGEST = 1024


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
    length = node.known_integers(1, "the length", [extent])[0]
    inverse = bool(node.attribute("inverse", 0))
    onesided = bool(node.attribute("onesided", 0))
    if length > _LONGEST or (inverse and onesided) or axis == rank - 1:
        raise node.fail(f"length {length}, inverse {inverse}, onesided {onesided} is not covered")
    value = g.cast(value, wider(dtype))
    margin = [0] * rank
    margin[axis] = max(0, length - extent)
    value = g.pad(g.slice(value, axis, 0, min(extent, length)), [0] * rank, margin)
    count = length // 2 + 1 if onesided else length
    # Products are reduced first, so that the angles of long transforms stay exact.
    angles = np.outer(np.arange(length), np.arange(count)) % length * (2 * np.pi / length)
    scale = 1 / length if inverse else 1.0
    sign = -1.0 if inverse else 1.0
    like = numpy_dtype(value.dtype)
    cosines = g.value(np.ascontiguousarray((np.cos(angles) * scale).astype(like)))
    sines = g.value(np.ascontiguousarray((np.sin(angles) * scale * sign).astype(like)))
    order = [*(place for place in range(rank) if place != axis), axis]

    def part(place: int) -> Any:
        return g.permute(g.slice(value, rank - 1, place, place + 1), order)

    def product(operand: Any, matrix: Any) -> Any:
        return g.emit("matmul", operand, matrix)

    real = part(0)
    first, second = product(real, cosines), g.emit("neg", product(real, sines))
    if value.shape[-1] == 2:
        imaginary = part(1)
        first = g.emit("add", first, product(imaginary, sines))
        second = g.emit("add", second, product(imaginary, cosines))
    back = [order.index(place) for place in range(rank)]
    parts = [g.permute(each, back) for each in (first, second)]
    return g.cast(g.concat(parts, rank - 1), dtype)
