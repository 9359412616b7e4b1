# SPDX-License-Identifier: Apache-2.0
"""The table of ONNX operators that have a lowering."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

__all__ = ["HANDLERS", "MOVERS", "Handler", "load_handlers", "lowers"]

#: Called as ``handler(g, node)``: returns an operand, or a tuple where there are several results.
Handler = Callable[[Any, Any], Any]

#: The handler of each operator by the name that `Node.op` has.
HANDLERS: dict[str, Handler] = {}

#: Operators that move elements whatever their type, and compute nothing of them.
MOVERS = frozenset(
    (
        "Compress",
        "Concat",
        "DepthToSpace",
        "Expand",
        "Flatten",
        "Gather",
        "GatherElements",
        "GatherND",
        "Reshape",
        "ReverseSequence",
        "Slice",
        "SpaceToDepth",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    )
)

_FAMILIES = (
    "activation",
    "contraction",
    "conversion",
    "determinant",
    "elementwise",
    "indexing",
    "movement",
    "normalization",
    "ordering",
    "pooling",
    "quantization",
    "random",
    "recurrent",
    "reduction",
    "region_sampling",
    "resampling",
    "sampling",
    "scattering",
    "sequences",
    "shape",
    "spectral",
    "text_features",
    "training",
    "unpooling",
)


def lowers(*operators: str) -> Callable[[Handler], Handler]:
    """Registers the decorated function as the handler of operators."""

    def register(handler: Handler) -> Handler:
        for operator in operators:
            HANDLERS[operator] = handler
        return handler

    return register


@functools.cache
def load_handlers() -> dict[str, Handler]:
    """Imports the families and returns the table."""
    for family in _FAMILIES:
        importlib.import_module(f"torshjit.capture.onnx_import.{family}")
    return HANDLERS
