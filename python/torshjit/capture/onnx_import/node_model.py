# SPDX-License-Identifier: Apache-2.0
"""A model of one node, for onnx's reference evaluator and its shape inference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from torshjit.capture.onnx_import.model import load_onnx

if TYPE_CHECKING:
    from torshjit.capture.onnx_import.node import Node

__all__ = ["names_read", "node_model", "outer_names"]


def node_model(
    node: Node, inputs: Mapping[str, Any], known: Mapping[str, np.ndarray], opsets: dict[str, int]
) -> Any:
    """Returns the `ModelProto`; its results are those of the node that have a name.

    Args:
        node: the node; attributes are those that it has where it is called.
        inputs: `TypeProto` or None of each input by name.
        known: the arrays of the other operands.
        opsets: the versions of the operator sets.
    """
    onnx = load_onnx()
    proto = onnx.NodeProto()
    proto.CopyFrom(node.proto)
    del proto.attribute[:]
    for name, value in node._attributes.items():
        if isinstance(value, np.ndarray):
            value = onnx.numpy_helper.from_array(value)
        proto.attribute.append(onnx.helper.make_attribute(name, value))
    model = onnx.ModelProto(ir_version=10)
    model.graph.name = node.op
    model.graph.node.append(proto)
    model.graph.input.extend(
        onnx.ValueInfoProto(name=name, type=type_) for name, type_ in inputs.items()
    )
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(array, name) for name, array in known.items()
    )
    outputs = [name for name in node.proto.output if name]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
    for domain, version in opsets.items():
        model.opset_import.append(onnx.OperatorSetIdProto(domain=domain, version=version))
    return model


def outer_names(node: Node) -> set[str]:
    """The names that the node's graphs read from around them."""
    return set(_read_by_graphs(node.proto))


def names_read(proto: Any) -> set[str]:
    """The names that a `NodeProto` reads, by its graphs too."""
    return {name for name in proto.input if name} | set(_read_by_graphs(proto))


def _read_by_graphs(proto: Any) -> Iterator[str]:
    for attribute in proto.attribute:
        if attribute.HasField("g"):
            yield from _free_names(attribute.g)


def _free_names(graph: Any) -> Iterator[str]:
    bound = {each.name for each in (*graph.input, *graph.initializer)}
    for node in graph.node:
        yield from (name for name in names_read(node) if name not in bound)
        bound.update(node.output)
    yield from (each.name for each in graph.output if each.name not in bound)
