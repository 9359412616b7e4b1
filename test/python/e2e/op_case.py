# SPDX-License-Identifier: Apache-2.0
"""One end-to-end case of one operation: operands, attributes, values, and what may differ."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from e2e.case_values import Values, numbers
from e2e.tolerance import EXACT, Tolerance


@dataclass(frozen=True)
class Operand:
    """A tensor operand; `static` keeps its extents static in the variant with `?`."""

    shape: tuple[int, ...]
    values: Values = numbers
    dtype: str | None = None
    static: bool = False


Group = Operand | Sequence[Operand] | None


@dataclass(frozen=True)
class Case:
    """An operation with operands, by ODS operand group, of element type `dtype` if not said.

    Attributes:
        op: the operation without the dialect's name.
        label: what sets the case apart from the operation's others, for its id.
        result: the element type and extents of the result, for operations that do not infer them.
        dynamic_result: the same for the variant with `?`.
        dynamic: whether the case has a variant in which extents other than 1 are `?`.
    """

    op: str
    label: str
    dtype: str
    operands: tuple[Group, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tolerance: Tolerance = EXACT
    result: tuple[str, tuple[int, ...]] | None = None
    dynamic_result: tuple[str, tuple[int, ...]] | None = None
    dynamic: bool = False

    @property
    def id(self) -> str:
        return f"{self.op}-{self.dtype}-{self.label}"

    @property
    def name(self) -> str:
        return f"torsh.{self.op}"

    @property
    def result_dtype(self) -> str:
        if self.op in ("compare", "isnan"):
            return "i1"
        if self.op in ("argmax", "argmin", "rank", "argsort"):
            return "i64"
        return self.attributes["dtype"] if self.op in ("cast", "bitcast") else self.dtype

    def groups(self) -> list[list[Operand]]:
        """The operands of each group, none for an absent optional one."""
        return [
            [] if group is None else [group] if isinstance(group, Operand) else list(group)
            for group in self.operands
        ]

    def flat_operands(self) -> list[Operand]:
        return [operand for group in self.groups() for operand in group]

    def dtype_of(self, operand: Operand) -> str:
        return operand.dtype or self.dtype

    def extents_of(self, operand: Operand, dynamic: bool) -> tuple[int, ...]:
        """The operand's extents in the program: a `?` never broadcasts, so that 1 stays 1."""
        if not dynamic or operand.static:
            return operand.shape
        return tuple(1 if extent == 1 else -1 for extent in operand.shape)

    def values(self) -> list[np.ndarray]:
        """The operands' values, the same in every run."""
        rng = np.random.default_rng(zlib.crc32(self.id.encode()))
        return [
            operand.values(rng, self.dtype_of(operand), operand.shape)
            for operand in self.flat_operands()
        ]
