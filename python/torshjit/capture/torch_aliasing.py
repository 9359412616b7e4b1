# SPDX-License-Identifier: Apache-2.0
"""What a traced tensor stands for, and how writes reach every view of it.

Tensors that share memory for certain form one group: its root holds the elements, and each
tensor of the group is the root under a chain of view steps. A write replaces the root's
Value; views notice by the group's version. Operations that share memory only for some memory
layouts (`reshape`, `contiguous`) give a group of their own that is related to its source: a
write to one while the other may still be read is refused.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import torch

from torshjit.capture.torch_lowering import Deferred, Lowering
from torshjit.capture.torch_view_steps import ViewStep, joined_steps, write_through
from torshjit.errors import CaptureError

__all__ = ["AliasGroup", "Traced"]


class AliasGroup:
    """Memory that several traced tensors may share.

    Attributes:
        value: the Value of the whole; None while `constant` holds it.
        constant: a real tensor, where the elements are known while tracing.
        owner: what of the caller's the memory belongs to ("argument x"); None for what the
            program made itself.
        is_protected: whether writes are refused, because nobody takes them to the owner.
        is_loose: whether a view was taken that eager refuses for the traced layout.
        version: counts the writes.
    """

    __slots__ = (
        "_members",
        "_relatives",
        "constant",
        "is_loose",
        "is_protected",
        "owner",
        "value",
        "version",
    )

    def __init__(
        self,
        value: Any = None,
        constant: Any = None,
        owner: str | None = None,
        is_protected: bool = False,
    ) -> None:
        self.value = value
        self.constant: torch.Tensor | None = constant
        self.owner = owner
        self.is_protected = is_protected
        self.is_loose = False
        self.version = 0
        self._members: list[weakref.ref[torch.Tensor]] = []
        self._relatives: list[AliasGroup] = []

    def read_whole(self) -> Any:
        """The Value of the whole, for elements that are not known while tracing."""
        if isinstance(self.value, Deferred):
            self.value = self.value.compute()
        return self.value

    def add_member(self, tensor: torch.Tensor) -> None:
        """Remembers, weakly, a tensor of the group."""
        self._members.append(weakref.ref(tensor))

    def relate(self, source: AliasGroup) -> None:
        """Records that this group may share memory with `source` and all that it may."""
        for other in (source, *source._relatives):
            self._relatives.append(other)
            other._relatives.append(self)

    def is_readable(self) -> bool:
        """Whether the program or its caller can still read the memory."""
        return self.owner is not None or any(member() is not None for member in self._members)

    def check_writable(self, g: Lowering) -> None:
        """Raises CaptureError if a write would be lost to somebody who can see the memory."""
        owner = self.owner if self.is_protected else None
        owner = owner or next((r.owner for r in self._relatives if r.owner), None)
        if owner is not None:
            raise CaptureError(f"{g.op} writes in place to {owner}", op=g.op, location=g.location)
        if self.owner is not None and self.is_loose:
            raise CaptureError(
                f"{g.op} writes in place to {self.owner}, of which the program takes a view that "
                "its strides do not allow",
                op=g.op,
                location=g.location,
            )
        if any(relative.is_readable() for relative in self._relatives):
            raise CaptureError(
                f"{g.op} writes in place to a tensor that may share memory with another one, "
                "depending on memory layout",
                op=g.op,
                location=g.location,
            )


class Traced:
    """One traced tensor: a group under a chain of view steps."""

    __slots__ = ("_cached", "_cached_version", "_constant", "group", "is_owned", "steps", "trace")

    def __init__(
        self,
        group: AliasGroup,
        steps: tuple[ViewStep, ...] = (),
        constant: torch.Tensor | None = None,
        is_owned: bool = False,
    ) -> None:
        self.group = group
        self.steps = steps
        #: Whether it stands for a tensor object of the caller, not one that the program made.
        self.is_owned = is_owned
        self.trace: Any = None  # The capture that the tensor belongs to.
        self._constant = constant if steps or constant is not None else group.constant
        self._cached: Any = None
        self._cached_version = -1

    @property
    def constant(self) -> torch.Tensor | None:
        """The real tensor, where the elements are known while tracing."""
        return self._constant if self.group.constant is not None else None

    def read(self, g: Lowering) -> Any:
        """The Value of the tensor as of now."""
        group = self.group
        if self._cached_version == group.version:
            return self._cached
        if group.constant is not None:
            assert self._constant is not None
            value = g.constant(self._constant)
        else:
            value = group.read_whole()
            for step in self.steps:
                value = step.read(g, value)
        self._cached, self._cached_version = value, group.version
        return value

    def forget(self) -> None:
        """Drops the elements, when the capture is over."""
        self.group.value = self.group.constant = self._constant = self._cached = None

    def extend(self, steps: Sequence[ViewStep], constant: torch.Tensor | None) -> None:
        """Makes the tensor a further view of itself, as `transpose_` does."""
        self.steps = joined_steps(self.steps, steps)
        self._constant = constant
        self._cached_version = -1

    def write(self, g: Lowering, value: Any) -> None:
        """Replaces the elements; every view of the same memory sees it."""
        group = self.group
        group.check_writable(g)
        whole = g.constant(group.constant) if group.constant is not None else group.read_whole()
        group.value, group.constant = write_through(g, self.steps, whole, value), None
        if group.owner is not None and group.version == 0:
            self.trace.written.append(group)
        group.version += 1
        self._cached, self._cached_version = value, group.version
