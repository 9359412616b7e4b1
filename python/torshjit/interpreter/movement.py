# SPDX-License-Identifier: Apache-2.0
"""Reference functions of constants and of operations that move elements without computing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from torshjit.interpreter.element_types import converted
from torshjit.interpreter.registry import Call, reference

_TO_THE_END = np.iinfo(np.int64).max


@reference("torsh.constant")
def _constant(call: Call) -> np.ndarray:
    return converted(np.asarray(call.attributes["value"]), call.result_dtype)


@reference("torsh.iota")
def _iota(call: Call) -> np.ndarray:
    shape = _with_sizes(call.result_type.shape, call.sizes(0))
    axis = call.attributes["axis"]
    positions = converted(np.arange(shape[axis]), call.result_dtype)
    aligned = positions.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return np.broadcast_to(aligned, shape)


@reference("torsh.reshape")
def _reshape(call: Call) -> np.ndarray:
    x, sizes = call.operand(0), call.sizes(1)
    shape = list(call.result_type.shape)
    unknown = shape.count(-1)
    if sizes:
        shape = _with_sizes(shape, sizes)
    elif unknown == 1:
        known = int(np.prod([extent for extent in shape if extent != -1], dtype=np.int64))
        # With an empty known part any extent fits; zero is what the division is taken to give.
        shape[shape.index(-1)] = x.size // known if known else 0
    if int(np.prod(shape, dtype=np.int64)) != x.size:
        raise call.shape_error(
            f"{x.size} elements of shape {_text(x.shape)} do not fill "
            f"the shape {_text(call.result_type.shape)}"
        )
    return x.reshape(shape)


@reference("torsh.broadcast")
def _broadcast(call: Call) -> np.ndarray:
    x, sizes = call.operand(0), call.sizes(1)
    result, source = list(call.result_type.shape), call.types[0][0].shape
    leading = len(result) - len(source)
    if sizes:
        shape = _with_sizes(result, sizes)
    else:
        shape = [
            x.shape[axis - leading] if extent == -1 and axis >= leading else extent
            for axis, extent in enumerate(result)
        ]
    for axis, extent in enumerate(source):
        if extent != 1 and x.shape[axis] != shape[leading + axis]:
            raise call.shape_error(
                f"axis {axis} has {x.shape[axis]} elements, the result {shape[leading + axis]}; "
                "only a static extent of 1 is repeated"
            )
    return np.broadcast_to(x, shape)


@reference("torsh.permute")
def _permute(call: Call) -> np.ndarray:
    return np.transpose(call.operand(0), call.attributes["permutation"])


@reference("torsh.slice")
def _slice(call: Call) -> np.ndarray:
    x, attributes = call.operand(0), call.attributes
    bounds = zip(attributes["start"], attributes["stop"], attributes["stride"], strict=True)
    selection = []
    for axis, (start, stop, stride) in enumerate(bounds):
        extent = x.shape[axis]
        if stop == _TO_THE_END:
            stop = extent
        if stride > 0:
            fits = 0 <= start <= extent and stop <= extent
        else:
            # As `slice.indices` gives them: -1 is the place before the first element.
            fits = -1 <= start < max(extent, 1) and -1 - extent <= stop <= extent
        if not fits:
            raise call.shape_error(
                f"bounds {start} to {stop} are outside axis {axis} of extent {extent}"
            )
        selection.append(_python_slice(start, max(stop, -1), stride))
    return x[tuple(selection)]


def _python_slice(start: int, stop: int, stride: int) -> slice:
    """The slice object for bounds in which -1 means before the first element."""
    if (stop - start) * stride <= 0:
        return slice(0, 0)
    return slice(start, None if stop < 0 else stop, stride)


@reference("torsh.concat")
def _concat(call: Call) -> np.ndarray:
    operands, axis = call.groups[0], call.attributes["axis"]
    rest = [operand.shape[:axis] + operand.shape[axis + 1 :] for operand in operands]
    if any(shape != rest[0] for shape in rest):
        shapes = ", ".join(_text(operand.shape) for operand in operands)
        raise call.shape_error(f"shapes {shapes} differ elsewhere than along axis {axis}")
    return np.concatenate(operands, axis=axis)


@reference("torsh.pad")
def _pad(call: Call) -> np.ndarray:
    x, low, high = call.operand(0), call.attributes["low"], call.attributes["high"]
    shape = [n + before + after for n, before, after in zip(x.shape, low, high, strict=True)]
    result = np.full(shape, call.operand(1), dtype=x.dtype)
    inner = tuple(slice(before, before + n) for n, before in zip(x.shape, low, strict=True))
    result[inner] = x
    return result


def _with_sizes(shape: Sequence[int], sizes: Sequence[int]) -> list[int]:
    """`shape` with each -1 replaced by the next of `sizes`."""
    remaining = iter(sizes)
    return [next(remaining) if extent == -1 else extent for extent in shape]


def _text(shape: Sequence[int]) -> str:
    return "x".join("?" if extent == -1 else str(extent) for extent in shape) or "no axes"
