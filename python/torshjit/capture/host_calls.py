# SPDX-License-Identifier: Apache-2.0
"""The calls of the host in a program under construction, for every front end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torshjit.errors import CaptureError
from torshjit.host_functions import HostFunction

__all__ = ["HostCalls"]

Location = tuple[str, int]


class HostCalls:
    """Adds calls to a graph and keeps the functions that it calls.

    Attributes:
        functions: by name, for `CapturedProgram`.
        count: how many calls there are.
        have_effects: whether a call does something besides giving results, such as to draw
            random numbers.
    """

    def __init__(self, builder: Any) -> None:
        self._builder = builder
        self.functions: dict[str, HostFunction] = {}
        self.have_effects = False
        self.count = 0

    def close(self) -> None:
        """Lets go of the graph."""
        self._builder = None

    def add(
        self,
        function: HostFunction,
        operands: Sequence[Any],
        results: Sequence[tuple[str, Sequence[int]]],
        *,
        sizes: Sequence[Any] = (),
        is_pure: bool = True,
        location: Location | None = None,
    ) -> tuple[Any, ...]:
        """Adds ``torsh.host_call`` and returns its results, one for each type.

        Args:
            function: what is called.
            operands: Values of the graph.
            results: dtype and shape of each result, in the dialect's terms; -1 is any extent.
            sizes: a Value of index type for each -1, in order.
            is_pure: whether the call may be left out where no result is used, repeated, and
                moved past other calls.
            location: the user's line.
        """
        if self._builder is None:
            raise CaptureError("an array of a finished capture is used")
        self.functions[function.name] = function
        self.have_effects = self.have_effects or not is_pure
        self.count += 1
        given = self._builder.create(
            "host_call",
            [list(operands), list(sizes)],
            {"callee": function.name, "pure": is_pure},
            loc=location,
            result_types=[(dtype, list(shape)) for dtype, shape in results],
        )
        return tuple(given) if isinstance(given, tuple) else (given,)
