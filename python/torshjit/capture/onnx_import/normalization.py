# SPDX-License-Identifier: Apache-2.0
"""ONNX normalisations."""

from __future__ import annotations

import math
from typing import Any

from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations, is_float, wider
from torshjit.errors import ShapeError

__all__: list[str] = []


def _per_channel(g: Operations, value: Any, rank: int) -> Any:
    """A tensor of one axis along axis 1 of a tensor of `rank`."""
    return g.reshape(value, (1, *value.shape, *[1] * (rank - 2)))


def _moments(g: Operations, value: Any, axes: list[int]) -> tuple[Any, Any, Any]:
    """Mean, centred value and biased variance, the axes kept."""
    mean = g.reduce("mean", value, axes, keepdims=True)
    centred = g.emit("sub", value, mean)
    variance = g.reduce("mean", g.emit("mul", centred, centred), axes, keepdims=True)
    return mean, centred, variance


def _inverse_root(g: Operations, variance: Any, epsilon: float) -> Any:
    return g.emit("rsqrt", g.math("add", variance, epsilon))


@lowers("BatchNormalization")
def _batch_normalization(g: Operations, node: Node) -> Any:
    value = node.value(0)
    dtype = value.dtype
    scale, bias, mean, variance = (node.value(place) for place in range(1, 5))
    epsilon = float(node.attribute("epsilon", 1e-5))
    training = node.attribute("training_mode", 0)
    if node.version < 7:
        training = not node.attribute("is_test", 0)
    if not node.attribute("spatial", 1):
        raise node.fail("statistics of each element (spatial=0) are not covered")
    if not training:
        parts = [g.cast(each, dtype) for each in (mean, variance, scale, bias)]
        return g.emit("batch_norm", value, *parts, eps=epsilon)
    rank = len(value.shape)
    axes = [0, *range(2, rank)]
    wide = wider(dtype)
    batch_mean, centred, batch_variance = _moments(g, g.cast(value, wide), axes)
    normal = g.emit("mul", centred, _inverse_root(g, batch_variance, epsilon))
    scaled = g.emit("mul", normal, _per_channel(g, g.cast(scale, wide), rank))
    result = g.emit("add", scaled, _per_channel(g, g.cast(bias, wide), rank))
    momentum = float(node.attribute("momentum", 0.9))

    def running(old: Any, new: Any) -> Any:
        kept = g.math("mul", g.cast(old, wide), momentum)
        added = g.math("mul", g.reshape(new, old.shape), 1.0 - momentum)
        return g.cast(g.emit("add", kept, added), old.dtype)

    return g.cast(result, dtype), running(mean, batch_mean), running(variance, batch_variance)


@lowers("InstanceNormalization")
def _instance_normalization(g: Operations, node: Node) -> Any:
    value = node.value(0)
    rank, wide = len(value.shape), wider(value.dtype)
    axes = list(range(2, rank))
    _, centred, variance = _moments(g, g.cast(value, wide), axes)
    root = _inverse_root(g, variance, float(node.attribute("epsilon", 1e-5)))
    normal = g.emit("mul", centred, root)
    scaled = g.emit("mul", normal, _per_channel(g, node.value(1, wide), rank))
    return g.cast(g.emit("add", scaled, _per_channel(g, node.value(2, wide), rank)), value.dtype)


@lowers("GroupNormalization")
def _group_normalization(g: Operations, node: Node) -> Any:
    value = node.value(0)
    shape, wide = list(value.shape), wider(value.dtype)
    groups = node.attribute("num_groups")
    if not groups or shape[1] % groups:
        raise ShapeError(f"{node}: {shape[1]} channels cannot be {groups} groups")
    size = math.prod(shape[1:]) // groups
    parts = g.reshape(g.cast(value, wide), (shape[0], groups, size))
    _, centred, variance = _moments(g, parts, [2])
    root = _inverse_root(g, variance, float(node.attribute("epsilon", 1e-5)))
    normal = g.reshape(g.emit("mul", centred, root), shape)
    scale, bias = node.value(1, wide), node.value(2, wide)
    if node.version < 21:
        # One number for each group.
        count = shape[1] // groups
        scale, bias = (
            g.reshape(g.broadcast(g.reshape(each, (groups, 1)), (groups, count)), (shape[1],))
            for each in (scale, bias)
        )
    rank = len(shape)
    scaled = g.emit("mul", normal, _per_channel(g, scale, rank))
    return g.cast(g.emit("add", scaled, _per_channel(g, bias, rank)), value.dtype)


