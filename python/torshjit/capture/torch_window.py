# SPDX-License-Identifier: Apache-2.0
"""ATen pools."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from torshjit.capture.torch_lowering import Deferred, Lowering, accumulation_dtype, lowers
from torshjit.errors import ShapeError

__all__: list[str] = []

Sizes = int | Sequence[int]

#: More windows than this along one axis are not unrolled.
_MAX_UNROLLED_WINDOWS = 64


def _per_axis(numbers: Sizes, axes: int) -> list[int]:
    if isinstance(numbers, int):
        return [numbers] * axes
    return list(numbers) * axes if len(numbers) == 1 else list(numbers)


def _batched(g: Lowering, x: torch.Tensor, axes: int) -> tuple[Any, bool]:
    """The input with a batch axis, and whether that was added."""
    value = g.value(x)
    if x.ndim == axes + 2:
        return value, False
    if x.ndim != axes + 1:
        raise ShapeError(f"{g.op}: an input of rank {x.ndim} does not fit {axes} spatial axes")
    return g.reshape(value, (1, *value.shape)), True


def _unbatched(g: Lowering, value: Any, added: bool) -> Any:
    return g.reshape(value, value.shape[1:]) if added else value


def _ceiling_margin(
    extents: Sequence[int],
    window: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> list[int]:
    """What `ceil_mode` adds at the end of each axis beyond the padding."""
    extra = []
    for n, w, s, p, d in zip(extents, window, stride, padding, dilation, strict=True):
        reach = d * (w - 1) + 1
        count = -(-(n + 2 * p - reach) // s) + 1
        if (count - 1) * s >= n + p:
            count -= 1  # A window must begin in the input or the padding before it.
        extra.append(max(0, (count - 1) * s + reach - (n + 2 * p)))
    return extra


def _max_pool(
    g: Lowering,
    x: torch.Tensor,
    axes: int,
    kernel_size: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    ceil_mode: bool,
) -> Any:
    value, added = _batched(g, x, axes)
    window = _per_axis(kernel_size, axes)
    steps = _per_axis(stride, axes) if stride else window
    margin, spacing = _per_axis(padding, axes), _per_axis(dilation, axes)
    high = list(margin)
    if ceil_mode:
        extra = _ceiling_margin(value.shape[2:], window, steps, margin, spacing)
        high = [a + b for a, b in zip(margin, extra, strict=True)]
    result = g.emit(
        "max_pool",
        value,
        window=window,
        stride=steps,
        padding_low=margin,
        padding_high=high,
        dilation=spacing,
    )
    places = [
        _window_places(*numbers)
        for numbers in zip(
            value.shape[2:], result.shape[2:], window, steps, margin, spacing, strict=True
        )
    ]
    indices = Deferred(
        lambda: _unbatched(g, _places_of_largest(g, value, places), added),
        "i64",
        result.shape[1:] if added else result.shape,
    )
    return _unbatched(g, result, added), indices


# Where the largest element of a window is.


def _window_places(
    extent: int, count: int, window: int, stride: int, padding: int, dilation: int
) -> np.ndarray:
    """The positions of each window along an axis: (count, window).

    A position in the padding is that of the nearest element of the window that is in the input.
    """
    start = np.arange(count)[:, None] * stride - padding
    places = start + np.arange(window) * dilation
    first = start + dilation * np.maximum(0, -(start // dilation))
    last = start + dilation * np.minimum(window - 1, (extent - 1 - start) // dilation)
    return np.clip(places, first, last)


def _places_of_largest(g: Lowering, value: Any, tables: Sequence[np.ndarray]) -> Any:
    """For each window the position of its first largest element in the flattened input."""
    axes = len(tables)
    known = [g.builder.constant(table.astype(np.int64), loc=g.location) for table in tables]
    counts = [table.shape[0] for table in tables]
    sizes = [table.shape[1] for table in tables]

    def at(axis: int) -> list[int]:
        """The shape of a table among the axes of windows and of places in a window."""
        shape = [1] * (2 * axes)
        shape[axis], shape[axes + axis] = counts[axis], sizes[axis]
        return shape

    positions = [g.reshape(table, at(axis)) for axis, table in enumerate(known)]
    windows = g.gather(value, positions, list(range(2, 2 + axes)))
    flat = g.reshape(windows, (*value.shape[:2], *counts, math.prod(sizes)))
    place = g.emit("argmax", flat, axis=2 + axes)
    result = g.scalar(0, "i64")
    for axis in range(axes):
        inner = math.prod(sizes[axis + 1 :])
        part = g.emit("floor_divide", place, g.scalar(inner, "i64"))
        part = g.emit("remainder", part, g.scalar(sizes[axis], "i64"))
        window = g.iota([n if i == axis else 1 for i, n in enumerate(counts)], axis, "i64")
        position = g.gather(known[axis], [window, part], [0, 1])
        result = g.emit("mul", result, g.scalar(value.shape[2 + axis], "i64"))
        result = g.emit("add", result, position)
    return result


def _max_pool_rule(axes: int, with_indices: bool) -> Callable[..., Any]:
    def rule(
        g: Lowering,
        x: torch.Tensor,
        kernel_size: Sizes,
        stride: Sizes = (),
        padding: Sizes = 0,
        dilation: Sizes = 1,
        ceil_mode: bool = False,
    ) -> Any:
        result = _max_pool(g, x, axes, kernel_size, stride, padding, dilation, ceil_mode)
        return result if with_indices else result[0]

    return rule


for _axes in (1, 2, 3):
    lowers(f"aten.max_pool{_axes}d.default")(_max_pool_rule(_axes, with_indices=False))
    lowers(f"aten.max_pool{_axes}d_with_indices.default")(_max_pool_rule(_axes, with_indices=True))


def _padded(g: Lowering, value: Any, margin: Sequence[int]) -> Any:
    width = [0, 0, *margin]
    return g.emit("pad", value, g.scalar(0, value.dtype), low=width, high=width)


def _avg_pool_rule(axes: int) -> Callable[..., Any]:
    def rule(
        g: Lowering,
        x: torch.Tensor,
        kernel_size: Sizes,
        stride: Sizes = (),
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:
        value, added = _batched(g, x, axes)
        window = _per_axis(kernel_size, axes)
        steps = _per_axis(stride, axes) if stride else window
        margin = _per_axis(padding, axes)
        high = list(margin)
        if ceil_mode:
            extra = _ceiling_margin(value.shape[2:], window, steps, margin, [1] * axes)
            high = [a + b for a, b in zip(margin, extra, strict=True)]
            if any(extra) and not divisor_override and count_include_pad:
                if any(margin):
                    # The padding is counted, what ceil_mode adds is not: so that is padding only.
                    value = _padded(g, value, margin)
                    margin, high = [0] * axes, extra
                count_include_pad = False
        result = g.emit(
            "avg_pool",
            value,
            window=window,
            stride=steps,
            padding_low=margin,
            padding_high=high,
            count_include_pad=bool(divisor_override) or count_include_pad,
        )
        if divisor_override:
            factor = math.prod(window) / divisor_override
            result = g.emit("mul", result, g.scalar(factor, result.dtype))
        return _unbatched(g, result, added)

    return rule


for _axes in (1, 2, 3):
    lowers(f"aten.avg_pool{_axes}d.default")(_avg_pool_rule(_axes))


def _adaptive_windows(extent: int, count: int) -> list[tuple[int, int]]:
    return [(i * extent // count, -(-(i + 1) * extent // count)) for i in range(count)]


def _adaptive(
    g: Lowering, x: torch.Tensor, axes: int, output_size: int | Sequence[int | None], largest: bool
) -> Any:
    value, added = _batched(g, x, axes)
    wanted = [output_size] if isinstance(output_size, int) else list(output_size)
    sizes = [
        extent if size is None else size
        for size, extent in zip(
            wanted * axes if len(wanted) == 1 else wanted, value.shape[2:], strict=True
        )
    ]
    extents = list(value.shape[2:])
    if any(size < 1 for size in sizes):
        raise g.fail(f"an output of extents {sizes} is not covered")
    spatial = list(range(2, 2 + axes))
    if all(size == 1 for size in sizes):
        result = g.reduce("amax" if largest else "mean", value, spatial, keepdims=True)
    elif all(extent % size == 0 for extent, size in zip(extents, sizes, strict=True)):
        window = [extent // size for extent, size in zip(extents, sizes, strict=True)]
        attributes: dict[str, Any] = {
            "window": window,
            "stride": window,
            "padding_low": [0] * axes,
            "padding_high": [0] * axes,
        }
        if largest:
            attributes["dilation"] = [1] * axes
        result = g.emit("max_pool" if largest else "avg_pool", value, **attributes)
    else:
        if any(size > _MAX_UNROLLED_WINDOWS for size in sizes):
            raise g.fail(f"extents {extents} do not divide evenly into {sizes}")
        # Windows of unequal size, one axis after the other: a mean of means over a rectangle.
        own = value.dtype
        result = value if largest else g.cast(value, accumulation_dtype(own))
        for axis, size in zip(spatial, sizes, strict=True):
            parts = [
                g.reduce(
                    "amax" if largest else "mean",
                    g.slice(result, axis, start, stop),
                    [axis],
                    keepdims=True,
                )
                for start, stop in _adaptive_windows(result.shape[axis], size)
            ]
            result = g.concat(parts, axis)
        result = g.cast(result, own)
    return _unbatched(g, result, added)


def _adaptive_indices(g: Lowering, x: torch.Tensor, axes: int, result: Any) -> Deferred:
    def compute() -> Any:
        value, added = _batched(g, x, axes)
        tables = []
        for extent, count in zip(value.shape[2:], result.shape[-axes:], strict=True):
            windows = _adaptive_windows(extent, count)
            longest = max(stop - start for start, stop in windows)
            places = np.array([np.arange(start, start + longest) for start, _ in windows])
            tables.append(np.minimum(places, np.array([[stop - 1] for _, stop in windows])))
        return _unbatched(g, _places_of_largest(g, value, tables), added)

    return Deferred(compute, "i64", result.shape)


def _adaptive_rule(axes: int, largest: bool) -> Callable[..., Any]:
    def rule(g: Lowering, x: torch.Tensor, output_size: Sizes) -> Any:
        result = _adaptive(g, x, axes, output_size, largest)
        return (result, _adaptive_indices(g, x, axes, result)) if largest else result

    return rule


for _axes in (1, 2, 3):
    lowers(f"aten.adaptive_avg_pool{_axes}d.default")(_adaptive_rule(_axes, largest=False))
    lowers(f"aten.adaptive_max_pool{_axes}d.default")(_adaptive_rule(_axes, largest=True))
    if _axes > 1:
        lowers(f"aten._adaptive_avg_pool{_axes}d.default")(_adaptive_rule(_axes, largest=False))


# Windows of one size at places that are data.


def _fractional_places(g: Lowering, sample: Any, extent: int, count: int, window: int) -> Any:
    """(planes, count, window): the positions of each window along an axis, as torch computes them.

    `sample` has a number in [0, 1) for each plane.
    """
    dtype, planes = sample.dtype, sample.shape[0]
    last = g.scalar(extent - window, "i64")
    number = g.iota((1, count), 1, "i64")
    if count > 1:
        step = g.scalar((extent - window) / (count - 1), dtype)
        share = g.reshape(sample, (planes, 1))
        reached = g.emit("mul", g.emit("add", g.cast(number, dtype), share), step)
        origin = g.cast(g.emit("trunc", g.emit("mul", share, step)), "i64")
        start = g.emit("sub", g.cast(g.emit("trunc", reached), "i64"), origin)
        is_last = g.compare("eq", number, g.scalar(count - 1, "i64"))
        start = g.emit("select", is_last, last, start)
    else:
        start = g.broadcast(last, (planes, 1))
    start = g.reshape(g.broadcast(start, (planes, count)), (planes, count, 1))
    return g.emit("add", start, g.iota((1, 1, window), 2, "i64"))


def _fractional_rule(axes: int) -> Callable[..., Any]:
    def rule(
        g: Lowering,
        x: torch.Tensor,
        kernel_size: Sizes,
        output_size: Sizes,
        random_samples: torch.Tensor,
    ) -> Any:
        value, added = _batched(g, x, axes)
        windows, counts = _per_axis(kernel_size, axes), _per_axis(output_size, axes)
        extents = list(value.shape[2:])
        if 0 in value.shape or any(
            count < 1 or count + window - 1 > extent
            for count, window, extent in zip(counts, windows, extents, strict=True)
        ):
            raise ShapeError(f"{g.op}: {counts} windows of {windows} in extents {extents}")
        planes = value.shape[0] * value.shape[1]
        flat = g.reshape(value, (planes, *extents))
        samples = g.reshape(g.operand(random_samples, value.dtype), (planes, axes))
        positions = [g.iota((planes, *[1] * (2 * axes)), 0, "i64")]
        for axis in range(axes):
            # In two dimensions the first sample is that of the last axis.
            which = axes - 1 - axis if axes == 2 else axis
            sample = g.reshape(g.slice(samples, 1, which, which + 1), (planes,))
            places = _fractional_places(g, sample, extents[axis], counts[axis], windows[axis])
            shape = [planes, *[1] * (2 * axes)]
            shape[1 + axis], shape[1 + axes + axis] = counts[axis], windows[axis]
            positions.append(g.reshape(places, shape))
        size = math.prod(windows)
        taken = g.gather(flat, positions, list(range(axes + 1)))
        taken = g.reshape(taken, (planes, *counts, size))
        result_shape = (*value.shape[:2], *counts)
        result = g.reshape(g.reduce("amax", taken, [axes + 1]), result_shape)

        def indices() -> Any:
            place = g.scalar(0, "i64")
            for axis in range(axes):
                place = g.emit("mul", place, g.scalar(extents[axis], "i64"))
                place = g.emit("add", place, positions[1 + axis])
            whole = g.broadcast(place, (planes, *counts, *windows))
            rows = g.reshape(whole, (planes, *counts, size))
            best = g.emit("argmax", taken, axis=axes + 1, keepdims=True)
            chosen = g.reshape(g.take_along(rows, best, axes + 1), result_shape)
            return _unbatched(g, chosen, added)

        result = _unbatched(g, result, added)
        return result, Deferred(indices, "i64", result.shape)

    return rule


for _axes in (2, 3):
    lowers(f"aten.fractional_max_pool{_axes}d.default")(_fractional_rule(_axes))
