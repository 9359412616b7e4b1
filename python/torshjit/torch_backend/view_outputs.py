# SPDX-License-Identifier: Apache-2.0
"""Outputs of a graph that need no compiled code: inputs, views, and numbers.

Views of inputs (a training graph saves many for its backward pass, such as transposed weights) cost
nothing when they are taken outside the compiled program, and share the memory that they share in
eager. So do outputs that are views of one result: it is computed, and they are taken of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx

__all__ = ["OutputPlan", "plan_outputs"]


class OutputPlan:
    """How a graph's outputs come about.

    Attributes:
        computed: the nodes whose values the compiled program returns.
    """

    def __init__(self, graph: fx.Graph, outputs: Sequence[Any], computed: list[fx.Node]) -> None:
        self.computed = computed
        self._outputs = outputs
        self._inputs = {
            node: number for number, node in enumerate(graph.find_nodes(op="placeholder"))
        }

    @property
    def is_trivial(self) -> bool:
        """Whether the compiled program returns the very outputs."""
        return list(self._outputs) == self.computed

    def takes_every_node(self, graph: fx.Graph) -> bool:
        """Whether the graph has no node besides those that the outputs are taken by.

        Another one may be there for what it does: it writes to an input, or raises an error.
        """
        taken: set[fx.Node] = set()
        waiting = [each for each in self._outputs if isinstance(each, fx.Node)]
        while waiting:
            node = waiting.pop()
            if node not in taken:
                taken.add(node)
                waiting += node.all_input_nodes
        return all(node in taken or node.op in ("placeholder", "output") for node in graph.nodes)

    def collect(self, args: Sequence[Any], results: Sequence[Any]) -> list[Any]:
        """Every output, given the call's arguments and what the program computed."""
        known = dict(zip(self.computed, results, strict=True))
        with torch.no_grad():
            return [self._value(output, args, known) for output in self._outputs]

    # A method: an inner function that calls itself is a cycle, which would keep the results from
    # their owner's hands until the next garbage collection. torch's engine copies a gradient that
    # somebody else holds.
    def _value(self, node: Any, args: Sequence[Any], known: dict[fx.Node, Any]) -> Any:
        if isinstance(node, (list, tuple)):
            return [self._value(item, args, known) for item in node]
        if not isinstance(node, fx.Node):
            return node
        if node in self._inputs:
            return args[self._inputs[node]]
        if node not in known:
            arguments = [self._value(each, args, known) for each in node.args]
            named = {name: self._value(each, args, known) for name, each in node.kwargs.items()}
            known[node] = node.target(*arguments, **named)  # type: ignore[operator]
        return known[node]


def plan_outputs(graph: fx.Graph) -> OutputPlan:
    """Decides which nodes of a graph are computed by the compiled program."""
    values = graph.output_node().args[0]
    outputs = list(values) if isinstance(values, (list, tuple)) else [values]
    nodes = list(dict.fromkeys(each for each in outputs if isinstance(each, fx.Node)))
    bases = {node: _base(node) for node in nodes}
    counts = Counter(base for base in bases.values())
    computed = dict.fromkeys(
        # A lone view is computed: what it leaves out of its base need not be kept.
        base if counts[base] > 1 else node
        for node, base in bases.items()
        if not _is_known(base)
    )
    return OutputPlan(graph, outputs, list(computed))


def _base(node: fx.Node) -> fx.Node:
    """What a node is a view of, through views whose other arguments are known at a call."""
    while _is_view(node):
        node = node.args[0]  # type: ignore[assignment]
    return node


def _is_view(node: fx.Node) -> bool:
    if node.op != "call_function" or not node.args or not isinstance(node.args[0], fx.Node):
        return False
    source = node.args[0]
    if not all(_is_known(each) for each in node.all_input_nodes if each is not source):
        return False
    target: Any = node.target
    if getattr(target, "__name__", "") == "getitem":
        return _is_view(source) and source.target is not target
    return isinstance(target, torch._ops.OpOverload) and target.is_view


def _is_known(node: fx.Node) -> bool:
    """Whether a value is an input, or a number that follows from inputs."""
    if node.op == "placeholder":
        return True
    value = node.meta.get("val")
    is_number = isinstance(value, (int, float, bool, torch.SymInt, torch.SymFloat, torch.SymBool))
    return node.op == "call_function" and is_number and all(map(_is_known, node.all_input_nodes))
