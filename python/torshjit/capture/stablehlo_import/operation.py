# SPDX-License-Identifier: Apache-2.0
"""One operation of a StableHLO module, as the handlers see it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from torshjit.errors import DTypeError, UnsupportedOpError

__all__ = ["HloOp", "line_of", "tensor_type"]

_ELEMENTS = frozenset(
    {
        "i1", "i8", "i16", "i32", "i64", "ui8", "ui16", "ui32", "ui64",
        "f16", "bf16", "f32", "f64",
    }
)  # fmt: skip


def tensor_type(type_: Any, name: str) -> tuple[str, tuple[int, ...]]:
    """The element type and the extents of an MLIR tensor type.

    Raises:
        DTypeError: the dialect lacks the element type, or it is no tensor.
        UnsupportedOpError: an extent is not known.
    """
    element = str(getattr(type_, "element_type", type_))
    if element not in _ELEMENTS or not hasattr(type_, "shape"):
        raise DTypeError(f"{name}: values of type {type_} are not covered", op=name)
    if any(type_.is_dynamic_dim(axis) for axis in range(type_.rank)):
        raise UnsupportedOpError(
            f"{name}: an extent of {type_} is not known; lower the function for known shapes",
            op=name,
        )
    return element, tuple(type_.shape)


#: The first place in the user's code that a location names.
_FILE = re.compile(r'"([^"]+\.py)":(\d+)')


def line_of(raw: Any) -> tuple[str, int] | None:
    """The user's line that an operation is due to."""
    found = _FILE.search(str(raw.location))
    return (found.group(1), int(found.group(2))) if found else None


class HloOp:
    """An operation with its imported operands.

    Attributes:
        name: with its dialect, ``stablehlo.add``.
        operands: a Value, or a Known, for each operand.
        raw: the operation of jaxlib.
    """

    def __init__(self, raw: Any, operands: Sequence[Any]) -> None:
        self.raw = raw
        self.name: str = raw.name
        self.operands = list(operands)

    def __str__(self) -> str:
        return self.name

    # Attributes.

    def has(self, name: str) -> bool:
        return name in self.raw.attributes

    def attribute(self, name: str) -> Any:
        return self.raw.attributes[name]

    def integers(self, name: str, default: Sequence[int] | None = None) -> list[int]:
        """An array of integers."""
        if not self.has(name):
            return list(default or ())
        attribute = self.attribute(name)
        return [int(each) for each in attribute]

    def integer(self, name: str, default: int = 0) -> int:
        return int(self.attribute(name).value) if self.has(name) else default

    def pairs(self, name: str, count: int) -> list[tuple[int, int]]:
        """Two integers for each axis, zeros where they are left out."""
        if not self.has(name):
            return [(0, 0)] * count
        table = np.broadcast_to(np.array(self.attribute(name)), (count, 2))
        return [(int(low), int(high)) for low, high in table]

    def word(self, name: str) -> str:
        """The case of an enumeration, or a string."""
        text = str(self.attribute(name)) if self.has(name) else ""
        return text.rstrip(">").rpartition(" ")[2].strip('"')

    # Types.

    @property
    def result_types(self) -> list[tuple[str, tuple[int, ...]]]:
        return [tensor_type(each.type, self.name) for each in self.raw.results]

    @property
    def dtype(self) -> str:
        """The element type of the first result."""
        return self.result_types[0][0]

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents of the first result."""
        return self.result_types[0][1]

    # Regions.

    def block(self, region: int = 0) -> Any:
        return self.raw.regions[region].blocks[0]

    # Errors.

    def fail(self, message: str) -> UnsupportedOpError:
        """The error for a form of the operation that has no lowering."""
        return UnsupportedOpError(f"{self.name}: {message}", op=self.name)

    def refuse(self, message: str) -> NoReturn:
        raise self.fail(message)
