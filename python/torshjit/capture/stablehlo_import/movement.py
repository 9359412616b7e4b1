# SPDX-License-Identifier: Apache-2.0
"""StableHLO constants and operations that move elements to places known at import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.onnx_import.operations import Operations
from torshjit.capture.stablehlo_import.handlers import lowers
from torshjit.capture.stablehlo_import.known_values import Known
from torshjit.capture.stablehlo_import.operation import HloOp
from torshjit.compiler_cache import compiler_context, load_compiler

__all__ = ["pad", "spread"]


@lowers("stablehlo.constant")
def _constant(g: Operations, op: HloOp) -> Any:
    attribute, (dtype, shape) = op.attribute("value"), op.result_types[0]
    if dtype == "bf16":
        return Known(_bf16_elements(attribute, shape))
    try:
        array = np.array(attribute)
    except TypeError as error:
        raise op.fail(f"a constant of type {attribute.type} is not covered") from error
    array = np.broadcast_to(array.astype(numpy_dtype(dtype), copy=False), shape)
    return Known(np.ascontiguousarray(array).reshape(shape))


def _bf16_elements(attribute: Any, shape: Sequence[int]) -> np.ndarray:
    """The elements of a bf16 constant, which the buffer protocol has no format for."""
    text = f"func.func @f() -> {attribute.type} {{\n%0 = torsh.constant {attribute}\n"
    text += f"return %0 : {attribute.type}\n}}"
    module = load_compiler().Module.parse(text, compiler_context())
    return module.graph("f").ops[0].attributes["value"].reshape(shape)


@lowers("stablehlo.iota")
def _iota(g: Operations, op: HloOp) -> Any:
    dtype, shape = op.result_types[0]
    axis = op.integer("iota_dimension")
    if 0 in shape:
        return Known(np.zeros(shape, numpy_dtype(dtype)))
    return g.iota(shape, axis, dtype)


@lowers("stablehlo.broadcast_in_dim")
def _broadcast_in_dim(g: Operations, op: HloOp) -> Any:
    value, shape = op.operands[0], op.shape
    axes = op.integers("broadcast_dimensions")
    order = sorted(range(len(axes)), key=lambda place: axes[place])
    aligned = [1] * len(shape)
    for place, axis in enumerate(axes):
        aligned[axis] = value.shape[place]
    return g.broadcast(g.reshape(g.permute(value, order), aligned), shape)


@lowers("stablehlo.broadcast")
def _broadcast(g: Operations, op: HloOp) -> Any:
    return g.broadcast(op.operands[0], op.shape)


@lowers("stablehlo.reshape")
def _reshape(g: Operations, op: HloOp) -> Any:
    return g.reshape(op.operands[0], op.shape)


@lowers("stablehlo.transpose")
def _transpose(g: Operations, op: HloOp) -> Any:
    return g.permute(op.operands[0], op.integers("permutation"))


@lowers("stablehlo.slice")
def _slice(g: Operations, op: HloOp) -> Any:
    starts, stops = op.integers("start_indices"), op.integers("limit_indices")
    ranges = list(zip(starts, stops, op.integers("strides"), strict=True))
    return g.slices(op.operands[0], ranges) if ranges else op.operands[0]


@lowers("stablehlo.concatenate")
def _concatenate(g: Operations, op: HloOp) -> Any:
    return g.concat(op.operands, op.integer("dimension"))


@lowers("stablehlo.reverse")
def _reverse(g: Operations, op: HloOp) -> Any:
    value = op.operands[0]
    for axis in op.integers("dimensions"):
        value = g.flip(value, axis)
    return value


def spread(g: Operations, value: Any, axis: int, gap: int, fill: Any) -> Any:
    """`value` with `gap` elements `fill`, without axes, between those along an axis."""
    shape = list(value.shape)
    if gap == 0 or shape[axis] < 2:
        return value
    apart = g.reshape(value, [*shape[: axis + 1], 1, *shape[axis + 1 :]])
    high = [0] * (len(shape) + 1)
    high[axis + 1] = gap
    padded = g.pad(apart, [0] * len(high), high, fill)
    joined = list(shape)
    joined[axis] *= gap + 1
    return g.slice(g.reshape(padded, joined), axis, 0, joined[axis] - gap)


def pad(
    g: Operations,
    value: Any,
    low: Sequence[int],
    high: Sequence[int],
    interior: Sequence[int],
    fill: Any,
) -> Any:
    """`value` with margins of `fill` and gaps between its elements; a negative margin cuts."""
    for axis, gap in enumerate(interior):
        value = spread(g, value, axis, gap, fill)
    cut = [
        (max(0, -before), max(max(0, -before), extent - max(0, -after)), 1)
        for before, after, extent in zip(low, high, value.shape, strict=True)
    ]
    # A margin on one side may cut what the other one adds.
    if any(start > extent for (start, _, _), extent in zip(cut, value.shape, strict=True)) or any(
        extent - max(0, -after) < max(0, -before)
        for before, after, extent in zip(low, high, value.shape, strict=True)
    ):
        value = g.pad(value, [max(0, each) for each in low], [max(0, each) for each in high], fill)
        ranges = [
            (max(0, -before), extent - max(0, -after), 1)
            for before, after, extent in zip(low, high, value.shape, strict=True)
        ]
        return g.slices(value, ranges)
    if cut:
        value = g.slices(value, cut)
    return g.pad(value, [max(0, each) for each in low], [max(0, each) for each in high], fill)


@lowers("stablehlo.pad")
def _pad(g: Operations, op: HloOp) -> Any:
    value, fill = op.operands
    result = pad(
        g,
        value,
        op.integers("edge_padding_low"),
        op.integers("edge_padding_high"),
        op.integers("interior_padding"),
        fill,
    )
    return g.reshape(result, op.shape)


@lowers("stablehlo.optimization_barrier")
def _barrier(g: Operations, op: HloOp) -> Any:
    return tuple(op.operands)
