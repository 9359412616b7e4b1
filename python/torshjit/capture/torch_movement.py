# SPDX-License-Identifier: Apache-2.0
"""ATen operations that copy elements to other places: joins, margins, repeats, reversals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from torshjit.capture.graph_builder import flipped
from torshjit.capture.torch_elementwise import binary_dtype
from torshjit.capture.torch_lowering import Lowering, axis_of, dialect_dtype, lowers
from torshjit.errors import ShapeError

# Joins.


def _joined_dtype(tensors: Sequence[torch.Tensor]) -> str:
    return binary_dtype(*tensors)


@lowers(
    "aten.cat.default",
)
def cat(g: Lowering, tensors: Sequence[torch.Tensor], dim: int = 0) -> Any:
    dtype = _joined_dtype(tensors)
    # An empty tensor of one axis fits everywhere, by torch's old convention.
    kept = [tensor for tensor in tensors if tuple(tensor.shape) != (0,)]
    if not kept:
        return g.operand(tensors[0], dtype)
    return g.concat(g.operands(kept, dtype), axis_of(dim, kept[0].ndim))


@lowers("aten.stack.default")
def stack(g: Lowering, tensors: Sequence[torch.Tensor], dim: int = 0) -> Any:
    dtype = _joined_dtype(tensors)
    axis = axis_of(dim, tensors[0].ndim + 1)
    if any(tensor.shape != tensors[0].shape for tensor in tensors):
        raise ShapeError(f"{g.op}: the tensors have different shapes")
    return g.concat(
        [
            g.reshape(value, (*value.shape[:axis], 1, *value.shape[axis:]))
            for value in g.operands(tensors, dtype)
        ],
        axis,
    )


# Copies.


@lowers("aten.clone.default")
def clone(g: Lowering, x: torch.Tensor, memory_format: Any = None) -> Any:
    return g.value(x)


@lowers("aten.repeat.default")
def repeat(g: Lowering, x: torch.Tensor, repeats: Sequence[int]) -> Any:
    lead = len(repeats) - x.ndim
    if lead < 0:
        raise ShapeError(f"{g.op}: {len(repeats)} counts for a tensor of rank {x.ndim}")
    shape = [*[1] * lead, *x.shape]
    # (n) -> (1, n) -> (count, n) -> (count * n), for each axis.
    apart, wide = [], []
    for count, extent in zip(repeats, shape, strict=True):
        apart += [1, extent]
        wide += [count, extent]
    value = g.broadcast(g.reshape(g.value(x), apart), wide)
    joined = [count * extent for count, extent in zip(repeats, shape, strict=True)]
    return g.reshape(value, joined)


@lowers("aten.repeat_interleave.self_int")
def repeat_interleave(
    g: Lowering,
    x: torch.Tensor,
    repeats: int,
    dim: int | None = None,
    output_size: int | None = None,
) -> Any:
    value = g.value(x)
    if dim is None:
        value = g.reshape(value, (x.numel(),))
    axis = axis_of(dim or 0, len(value.shape))
    shape = tuple(value.shape)
    apart = (*shape[: axis + 1], 1, *shape[axis + 1 :])
    wide = (*shape[: axis + 1], repeats, *shape[axis + 1 :])
    joined = (*shape[:axis], shape[axis] * repeats, *shape[axis + 1 :])
    return g.reshape(g.broadcast(g.reshape(value, apart), wide), joined)


@lowers("aten.flip.default")
def flip(g: Lowering, x: torch.Tensor, dims: Sequence[int]) -> Any:
    return flipped(g, g.value(x), [axis_of(dim, x.ndim) for dim in dims] if x.ndim else [])


@lowers("aten.roll.default")
def roll(g: Lowering, x: torch.Tensor, shifts: Any, dims: Any = ()) -> Any:
    value = g.value(x)
    counts = [shifts] if isinstance(shifts, int) else list(shifts)
    axes = [dims] if isinstance(dims, int) else list(dims)
    if not axes:
        value = g.reshape(value, (x.numel(),))
        axes = [0]
    if len(counts) != len(axes):
        raise ShapeError(f"{g.op}: {len(counts)} shifts for {len(axes)} axes")
    for count, dim in zip(counts, axes, strict=True):
        axis = axis_of(dim, len(value.shape))
        extent = value.shape[axis]
        if extent and count % extent:
            cut = extent - count % extent
            tail = g.slice(value, axis, cut, extent)
            value = g.concat([tail, g.slice(value, axis, 0, cut)], axis)
    return g.reshape(value, x.shape)


def _triangle(g: Lowering, x: torch.Tensor, predicate: str, diagonal: int) -> Any:
    rows, columns = x.shape[-2:]
    column = g.iota((1, columns), 1, "i32")
    limit = g.emit("add", g.iota((rows, 1), 0, "i32"), g.scalar(diagonal, "i32"))
    value = g.value(x)
    kept = g.compare(predicate, column, limit)
    return g.emit("select", kept, value, g.scalar(0, value.dtype))


@lowers("aten.tril.default")
def tril(g: Lowering, x: torch.Tensor, diagonal: int = 0) -> Any:
    return _triangle(g, x, "le", diagonal)


@lowers("aten.triu.default")
def triu(g: Lowering, x: torch.Tensor, diagonal: int = 0) -> Any:
    return _triangle(g, x, "ge", diagonal)


# Margins.


def _margins(x: torch.Tensor, pad: Sequence[int]) -> list[tuple[int, int]]:
    """torch's list, last axis first, as (low, high) per axis."""
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)]
    if len(pad) % 2 or len(pairs) > x.ndim:
        raise ShapeError(f"pad: {len(pad)} numbers for a tensor of rank {x.ndim}")
    return [(0, 0)] * (x.ndim - len(pairs)) + pairs[::-1]


