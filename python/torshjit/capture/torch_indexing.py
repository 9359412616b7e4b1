# SPDX-License-Identifier: Apache-2.0
"""ATen operations that read elements at positions which are themselves tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from torshjit.capture.graph_function import TRACED
from torshjit.capture.torch_lowering import Lowering, axis_of, dialect_dtype, lowers
from torshjit.errors import CaptureError, DTypeError, ShapeError

__all__ = ["Places", "check_positions", "places_of"]


def check_positions(g: Lowering, positions: Any, extent: int, negative: bool = False) -> None:
    """Has the program raise an IndexError, as eager does, where a position is out of range.

    `negative` says whether positions below zero count from the end.
    """
    if positions.dtype not in ("i32", "i64"):
        raise DTypeError(f"{g.op}: positions of element type {positions.dtype}, not i32 or i64")
    if 0 in positions.shape:
        return
    if extent >= 1 << 31:
        positions = g.cast(positions, "i64")
    inside = g.compare("ge", positions, g.scalar(-extent if negative else 0, positions.dtype))
    below = g.compare("lt", positions, g.scalar(extent, positions.dtype))
    inside = g.emit("and", inside, below)
    condition = g.reduce("all", inside, range(len(positions.shape)))
    message = f"{g.op}: index out of range for an axis of extent {extent}"
    g.create("assert", (condition,), {"message": message})


def _take(g: Lowering, data: Any, positions: Any, axis: int) -> Any:
    """``numpy.take``: the axis gives way to those of the positions."""
    check_positions(g, positions, data.shape[axis])
    return g.create("gather", (data, [positions]), {"axes": [axis]})


@lowers("aten.embedding.default")
def embedding(
    g: Lowering,
    weight: torch.Tensor,
    indices: torch.Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    if weight.ndim != 2:
        raise ShapeError(f"{g.op}: a table of rank {weight.ndim}, not 2")
    return _take(g, g.value(weight), g.value(indices), 0)


@lowers("aten.index_select.default")
def index_select(g: Lowering, x: torch.Tensor, dim: int, index: torch.Tensor) -> Any:
    if index.ndim > 1:
        raise ShapeError(f"{g.op}: positions of rank {index.ndim}, not 1")
    positions = g.reshape(g.value(index), (index.numel(),))
    if x.ndim == 0:
        taken = _take(g, g.reshape(g.value(x), (1,)), positions, 0)
        return g.reshape(taken, ())
    return _take(g, g.value(x), positions, axis_of(dim, x.ndim))


@lowers("aten.masked_select.default")
def masked_select(g: Lowering, x: torch.Tensor, mask: torch.Tensor) -> Any:
    known = getattr(mask, TRACED).constant
    if known is None:
        raise CaptureError(f"the result of {g.op} has a shape that depends on the data")
    shape = torch.broadcast_shapes(x.shape, mask.shape)
    places = known.expand(shape).reshape(-1).nonzero().reshape(-1)
    value = g.reshape(g.broadcast(g.value(x), shape), (math.prod(shape),))
    if not len(places):
        return g.slice(value, 0, 0, 0)
    return g.gather(value, [g.constant(places)], [0])


@lowers("aten.take.default")
def take(g: Lowering, x: torch.Tensor, index: torch.Tensor) -> Any:
    if index.numel() == 0:
        return g.broadcast(g.scalar(0, dialect_dtype(x.dtype)), index.shape)
    positions = g.value(index)
    check_positions(g, positions, x.numel(), negative=True)
    return g.gather(g.reshape(g.value(x), (x.numel(),)), [positions], [0])


@lowers("aten.gather.default")
def gather(
    g: Lowering, x: torch.Tensor, dim: int, index: torch.Tensor, sparse_grad: bool = False
) -> Any:
    axis = axis_of(dim, x.ndim)
    data, positions = g.value(x), g.value(index)
    if index.numel() == 0:
        return g.broadcast(g.scalar(0, data.dtype), index.shape)
    # A tensor without axes stands for one of one element, on either side.
    data, positions = (g.reshape(each, each.shape or (1,)) for each in (data, positions))
    if len(data.shape) != len(positions.shape):
        raise ShapeError(f"{g.op}: positions of rank {index.ndim} for a tensor of rank {x.ndim}")
    # Along the other axes the positions may cover a part of the tensor only.
    for other, (extent, part) in enumerate(zip(data.shape, positions.shape, strict=True)):
        if other == axis:
            continue
        if part > extent:
            raise ShapeError(
                f"{g.op}: positions of extent {part} for a tensor of extent {extent} "
                f"along axis {other}"
            )
        data = g.slice(data, other, 0, part)
    check_positions(g, positions, data.shape[axis])
    taken = g.emit("take_along_axis", data, positions, axis=axis)
    return g.reshape(taken, index.shape)


class Places:
    """Where `tensor[indices]` reads: positions along sorted axes.

    Attributes:
        axes: the indexed axes.
        positions: the Value of each; they broadcast together to `shape`.
        shape: the shape of the positions.
        first: whether the axes of the positions stand first in the result, rather than in the
            place of the first indexed axis, as they do where the indexed axes are not side by side.
    """

    def __init__(self, axes: list[int], positions: list[Any]) -> None:
        self.axes = axes
        self.positions = positions
        self.shape = torch.broadcast_shapes(*(tuple(each.shape) for each in positions))
        self.first = axes != list(range(axes[0], axes[0] + len(axes)))

    def to_result(self, g: Lowering, value: Any) -> Any:
        """What `torsh.gather` gives, in torch's order of axes."""
        if not self.first:
            return value
        before, count = self.axes[0], len(self.shape)
        order = [*range(before, before + count), *range(before)]
        return g.permute(value, [*order, *range(before + count, len(value.shape))])

    def from_result(self, g: Lowering, value: Any) -> Any:
        """What is in torch's order of axes, as `torsh.scatter` takes it."""
        if not self.first:
            return value
        before, count = self.axes[0], len(self.shape)
        order = [*range(count, count + before), *range(count)]
        return g.permute(value, [*order, *range(count + before, len(value.shape))])


