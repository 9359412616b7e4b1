# SPDX-License-Identifier: Apache-2.0
"""Views of tensors as steps: taken of Values and of real tensors, and written through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from torshjit.capture.torch_lowering import Lowering
from torshjit.errors import CaptureError
from torshjit.record import Record

__all__ = [
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

    def take(self, tensor: torch.Tensor) -> torch.Tensor:
        """The view of a real tensor whose memory layout is the one that was traced."""
        if self.kind == "reshape":
            return tensor.view(self.numbers)
        if self.kind == "permute":
            return tensor.permute(self.numbers)
        if self.kind == "windows":
            return tensor.unfold(*self.numbers)
        if self.kind == "slice":
            axis, start, stop, step = self.numbers
            return tensor[(slice(None),) * axis + (slice(start, stop, step),)]
        return tensor.expand(self.numbers)

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
