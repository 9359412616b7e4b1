# SPDX-License-Identifier: Apache-2.0
"""ONNX conversions of element types, and operators on bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import dialect_dtype, is_supported, numpy_dtype
from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.model import load_onnx
from torshjit.capture.onnx_import.narrow_types import decoded, encoded, is_narrow
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations

__all__ = ["element_type", "element_type_of"]


def element_type(node: Node, element: Any) -> np.dtype:
    """The NumPy type of a number, or in the first versions a name, of `TensorProto.DataType`."""
    onnx = load_onnx()
    try:
        number = onnx.TensorProto.DataType.Value(element) if isinstance(element, str) else element
        return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(number))
    except (KeyError, TypeError, ValueError):
        raise node.fail(f"there is no element type {element}") from None


def element_type_of(operand: Any) -> np.dtype:
    """The NumPy type of an operand's elements."""
    return numpy_dtype(operand.dtype) if isinstance(operand.dtype, str) else operand.dtype


def _convert(g: Operations, node: Node, dtype: np.dtype) -> Any:
    source = node.raw(0)
    if not is_narrow(dtype) and not is_supported(dtype):
        raise node.fail(f"the element type {dtype} is not supported")
    value = decoded(g, g.narrow(source)) if is_narrow(source.dtype) else node.value(0)
    if not is_narrow(dtype):
        return g.cast(value, dialect_dtype(dtype))
    saturate = bool(node.attribute("saturate", 1))
    return encoded(g, value, dtype, saturate, node.attribute("round_mode", "up"))


@lowers("Cast")
def _cast(g: Operations, node: Node) -> Any:
    return _convert(g, node, element_type(node, node.attribute("to")))


@lowers("CastLike")
def _cast_like(g: Operations, node: Node) -> Any:
    return _convert(g, node, element_type_of(node.raw(1)))


@lowers("BitCast")
def _bit_cast(g: Operations, node: Node) -> Any:
    value, dtype = node.value(0), element_type(node, node.attribute("to"))
    if not is_supported(dtype) or dtype.itemsize != element_type_of(node.raw(0)).itemsize:
        raise node.fail(f"the bits of {value.dtype} as {dtype} are not covered")
    name = dialect_dtype(dtype)
    if "i1" in (name, value.dtype):
        # A bool is one byte of 0 or 1.
        return g.cast(value, name)
    return value if name == value.dtype else g.emit("bitcast", value, dtype=name)


@lowers("BitShift")
def _bit_shift(g: Operations, node: Node) -> Any:
    direction = node.attribute("direction")
    if direction not in ("LEFT", "RIGHT"):
        raise node.fail(f"there is no direction {direction!r}")
    return g.emit(f"shift_{direction.lower()}", node.value(0), node.value(1))
