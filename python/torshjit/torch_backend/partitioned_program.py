# SPDX-License-Identifier: Apache-2.0
"""A torch program that torch._dynamo takes apart: compiled graphs, with eager torch between them.

It is what a program becomes that cannot be captured in one piece: one that asks for a tensor's
value, writes to its arguments, has hooks or changes the state around it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch._dynamo
from torch._dynamo.utils import counters

from torshjit.config import JitConfig
from torshjit.torch_backend.backend import DynamoBackend

if TYPE_CHECKING:
    from torshjit.compiled import CompiledModule

__all__ = ["GraphBreak", "PartitionedProgram"]


class GraphBreak:
    """Where a program was taken apart.

    Attributes:
        reason: why, in torch's words.
        location: the user's ``(file, line)``, or None.
    """

    __slots__ = ("location", "reason")

    def __init__(self, reason: str, location: tuple[str, int] | None) -> None:
        self.reason = reason
        self.location = location


class PartitionedProgram:
    """Runs a torch module or function through torch._dynamo.

    Attributes:
        breaks: where it was taken apart, as far as is known; one for each place.
    """

    def __init__(self, function: Callable[..., Any], config: JitConfig) -> None:
        self._backend = _RecordingBackend(config)
        self._is_strict = config.strict
        self._compiled = torch.compile(function, backend=self._backend, fullgraph=config.strict)

    @property
    def breaks(self) -> Sequence[GraphBreak]:
        return tuple(self._backend.breaks.values())

    @property
    def programs(self) -> list[CompiledModule]:
        """The compiled graphs."""
        return self._backend.programs

    @property
    def is_broken(self) -> bool:
        """Whether something runs in eager torch between graphs, or there is no graph."""
        return bool(self._backend.breaks) or not self.programs

    @property
    def is_whole(self) -> bool:
        """Whether nothing at all runs in eager torch."""
        return not self.is_broken and all(program.is_compiled for program in self.programs)

    def run(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Answers a call; unless strict, what torch._dynamo itself fails on runs in eager torch."""
        counted = counters["graph_break"]
        before = len(counted)
        with torch._dynamo.config.patch(suppress_errors=not self._is_strict):
            result = self._compiled(*args, **kwargs)
        if len(counted) > before:
            self._backend.note_uncaught(list(counted)[before:])
        return result


class _RecordingBackend(DynamoBackend):
    """Notes why each graph ends where it does."""

    def __init__(self, config: JitConfig) -> None:
        super().__init__(config, warns=False)
        self.breaks: dict[Any, GraphBreak] = {}

    def __call__(self, graph_module: Any, example_inputs: Sequence[Any]) -> Any:
        cause = getattr(graph_module, "compile_subgraph_reason", None)
        if cause is not None and cause.graph_break:
            frame = cause.user_stack[-1] if cause.user_stack else None
            location = (frame.filename, frame.lineno or 0) if frame is not None else None
            self.breaks.setdefault(location, GraphBreak(_headline(cause.reason), location))
        return super().__call__(graph_module, example_inputs)

    def note_uncaught(self, reasons: Sequence[str]) -> None:
        """Adds breaks with no graph before them, of which this is never told."""
        known = {each.reason for each in self.breaks.values()}
        for reason in map(_headline, reasons):
            if reason not in known:
                self.breaks[reason] = GraphBreak(reason, None)


def _headline(reason: str) -> str:
    """The first line of torch's explanation, which goes on for a page."""
    return reason.strip().partition("\n")[0]