def places_of(
    g: Lowering, x: torch.Tensor, indices: Sequence[torch.Tensor | None]
) -> Places | None:
    """The places of ``x[indices]``, None if they name no axis; a known mask counts as positions.

    Raises:
        CaptureError: how many elements a mask picks depends on the data.
        ShapeError: the indices do not fit the tensor, or each other.
    """
    axes: list[int] = []
    positions: list[Any] = []
    axis = 0
    for each in indices:
        if each is None:
            axis += 1
            continue
        for value in _positions(g, each, x.shape[axis:]):
            if axis < x.ndim:
                check_positions(g, value, x.shape[axis], negative=True)
            axes.append(axis)
            positions.append(value)
            axis += 1
    if axis > x.ndim:
        raise ShapeError(f"{g.op}: {axis} indices for a tensor of rank {x.ndim}")
    try:
        return Places(axes, positions) if axes else None
    except RuntimeError as error:
        raise ShapeError(f"{g.op}: the indices do not broadcast together") from error


@lowers("aten.index.Tensor", "aten._unsafe_index.Tensor")
def index(g: Lowering, x: torch.Tensor, indices: Sequence[torch.Tensor | None]) -> Any:
    """NumPy's indexing with integer arrays."""
    places = places_of(g, x, indices)
    if places is None:
        return g.value(x)
    return places.to_result(g, g.gather(g.value(x), places.positions, places.axes))


def _positions(g: Lowering, index: torch.Tensor, extents: Sequence[int]) -> list[Any]:
    """The position tensors that one index stands for: itself, or one for each axis of a mask."""
    if index.dtype not in (torch.bool, torch.uint8):
        return [g.value(index)]
    if tuple(index.shape) != tuple(extents[: index.ndim]):
        raise ShapeError(
            f"{g.op}: a mask of shape {list(index.shape)} for axes of extents {list(extents)}"
        )
    known = getattr(index, TRACED).constant
    if known is None:
        raise CaptureError(f"{g.op}: the result has as many elements as a mask is true")
    return [g.constant(each) for each in known.to(torch.bool).nonzero(as_tuple=True)]
