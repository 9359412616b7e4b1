# SPDX-License-Identifier: Apache-2.0
"""The backend that torch.compile calls with each graph that torch._dynamo found."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from torshjit.config import JitConfig
from torshjit.errors import ConfigError, TorshError

if TYPE_CHECKING:
    from torch import fx

    from torshjit.compiled import CompiledModule
    from torshjit.torch_backend.graph_callable import CompiledGraph

__all__ = ["DynamoBackend", "torshjit_backend"]


def torshjit_backend(
    graph_module: fx.GraphModule,
    example_inputs: Sequence[Any],
    *,
    options: dict[str, Any] | None = None,
    mode: str | None = None,
) -> Callable[..., Any]:
    """Compiles a graph for ``torch.compile(model, backend="torshjit")``.

    `options` are those of `JitConfig`.

    Raises:
        ConfigError: an option is unknown or has no meaning here, or `mode` is one of torch's
            inductor.
    """
    if mode not in (None, "default"):
        raise ConfigError(
            f"mode={mode!r} is an option of torch's inductor; torshjit takes those of JitConfig, "
            "as in torch.compile(model, backend='torshjit', options={'numerics': 'fast'})"
        )
    config = JitConfig(**(options or {}))
    if config.freeze:
        raise ConfigError(
            "freeze=True is an option of torshjit.compile; torch.compile hands weights over as "
            "arguments, which may change"
        )
    return DynamoBackend(config)(graph_module, example_inputs)


class DynamoBackend:
    """Compiles graphs with one configuration, and remembers what it compiled.

    Without `warns`, graphs that run in eager torch are only counted.
    """

    def __init__(self, config: JitConfig, *, warns: bool = True) -> None:
        self.config = config
        self._warns = warns
        self._graphs: list[weakref.ref[CompiledGraph]] = []

    @property
    def programs(self) -> list[CompiledModule]:
        """The compiled graphs that are still in use, in the order of their compilation."""
        graphs = [each() for each in self._graphs]
        return [graph.program for graph in graphs if graph is not None and graph.program]

    def __call__(self, graph_module: fx.GraphModule, example_inputs: Sequence[Any]) -> Any:
        from torshjit.torch_backend.whole_graphs import needs_autograd, shares_memory

        if not needs_autograd(graph_module, example_inputs) and not shares_memory(
            graph_module.graph
        ):
            whole = self._compile_whole(graph_module, example_inputs)
            if whole is not None:
                return whole
        return self._compile_through_autograd(graph_module, example_inputs)

    def _compile_through_autograd(
        self, graph_module: fx.GraphModule, example_inputs: Sequence[Any]
    ) -> Any:
        """Has AOTAutograd trace the forward and backward pass, and compiles these."""
        from torch._dynamo.backends.common import aot_autograd
        from torch._functorch.partitioners import min_cut_rematerialization_partition

        compile_graph = aot_autograd(
            fw_compiler=functools.partial(self._compile_boxed, name="forward graph"),
            bw_compiler=self._compile_backward,
            inference_compiler=functools.partial(self._compile_boxed, name="graph"),
            partition_fn=min_cut_rematerialization_partition,
        )
        return compile_graph(graph_module, example_inputs)

    def _compile_whole(
        self, graph_module: fx.GraphModule, example_inputs: Sequence[Any]
    ) -> Callable[..., Any] | None:
        """Compiles the graph as it is; None if AOTAutograd has to trace what was refused away."""
        from torshjit.torch_backend.graph_callable import CompiledGraph, compile_graph

        try:
            made = compile_graph(graph_module, example_inputs, "graph", self.config, self._warns)
        except TorshError:
            return None
        if isinstance(made, CompiledGraph):
            if made.program is None or not made.program.is_compiled:
                return None
            self._graphs.append(weakref.ref(made))
        return made

    def _compile_backward(
        self, graph_module: fx.GraphModule, example_inputs: Sequence[Any]
    ) -> Callable[..., Any]:
        from torshjit.torch_backend.openmp_team import join_torch_threads

        join_torch_threads()
        return self._compile_boxed(graph_module, example_inputs, "backward graph")

    def _compile_boxed(
        self, graph_module: fx.GraphModule, example_inputs: Sequence[Any], name: str
    ) -> Callable[..., Any]:
        """Compiles a graph of AOTAutograd into a function of one list of arguments."""
        from torch._functorch.aot_autograd import make_boxed_func

        from torshjit.torch_backend.graph_callable import CompiledGraph, compile_graph

        made = compile_graph(graph_module, example_inputs, name, self.config, self._warns)
        if isinstance(made, CompiledGraph):
            self._graphs.append(weakref.ref(made))
        return make_boxed_func(made)
