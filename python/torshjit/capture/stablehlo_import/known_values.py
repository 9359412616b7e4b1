# SPDX-License-Identifier: Apache-2.0
"""Values of a program that are known while it is imported: counters of loops, constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import dialect_dtype, numpy_dtype
from torshjit.interpreter.registry import Call, lookup

__all__ = ["Known", "evaluate_known"]

#: Arrays of more elements are computed by the program.
_LARGEST = 1024

_BOOLEAN = frozenset({"compare", "isnan"})
_CONVERSIONS = frozenset({"cast", "bitcast"})
_SAME = frozenset(
    {
        "abs", "add", "and", "ceil", "concat", "div", "exp", "floor", "floor_divide", "log",
        "maximum", "minimum", "mul", "neg", "not", "or", "permute", "remainder", "round", "sign",
        "shift_left", "shift_right", "slice", "sqrt", "sub", "trunc", "xor",
    }
)  # fmt: skip
_SHAPED = frozenset({"broadcast", "iota", "reshape"})


class Known:
    """An array whose elements are known; stands where a Value of the graph does."""

    __slots__ = ("array", "dtype", "shape")

    def __init__(self, array: np.ndarray) -> None:
        self.array = np.asarray(array)
        self.dtype = dialect_dtype(self.array.dtype)
        self.shape = tuple(self.array.shape)


class _Type:
    __slots__ = ("dtype", "shape")

    def __init__(self, dtype: str, shape: Sequence[int]) -> None:
        self.dtype = dtype
        self.shape = list(shape)


def evaluate_known(
    op: str, operands: Sequence[Any], attributes: dict[str, Any], result_type: Any
) -> Known | None:
    """The result of an operation on known arrays, by its reference meaning.

    None where an operand is not known, is large, or the operation is left to the program.
    """
    groups = [
        tuple(group) if isinstance(group, (list, tuple)) else (group,)
        for group in operands
        if group is not None
    ]
    flat = [each for group in groups for each in group]
    if not all(isinstance(each, Known) and each.array.size <= _LARGEST for each in flat):
        return None
    if any(each.dtype in ("f16", "bf16") for each in flat):
        return None
    if op in _SHAPED and result_type is not None:
        dtype, shape = result_type[0], tuple(result_type[1])
        if int(np.prod(shape, dtype=np.int64)) > _LARGEST or dtype in ("f16", "bf16"):
            return None
    elif op in _CONVERSIONS:
        dtype, shape = attributes["dtype"], flat[0].shape
    elif op in _BOOLEAN or op == "select" or op in _SAME:
        dtype = "i1" if op in _BOOLEAN else flat[1 if op == "select" else 0].dtype
        shape = None
    else:
        return None
    if dtype in ("f16", "bf16"):
        return None
    call = Call(
        name=f"torsh.{op}",
        groups=(*(tuple(each.array for each in group) for group in groups), ()),
        types=(*(tuple(_Type(x.dtype, x.shape) for x in group) for group in groups), ()),
        attributes=attributes,
        result_type=_Type(dtype, shape if shape is not None else ()),
        result_dtype=numpy_dtype(dtype),
    )
    with np.errstate(all="ignore"):
        result = np.asarray(lookup(call.name)(call))
    return Known(
        np.ascontiguousarray(result.astype(call.result_dtype, copy=False)).reshape(result.shape)
    )
