# SPDX-License-Identifier: Apache-2.0
"""Reference functions of elementwise mathematics and activations on one operand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from torshjit.interpreter.error_function import erf
from torshjit.interpreter.registry import Call, reference


def _register_unary(name: str, function: Callable[[np.ndarray], np.ndarray]) -> None:
    @reference(name)
    def evaluate(call: Call) -> np.ndarray:
        return function(call.operand(0))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), exp taken of non-positive numbers only so that it never overflows."""
    decay = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + decay), decay / (1 + decay))


def hardsigmoid(x: np.ndarray) -> np.ndarray:
    """clamp(x / 6 + 1 / 2, 0, 1); NaN for NaN."""
    return np.clip(x / x.dtype.type(6) + x.dtype.type(0.5), 0, 1)


def softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + exp(x)) without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


_register_unary("torsh.neg", np.negative)
_register_unary("torsh.abs", np.absolute)
_register_unary("torsh.sign", np.sign)
_register_unary("torsh.sqrt", np.sqrt)
_register_unary("torsh.rsqrt", lambda x: 1 / np.sqrt(x))
_register_unary("torsh.reciprocal", lambda x: 1 / x)
_register_unary("torsh.exp", np.exp)
_register_unary("torsh.expm1", np.expm1)
_register_unary("torsh.log", np.log)
_register_unary("torsh.log1p", np.log1p)
_register_unary("torsh.sin", np.sin)
_register_unary("torsh.cos", np.cos)
_register_unary("torsh.tanh", np.tanh)
_register_unary("torsh.erf", erf)
_register_unary("torsh.floor", np.floor)
_register_unary("torsh.ceil", np.ceil)
_register_unary("torsh.trunc", np.trunc)
_register_unary("torsh.round", np.rint)

_register_unary("torsh.relu", lambda x: np.maximum(x, x.dtype.type(0)))
_register_unary("torsh.sigmoid", sigmoid)
_register_unary("torsh.silu", lambda x: x * sigmoid(x))
_register_unary("torsh.softplus", softplus)
_register_unary("torsh.hardsigmoid", hardsigmoid)
_register_unary("torsh.hardswish", lambda x: x * hardsigmoid(x))


@reference("torsh.gelu")
def _gelu(call: Call) -> np.ndarray:
    x = call.operand(0)
    if call.attributes["approximate"] == "tanh":
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
        return x / 2 * (1 + np.tanh(inner))
    return x / 2 * (1 + erf(x / math.sqrt(2)))


@reference("torsh.leaky_relu")
def _leaky_relu(call: Call) -> np.ndarray:
    x = call.operand(0)
    return np.where(x > 0, x, x * x.dtype.type(call.attributes["negative_slope"]))


@reference("torsh.elu")
def _elu(call: Call) -> np.ndarray:
    x = call.operand(0)
    return np.where(x > 0, x, x.dtype.type(call.attributes["alpha"]) * np.expm1(x))
