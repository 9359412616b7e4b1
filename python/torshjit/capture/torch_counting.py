# SPDX-License-Identifier: Apache-2.0
"""ATen counts: histograms, and the places of what is not zero, in so many slots."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch import Tensor

from torshjit.capture.torch_lowering import Lowering, dialect_dtype, is_float, lowers
from torshjit.errors import DTypeError, ShapeError

__all__: list[str] = []

Number = bool | int | float


def _widened(g: Lowering, low: Any, high: Any, margin: float) -> tuple[Any, Any]:
    """The range of a histogram; one of no width is wider by a margin on both sides."""
    one = g.scalar(margin, low.dtype)
    flat = g.compare("eq", low, high)
    lower = g.emit("select", flat, g.emit("sub", low, one), low)
    return lower, g.emit("select", flat, g.emit("add", high, one), high)


def _counted(g: Lowering, value: Any, places: Any, inside: Any, bins: int, weight: Any) -> Any:
    """The sum of weights in each bin, of the places that are inside."""
    outside = g.scalar(bins, "i64")
    place = g.emit("select", inside, places, outside)
    start = g.broadcast(g.scalar(0, value.dtype), (bins,))
    return g.scatter(start, weight, [place], [0], "add")


def _bins(g: Lowering, flat: Any, bins: int, low: Any, high: Any) -> tuple[Any, Any]:
    """The bin of each element, and whether it lies in the range, whose end is in the last bin."""
    dtype = flat.dtype
    width = g.emit("sub", high, low)
    share = g.emit("div", g.emit("sub", flat, low), width)
    place = g.emit("floor", g.emit("mul", share, g.scalar(bins, dtype)))
    place = g.emit("minimum", g.cast(place, "i64"), g.scalar(bins - 1, "i64"))
    inside = g.emit("and", g.compare("ge", flat, low), g.compare("le", flat, high))
    return place, inside


@lowers("aten.histc.default")
def histc(g: Lowering, x: Tensor, bins: int = 100, min: Number = 0, max: Number = 0) -> Any:
    dtype = dialect_dtype(x.dtype)
    if not is_float(dtype):
        raise DTypeError(f"{g.op}: counts of dtype {x.dtype}")
    if bins <= 0 or min > max:
        raise ShapeError(f"{g.op}: {bins} bins from {min} to {max}")
    flat = g.reshape(g.value(x), (x.numel(),))
    if x.numel() == 0:
        return g.broadcast(g.scalar(0, dtype), (bins,))
    if min == max:
        low, high = g.reduce("amin", flat, [0]), g.reduce("amax", flat, [0])
    else:
        low, high = g.scalar(min, dtype), g.scalar(max, dtype)
    low, high = _widened(g, low, high, 1)
    places, inside = _bins(g, flat, bins, low, high)
    ones = g.broadcast(g.scalar(1, dtype), flat.shape)
    return _counted(g, flat, places, inside, bins, ones)


@lowers("aten.nonzero_static.default")
def nonzero_static(g: Lowering, x: Tensor, *, size: int, fill_value: int = -1) -> Any:
    rank, count = x.ndim, x.numel()
    empty = g.broadcast(g.scalar(fill_value, "i64"), (size, rank))
    if 0 in (rank, size, count):
        return empty
    found = g.reshape(g.is_true(g.value(x)), (count,))
    slot = g.scan("sum", g.cast(found, "i64"), 0, exclusive=True)
    # What is zero, or beyond the slots, is written nowhere.
    slot = g.emit("select", found, slot, g.scalar(size, "i64"))
    columns: list[Any] = []
    place = g.iota((count,), 0, "i64")
    for extent in reversed(x.shape):
        columns.insert(
            0, g.reshape(g.emit("remainder", place, g.scalar(extent, "i64")), (count, 1))
        )
        place = g.emit("floor_divide", place, g.scalar(extent, "i64"))
    return g.scatter(empty, g.concat(columns, 1), [slot], [0])


@lowers("aten._embedding_bag_forward_only.default", "aten._embedding_bag.default")
def embedding_bag(
    g: Lowering,
    weight: Tensor,
    indices: Tensor,
    offsets: Tensor,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int = -1,
) -> tuple[Any, Any, Any, Any]:
    from torshjit.capture.torch_indexing import check_positions

    total, mean, largest = 0, 1, 2
    dtype = dialect_dtype(weight.dtype)
    count, width = indices.numel(), weight.shape[1]
    bags = offsets.numel() - include_last_offset
    wide = "f32" if dtype in ("f16", "bf16") else dtype
    places = g.cast(g.value(indices), "i64")
    check_positions(g, places, weight.shape[0])
    # How many bags begin at or before each place.
    begins = g.reshape(g.slice(g.cast(g.value(offsets), "i64"), 0, 0, bags), (1, bags))
    place = g.iota((count, 1), 0, "i64")
    begun = g.cast(g.compare("le", begins, place), "i64")
    bag = g.emit("sub", g.reduce("sum", begun, [1]), g.scalar(1, "i64"))
    counted = g.compare("ne", places, g.scalar(padding_idx, "i64"))
    slot = g.emit("select", counted, bag, g.scalar(bags, "i64"))
    sizes = g.broadcast(g.scalar(0, "i64"), (bags,))
    ones = g.broadcast(g.scalar(1, "i64"), (count,))
    sizes = g.scatter(sizes, ones, [slot], [0], "add")
    if count == 0 or weight.shape[0] == 0:
        result = g.broadcast(g.scalar(0, dtype), (bags, width))
        return result, bag, sizes, sizes
    rows = g.cast(g.gather(g.value(weight), [places], [0]), wide)
    if per_sample_weights is not None:
        rows = g.emit("mul", rows, g.reshape(g.operand(per_sample_weights, wide), (count, 1)))
    start = -math.inf if mode == largest else 0
    result = g.broadcast(g.scalar(start, wide), (bags, width))
    result = g.scatter(result, rows, [slot], [0], "max" if mode == largest else "add")
    size = g.reshape(g.cast(sizes, wide), (bags, 1))
    if mode == mean:
        result = g.emit("div", result, g.emit("maximum", size, g.scalar(1, wide)))
    elif mode == largest:
        empty = g.compare("eq", size, g.scalar(0, wide))
        result = g.emit("select", empty, g.scalar(0, wide), result)
    assert mode in (total, mean, largest)
    return g.cast(result, dtype), bag, sizes, sizes


@lowers("aten.repeat_interleave.Tensor")
def repeat_interleave(g: Lowering, repeats: Tensor, *, output_size: int | None = None) -> Any:
    if output_size is None:
        raise g.fail("the size of the result depends on the data; give output_size")
    ends = g.scan("sum", g.cast(g.value(repeats), "i64"), 0)
    row = g.reshape(ends, (1, repeats.numel()))
    place = g.iota((output_size, 1), 0, "i64")
    passed = g.cast(g.compare("le", row, place), "i64")
    return g.cast(g.reduce("sum", passed, [1]), dialect_dtype(repeats.dtype))


def _edges(g: Lowering, low: Any, high: Any, bins: int, dtype: str) -> Any:
    step = g.emit("div", g.emit("sub", high, low), g.scalar(bins, dtype))
    number = g.iota((bins + 1,), 0, dtype)
    edges = g.emit("add", low, g.emit("mul", number, step))
    is_last = g.compare("eq", number, g.scalar(bins, dtype))
    return g.emit("select", is_last, high, edges)


def _with_density(g: Lowering, counts: Any, edges: Any, density: bool) -> Any:
    if not density:
        return counts
    bins = counts.shape[0]
    width = g.emit("sub", g.slice(edges, 0, 1, bins + 1), g.slice(edges, 0, 0, bins))
    total = g.reduce("sum", counts, [0])
    return g.emit("div", g.emit("div", counts, total), width)


def _weights(g: Lowering, weight: Tensor | None, count: int, dtype: str) -> Any:
    if weight is None:
        return g.broadcast(g.scalar(1, dtype), (count,))
    return g.reshape(g.operand(weight, dtype), (count,))


def _in_edges(g: Lowering, flat: Any, edges: Any) -> tuple[Any, Any]:
    """The bin of each element between increasing edges, and whether it is in one."""
    bins = edges.shape[0] - 1
    column = g.reshape(flat, (*flat.shape, 1))
    passed = g.cast(g.compare("le", g.reshape(edges, (1, bins + 1)), column), "i64")
    place = g.emit("sub", g.reduce("sum", passed, [1]), g.scalar(1, "i64"))
    place = g.emit("minimum", place, g.scalar(bins - 1, "i64"))
    first, last = (g.reshape(g.slice(edges, 0, k, k + 1), ()) for k in (0, bins))
    inside = g.emit("and", g.compare("ge", flat, first), g.compare("le", flat, last))
    return place, inside


@lowers("aten.histogram.bins_tensor")
def histogram_of_edges(
    g: Lowering, x: Tensor, bins: Tensor, *, weight: Tensor | None = None, density: bool = False
) -> tuple[Any, Any]:
    edges = g.value(bins)
    flat = g.reshape(g.value(x), (x.numel(),))
    place, inside = _in_edges(g, flat, edges)
    given = _weights(g, weight, x.numel(), flat.dtype)
    counts = _counted(g, flat, place, inside, bins.numel() - 1, given)
    return _with_density(g, counts, edges, density), edges


@lowers("aten.histogram.bin_ct")
def histogram(
    g: Lowering,
    x: Tensor,
    bins: int = 100,
    *,
    range: Any = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> tuple[Any, Any]:
    dtype = dialect_dtype(x.dtype)
    flat = g.reshape(g.value(x), (x.numel(),))
    if range is not None:
        low, high = (g.scalar(np.float64(each).item(), dtype) for each in range)
    elif x.numel() == 0:
        low, high = g.scalar(0, dtype), g.scalar(1, dtype)
    else:
        low, high = g.reduce("amin", flat, [0]), g.reduce("amax", flat, [0])
    low, high = _widened(g, low, high, 0.5)
    edges = _edges(g, low, high, bins, dtype)
    place, inside = _in_edges(g, flat, edges)
    counts = _counted(g, flat, place, inside, bins, _weights(g, weight, x.numel(), dtype))
    return _with_density(g, counts, edges, density), edges


# Rows of unequal length.

_STARTS = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "max": -math.inf, "min": math.inf}
_COMBINATIONS = {"sum": "add", "mean": "add", "prod": "mul", "max": "max", "min": "min"}


@lowers("aten.segment_reduce.default")
def segment_reduce(
    g: Lowering,
    x: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    indices: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: Number | None = None,
) -> Any:
    dtype = dialect_dtype(x.dtype)
    given = lengths if lengths is not None else offsets
    if given is None or reduce not in _STARTS or not is_float(dtype) or axis < 0:
        raise g.fail(f"this form of {reduce!r} is not covered")
    lead, extent, rest = x.shape[:axis], x.shape[axis], tuple(x.shape[axis + 1 :])
    rows = math.prod(lead)
    marks = g.reshape(g.cast(g.value(given), "i64"), (rows, given.shape[-1]))
    if lengths is not None:
        count = given.shape[-1]
        ends = g.scan("sum", marks, 1) if count else marks
        sizes = marks
    else:
        count = given.shape[-1] - 1
        ends = g.slice(marks, 1, 1, count + 1)
        sizes = g.emit("sub", ends, g.slice(marks, 1, 0, count))
    shape = (*lead, count, *rest)
    start = g.scalar(_STARTS[reduce] if initial is None else initial, dtype)
    if 0 in (rows, count, extent):
        raise g.fail("empty tensors are not covered")
    # The segment of each place is how many have ended at or before it.
    place = g.iota((1, extent, 1), 1, "i64")
    ended = g.compare("le", g.reshape(ends, (rows, 1, count)), place)
    segment = g.reduce("sum", g.cast(ended, "i64"), [2])
    if offsets is not None:
        first = g.reshape(g.slice(marks, 1, 0, 1), (rows, 1))
        early = g.compare("lt", g.reshape(place, (1, extent)), first)
        segment = g.emit("select", early, g.scalar(count, "i64"), segment)
    data = g.reshape(g.value(x), (rows, extent, *rest))
    result = g.scatter(
        g.broadcast(start, (rows, count, *rest)),
        data,
        [g.iota((rows, 1), 0, "i64"), segment],
        [0, 1],
        _COMBINATIONS[reduce],
    )
    if reduce == "mean":
        size = g.reshape(g.cast(sizes, dtype), (rows, count, *[1] * len(rest)))
        empty = g.compare("eq", size, g.scalar(0, dtype))
        whole = g.emit("div", result, g.emit("maximum", size, g.scalar(1, dtype)))
        nothing = g.scalar(math.nan, dtype) if initial is None else result
        result = g.emit("select", empty, nothing, whole)
    return g.reshape(result, shape)
