# SPDX-License-Identifier: Apache-2.0
"""Walks a model's nodes: folds what is known, and hands the rest to the handlers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from torshjit.capture.host_loops import InnerProgram, Type
from torshjit.capture.onnx_import.constant_folding import evaluate, is_foldable
from torshjit.capture.onnx_import.control_flow import CONTROL_FLOW
from torshjit.capture.onnx_import.dynamic_axes import check_dynamic
from torshjit.capture.onnx_import.function_bodies import Body, attribute_value, schema_body
from torshjit.capture.onnx_import.handlers import MOVERS, Handler, load_handlers
from torshjit.capture.onnx_import.host_nodes import HostRefused, call_on_host
from torshjit.capture.onnx_import.model import OnnxModel, load_onnx
from torshjit.capture.onnx_import.narrow_types import Narrow, is_narrow
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations
from torshjit.custom_operations import CustomOp, find_custom_op
from torshjit.errors import CaptureError, CompileError, DTypeError, TorshError, UnsupportedOpError

__all__ = ["GraphImport"]

#: Functions that call each other deeper than this do not end.
_DEEPEST_CALL = 64

Scope = dict[str, Any]


def outer_names(graph: Any) -> set[str]:
    """The names that the nodes of a graph, and of graphs in it, read; its own among them."""
    names = {each.name for each in graph.output}
    for node in graph.node:
        names.update(node.input)
        for attribute in node.attribute:
            for each in (*((attribute.g,) if attribute.HasField("g") else ()), *attribute.graphs):
                names |= outer_names(each)
    return names


class Subgraphs:
    """Imports the graphs of a node, which see the names around it."""

    def __init__(self, graph: GraphImport, scope: Scope, opsets: dict[str, int]) -> None:
        self._graph = graph
        self._scope = scope
        self._opsets = opsets

    def __call__(self, graph: Any, arguments: list[Any]) -> list[Any]:
        """The results of a subgraph for arguments."""
        return self._graph.run_graph(graph, self._scope, self._opsets, arguments)

    def inner_program(self, graph: Any, types: Sequence[Type]) -> InnerProgram:
        """A subgraph as a program of its own, of arguments of these types."""
        return self._graph.inner_program(graph, self._scope, self._opsets, types)


def _is_narrow(operand: Any) -> bool:
    return operand is not None and not isinstance(operand, list) and is_narrow(operand.dtype)


class GraphImport(Operations):
    """Imports the nodes of a model's graph, of its functions and of its subgraphs.

    Attributes:
        model: the model.
        is_strict: whether a node without a lowering is an error.
    """

    def __init__(
        self, model: OnnxModel, compiler: Any, context: Any, is_strict: bool = True
    ) -> None:
        super().__init__(compiler, context)
        self.model = model
        self.is_strict = is_strict
        self._depth = 0
        self._made_with = compiler, context
        for name, array in model.initializers.items():
            self.name_initializer(array, name)

    def run(
        self, nodes: Iterable[Any], scope: Scope, opsets: dict[str, int], attributes: dict
    ) -> None:
        """Imports nodes, adding their results to `scope`.

        `attributes` are those of the call of the function that the nodes are the body of.

        Raises:
            UnsupportedOpError: an operator or a form of it has no lowering.
            ShapeError: operands do not fit.
        """
        for proto in nodes:
            node = self._node(proto, scope, opsets, attributes)
            self.op = str(node)
            try:
                results = self._results_or_host(node, scope, opsets)
            except TorshError as error:
                # Outer nodes come last: the graph's own stays.
                self.model.refused = list(node.outputs)
                error.op = error.op if (error.op or "").startswith("onnx.") else f"onnx.{node.op}"
                raise
            if not isinstance(results, (tuple, list)):
                results = (results,)
            for name, result in zip(node.outputs, results, strict=False):
                if name:
                    scope[name] = result
            missing = [name for name in node.outputs[len(results) :] if name]
            if missing:
                raise node.fail(f"result {missing[0]!r} is not covered")

    def _node(self, proto: Any, scope: Scope, opsets: dict[str, int], attributes: dict) -> Node:
        domain = "" if proto.domain == "ai.onnx" else proto.domain
        operands = []
        for name in proto.input:
            if name and name not in scope:
                raise CompileError(f"the ONNX model is malformed: {name!r} is not defined")
            operands.append(scope[name] if name else None)
        while operands and operands[-1] is None:
            operands.pop()
        found = {}
        for each in proto.attribute:
            if each.ref_attr_name:
                if each.ref_attr_name in attributes:
                    found[each.name] = attributes[each.ref_attr_name]
            else:
                found[each.name] = attribute_value(each)
        return Node(self, proto, opsets.get(domain, 1), operands, found)

    def _results_or_host(self, node: Node, scope: Scope, opsets: dict[str, int]) -> Any:
        """A node's results, by a call of the host where it has no lowering."""
        try:
            return self._results(node, scope, opsets)
        except (UnsupportedOpError, DTypeError) as error:
            if self.is_strict:
                raise
            try:
                return call_on_host(self, node, scope, opsets)
            except HostRefused as refused:
                error.message = f"{error.message}; {refused}"
                raise error from None

    def _results(self, node: Node, scope: Scope, opsets: dict[str, int]) -> Any:
        local = self.model.functions.get((node.proto.domain, node.proto.op_type))
        if local is not None:
            return self._call(node, Body.of(local), node.proto.op_type)
        control_flow = CONTROL_FLOW.get(node.op)
        if control_flow is not None:
            check_dynamic(node, "control_flow")
            return control_flow(self, node, Subgraphs(self, scope, opsets))
        handler = load_handlers().get(node.op)
        if is_foldable(node):
            try:
                return evaluate(node, opsets)
            except CaptureError:
                # The evaluator does not know every form, GatherElements of a part for one.
                if handler is None:
                    raise
        if handler is not None:
            check_dynamic(node, handler.__module__.rpartition(".")[2])
            if node.op in MOVERS and any(_is_narrow(operand) for operand in node.operands):
                return self._moved(node, handler)
            return handler(self, node)
        check_dynamic(node, "")
        body = schema_body(node, opsets)
        if body is not None:
            return self._call(node, body, node.op)
        custom = find_custom_op(f"{node.proto.domain}::{node.proto.op_type}")
        if custom is not None:
            return self._call_custom_op(custom, node)
        raise UnsupportedOpError(
            f"{node}: the operator has no lowering; compute it outside of the model, or leave out "
            "strict=True so that it runs in onnx's reference evaluator",
            op=f"onnx.{node.op}",
        )

    def _call_custom_op(self, op: CustomOp, node: Node) -> Any:
        try:
            operands, options = op.bind(tuple(node.operands), node._attributes)
        except TypeError as error:
            raise node.fail(str(error)) from error
        return self.add_custom_op(op, operands, options)

    def _moved(self, node: Node, handler: Handler) -> Any:
        """What a node that moves elements makes of the bits of narrow ones."""
        found = next(operand.dtype for operand in node.operands if _is_narrow(operand))
        operands = [
            self.narrow(operand).bits if _is_narrow(operand) else operand
            for operand in node.operands
        ]
        moved = Node(self, node.proto, node.version, operands, node._attributes)
        results = handler(self, moved)
        if isinstance(results, (tuple, list)):
            return tuple(Narrow(self.value(each), found) for each in results)
        return Narrow(self.value(results), found)

    def _call(self, node: Node, body: Body, name: str) -> list[Any]:
        """Imports the body of a function in place of its call."""
        if self._depth >= _DEEPEST_CALL:
            raise CompileError(f"{node}: functions call each other without end")
        scope: Scope = dict.fromkeys(body.inputs)
        scope.update(zip(body.inputs, node.operands, strict=False))
        self._depth += 1
        try:
            self.run(body.nodes, scope, body.opsets, {**body.defaults, **node._attributes})
        except UnsupportedOpError as error:
            error.message = f"{error.message} (in the body of {name})"
            raise
        finally:
            self._depth -= 1
        wanted = list(zip(body.outputs, node.outputs, strict=False))
        return [scope.get(inner) if outer else None for inner, outer in wanted]

    def inner_program(
        self, graph: Any, scope: Scope, opsets: dict[str, int], types: Sequence[Type]
    ) -> InnerProgram:
        """A subgraph as a program of its own, of arguments of these types."""
        inner = GraphImport(self.model, *self._made_with, self.is_strict)
        inner._depth = self._depth
        arguments = [
            inner.add_argument(number, dtype, shape, each.name)
            for number, (each, (dtype, shape)) in enumerate(zip(graph.input, types, strict=True))
        ]
        captured: list[Any] = []

        def enter(value: Any) -> Any:
            if isinstance(value, list):
                return [enter(each) for each in value]
            if isinstance(value, Narrow):
                return Narrow(enter(value.bits), value.dtype)
            if value is None or isinstance(value, np.ndarray):
                return value
            number = len(types) + len(captured)
            captured.append(value)
            return inner.add_argument(number, value.dtype, tuple(value.shape), "")

        names = outer_names(graph)
        own = {name: enter(value) for name, value in scope.items() if name in names}
        results = [inner.value(each) for each in inner.run_graph(graph, own, opsets, arguments)]
        return InnerProgram(
            self.op,
            inner.finish(results),
            types,
            captured,
            inner.bindings,
            inner.host_calls,
            results,
        )

    def run_graph(
        self, graph: Any, scope: Scope, opsets: dict[str, int], arguments: list[Any]
    ) -> list[Any]:
        """Imports a subgraph, which sees the names around it; returns its results."""
        to_array = load_onnx().numpy_helper.to_array
        inner = {**scope, **{each.name: to_array(each) for each in graph.initializer}}
        inner.update(zip((each.name for each in graph.input), arguments, strict=False))
        self.run(graph.node, inner, opsets, {})
        return [inner[each.name] for each in graph.output]
