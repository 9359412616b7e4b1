# SPDX-License-Identifier: Apache-2.0
"""ONNX random numbers: Philox from a node's seed, or from a key that NumPy draws at each call."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import dialect_dtype
from torshjit.capture.onnx_import.conversion import element_type, element_type_of
from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations, is_float, wider
from torshjit.capture.random_draws import Draws
from torshjit.errors import ShapeError
from torshjit.host_arguments import call_name
from torshjit.host_functions import HostFunction

__all__ = ["dropped"]


def _key_words() -> np.ndarray:
    # The global generator, so that seeding it repeats a call.
    return np.random.randint(0, 1 << 32, 2, "uint32")  # noqa: NPY002


def _draws(g: Operations, node: Node) -> Draws:
    """Those of the node's seed, which are the same at each call, else those of the call."""
    seed = node.attribute("seed")
    if seed is not None:
        return Draws(g, g.scalar(int(np.float64(seed).view(np.uint64)), "ui64"))
    if g.draws is None:
        name = call_name("numpy.random.randint", [0, 1 << 32, 2, "uint32"], {}, lambda each: None)
        assert name is not None
        function = HostFunction(name, _key_words, is_fallback=False)
        (words,) = g.host_calls.add(function, [], [("ui32", (2,))], is_pure=False)
        low, high = (
            g.reshape(g.slice(g.cast(words, "ui64"), 0, place, place + 1), ()) for place in range(2)
        )
        g.draws = Draws(g, g.emit("or", low, g.math("shift_left", high, 32)))
    return g.draws


def _float_type(node: Node, default: np.dtype) -> str:
    dtype = default
    if node.attribute("dtype"):
        dtype = element_type(node, node.attribute("dtype"))
    if dtype.kind != "f" and dtype.name != "bfloat16":
        raise node.fail(f"random numbers of {dtype} are not covered")
    return dialect_dtype(dtype)


def _uniform(g: Operations, node: Node, shape: Any, dtype: str) -> Any:
    low, high = float(node.attribute("low", 0.0)), float(node.attribute("high", 1.0))
    wide = wider(dtype)
    value = _draws(g, node).uniform(tuple(shape), wide)
    return g.cast(g.math("add", g.math("mul", value, high - low), low), dtype)


def _normal(g: Operations, node: Node, shape: Any, dtype: str) -> Any:
    mean, scale = float(node.attribute("mean", 0.0)), float(node.attribute("scale", 1.0))
    value = _draws(g, node).normal(tuple(shape), wider(dtype))
    return g.cast(g.math("add", g.math("mul", value, scale), mean), dtype)


for _name, _draw in (("RandomUniform", _uniform), ("RandomNormal", _normal)):

    def _of_shape(g: Operations, node: Node, draw: Any = _draw) -> Any:
        shape = node.integers("shape") or []
        return draw(g, node, shape, _float_type(node, np.dtype(np.float32)))

    def _like(g: Operations, node: Node, draw: Any = _draw) -> Any:
        like = node.raw(0)
        return draw(g, node, like.shape, _float_type(node, element_type_of(like)))

    lowers(_name)(_of_shape)
    lowers(f"{_name}Like")(_like)


@lowers("Bernoulli")
def _bernoulli(g: Operations, node: Node) -> Any:
    value = node.value(0)
    dtype = element_type_of(node.raw(0))
    if node.attribute("dtype"):
        dtype = element_type(node, node.attribute("dtype"))
    wide = wider(value.dtype)
    drawn = _draws(g, node).uniform(tuple(value.shape), wide)
    return g.cast(
        g.emit("compare", drawn, g.cast(value, wide), predicate="lt"), dialect_dtype(dtype)
    )


@lowers("Multinomial")
def _multinomial(g: Operations, node: Node) -> Any:
    """Of exponentials whose rates are the probabilities, the first one."""
    value = node.value(0)
    if len(value.shape) != 2 or not is_float(value.dtype):
        raise ShapeError(f"{node}: logarithms of shape {tuple(value.shape)}")
    batch, count = value.shape
    samples, wide = node.attribute("sample_size", 1), wider(value.dtype)
    dtype = dialect_dtype(element_type(node, node.attribute("dtype", 6)))
    waits = _draws(g, node).exponential((batch, samples, count), wide)
    logarithms = g.reshape(g.cast(value, wide), (batch, 1, count))
    order = g.emit("sub", logarithms, g.emit("log", waits))
    return g.cast(g.emit("argmax", order, axis=2), dtype)


def dropped(g: Operations, node: Node, value: Any, ratio: float) -> tuple[Any, Any]:
    """Dropout: `value` with elements left out, the rest scaled up, and where they are kept."""
    shape, wide = tuple(value.shape), wider(value.dtype)
    seed = node.attribute("seed")
    if seed is not None and math.prod(shape) <= _LARGEST_MASK:
        # The mask that the reference evaluator makes of a seed.
        kept = g.value(np.random.RandomState(int(seed)).uniform(0, 1.0, shape) >= ratio)
    else:
        kept = g.compare("ge", _draws(g, node).uniform(shape, "f32"), ratio)
    scaled = g.math("mul", g.cast(value, wide), 1.0 / (1.0 - ratio))
    return g.cast(g.where(kept, scaled, 0.0), value.dtype), kept


#: A larger mask is drawn when the program runs.
_LARGEST_MASK = 1 << 20
