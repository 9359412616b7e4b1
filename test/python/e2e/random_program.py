# SPDX-License-Identifier: Apache-2.0
"""A random program under construction: its values with their shapes, and the draws to extend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from e2e.case_values import FLOATS, INTEGERS, UNSIGNED
from graph_records import DTYPES
from hypothesis import strategies as st

if TYPE_CHECKING:
    from torshjit._compiler import GraphBuilder, Module, Value

_EXTENTS = (1, 2, 3, 4, 5, 8, 17)


@dataclass(frozen=True)
class Node:
    """A value of the program.

    Attributes:
        value: the builder's; its shape has -1 for each `?`.
        shape: the extents that it has when the program is run.
        exact: whether every way of computing it gives the same bits, so that operations that
            jump (comparisons, rounding, positions) may be applied to it.
    """

    value: Value
    shape: tuple[int, ...]
    exact: bool

    @property
    def dtype(self) -> str:
        return self.value.dtype

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_float(self) -> bool:
        return self.dtype in FLOATS

    @property
    def is_integer(self) -> bool:
        return self.dtype in INTEGERS

    def is_static(self, axis: int) -> bool:
        return self.value.shape[axis] != -1


@dataclass(frozen=True)
class RandomProgram:
    """A finished program and the arrays to run it on."""

    module: Module
    inputs: list[np.ndarray]

    def __repr__(self) -> str:
        return f"{self.module}\n// inputs: {[(a.dtype, a.shape) for a in self.inputs]}"


class Construction:
    """A program that grows by drawn operations."""

    def __init__(self, draw: st.DrawFn, builder: GraphBuilder) -> None:
        self.draw = draw
        self.builder = builder
        self.nodes: list[Node] = []
        self.inputs: list[np.ndarray] = []
        self.num_ops = 0

    def choose(self, options: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(options))

    def flip(self) -> bool:
        return self.draw(st.booleans())

    def input(self, dtype: str, shape: tuple[int, ...], static: bool = False) -> Node:
        """A new input; its extents other than 1 may be `?`, unless they have to be `static`."""
        type_ = tuple(
            -1 if not static and extent != 1 and self.flip() else extent for extent in shape
        )
        value = self.builder.input(dtype, type_, f"x{len(self.inputs)}")
        rng = np.random.default_rng(self.draw(st.integers(0, 255)))
        if dtype == "i1":
            array = np.asarray(rng.random(shape) < 0.5)
        elif dtype in INTEGERS:
            low, high = (0, 200) if dtype in UNSIGNED else (-20, 20)
            array = rng.integers(low, high, shape, DTYPES[dtype], endpoint=True)
        else:
            # Eighths, which float32 holds exactly, ties among them.
            array = np.asarray(rng.integers(-24, 25, shape) / 8).astype(DTYPES[dtype])
        self.inputs.append(np.asarray(array))
        return self._append(value, shape, exact=True)

    def any_input(self) -> Node:
        dtype = self.choose(["f32", "f32", "f32", "f64", "i32", "i1", "ui8"])
        rank = self.choose([2, 2, 3, 1, 4, 0])
        shape = tuple(self.choose(_EXTENTS) for _ in range(rank))
        if rank and self.choose(range(12)) == 11:
            shape = (0, *shape[1:])
        return self.input(dtype, shape)

    def partner(self, node: Node) -> Node:
        """A value that broadcasts with `node`: one there is, or an input of a shape like it."""
        fitting = [
            other
            for other in self.nodes
            if other.dtype == node.dtype and _broadcast_extents(node, other) is not None
        ]
        if self.flip():
            return self.choose(fitting)
        shape = node.shape[self.choose(range(node.rank + 1)) :]
        # A `?` that happens to be 1 meets a static 1 only.
        return self.input(node.dtype, tuple(n if self.flip() else 1 for n in shape))

    def create(
        self,
        op: str,
        operands: Sequence[Node | Sequence[Node] | None],
        shape: tuple[int, ...] | None = None,
        attributes: dict[str, Any] | None = None,
        exact: bool = False,
        result_type: tuple[str, tuple[int, ...]] | None = None,
    ) -> Node:
        """Adds an operation; without a `shape` its result has the operands' broadcast one."""
        values = [
            group.value if isinstance(group, Node) else group and [node.value for node in group]
            for group in operands
        ]
        if shape is None:
            shape = np.broadcast_shapes(*(node.shape for node in operands))
        value = self.builder.create(op, values, attributes or {}, result_type=result_type)
        self.num_ops += 1
        return self._append(value, tuple(shape), exact)

    def finish(self) -> RandomProgram:
        """Returns the last value, and maybe others."""
        outputs = [self.nodes[-1]]
        outputs += [node for node in self.nodes[:-1] if self.choose(range(6)) == 5][:2]
        return RandomProgram(self.builder.finish([node.value for node in outputs]), self.inputs)

    def _append(self, value: Value, shape: tuple[int, ...], exact: bool) -> Node:
        node = Node(value, shape, exact)
        self.nodes.append(node)
        return node


def _broadcast_extents(lhs: Node, rhs: Node) -> tuple[int, ...] | None:
    """The broadcast shape, None where extents differ: only a static 1 is repeated."""
    rank = max(lhs.rank, rhs.rank)
    result = []
    for axis in range(-rank, 0):
        extents = {
            node.shape[axis]
            for node in (lhs, rhs)
            if node.rank >= -axis and node.value.shape[axis] != 1
        }
        if len(extents) > 1:
            return None
        result.append(extents.pop() if extents else 1)
    return tuple(result)