@lowers("LayerNormalization")
def _layer_normalization(g: Operations, node: Node) -> Any:
    value, scale, bias = node.value(0), node.value(1), node.optional(2)
    dtype, rank = value.dtype, len(value.shape)
    axis = node.axis(node.attribute("axis", -1), rank)
    epsilon = float(node.attribute("epsilon", 1e-5))
    shape = tuple(value.shape[axis:])
    fits = tuple(scale.shape) == shape and (bias is None or tuple(bias.shape) == shape)
    if fits and not any(node.outputs[1:]):
        return g.emit("layer_norm", value, scale, bias, num_axes=rank - axis, eps=epsilon)
    wide = "f64" if dtype == "f64" else "f32"
    axes = list(range(axis, rank))
    mean, centred, variance = _moments(g, g.cast(value, wide), axes)
    root = _inverse_root(g, variance, epsilon)
    normal = g.cast(g.emit("mul", centred, root), dtype)
    result = g.emit("mul", normal, scale)
    result = result if bias is None else g.emit("add", result, bias)
    return result, mean, root


@lowers("RMSNormalization")
def _rms_normalization(g: Operations, node: Node) -> Any:
    value, scale = node.value(0), node.value(1)
    rank = len(value.shape)
    wide = "f64" if value.dtype == "f64" else "f32"
    axes = list(range(node.axis(node.attribute("axis", -1), rank), rank))
    x = g.cast(value, wide)
    square = g.reduce("mean", g.emit("mul", x, x), axes, keepdims=True)
    root = _inverse_root(g, square, float(node.attribute("epsilon", 1e-5)))
    return g.emit("mul", g.cast(g.emit("mul", x, root), scale.dtype), scale)


@lowers("LpNormalization")
def _lp_normalization(g: Operations, node: Node) -> Any:
    value = node.value(0)
    axis = node.axis(node.attribute("axis", -1), len(value.shape))
    if node.attribute("p", 2) == 1:
        norm = g.reduce("sum", g.emit("abs", value), [axis], keepdims=True)
    else:
        norm = g.emit("sqrt", g.reduce("sum", g.emit("mul", value, value), [axis], keepdims=True))
    # A norm of zero gives zeros.
    return g.where(g.compare("eq", norm, 0.0), 0.0, g.emit("div", value, norm))


@lowers("MeanVarianceNormalization")
def _mean_variance_normalization(g: Operations, node: Node) -> Any:
    value = node.value(0)
    rank = len(value.shape)
    axes = [node.axis(axis, rank) for axis in node.integers("axes", [0, 2, 3]) or []]
    _, centred, variance = _moments(g, g.cast(value, wider(value.dtype)), sorted(axes))
    deviation = g.math("add", g.emit("sqrt", variance), 1e-9)
    return g.cast(g.emit("div", centred, deviation), value.dtype)


@lowers("LRN")
def _lrn(g: Operations, node: Node) -> Any:
    value = node.value(0)
    if not is_float(value.dtype):
        raise node.fail("it is for floats")
    size = node.attribute("size")
    alpha, beta = node.attribute("alpha", 1e-4), node.attribute("beta", 0.75)
    channels, rank = value.shape[1], len(value.shape)
    low, high = [0] * rank, [0] * rank
    low[1], high[1] = (size - 1) // 2, size - 1 - (size - 1) // 2
    padded = g.pad(g.emit("mul", value, value), low, high)
    total = g.slice(padded, 1, 0, channels)
    for place in range(1, size):
        total = g.emit("add", total, g.slice(padded, 1, place, place + channels))
    base = g.math("add", g.math("mul", total, alpha / size), float(node.attribute("bias", 1.0)))
    return g.emit("div", value, g.math("pow", base, float(beta)))
