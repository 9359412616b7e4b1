# SPDX-License-Identifier: Apache-2.0
"""What the region of a reduction, a window or a scatter combines by."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.onnx_import.operations import is_float
from torshjit.capture.stablehlo_import.known_values import Known
from torshjit.capture.stablehlo_import.operation import HloOp

__all__ = ["Combine", "combination", "is_argument_search", "is_neutral", "region_function"]

#: Combines lists of values with lists of values, element by element.
Combine = Callable[[Sequence[Any], Sequence[Any]], list[Any]]

_KINDS = frozenset({"add", "multiply", "maximum", "minimum", "and", "or", "xor"})


def combination(block: Any) -> str | None:
    """The one operation that a region of two arguments applies to them, or None."""
    operations = list(block.operations)
    if len(operations) != 2 or len(block.arguments) != 2:
        return None
    first, last = (each.operation for each in operations)
    dialect, _, kind = first.name.partition(".")
    if dialect != "stablehlo" or kind not in _KINDS or len(first.results) != 1:
        return None
    arguments = set(block.arguments)
    if set(first.operands) != arguments or list(last.operands) != [first.results[0]]:
        return None
    return kind


def region_function(g: Any, op: HloOp) -> Combine:
    """The region as a function of values, whose elements it combines one by one."""
    block = op.block()

    def combine(left: Sequence[Any], right: Sequence[Any]) -> list[Any]:
        shape = np.broadcast_shapes(*(tuple(each.shape) for each in (*left, *right)))
        results = g.block_results(block, [*left, *right])
        return [g.broadcast(result, shape) for result in results]

    return combine


def is_neutral(kind: str, value: Any) -> bool:
    """Whether combining with `value` changes nothing."""
    if not isinstance(value, Known) or value.array.size != 1:
        return False
    number, dtype = value.array.reshape(())[()], value.dtype
    if dtype == "i1":
        return bool(number) == (kind in ("and", "multiply", "minimum"))
    if kind in ("add", "or", "xor"):
        return bool(number == 0) and not (is_float(dtype) and math.copysign(1, float(number)) < 0)
    if kind == "multiply":
        return bool(number == 1)
    if kind == "and":
        return bool(number == np.invert(np.zeros((), numpy_dtype(dtype))))
    if is_float(dtype):
        return bool(number == (-math.inf if kind == "maximum" else math.inf))
    limits = np.iinfo(numpy_dtype(dtype))
    return bool(number == (limits.min if kind == "maximum" else limits.max))


#: A region of these operations decides by the order of its arguments alone.
_COMPARING = frozenset(
    f"stablehlo.{name}" for name in ("compare", "select", "and", "or", "not", "return")
)


def is_argument_search(g: Any, op: HloOp) -> str | None:
    """``argmax`` or ``argmin`` if a region of two pairs keeps the best element and its index.

    It does if, for elements and indices in every order to each other, it keeps the larger (or
    smaller) element, a NaN before all others, and of equal ones the smaller index: a region that
    only compares and selects can tell no more of them apart.
    """
    block = op.block()
    if len(block.arguments) != 4:
        return None
    if any(each.operation.name not in _COMPARING for each in block.operations):
        return None
    dtype, index_dtype = op.operands[0].dtype, op.operands[1].dtype
    if index_dtype[0] not in "iu" or dtype in ("i1", "bf16", "f16"):
        return None
    numbers = [0, 1] if not is_float(dtype) else [0.0, 1.0, math.inf, -math.inf, math.nan]
    answers = {"argmax": True, "argmin": True}
    for x, y, i, j in itertools.product(numbers, numbers, (0, 1), (0, 1)):
        pair = [
            Known(np.array(each, numpy_dtype(kind)))
            for each, kind in ((x, dtype), (i, index_dtype), (y, dtype), (j, index_dtype))
        ]
        results = g.block_results(block, pair)
        if not all(isinstance(each, Known) for each in results):
            return None
        value, index = (each.array[()] for each in results)
        for name, sign in (("argmax", 1), ("argmin", -1)):
            if answers[name]:
                best, place = _better(x, i, y, j, sign)
                same = value == best or (value != value and best != best)
                answers[name] = bool(same and index == place)
    return next((name for name, holds in answers.items() if holds), None)


def _better(x: float, i: int, y: float, j: int, sign: int) -> tuple[float, int]:
    left, right = x != x, y != y
    if left != right:
        return (x, i) if left else (y, j)
    if left or x == y:
        return x, min(i, j)
    return (x, i) if sign * x > sign * y else (y, j)
