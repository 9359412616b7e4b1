# SPDX-License-Identifier: Apache-2.0
"""ONNX operators along the order of an axis: running sums and products, the largest elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations
from torshjit.errors import ShapeError

__all__: list[str] = []


def _running(kind: str) -> Callable[[Operations, Node], Any]:
    def handler(g: Operations, node: Node) -> Any:
        value = node.value(0)
        return g.emit(
            "scan",
            value,
            kind=kind,
            axis=node.axis(node.known_integers(1, "the axis")[0], len(value.shape)),
            reverse=bool(node.attribute("reverse", 0)),
            exclusive=bool(node.attribute("exclusive", 0)),
        )

    return handler


lowers("CumSum")(_running("sum"))
lowers("CumProd")(_running("prod"))


@lowers("TopK")
def _top_k(g: Operations, node: Node) -> Any:
    """Of equal elements the first ones come first; a NaN is larger than every number."""
    value = node.value(0)
    axis = node.axis(node.attribute("axis", -1), len(value.shape))
    count = node.attribute("k") if node.version < 10 else None
    if count is None:
        count = node.known_integers(1, "the number of elements")[0]
    extent = value.shape[axis]
    if not 0 <= count <= extent:
        raise ShapeError(f"{node}: {count} elements of extent {extent}")
    order = g.emit("argsort", value, axis=axis, descending=bool(node.attribute("largest", 1)))
    indices = g.slice(order, axis, 0, count)
    return g.emit("take_along_axis", value, indices, axis=axis), indices
