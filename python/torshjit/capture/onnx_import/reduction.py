# SPDX-License-Identifier: Apache-2.0
"""ONNX reductions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations, is_float, wider

__all__: list[str] = []

Reduction = Callable[[Operations, Node, Any, Sequence[int], bool], Any]


def _reduces(operator: str) -> Callable[[Reduction], Reduction]:
    """Registers a reduction of a Value over sorted axes."""

    def register(reduction: Reduction) -> Reduction:
        @lowers(operator)
        def handler(g: Operations, node: Node) -> Any:
            value = node.value(0)
            rank = len(value.shape)
            axes = node.axes(1, rank)
            keepdims = bool(node.attribute("keepdims", 1))
            if not axes:
                if axes is not None and not node.attribute("noop_with_empty_axes", 0):
                    axes = None
                if node.attribute("noop_with_empty_axes", 0):
                    axes = []
            chosen = list(range(rank)) if axes is None else sorted(set(axes))
            return reduction(g, node, value, chosen, keepdims)

        return reduction

    return register


def _shape(value: Any, axes: Sequence[int], keepdims: bool) -> list[int]:
    return [
        1 if axis in axes else extent
        for axis, extent in enumerate(value.shape)
        if keepdims or axis not in axes
    ]


def _is_empty(value: Any, axes: Sequence[int]) -> bool:
    return any(value.shape[axis] == 0 for axis in axes)


@_reduces("ReduceSum")
def _sum(g: Operations, node: Node, value: Any, axes: Sequence[int], keepdims: bool) -> Any:
    return g.reduce("sum", value, axes, keepdims)


@_reduces("ReduceProd")
def _prod(g: Operations, node: Node, value: Any, axes: Sequence[int], keepdims: bool) -> Any:
    return g.reduce("prod", value, axes, keepdims)


@_reduces("ReduceMean")
def _mean(g: Operations, node: Node, value: Any, axes: Sequence[int], keepdims: bool) -> Any:
    if not is_float(value.dtype):
        raise node.fail("a mean of integers is not covered")
    return g.reduce("mean", value, axes, keepdims)


def _extreme(largest: bool) -> Reduction:
    def reduction(
        g: Operations, node: Node, value: Any, axes: Sequence[int], keepdims: bool
    ) -> Any:
        if value.dtype == "i1":
            return g.reduce("any" if largest else "all", value, axes, keepdims)
        if _is_empty(value, axes):
            dtype = numpy_dtype(value.dtype)
            if is_float(value.dtype):
                neutral: Any = -math.inf if largest else math.inf
            else:
                neutral = np.iinfo(dtype).min if largest else np.iinfo(dtype).max
            return g.filled(neutral, value.dtype, _shape(value, axes, keepdims))
        return g.reduce("amax" if largest else "amin", value, axes, keepdims)

    return reduction


_reduces("ReduceMax")(_extreme(largest=True))
_reduces("ReduceMin")(_extreme(largest=False))


@_reduces("ReduceSumSquare")
def _sum_square(g: Operations, node: Node, value: Any, axes: Sequence[int], keepdims: bool) -> Any:
    return g.reduce("sum", g.emit("mul", value, value), axes, keepdims)


@_reduces("ReduceL1")
def _l1(g: Operations, node: Node, value: Any, axes: Sequence[int], keepdims: bool) -> Any:
    return g.reduce("sum", g.emit("abs", value), axes, keepdims)


@_reduces("ReduceL2")
def _l2(g: Operations, node: Node, value: Any, axes: Sequence[int], keepdims: bool) -> Any:
    wide = wider(value.dtype) if is_float(value.dtype) else "f64"
    total = _sum_square(g, node, g.cast(value, wide), axes, keepdims)
    return g.cast(g.emit("sqrt", total), value.dtype)


@_reduces("ReduceLogSum")
def _log_sum(g: Operations, node: Node, value: Any, axes: Sequence[int], keepdims: bool) -> Any:
    wide = wider(value.dtype) if is_float(value.dtype) else "f64"
    total = g.reduce("sum", g.cast(value, wide), axes, keepdims)
    return g.cast(g.emit("log", total), value.dtype)


@_reduces("ReduceLogSumExp")
def _log_sum_exp(g: Operations, node: Node, value: Any, axes: Sequence[int], keepdims: bool) -> Any:
    shape = _shape(value, axes, keepdims)
    if _is_empty(value, axes):
        return g.filled(-math.inf, value.dtype, shape)
    x = g.cast(value, wider(value.dtype) if is_float(value.dtype) else "f64")
    largest = g.reduce("amax", x, axes, keepdims=True)
    # An infinity minus itself would be NaN.
    size = g.emit("abs", largest)
    shift = g.where(g.compare("lt", size, math.inf), largest, 0.0)
    total = g.reduce("sum", g.emit("exp", g.emit("sub", x, shift)), axes, keepdims=True)
    result = g.emit("add", g.emit("log", total), shift)
    return g.cast(g.reshape(result, shape), value.dtype)


def _position(op: str) -> Callable[[Operations, Node], Any]:
    def handler(g: Operations, node: Node) -> Any:
        value = node.value(0)
        axis = node.axis(node.attribute("axis", 0), len(value.shape))
        keepdims = bool(node.attribute("keepdims", 1))
        if not node.attribute("select_last_index", 0):
            return g.emit(op, value, axis=axis, keepdims=keepdims)
        found = g.emit(op, g.flip(value, axis), axis=axis, keepdims=keepdims)
        return g.math("sub", value.shape[axis] - 1, found)

    return handler


lowers("ArgMax")(_position("argmax"))
lowers("ArgMin")(_position("argmin"))
