# SPDX-License-Identifier: Apache-2.0
"""The bodies of functions: the model's own, and those that ONNX gives for its operators."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.onnx_import.model import load_onnx

if TYPE_CHECKING:
    from torshjit.capture.onnx_import.node import Node

__all__ = ["Body", "attribute_value", "schema_body", "type_of"]


class Body:
    """A function: its nodes, and the names through which they meet the call."""

    def __init__(
        self,
        nodes: Iterable[Any],
        inputs: Iterable[str],
        outputs: Iterable[str],
        opsets: dict[str, int],
        defaults: dict[str, Any],
    ) -> None:
        self.nodes = list(nodes)
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        self.opsets = opsets
        self.defaults = defaults

    @classmethod
    def of(cls, function: Any) -> Body:
        """The body of a `FunctionProto`."""
        opsets = {
            "" if each.domain == "ai.onnx" else each.domain: each.version
            for each in function.opset_import
        }
        defaults = {each.name: attribute_value(each) for each in function.attribute_proto}
        return cls(function.node, function.input, function.output, opsets, defaults)


def attribute_value(attribute: Any) -> Any:
    """The value of an `AttributeProto`: strings as str, tensors as arrays, graphs as they are."""
    onnx = load_onnx()
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, onnx.TensorProto):
        return onnx.numpy_helper.to_array(value)
    if attribute.type == onnx.AttributeProto.STRINGS:
        return [each.decode(errors="replace") for each in value]
    if attribute.type in (onnx.AttributeProto.INTS, onnx.AttributeProto.FLOATS):
        return list(value)
    return value


def type_of(operand: Any) -> Any:
    """The `TypeProto` of an operand."""
    onnx = load_onnx()
    if operand is None:
        return onnx.TypeProto()
    dtype = operand.dtype if isinstance(operand, np.ndarray) else numpy_dtype(operand.dtype)
    element = onnx.helper.np_dtype_to_tensor_dtype(dtype)
    return onnx.helper.make_tensor_type_proto(element, tuple(operand.shape))


def schema_body(node: Node, opsets: dict[str, int]) -> Body | None:
    """The body that ONNX's own schema gives for an operator, for operands of these types."""
    onnx = load_onnx()
    domain, op_type = node.proto.domain, node.proto.op_type
    try:
        schema = onnx.defs.get_schema(op_type, node.version, domain)
    except onnx.defs.SchemaError:
        return None
    function = None
    if schema.has_context_dependent_function:
        versions = [
            v for v in schema.context_dependent_function_opset_versions if v <= node.version
        ]
        if not versions:
            return None
        proto = onnx.NodeProto()
        proto.CopyFrom(node.proto)
        del proto.attribute[:]
        for name, value in node._attributes.items():
            proto.attribute.append(onnx.helper.make_attribute(name, value))
        types = [type_of(operand).SerializeToString() for operand in node.operands]
        data = schema.get_context_dependent_function_with_opset_version(
            max(versions), proto.SerializeToString(), types
        )
        if data:
            function = onnx.FunctionProto()
            function.ParseFromString(data)
    elif schema.has_function:
        function = schema.function_body
    if function is None or not function.node:
        return None
    body = Body.of(function)
    body.opsets = {**opsets, **body.opsets}
    # A schema's function names its formal operands, an optional one by an empty name included.
    body.inputs = list(function.input)
    body.defaults = {
        name: attribute_value(each.default_value)
        for name, each in schema.attributes.items()
        if each.default_value.name
    }
    return body
