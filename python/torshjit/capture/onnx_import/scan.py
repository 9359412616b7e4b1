# SPDX-License-Identifier: Apache-2.0
"""ONNX running sums and products, in a number of steps that is the logarithm of the extent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations

__all__: list[str] = []


def _shifted(g: Operations, value: Any, axis: int, step: int, neutral: int) -> Any:
    """`value` moved towards the end of an axis by `step` elements."""
    low = [0] * len(value.shape)
    low[axis] = step
    kept = g.slice(value, axis, 0, max(0, value.shape[axis] - step))
    return g.pad(kept, low, [0] * len(low), neutral)


def _running(op: str, neutral: int) -> Callable[[Operations, Node], Any]:
    def handler(g: Operations, node: Node) -> Any:
        value = node.value(0)
        axis = node.axis(node.known_integers(1, "the axis")[0], len(value.shape))
        dtype, extent = value.dtype, value.shape[axis]
        if dtype in ("f16", "bf16"):
            value = g.cast(value, "f32")
        if node.attribute("reverse", 0):
            value = g.flip(value, axis)
        if node.attribute("exclusive", 0) and extent:
            value = _shifted(g, value, axis, 1, neutral)
        step = 1
        while step < extent:
            value = g.emit(op, value, _shifted(g, value, axis, step, neutral))
            step *= 2
        if node.attribute("reverse", 0):
            value = g.flip(value, axis)
        return g.cast(value, dtype)

    return handler


lowers("CumSum")(_running("add", 0))
lowers("CumProd")(_running("mul", 1))
