# SPDX-License-Identifier: Apache-2.0
"""Hand-built graphs for tests of the interpreter: the records that the compiler module makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np

from torshjit.interpreter import evaluate

DTYPES = {
    "i1": np.dtype(np.bool_),
    "i8": np.dtype(np.int8),
    "i16": np.dtype(np.int16),
    "i32": np.dtype(np.int32),
    "i64": np.dtype(np.int64),
    "ui8": np.dtype(np.uint8),
    "ui16": np.dtype(np.uint16),
    "ui32": np.dtype(np.uint32),
    "ui64": np.dtype(np.uint64),
    "f16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "f32": np.dtype(np.float32),
    "f64": np.dtype(np.float64),
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True)
class TensorType:
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class OpRecord:
    name: str
    operands: list[int]
    results: list[int]
    result_types: list[TensorType]
    attributes: dict[str, Any]
    location: tuple[str, int] | None = None


@dataclass
class Graph:
    inputs: list[TensorType]
    ops: list[OpRecord] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)

    def append(
        self,
        name: str,
        operands: Sequence[int | Sequence[int] | None],
        result_type: TensorType,
        location: tuple[str, int] | None = None,
        **attributes: Any,
    ) -> int:
        """Adds an operation, one entry of `operands` per operand group; returns its result."""
        groups = [
            [] if group is None else [group] if isinstance(group, int) else list(group)
            for group in operands
        ]
        result = len(self.inputs) + len(self.ops)
        attributes["operand_segments"] = [len(group) for group in groups]
        flat = [value for group in groups for value in group]
        self.ops.append(OpRecord(name, flat, [result], [result_type], attributes, location))
        return result


def type_of(array: np.ndarray) -> TensorType:
    return TensorType(_NAMES[array.dtype], array.shape)


def run_op(
    name: str,
    operands: Sequence[np.ndarray | Sequence[np.ndarray] | None],
    result: tuple[str, Sequence[int]],
    types: Sequence[tuple[int, ...] | None] = (),
    compute_dtype: str | None = None,
    **attributes: Any,
) -> np.ndarray:
    """Evaluates one operation on arrays.

    Args:
        operands: one entry per operand group, as in `Graph.append`.
        result: element type and extents of the result, -1 for `?`.
        types: the extents in the program of each operand, where they are not the arrays' own.
    """
    graph, arrays, groups = Graph([]), [], []
    for group in operands:
        members = [] if group is None else [group] if isinstance(group, np.ndarray) else group
        numbers = range(len(arrays), len(arrays) + len(members))
        groups.append(list(numbers))
        arrays.extend(members)
    for number, array in enumerate(arrays):
        shape = types[number] if number < len(types) and types[number] else array.shape
        graph.inputs.append(TensorType(type_of(array).dtype, tuple(shape)))
    graph.outputs = [
        graph.append(name, groups, TensorType(result[0], tuple(result[1])), **attributes)
    ]
    return evaluate(graph, arrays, compute_dtype)[0]
