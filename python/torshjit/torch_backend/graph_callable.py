# SPDX-License-Identifier: Apache-2.0
"""Compiles one FX graph into what takes its place."""

from __future__ import annotations

import atexit
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx
from torch.utils._python_dispatch import _disable_current_modes

from torshjit.compiled import CompiledModule
from torshjit.compiler_cache import clear_cache, compiler_context
from torshjit.config import JitConfig
from torshjit.torch_backend.graph_source import GraphSource
from torshjit.torch_backend.output_layouts import OutputLayout, layout_of
from torshjit.torch_backend.view_outputs import OutputPlan, plan_outputs

__all__ = ["CompiledGraph", "compile_graph"]


def compile_graph(
    graph_module: fx.GraphModule,
    example_inputs: Sequence[Any],
    name: str,
    config: JitConfig,
    warns: bool = True,
) -> Callable[..., Any]:
    """Returns what gives the results that the graph gives: a CompiledGraph, if any is computed.

    It is compiled at once for the traced extents, and where some are symbolic at the first call
    with others, up to the configuration's `max_specializations`, after which calls with further
    extents run in eager torch.

    Raises:
        TorshError: the configuration is strict and the graph cannot be compiled.
    """
    plan = plan_outputs(graph_module.graph)
    if not plan.computed and plan.takes_every_node(graph_module.graph):
        return lambda *args: plan.collect(args, ())
    source = graph_module if plan.is_trivial else _returning(graph_module, plan.computed)
    layouts = [layout_of(_example(node)) for node in plan.computed]

    pairs = [
        number
        for number, each in enumerate(example_inputs)
        if isinstance(each, torch.Tensor) and each.is_complex()
    ]

    def enter(args: Sequence[Any]) -> Sequence[Any]:
        return _replaced(args, pairs, torch.view_as_complex)

    def finish(results: Sequence[Any]) -> tuple:
        return tuple(
            value if layout is None else layout.pack(value)
            for value, layout in zip(results, layouts, strict=True)
        )

    program = CompiledModule(GraphSource(source, name, enter, finish), config, name, warns=warns)
    inputs = _placeholder_arguments(example_inputs)
    if inputs is not None:
        program.prepare(*inputs)
    return CompiledGraph(program, plan, layouts, pairs)


def _returning(graph_module: fx.GraphModule, nodes: Sequence[fx.Node]) -> fx.GraphModule:
    """A graph module that computes the given nodes of another."""
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    graph.graph_copy(graph_module.graph, copies)
    graph.output(tuple(copies[node] for node in nodes))
    return fx.GraphModule(graph_module, graph)


def _example(node: Any) -> Any:
    meta = getattr(node, "meta", {})
    return meta.get("val", meta.get("example_value"))


def _placeholder_arguments(example_inputs: Sequence[Any]) -> list[Any] | None:
    """Arguments of the traced dtypes and extents; None if an extent is only known at a call."""
    arguments = []
    with _disable_current_modes():
        for example in example_inputs:
            if isinstance(example, torch.Tensor):
                shape = [_known(extent) for extent in example.shape]
                if None in shape:
                    return None
                if example.is_complex():
                    shape = [*shape, 2]
                # Never written, so the memory is never made real.
                example = torch.empty(shape, dtype=example.dtype.to_real(), device=example.device)
            elif isinstance(example, (torch.SymInt, torch.SymFloat, torch.SymBool)):
                example = _known(example)
                if example is None:
                    return None
            arguments.append(example)
    return arguments


def _as_pairs(tensor: torch.Tensor) -> torch.Tensor:
    if not tensor.is_conj():
        return torch.view_as_real(tensor)
    # Not resolve_conj, which gives the tensor itself under the dispatch modes of AOTAutograd.
    pairs = torch.view_as_real(tensor.conj())
    return pairs * torch.tensor([1, -1], dtype=pairs.dtype, device=pairs.device)


def _replaced(args: Sequence[Any], places: Sequence[int], by: Callable[[Any], Any]) -> list[Any]:
    result = list(args)
    for place in places:
        result[place] = by(result[place])
    return result


def _known(number: Any) -> Any:
    """A number, or what a symbolic one was in the call that was traced."""
    return number.node.hint if hasattr(number, "node") else number


class CompiledGraph:
    """A compiled program with the views that give its results their places and strides.

    Attributes:
        program: the compiled program; None once the process ends.
    """

    # No __dict__: torch copies it into the functions that it wraps this in.
    __slots__ = ("__weakref__", "_layouts", "_pairs", "_plan", "program")

    def __init__(
        self,
        program: CompiledModule,
        plan: OutputPlan,
        layouts: Sequence[OutputLayout | None],
        pairs: Sequence[int],
    ) -> None:
        self.program: CompiledModule | None = program
        self._plan = None if plan.is_trivial else plan
        self._layouts = layouts if any(layouts) else None
        self._pairs = pairs
        _LIVE.add(self)

    def __call__(self, *args: Any) -> Any:
        given = _replaced(args, self._pairs, _as_pairs) if self._pairs else args
        results = self.program(*given)  # type: ignore[misc]
        if self._layouts is not None:
            results = [
                value if layout is None else layout.unpack(value)
                for value, layout in zip(results, self._layouts, strict=True)
            ]
        return results if self._plan is None else self._plan.collect(args, results)


#: torch._dynamo keeps what it compiled, and the programs' globals with it, until after the
#: extension modules are gone.
_LIVE: weakref.WeakSet[CompiledGraph] = weakref.WeakSet()


@atexit.register
def _let_go() -> None:
    for graph in list(_LIVE):
        graph.program = None
    clear_cache()
    if "torch._dynamo" in sys.modules:
        torch._dynamo.reset()
    compiler_context.cache_clear()
