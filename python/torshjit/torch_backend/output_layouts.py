# SPDX-License-Identifier: Apache-2.0
"""Results whose axes lie in memory in the order that torch traced, and complex numbers.

Compiled programs write contiguous results. Where torch expects another order, because a graph ends
in a transposition, it may take views of the result by strides later. The program then writes the
axes in the order of their strides, and a view outside puts them back. Complex numbers go in and
out of it as pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

__all__ = ["OutputLayout", "layout_of"]


class OutputLayout:
    """The order in which one result's axes lie in memory, outermost first."""

    __slots__ = ("_inverse", "_is_complex", "_order")

    def __init__(self, order: Sequence[int], is_complex: bool = False) -> None:
        # Of a complex result, the axis of the pairs stays last.
        self._order = (*order, len(order)) if is_complex else tuple(order)
        self._inverse = tuple(sorted(range(len(self._order)), key=self._order.__getitem__))
        self._is_complex = is_complex

    def pack(self, tensor: torch.Tensor) -> torch.Tensor:
        """The result as the compiled program is to write it."""
        tensor = torch.view_as_real(tensor.resolve_conj()) if self._is_complex else tensor
        return tensor.permute(self._order)

    def unpack(self, packed: torch.Tensor) -> torch.Tensor:
        """The view of `packed` with the axes in their places."""
        if self._is_complex:
            order = self._inverse[:-1]
            return torch.view_as_complex(packed).permute(order)
        return packed.permute(self._inverse)


def layout_of(example: Any) -> OutputLayout | None:
    """The layout of a traced result.

    None for what is written contiguously: also for results without elements and for those that
    repeat elements, which torch traces as views of a smaller tensor that it keeps itself.
    """
    if not isinstance(example, torch.Tensor) or example.layout != torch.strided:
        return None
    shape = [_number(extent) for extent in example.shape]
    strides = [_number(stride) for stride in example.stride()]
    # Axes of extent 1 lie anywhere; they stay where they are.
    real = [axis for axis, extent in enumerate(shape) if extent != 1]
    sorted_axes = sorted(real, key=lambda axis: -strides[axis])
    if 0 in shape or any(strides[axis] == 0 for axis in real):
        sorted_axes = real
    if sorted_axes == real:
        return OutputLayout(range(len(shape)), True) if example.is_complex() else None
    remaining = iter(sorted_axes)
    order = [axis if shape[axis] == 1 else next(remaining) for axis in range(len(shape))]
    return OutputLayout(order, example.is_complex())


def _number(extent: Any) -> int:
    """An extent or stride, by its hint where it is symbolic."""
    if isinstance(extent, int):
        return extent
    hint = extent.node.hint
    return int(hint) if hint is not None else 2
