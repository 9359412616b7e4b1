# SPDX-License-Identifier: Apache-2.0
"""Sums of neighbouring elements times weights, at positions that are data."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from torshjit.capture.onnx_import.operations import Operations

__all__ = ["Neighbour", "inside", "interpolated"]

#: A neighbour along an axis: its position as i64, and its weight.
Neighbour = tuple[Any, Any]


def _sum(g: Operations, parts: Sequence[Any]) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = g.emit("add", total, part)
    return total


def interpolated(
    g: Operations, data: Any, lead: Sequence[Any], axes: Sequence[int], sides: Sequence[Any]
) -> Any:
    """The sum of the elements at all combinations of neighbours, times their weights.

    `lead` are positions of the axes that are not interpolated, which come first among `axes`;
    `sides` has the neighbours along each of the others. Axes that are not indexed become the last.
    """
    total = []
    for combination in itertools.product(*sides):
        places = [*lead, *(position for position, _ in combination)]
        element = g.emit("gather", data, places, axes=list(axes))
        weight = None
        for _, part in combination:
            weight = part if weight is None else g.emit("mul", weight, part)
        if weight is None:
            return element
        kept = len(element.shape) - len(weight.shape)
        weight = g.reshape(weight, (*weight.shape, *[1] * kept))
        total.append(g.emit("mul", element, g.cast(weight, element.dtype)))
    return _sum(g, total)


def inside(g: Operations, position: Any, extent: int) -> Any:
    return g.emit("and", g.compare("ge", position, 0), g.compare("lt", position, extent))
