# SPDX-License-Identifier: Apache-2.0
"""StableHLO sorts, by one key or several."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.onnx_import.operations import Operations, is_float
from torshjit.capture.stablehlo_import.handlers import lowers
from torshjit.capture.stablehlo_import.known_values import Known
from torshjit.capture.stablehlo_import.operation import HloOp

__all__: list[str] = []

#: A comparator of these operations tells elements apart by their order alone.
_COMPARING = frozenset(
    f"stablehlo.{name}"
    for name in (
        "bitcast_convert", "compare", "constant", "select", "and", "or", "not", "xor", "return",
    )
)  # fmt: skip


@lowers("stablehlo.sort")
def _sort(g: Any, op: HloOp) -> Any:
    values = op.operands
    axis = op.integer("dimension", -1) % max(1, len(values[0].shape))
    if values[0].shape[axis] < 2 or 0 in values[0].shape:
        return tuple(values)
    keys = _keys(op)
    descending = _direction(g, op, keys)
    # Stable sorts by the last key first leave the order of the first one.
    for key in reversed(keys):
        rank = g.emit("rank", values[key], axis=axis, descending=descending)
        values = [g.emit("put_along_axis", value, rank, value, axis=axis) for value in values]
    return tuple(values)


def _keys(op: HloOp) -> list[int]:
    """The operands whose elements the comparator looks at, in order."""
    block = op.block()
    places = {argument: number // 2 for number, argument in enumerate(block.arguments)}
    used = []
    for each in block.operations:
        if each.operation.name not in _COMPARING:
            op.refuse(f"a comparator with {each.operation.name} is not covered")
        for operand in each.operation.operands:
            if operand in places and places[operand] not in used:
                used.append(places[operand])
    return sorted(used)


def _direction(g: Any, op: HloOp, keys: Sequence[int]) -> bool:
    """Whether the order is descending: compares the comparator with lexicographic order.

    Only signs and magnitudes of its constants could make it another one for other elements, and
    jax has none but zero and NaN.
    """
    if not keys:
        op.refuse("a comparator that looks at no element is not covered")
    block = op.block()
    dtypes = [value.dtype for value in op.operands]
    samples = [_samples(dtypes[key], len(keys)) for key in keys]
    holds = {False: True, True: True}
    for left, right in itertools.product(itertools.product(*samples), repeat=2):
        if any(x != x or y != y for x, y in zip(left, right, strict=True)) and len(keys) > 1:
            continue
        arguments = [Known(np.zeros((), numpy_dtype(dtype))) for dtype in dtypes for _ in (0, 1)]
        for key, x, y in zip(keys, left, right, strict=True):
            arguments[2 * key] = Known(np.array(x, numpy_dtype(dtypes[key])))
            arguments[2 * key + 1] = Known(np.array(y, numpy_dtype(dtypes[key])))
        (before,) = g.block_results(block, arguments)
        if not isinstance(before, Known):
            op.refuse("this comparator is not covered")
        for descending in (False, True):
            if any(x != x or y != y for x, y in zip(left, right, strict=True)) and not bool(
                before.array
            ):
                # NaN compares false with plain comparisons, whose order leaves its place open.
                continue
            holds[descending] &= bool(before.array) == _is_before(left, right, descending)
    for descending in (False, True):
        if holds[descending]:
            return descending
    return op.refuse("a comparator other than of ascending or descending order is not covered")


def _samples(dtype: str, count: int) -> list[Any]:
    if dtype == "i1":
        return [False, True]
    if is_float(dtype):
        if dtype in ("f16", "bf16"):
            dtype = "f32"
        return [0.0, 1.0] if count > 1 else [-math.inf, -1.0, 0.0, 1.0, math.inf, math.nan]
    return [0, 1] if dtype[0] == "u" or count > 1 else [-1, 0, 1]


def _is_before(left: Sequence[Any], right: Sequence[Any], descending: bool) -> bool:
    for x, y in zip(left, right, strict=True):
        if descending:
            x, y = y, x
        if x != x or y != y:
            return bool(x == x and y != y)
        if x != y:
            return bool(x < y)
    return False


@lowers("chlo.top_k")
def _top_k(g: Operations, op: HloOp) -> Any:
    value = op.operands[0]
    axis, count = len(value.shape) - 1, op.integer("k")
    order = g.emit("argsort", value, axis=axis, descending=True)
    places = g.slice(order, axis, 0, count)
    best = g.emit("take_along_axis", value, places, axis=axis)
    return best, g.cast(places, op.result_types[1][0])
