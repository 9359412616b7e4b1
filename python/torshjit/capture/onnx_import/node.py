# SPDX-License-Identifier: Apache-2.0
"""One ONNX node while it is imported: its operands, attributes and version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from torshjit.errors import TorshError, UnsupportedOpError

if TYPE_CHECKING:
    from torshjit.capture.onnx_import.graph_import import GraphImport

__all__ = ["Node"]

_REQUIRED = object()


class Node:
    """A node with its operands.

    Attributes:
        op: the operator's name, with its domain where that is not ONNX's own.
        version: the version of the domain's operator set that the model imports.
        operands: a NumPy array where the value is known, a Value of the graph under construction,
            or None for an optional input that is absent.
        outputs: the names of the results, empty for one that is not wanted.
    """

    def __init__(
        self, graph: GraphImport, proto: Any, version: int, operands: list, attributes: dict
    ) -> None:
        self.graph = graph
        self.proto = proto
        domain = "" if proto.domain == "ai.onnx" else proto.domain
        self.op = f"{domain}.{proto.op_type}" if domain else proto.op_type
        self.version = version
        self.operands = operands
        self.outputs = list(proto.output)
        self._attributes = attributes

    def __str__(self) -> str:
        name = self.proto.name or next(filter(None, self.outputs), "")
        return f"onnx.{self.op}, node '{name}'"

    def fail(self, reason: str) -> TorshError:
        """The error for a form that has no lowering."""
        return UnsupportedOpError(f"{self}: {reason}", op=f"onnx.{self.op}")

    # Attributes.

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute as a Python value: an int, float, str, array, graph or list of them."""
        return self._attributes.get(name, default)

    def integers(self, name: str, default: list[int] | None = None) -> list[int] | None:
        """A list attribute."""
        found = self._attributes.get(name)
        return default if found is None else [int(each) for each in found]

    # Operands.

    def has(self, index: int) -> bool:
        """Whether an optional operand is there."""
        return index < len(self.operands) and self.operands[index] is not None

    def raw(self, index: int) -> Any:
        """An operand as an array or a Value."""
        if not self.has(index):
            raise self.fail(f"operand {index} is missing")
        return self.operands[index]

    def value(self, index: int, dtype: str | None = None) -> Any:
        """An operand as a Value, cast to `dtype` where that is given."""
        value = self.graph.value(self.raw(index))
        return value if dtype is None else self.graph.cast(value, dtype)

    def optional(self, index: int, dtype: str | None = None) -> Any:
        """An operand as a Value, or None."""
        return self.value(index, dtype) if self.has(index) else None

    def values(self) -> list[Any]:
        """All operands as Values."""
        return [self.value(index) for index in range(len(self.operands))]

    def known(self, index: int, what: str, default: Any = _REQUIRED) -> np.ndarray:
        """An operand whose elements the importer needs.

        Raises:
            UnsupportedOpError: they are computed when the program runs.
        """
        if not self.has(index) and default is not _REQUIRED:
            return default
        found = self.raw(index)
        if not isinstance(found, np.ndarray):
            raise self.fail(
                f"{what} is computed from the contents of an input, so shapes would not be known "
                "when the program is compiled; make it a constant or a graph input"
            )
        return found

    def known_integers(self, index: int, what: str, default: Any = _REQUIRED) -> Any:
        """An operand of integers, as a list; a scalar is a list of one."""
        found = self.known(index, what, default)
        if not isinstance(found, np.ndarray):
            return found
        return [int(each) for each in found.reshape(-1)]

    def axes(self, index: int, rank: int) -> list[int] | None:
        """Axes given by an attribute or, in later versions, by an operand; counted from 0."""
        axes = self.integers("axes")
        if axes is None:
            axes = self.known_integers(index, "the list of axes", None)
        return None if axes is None else [self.axis(axis, rank) for axis in axes]

    def axis(self, axis: int, rank: int) -> int:
        """An axis counted from the front."""
        if not -rank <= axis < rank:
            raise self.fail(f"axis {axis} is out of range for a tensor of rank {rank}")
        return axis % rank
