# SPDX-License-Identifier: Apache-2.0
"""Reference functions of normalisations: softmax, layer norm, batch norm at inference."""

from __future__ import annotations

import numpy as np

from torshjit.interpreter.extents import require_equal_extents
from torshjit.interpreter.registry import Call, reference


def _below_maximum(x: np.ndarray, axis: int) -> np.ndarray:
    """`x` minus its largest element along `axis`, so that exp of it cannot overflow."""
    return x - np.max(x, axis=axis, keepdims=True, initial=-np.inf)


@reference("torsh.softmax")
def _softmax(call: Call) -> np.ndarray:
    axis = call.attributes["axis"]
    weights = np.exp(_below_maximum(call.operand(0), axis))
    return weights / np.sum(weights, axis=axis, keepdims=True)


@reference("torsh.log_softmax")
def _log_softmax(call: Call) -> np.ndarray:
    axis = call.attributes["axis"]
    shifted = _below_maximum(call.operand(0), axis)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


@reference("torsh.layer_norm")
def _layer_norm(call: Call) -> np.ndarray:
    x = call.operand(0)
    num_axes = call.attributes["num_axes"]
    axes = tuple(range(x.ndim - num_axes, x.ndim))
    for group, what in ((1, "weight"), (2, "bias")):
        if call.optional(group) is not None:
            for axis in range(-num_axes, 0):
                require_equal_extents(call, (0, axis), (group, axis), f"extents of x and {what}")
    centred = x - np.mean(x, axis=axes, keepdims=True)
    variance = np.mean(centred * centred, axis=axes, keepdims=True)
    result = centred / np.sqrt(variance + x.dtype.type(call.attributes["eps"]))
    return _scaled(result, call.optional(1), call.optional(2))


@reference("torsh.batch_norm")
def _batch_norm(call: Call) -> np.ndarray:
    x = call.operand(0)
    for group, what in ((1, "mean"), (2, "variance"), (3, "weight"), (4, "bias")):
        if call.optional(group) is not None:
            require_equal_extents(call, (0, 1), (group, 0), f"extents of x and {what}")

    def along_channels(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values.reshape(-1, *(1 for _ in x.shape[2:]))

    mean = along_channels(call.operand(1))
    variance = along_channels(call.operand(2))
    result = (x - mean) / np.sqrt(variance + x.dtype.type(call.attributes["eps"]))
    return _scaled(result, along_channels(call.optional(3)), along_channels(call.optional(4)))


def _scaled(x: np.ndarray, weight: np.ndarray | None, bias: np.ndarray | None) -> np.ndarray:
    if weight is not None:
        x = x * weight
    if bias is not None:
        x = x + bias
    return x
