# SPDX-License-Identifier: Apache-2.0
"""StableHLO reductions: by known combinations, searches for a place, and by any region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torshjit.capture.onnx_import.operations import Operations
from torshjit.capture.stablehlo_import.combining import (
    Combine,
    combination,
    is_argument_search,
    is_neutral,
    region_function,
)
from torshjit.capture.stablehlo_import.handlers import lowers
from torshjit.capture.stablehlo_import.known_values import Known
from torshjit.capture.stablehlo_import.operation import HloOp

__all__ = ["combine_by", "fold_axis"]

_REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "amax", "minimum": "amin"}
_OF_BOOLS = {
    "add": "any", "and": "all", "maximum": "any", "minimum": "all", "multiply": "all", "or": "any",
}  # fmt: skip
_COMBINES = {
    "add": "add", "multiply": "mul", "maximum": "maximum", "minimum": "minimum",
    "and": "and", "or": "or", "xor": "xor",
}  # fmt: skip
_COMBINES_BOOLS = {
    "add": "or", "multiply": "and", "maximum": "or", "minimum": "and",
    "and": "and", "or": "or", "xor": "xor",
}  # fmt: skip


def combine_by(g: Operations, kind: str, left: Any, right: Any) -> Any:
    """Two values by the combination of a region."""
    table = _COMBINES_BOOLS if left.dtype == "i1" else _COMBINES
    return g.emit(table[kind], left, right)


@lowers("stablehlo.reduce")
def _reduce(g: Any, op: HloOp) -> Any:
    count = len(op.operands) // 2
    values, starts = op.operands[:count], op.operands[count:]
    axes = sorted(op.integers("dimensions"))
    if not axes:
        combine = region_function(g, op)
        return tuple(combine(starts, values))
    if any(values[0].shape[axis] == 0 for axis in axes):
        return tuple(
            g.broadcast(start, shape)
            for start, (_, shape) in zip(starts, op.result_types, strict=True)
        )
    kind = combination(op.block()) if count == 1 else None
    if kind is not None:
        value, start = values[0], starts[0]
        name = _OF_BOOLS.get(kind) if value.dtype == "i1" else _REDUCTIONS.get(kind)
        if name is not None:
            result = g.reduce(name, value, axes)
            return result if is_neutral(kind, start) else combine_by(g, kind, start, result)
    if count == 2 and len(axes) == 1 and _is_iota(op.raw.operands[1], axes[0]):
        search = is_argument_search(g, op)
        if search is not None and _loses(search, starts):
            return _search(g, op, search, values[0], axes[0])
    combine = region_function(g, op)
    for axis in reversed(axes):
        values = fold_axis(g, values, axis, combine, starts)
    results = combine(starts, values)
    return tuple(
        g.broadcast(result, shape)
        for result, (_, shape) in zip(results, op.result_types, strict=True)
    )


def _loses(search: str, starts: Sequence[Any]) -> bool:
    """Whether the initial pair never wins against an element with an index from 0 on."""
    kind = "maximum" if search == "argmax" else "minimum"
    if not is_neutral(kind, starts[0]) or not isinstance(starts[1], Known):
        return False
    # Against an equal element the smaller index wins: 0 is the first place, where it is no worse.
    return bool(starts[1].array == 0)


def _search(g: Operations, op: HloOp, search: str, value: Any, axis: int) -> Any:
    place = g.emit(search, value, axis=axis, keepdims=False)
    best = g.reduce("amax" if search == "argmax" else "amin", value, [axis])
    return best, g.cast(place, op.result_types[1][0])


def _is_iota(value: Any, axis: int) -> bool:
    """Whether each element of a value of jaxlib is its position along an axis."""
    owner = value.owner
    name = getattr(owner, "name", "")
    if name == "stablehlo.iota":
        return int(owner.attributes["iota_dimension"].value) == axis
    if name == "stablehlo.broadcast_in_dim":
        axes = [int(each) for each in owner.attributes["broadcast_dimensions"]]
        source = owner.operands[0]
        extents = tuple(source.type.shape)
        return (
            axis in axes
            and extents[axes.index(axis)] == value.type.shape[axis]
            and _is_iota(source, axes.index(axis))
        )
    return False


def fold_axis(
    g: Operations, values: Sequence[Any], axis: int, combine: Combine, starts: Sequence[Any]
) -> list[Any]:
    """Combines along an axis, which goes: halves with halves, as the region is associative."""
    values = list(values)
    extent = values[0].shape[axis]
    while extent > 1:
        half = extent // 2
        left = [g.slice(value, axis, 0, 2 * half, 2) for value in values]
        right = [g.slice(value, axis, 1, 2 * half, 2) for value in values]
        joined = combine(left, right)
        if extent % 2:
            last = [g.slice(value, axis, extent - 1, extent) for value in values]
            joined = [g.concat(pair, axis) for pair in zip(joined, last, strict=True)]
        values, extent = joined, half + extent % 2
    shape = list(values[0].shape)
    del shape[axis]
    return [g.reshape(value, shape) for value in values]