def _cut(g: Lowering, value: Any, axis: int, low: int, high: int) -> Any:
    """What negative margins leave of an axis."""
    start, stop = max(0, -low), value.shape[axis] - max(0, -high)
    if start > stop:
        raise ShapeError(f"{g.op}: margins {low}, {high} cut more than extent {value.shape[axis]}")
    return g.slice(value, axis, start, stop)


@lowers("aten.constant_pad_nd.default")
def constant_pad(g: Lowering, x: torch.Tensor, pad: Sequence[int], value: float = 0) -> Any:
    result = g.value(x)
    margins = _margins(x, pad)
    for axis, (low, high) in enumerate(margins):
        result = _cut(g, result, axis, low, high)
    lows = [max(0, low) for low, _ in margins]
    highs = [max(0, high) for _, high in margins]
    if not any(lows) and not any(highs):
        return result
    filler = g.scalar(value, dialect_dtype(x.dtype))
    return g.emit("pad", result, filler, low=lows, high=highs)


def _edge(g: Lowering, value: Any, axis: int, count: int, mode: str, low: bool) -> Any:
    """What goes before (`low`) or after the elements along one axis."""
    extent = value.shape[axis]
    if mode == "replicate":
        at = 0 if low else extent - 1
        shape = list(value.shape)
        shape[axis] = count
        return g.broadcast(g.slice(value, axis, at, at + 1), shape)
    if mode == "circular":
        start = extent - count if low else 0
        if count > extent:
            raise ShapeError(f"{g.op}: a margin of {count} wraps around extent {extent}")
        return g.slice(value, axis, start, start + count)
    if count >= extent:
        raise ShapeError(f"{g.op}: a margin of {count} reflects more than extent {extent}")
    start = count if low else extent - 2
    stop = start - count
    return g.slice(value, axis, start, stop if stop >= 0 else -1 - extent, -1)


@lowers("aten.pad.default")
def pad(
    g: Lowering,
    x: torch.Tensor,
    pad: Sequence[int],
    mode: str = "constant",
    value: float | None = None,
) -> Any:
    if mode == "constant":
        return constant_pad(g, x, pad, value or 0)
    result = g.value(x)
    for axis, (low, high) in enumerate(_margins(x, pad)):
        if mode == "circular":
            # What wraps around comes from what is left.
            result = _cut(g, result, axis, low, high)
            low, high = max(0, low), max(0, high)
        parts = [result]
        if low > 0:
            parts.insert(0, _edge(g, result, axis, low, mode, low=True))
        if high > 0:
            parts.append(_edge(g, result, axis, high, mode, low=False))
        result = g.concat(parts, axis)
        # A negative margin cuts off what the other one may have added to.
        result = _cut(g, result, axis, low, high)
    return result


# Pictures.


@lowers("aten.pixel_shuffle.default")
def pixel_shuffle(g: Lowering, x: torch.Tensor, upscale_factor: int) -> Any:
    *lead, channels, height, width = x.shape
    r = upscale_factor
    if channels % (r * r):
        raise ShapeError(f"{g.op}: {channels} channels do not divide by {r} squared")
    n = len(lead)
    value = g.reshape(g.value(x), (*lead, channels // (r * r), r, r, height, width))
    value = g.permute(value, [*range(n), n, n + 3, n + 1, n + 4, n + 2])
    return g.reshape(value, (*lead, channels // (r * r), height * r, width * r))
