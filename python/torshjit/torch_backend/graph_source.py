# SPDX-License-Identifier: Apache-2.0
"""An FX graph as a program to compile: how it is captured, and how it runs as it is."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx
from torch.utils._python_dispatch import _disable_current_modes

from torshjit.capture.graph_function import AttributeGuard, CapturedProgram, IdentityGuard
from torshjit.capture.source_location import PACKAGE_FOLDER, installed_folders
from torshjit.compiler_cache import compiler_context, load_compiler
from torshjit.config import JitConfig

__all__ = ["GraphSource", "user_line"]

_LIBRARIES = (
    os.path.dirname(os.path.abspath(torch.__file__)) + os.sep,
    PACKAGE_FOLDER,
    *installed_folders(),
)
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')


def user_line(node: fx.Node) -> tuple[str, int] | None:
    """The innermost line outside torch and installed packages that a node was traced from."""
    frames = _FRAME.findall(node.stack_trace or "")
    own = [frame for frame in frames if not frame[0].startswith(_LIBRARIES)]
    return (own[-1][0], int(own[-1][1])) if own else None


class _GraphState:
    """The tensors that a graph holds as attributes, which nothing but the graph can reach."""

    def __init__(self, graph_module: fx.GraphModule) -> None:
        self.guards: list[IdentityGuard | AttributeGuard] = []
        self._names: dict[int, tuple[Any, str]] = {}
        for node in graph_module.graph.nodes:
            if node.op == "get_attr":
                self._add(_attribute(graph_module, node.target), node.target)
            elif node.op == "call_module":
                module = graph_module.get_submodule(node.target)
                for name, tensor in (*module.named_parameters(), *module.named_buffers()):
                    self._add(tensor, f"{node.target}.{name}")

    def _add(self, value: Any, name: str) -> None:
        if isinstance(value, torch.Tensor):
            self._names[id(value)] = (value, name)

    def name(self, tensor: torch.Tensor) -> str | None:
        """The path of an attribute of the graph, None for any other tensor."""
        found = self._names.get(id(tensor))
        return found[1] if found is not None else None

    def include_kind(self, kind: type) -> None:
        """Nothing to guard: torch._dynamo does."""

    def check_unchanged(self) -> None:
        """Nothing to check: a graph assigns to no attribute."""


def _attribute(owner: Any, path: str) -> Any:
    for name in path.split("."):
        owner = getattr(owner, name)
    return owner


class _GraphProgram(fx.Interpreter):
    """Runs a graph node by node, so that each ATen call can be told which node it is due to."""

    def __init__(
        self,
        graph_module: fx.GraphModule,
        enter: Callable[[Sequence[Any]], Sequence[Any]],
        finish: Callable[[Sequence[Any]], Any],
    ) -> None:
        super().__init__(graph_module)
        self.extra_traceback = False  # Errors would be rewritten.
        self.location: tuple[str, int] | None = None
        self._enter = enter
        self._finish = finish

    def __call__(self, *args: Any) -> Any:
        return self._finish(self.run(*self._enter(args)))

    def run_node(self, n: fx.Node) -> Any:
        self.location = user_line(n) or self.location
        return super().run_node(n)


class GraphSource:
    """An FX graph whose inputs are tensors and numbers.

    `enter` is applied to the arguments and `finish` to the graph's results while they are traced:
    they become part of the compiled program.
    """

    runs_plainly = True

    def __init__(
        self,
        graph_module: fx.GraphModule,
        name: str,
        enter: Callable[[Sequence[Any]], Sequence[Any]],
        finish: Callable[[Sequence[Any]], Any],
    ) -> None:
        self.name = name
        self.graph_module = graph_module
        self._enter = enter
        self._finish = finish

    def capture(self, args: tuple, kwargs: dict, config: JitConfig) -> CapturedProgram:
        from torshjit.capture.torch_capture import capture_module

        program = _GraphProgram(self.graph_module, self._enter, self._finish)
        with _disable_current_modes():
            captured = capture_module(
                program,
                args,
                kwargs,
                load_compiler(),
                compiler_context(),
                config.target.kind.tensor_devices,
                state=_GraphState(self.graph_module),
                locate=lambda: program.location,
                is_strict=config.strict,
            )
        # Who compiled the graph differentiates around it, or knows that nobody does.
        captured.grad_sensitive = False
        return captured

    def run(self, args: tuple, kwargs: dict) -> Any:
        return self._finish(self.graph_module(*self._enter(args), **kwargs))
