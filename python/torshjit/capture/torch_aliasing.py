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
from torshjit.errors import CaptureError
from torshjit.record import Record

__all__ = [
    "AliasGroup",
    "Traced",
    "ViewStep",
    "broadcast_step",
    "joined_steps",
    "permute_step",
    "reshape_step",
    "slice_step",
    "windows_step",
    "write_through",
]


class ViewStep(Record):
    """One view: `kind` is reshape, permute, slice, broadcast or windows; `before` the shape it is
    taken of.

    `numbers` is the result's shape (reshape, broadcast), the permutation, (axis, start, stop,
    step) or, for windows along an axis, (axis, size, step).
    """

    __slots__ = ("before", "kind", "numbers")

    def __init__(self, kind: str, before: tuple[int, ...], numbers: tuple[int, ...]) -> None:
        self.kind = kind
        self.before = before
        self.numbers = numbers

    @property
    def after(self) -> tuple[int, ...]:
        """The shape of the result."""
        if self.kind == "permute":
            return tuple(self.before[axis] for axis in self.numbers)
        if self.kind == "slice":
            axis, start, stop, step = self.numbers
            extent = max(0, -(-(stop - start) // step))
            return (*self.before[:axis], extent, *self.before[axis + 1 :])
        if self.kind == "windows":
            axis, size, step = self.numbers
            count = (self.before[axis] - size) // step + 1
            return (*self.before[:axis], count, *self.before[axis + 1 :], size)
        return self.numbers

    def strides(self, before: Sequence[int]) -> Sequence[int] | None:
        """Strides of the view of a tensor with strides `before`; None if it is contiguous."""
        if self.kind == "permute":
            return [before[axis] for axis in self.numbers]
        if self.kind == "slice":
            axis, _, _, step = self.numbers
            return [n * step if i == axis else n for i, n in enumerate(before)]
        if self.kind == "windows":
            axis, _, step = self.numbers
            return [*(n * step if i == axis else n for i, n in enumerate(before)), before[axis]]
        if self.kind == "broadcast":
            lead = len(self.numbers) - len(self.before)
            kept = zip(before, self.before, self.numbers[lead:], strict=True)
            return [0] * lead + [n if old == new else 0 for n, old, new in kept]
        try:
            source = torch.empty_strided(self.before, before, device="meta")
            return source.view(self.numbers).stride()
        except (RuntimeError, ValueError):  # Eager refuses this view; AOTAutograd by the latter.
            return None

    def read(self, g: Lowering, value: Any) -> Any:
        """The view of `value`."""
        if self.kind == "reshape":
            return g.reshape(value, self.numbers)
        if self.kind == "permute":
            return g.permute(value, self.numbers)
        if self.kind == "slice":
            return g.slice(value, *self.numbers)
        if self.kind == "windows":
            return self._read_windows(g, value)
        return g.broadcast(value, self.numbers)

    def _read_windows(self, g: Lowering, value: Any) -> Any:
        axis, size, step = self.numbers
        count, rank = self.after[axis], len(self.before)
        start = g.emit("mul", g.iota((count, 1), 0, "i64"), g.scalar(step, "i64"))
        positions = g.emit("add", start, g.iota((1, size), 1, "i64"))
        if 0 in self.after:
            return g.broadcast(g.scalar(0, value.dtype), self.after)
        picked = g.gather(value, [positions], [axis])
        # The axis of the places in a window goes to the end.
        return g.permute(picked, [*range(axis + 1), *range(axis + 2, rank + 1), axis + 1])

    def write(self, g: Lowering, value: Any, view: Any) -> Any:
        """`value` with the elements that the view shows replaced by `view`.

        Raises:
            CaptureError: the view repeats or skips elements.
        """
        if self.kind == "reshape":
            return g.reshape(view, self.before)
        if self.kind == "permute":
            inverse = sorted(range(len(self.numbers)), key=self.numbers.__getitem__)
            return g.permute(view, inverse)
        if self.kind == "slice" and self.numbers[3] == 1:
            axis, start, stop, _ = self.numbers
            parts = [view]
            if start > 0:
                parts.insert(0, g.slice(value, axis, 0, start))
            if stop < self.before[axis]:
                parts.append(g.slice(value, axis, stop, self.before[axis]))
            return g.concat(parts, axis)
        if self.kind == "slice":
            return self._write_strided(g, value, view)
        raise CaptureError(
            f"{g.op}: writing in place to an expanded view cannot be captured",
            op=g.op,
            location=g.location,
        )

    def _write_strided(self, g: Lowering, value: Any, view: Any) -> Any:
        """A slice with a step: each element of the view, repeated over its step, under a mask."""
        axis, start, stop, step = self.numbers
        extent, rank = self.before[axis], len(self.before)
        lead, count, rest = self.before[:axis], self.after[axis], self.before[axis + 1 :]
        repeated = g.broadcast(
            g.reshape(view, (*lead, count, 1, *rest)), (*lead, count, step, *rest)
        )
        spread = g.reshape(repeated, (*lead, count * step, *rest))
        spread = g.slice(spread, axis, 0, min(count * step, extent - start))
        low, high = [0] * rank, [0] * rank
        low[axis], high[axis] = start, extent - start - spread.shape[axis]
        spread = g.emit("pad", spread, g.scalar(0, value.dtype), low=low, high=high)
        shape = [extent if each == axis else 1 for each in range(rank)]
        place = g.emit("sub", g.iota(shape, axis, "i64"), g.scalar(start, "i64"))
        on_step = g.emit("remainder", place, g.scalar(step, "i64"))
        written = g.compare("eq", on_step, g.scalar(0, "i64"))
        for predicate, bound in (("ge", 0), ("lt", stop - start)):
            inside = g.compare(predicate, place, g.scalar(bound, "i64"))
            written = g.emit("and", written, inside)
        return g.emit("select", written, spread, value)


def write_through(g: Lowering, steps: Sequence[ViewStep], whole: Any, view: Any) -> Any:
    """`whole` with the elements that a chain of steps shows replaced by `view`.

    Raises:
        CaptureError: the chain repeats elements.
    """
    stages = [whole]
    for step in steps[:-1]:
        stages.append(step.read(g, stages[-1]))
    for step, before in zip(reversed(steps), reversed(stages), strict=False):
        view = step.write(g, before, view)
    return view


def reshape_step(before: Sequence[int], after: Sequence[int]) -> ViewStep:
    """The same elements under the shape `after`."""
    return ViewStep("reshape", tuple(before), tuple(after))


def permute_step(before: Sequence[int], permutation: Sequence[int]) -> ViewStep:
    """Axes in another order."""
    return ViewStep("permute", tuple(before), tuple(permutation))


def slice_step(before: Sequence[int], axis: int, start: int, stop: int, step: int = 1) -> ViewStep:
    """A range of one axis; the bounds are within the extent."""
    return ViewStep("slice", tuple(before), (axis, start, max(stop, start), step))


def windows_step(before: Sequence[int], axis: int, size: int, step: int) -> ViewStep:
    """Windows of `size` elements along one axis, their places in the last axis of the result."""
    return ViewStep("windows", tuple(before), (axis, size, step))


def broadcast_step(before: Sequence[int], after: Sequence[int]) -> ViewStep:
    """Elements repeated to the shape `after`."""
    return ViewStep("broadcast", tuple(before), tuple(after))


def joined_steps(steps: Sequence[ViewStep], more: Sequence[ViewStep]) -> tuple[ViewStep, ...]:
    """A chain of steps and those that follow it; permutations in a row are one, or none.

    Graphs of AOTAutograd transpose weights twice before each product.
    """
    joined = list(steps)
    for step in more:
        if step.kind == "permute" and joined and joined[-1].kind == "permute":
            before = joined.pop()
            step = permute_step(before.before, [before.numbers[axis] for axis in step.numbers])
            if step.numbers == tuple(range(len(step.numbers))):
                continue
        joined.append(step)
    return tuple(joined)


class AliasGroup:
    """Memory that several traced tensors may share.

    Attributes:
        value: the Value of the whole; None while `constant` holds it.
        constant: a real tensor, where the elements are known while tracing.
        owner: what the memory belongs to ("argument x"), so that it must not be written;
            None for what the program made itself.
        version: counts the writes.
    """

    __slots__ = ("_members", "_relatives", "constant", "owner", "value", "version")

    def __init__(self, value: Any = None, constant: Any = None, owner: str | None = None) -> None:
        self.value = value
        self.constant: torch.Tensor | None = constant
        self.owner = owner
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
        owner = self.owner or next((r.owner for r in self._relatives if r.owner), None)
        if owner is not None:
            raise CaptureError(f"{g.op} writes in place to {owner}", op=g.op, location=g.location)
        if any(relative.is_readable() for relative in self._relatives):
            raise CaptureError(
                f"{g.op} writes in place to a tensor that may share memory with another one, "
                "depending on memory layout",
                op=g.op,
                location=g.location,
            )


class Traced:
    """One traced tensor: a group under a chain of view steps."""

    __slots__ = ("_cached", "_cached_version", "_constant", "group", "steps", "trace")

    def __init__(
        self,
        group: AliasGroup,
        steps: tuple[ViewStep, ...] = (),
        constant: torch.Tensor | None = None,
    ) -> None:
        self.group = group
        self.steps = steps
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
        group.version += 1
        self._cached, self._cached_version = value, group.version
