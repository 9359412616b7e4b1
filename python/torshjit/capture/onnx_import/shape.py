# SPDX-License-Identifier: Apache-2.0
"""ONNX operators on shapes, and those that make tensors of a shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import dialect_dtype, is_supported
from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.model import load_onnx
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations

__all__: list[str] = []


@lowers("Shape")
def _shape(g: Operations, node: Node) -> Any:
    shape = tuple(node.raw(0).shape)
    return np.array(shape[slice(node.attribute("start", 0), node.attribute("end"))], np.int64)


@lowers("Size")
def _size(g: Operations, node: Node) -> Any:
    return np.array(math.prod(node.raw(0).shape), np.int64)


@lowers("ConstantOfShape")
def _constant_of_shape(g: Operations, node: Node) -> Any:
    fill = node.attribute("value")
    fill = np.zeros(1, np.float32) if fill is None else fill
    shape = node.known_integers(0, "the shape")
    return g.filled(fill.reshape(-1)[0], dialect_dtype(fill.dtype), shape)


@lowers("Range")
def _range(g: Operations, node: Node) -> Any:
    start, limit, delta = (
        node.known(place, what).reshape(-1)[0]
        for place, what in enumerate(("the start", "the limit", "the step"))
    )
    dtype = dialect_dtype(np.asarray(start).dtype)
    count = max(0, math.ceil((float(limit) - float(start)) / float(delta)))
    places = g.iota((count,), 0, dtype)
    scaled = g.emit("mul", places, g.scalar(delta, dtype))
    return g.emit("add", scaled, g.scalar(start, dtype))


@lowers("EyeLike")
def _eye_like(g: Operations, node: Node) -> Any:
    like = node.raw(0)
    if len(like.shape) != 2:
        raise node.fail("it is for tensors of rank 2")
    element = node.attribute("dtype")
    dtype = like.dtype if element is None else _element(node, element)
    name = dtype if isinstance(dtype, str) else dialect_dtype(dtype)
    rows, columns = g.iota(like.shape, 0, "i64"), g.iota(like.shape, 1, "i64")
    shifted = g.math("add", rows, int(node.attribute("k", 0)))
    return g.cast(g.compare("eq", shifted, columns), name)


def _element(node: Node, element: int) -> np.dtype:
    dtype = np.dtype(load_onnx().helper.tensor_dtype_to_np_dtype(element))
    if not is_supported(dtype):
        raise node.fail(f"the element type {dtype} is not supported")
    return dtype
