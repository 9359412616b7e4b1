# SPDX-License-Identifier: Apache-2.0
"""What a program writes to memory of its caller, in the tree of its results.

The compiled program itself writes nothing: what it leaves in the caller's memory is computed as
further results, and copied there when all of it has been computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torshjit.record import Record

__all__ = ["ArgumentView", "Written"]


class ArgumentView(Record):
    """A view of a tensor of the caller: `steps` are taken of what the leaf `whole` stands for."""

    __slots__ = ("steps", "whole")

    def __init__(self, whole: Any, steps: tuple) -> None:
        self.whole = whole
        self.steps = steps

    def make(self, parts: list) -> Any:
        """The view, of the one tensor in `parts`."""
        (tensor,) = parts
        if not self.steps:
            return tensor.view(tensor.shape)
        for step in self.steps:
            tensor = step.take(tensor)
        return tensor


class Written(Record):
    """The result of a program that writes to tensors of the caller.

    `writes` are pairs of a leaf for the tensor (ArgumentLeaf, or ValueLeaf for one that the program
    reaches otherwise) and the ResultLeaf of its new elements, in the order of the first writes.
    """

    __slots__ = ("result", "writes")

    def __init__(self, result: Any, writes: tuple[tuple[Any, Any], ...]) -> None:
        self.result = result
        self.writes = writes

    def store(self, leaf: Callable[[Any], Any]) -> None:
        """Copies the new elements to their places; `leaf` gives what the leaves stand for."""
        for target, value in self.writes:
            leaf(target).copy_(leaf(value))
