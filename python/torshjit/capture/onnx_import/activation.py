# SPDX-License-Identifier: Apache-2.0
"""ONNX activation functions."""

from __future__ import annotations

from typing import Any

from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations, is_float
from torshjit.capture.onnx_import.random import dropped

__all__: list[str] = []


@lowers("Relu")
def _relu(g: Operations, node: Node) -> Any:
    value = node.value(0)
    return g.emit("relu", value) if is_float(value.dtype) else g.math("maximum", value, 0)


@lowers("Sigmoid")
def _sigmoid(g: Operations, node: Node) -> Any:
    return g.emit("sigmoid", node.value(0))


@lowers("Softplus")
def _softplus(g: Operations, node: Node) -> Any:
    return g.emit("softplus", node.value(0))


@lowers("Softsign")
def _softsign(g: Operations, node: Node) -> Any:
    value = node.value(0)
    return g.emit("div", value, g.math("add", g.emit("abs", value), 1.0))


@lowers("Elu")
def _elu(g: Operations, node: Node) -> Any:
    return g.emit("elu", node.value(0), alpha=float(node.attribute("alpha", 1.0)))


@lowers("Celu")
def _celu(g: Operations, node: Node) -> Any:
    alpha = float(node.attribute("alpha", 1.0))
    scaled = g.math("div", node.value(0), alpha)
    return g.math("mul", g.emit("elu", scaled, alpha=1.0), alpha)


@lowers("Selu")
def _selu(g: Operations, node: Node) -> Any:
    alpha = float(node.attribute("alpha", 1.67326319217681884765625))
    gamma = float(node.attribute("gamma", 1.05070102214813232421875))
    return g.math("mul", g.emit("elu", node.value(0), alpha=alpha), gamma)


@lowers("LeakyRelu")
def _leaky_relu(g: Operations, node: Node) -> Any:
    slope = float(node.attribute("alpha", 0.01))
    return g.emit("leaky_relu", node.value(0), negative_slope=slope)


@lowers("PRelu")
def _prelu(g: Operations, node: Node) -> Any:
    value, slope = node.value(0), node.value(1)
    if node.version < 7 and len(slope.shape) == 1 and len(value.shape) > 2:
        # One slope for each channel.
        slope = g.reshape(slope, (*slope.shape, *[1] * (len(value.shape) - 2)))
    scaled = g.emit("mul", value, slope)
    return g.where(g.compare("lt", value, 0), scaled, value)


@lowers("ThresholdedRelu")
def _thresholded_relu(g: Operations, node: Node) -> Any:
    value = node.value(0)
    return g.where(g.compare("gt", value, float(node.attribute("alpha", 1.0))), value, 0.0)


@lowers("HardSigmoid")
def _hard_sigmoid(g: Operations, node: Node) -> Any:
    alpha, beta = float(node.attribute("alpha", 0.2)), float(node.attribute("beta", 0.5))
    line = g.math("add", g.math("mul", node.value(0), alpha), beta)
    return g.math("minimum", g.math("maximum", line, 0.0), 1.0)


@lowers("HardSwish")
def _hard_swish(g: Operations, node: Node) -> Any:
    return g.emit("hardswish", node.value(0))


@lowers("Mish")
def _mish(g: Operations, node: Node) -> Any:
    value = node.value(0)
    return g.emit("mul", value, g.emit("tanh", g.emit("softplus", value)))


@lowers("Gelu")
def _gelu(g: Operations, node: Node) -> Any:
    return g.emit("gelu", node.value(0), approximate=node.attribute("approximate", "none"))


@lowers("Swish")
def _swish(g: Operations, node: Node) -> Any:
    value = node.value(0)
    alpha = float(node.attribute("alpha", 1.0))
    if alpha == 1.0:
        return g.emit("silu", value)
    return g.emit("mul", value, g.emit("sigmoid", g.math("mul", value, alpha)))


@lowers("Shrink")
def _shrink(g: Operations, node: Node) -> Any:
    value = node.value(0)
    bias, limit = node.attribute("bias", 0.0), node.attribute("lambd", 0.5)
    if not is_float(value.dtype):
        raise node.fail("it is covered for floats only")
    above = g.where(g.compare("gt", value, float(limit)), g.math("sub", value, float(bias)), 0.0)
    below = g.compare("lt", value, -float(limit))
    return g.where(below, g.math("add", value, float(bias)), above)


def _flattened(g: Operations, node: Node, op: str) -> Any:
    """Softmax as before version 13: over the axis and all that follow it, as one."""
    value = node.value(0)
    shape = tuple(value.shape)
    axis = node.axis(node.attribute("axis", 1 if node.version < 13 else -1), len(shape))
    if node.version >= 13 or axis == len(shape) - 1:
        return g.emit(op, value, axis=axis)
    inner = 1
    for extent in shape[axis:]:
        inner *= extent
    return g.reshape(g.emit(op, g.reshape(value, (*shape[:axis], inner)), axis=axis), shape)


@lowers("Softmax")
def _softmax(g: Operations, node: Node) -> Any:
    return _flattened(g, node, "softmax")


@lowers("LogSoftmax")
def _log_softmax(g: Operations, node: Node) -> Any:
    return _flattened(g, node, "log_softmax")


@lowers("Hardmax")
def _hardmax(g: Operations, node: Node) -> Any:
    value = node.value(0)
    shape = tuple(value.shape)
    axis = node.axis(node.attribute("axis", 1 if node.version < 13 else -1), len(shape))
    flat = value
    if node.version < 13:
        outer = 1
        for extent in shape[:axis]:
            outer *= extent
        count = 1
        for extent in shape[axis:]:
            count *= extent
        flat, axis = g.reshape(value, (outer, count)), 1
    largest = g.emit("argmax", flat, axis=axis, keepdims=True)
    places = g.iota(flat.shape, axis, "i64")
    return g.reshape(g.cast(g.compare("eq", places, largest), value.dtype), shape)


@lowers("Dropout")
def _dropout(g: Operations, node: Node) -> Any:
    value = node.value(0)
    if node.version >= 12 and node.has(2) and bool(node.known(2, "training_mode").reshape(-1)[0]):
        ratio = node.known(1, "the ratio", None)
        share = 0.5 if ratio is None else float(ratio.reshape(-1)[0])
        if share:
            return dropped(g, node, value, share)
    if node.version < 7 and not node.attribute("is_test", 0):
        raise node.fail("it draws random numbers in training")
    return value, g.filled(True, "i1" if node.version >= 10 else value.dtype, value.shape)
