# SPDX-License-Identifier: Apache-2.0
"""The table of StableHLO operations that have a lowering."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

__all__ = ["HANDLERS", "Handler", "load_handlers", "lowers"]

#: Called as ``handler(g, op)``: returns an operand, or a tuple where there are several results.
Handler = Callable[[Any, Any], Any]

#: The handler of each operation by its full name.
HANDLERS: dict[str, Handler] = {}

_FAMILIES = (
    "bits",
    "contraction",
    "control_flow",
    "convolution",
    "elementwise",
    "indexing",
    "movement",
    "reduction",
    "sorting",
    "special_functions",
    "window",
)


def lowers(*names: str) -> Callable[[Handler], Handler]:
    """Registers the decorated function as the handler of operations."""

    def register(handler: Handler) -> Handler:
        for name in names:
            HANDLERS[name] = handler
        return handler

    return register


@functools.cache
def load_handlers() -> dict[str, Handler]:
    """Imports the families and returns the table."""
    for family in _FAMILIES:
        importlib.import_module(f"torshjit.capture.stablehlo_import.{family}")
    return HANDLERS
