# SPDX-License-Identifier: Apache-2.0
"""The table from operation names to their reference functions, and what those are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from torshjit.errors import ShapeError, UnsupportedOpError

Location = tuple[str, int]


class TensorType(Protocol):
    """The type of a value: an element type and extents, -1 for `?`."""

    @property
    def dtype(self) -> str: ...

    @property
    def shape(self) -> Sequence[int]: ...


@dataclass(frozen=True)
class Call:
    """One operation about to be evaluated.

    Attributes:
        name: the operation, `torsh.add`.
        groups: the operands by ODS operand group; an absent optional operand is an empty group.
            f16 and bf16 operands arrive as float32. An index operand is an array of no axes.
        types: the operands' types in the program, grouped likewise.
        attributes: by ODS name, defaults filled in.
        result_type: the type of the (first) result; None where there is none.
        result_dtype: the NumPy dtype that the result is going to be stored in.
        location: the user's file and line, if known.
        result_types: the types of all results.
        host_functions: what `torsh.host_call` calls, by name.
    """

    name: str
    groups: tuple[tuple[np.ndarray, ...], ...]
    types: tuple[tuple[TensorType, ...], ...]
    attributes: Mapping[str, Any]
    result_type: Any
    result_dtype: np.dtype
    location: Location | None = None
    result_types: Sequence[TensorType] = ()
    host_functions: Mapping[str, Any] = field(default_factory=dict)

    def operand(self, group: int) -> np.ndarray:
        """The operand of a group that always has one."""
        return self.groups[group][0]

    def optional(self, group: int) -> np.ndarray | None:
        """The operand of an optional group, None where it is absent."""
        return self.groups[group][0] if self.groups[group] else None

    def sizes(self, group: int) -> list[int]:
        """The operands of a variadic group of index values."""
        return [int(size) for size in self.groups[group]]

    def shape_error(self, message: str) -> ShapeError:
        return ShapeError(f"{self.name}: {message}", op=self.name, location=self.location)


Reference = Callable[[Call], Any]

_REFERENCES: dict[str, Reference] = {}


def reference(name: str) -> Callable[[Reference], Reference]:
    """Registers the decorated function as the meaning of operation `name`."""

    def register(function: Reference) -> Reference:
        if name in _REFERENCES:
            raise ValueError(f"operation {name} has two reference functions")
        _REFERENCES[name] = function
        return function

    return register


def lookup(name: str, location: Location | None = None) -> Reference:
    """The reference function of operation `name`.

    Raises:
        UnsupportedOpError: there is none.
    """
    function = _REFERENCES.get(name)
    if function is None:
        raise UnsupportedOpError(
            f"{name}: the interpreter has no reference function for this operation",
            op=name,
            location=location,
        )
    return function


def registered_operations() -> list[str]:
    """The names of all operations that have a reference function, sorted."""
    return sorted(_REFERENCES)
