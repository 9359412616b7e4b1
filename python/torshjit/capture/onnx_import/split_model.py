# SPDX-License-Identifier: Apache-2.0
"""A model that the import stopped in: what comes before that node compiled, the rest evaluated."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from torshjit.capture.onnx_import.model import OnnxModel, load_onnx
from torshjit.capture.onnx_import.node_model import names_read

__all__ = ["SplitModel", "split_model"]


class SplitModel:
    """Two models: the nodes that do not depend on a refused one, and the others.

    Attributes:
        first: the compiled program of the former.
        passed: the names of its results.
    """

    def __init__(self, first: Any, inputs: list[str], passed: list[str], rest: Any) -> None:
        self.first = first
        self._inputs = inputs
        self.passed = passed
        self._rest = load_onnx().reference.ReferenceEvaluator(rest)
        self._rest_inputs = {each.name for each in rest.graph.input}

    def run(self, feeds: dict[str, Any]) -> list[Any]:
        """The results of the whole model."""
        results = self.first(**{name: feeds[name] for name in self._inputs if name in feeds})
        results = results if isinstance(results, tuple) else (results,)
        given = {name: each for name, each in feeds.items() if name in self._rest_inputs}
        given.update(zip(self.passed, map(_array, results), strict=True))
        return self._rest.run(None, given)


def _array(value: Any) -> Any:
    return value if isinstance(value, list) else np.asarray(value)


def split_model(model: OnnxModel, refused: Iterable[str], config: Any) -> SplitModel | None:
    """Splits a model at the node with the results `refused`; None where nothing is before it."""
    import torshjit

    graph = _typed(model.proto).graph
    late = {name for name in refused if name}
    first: list[Any] = []
    rest: list[Any] = []
    for node in graph.node:
        depends = any(name in late for name in (*names_read(node), *node.output))
        (rest if depends else first).append(node)
        if depends:
            late.update(node.output)
    made = {name for node in first for name in node.output if name}
    wanted = [name for node in rest for name in names_read(node)] + list(model.outputs)
    passed = [name for name in dict.fromkeys(wanted) if name in made]
    if not passed or all(node.op_type in ("Constant", "Identity") for node in first):
        return None
    read = {name for node in first for name in names_read(node)}
    before = _part(model, graph, first, read, [], passed)
    after = _part(model, graph, rest, set(wanted), passed, list(model.outputs))
    inputs = [each.name for each in before.graph.input]
    return SplitModel(torshjit.compile(before, config=config), inputs, passed, after)


def _typed(proto: Any) -> Any:
    """The model with the types of its values, where inference can tell them."""
    try:
        return load_onnx().shape_inference.infer_shapes(proto)
    except Exception:
        return proto


def _part(
    model: OnnxModel,
    graph: Any,
    nodes: list[Any],
    read: set[str],
    given: list[str],
    results: list[str],
) -> Any:
    """A model of some of the nodes, with what of the graph's inputs and arrays they read."""
    onnx = load_onnx()
    part = onnx.ModelProto(ir_version=model.proto.ir_version)
    part.opset_import.extend(model.proto.opset_import)
    part.functions.extend(model.proto.functions)
    part.graph.name = graph.name
    part.graph.node.extend(nodes)
    part.graph.input.extend(each for each in graph.input if each.name in read)
    part.graph.initializer.extend(each for each in graph.initializer if each.name in read)
    part.graph.sparse_initializer.extend(
        each for each in graph.sparse_initializer if each.values.name in read
    )
    known = {each.name: each for each in (*graph.value_info, *graph.output)}
    # A value of unknown type is declared as some tensor: only narrow types are looked at.
    unknown = onnx.helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, ())
    for field, names in ((part.graph.input, given), (part.graph.output, results)):
        for name in names:
            type_ = known[name].type if name in known else unknown
            field.append(onnx.ValueInfoProto(name=name, type=type_))
    return part
