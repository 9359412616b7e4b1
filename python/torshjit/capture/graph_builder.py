# SPDX-License-Identifier: Apache-2.0
"""What captures build graphs with, as far as they share what is built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

__all__ = ["GraphBuilder", "flipped"]


class GraphBuilder(Protocol):
    """Adds operations to a graph. Values have a `shape` and a `dtype`, the dialect's."""

    @property
    def op(self) -> str | None: ...

    def emit(self, op: str, *operands: Any, **attributes: Any) -> Any: ...

    def scalar(self, number: Any, dtype: str) -> Any: ...

    def reshape(self, value: Any, shape: Sequence[int]) -> Any: ...

    def permute(self, value: Any, permutation: Sequence[int]) -> Any: ...

    def slice(self, value: Any, axis: int, start: int, stop: int, step: int = 1) -> Any: ...

    def concat(self, values: Sequence[Any], axis: int) -> Any: ...


def flipped(g: GraphBuilder, value: Any, axes: Sequence[int]) -> Any:
    """`value` with its elements in the opposite order along some axes."""
    shape = list(value.shape)
    if 0 in shape or all(shape[axis] == 1 for axis in axes):
        return value
    return g.emit(
        "slice",
        value,
        start=[n - 1 if axis in axes else 0 for axis, n in enumerate(shape)],
        stop=[-1 - n if axis in axes else n for axis, n in enumerate(shape)],
        stride=[-1 if axis in axes else 1 for axis in range(len(shape))],
    )
