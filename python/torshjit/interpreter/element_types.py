# SPDX-License-Identifier: Apache-2.0
"""Element types of `torsh` tensors as NumPy dtypes, and the precision they are computed in."""

from __future__ import annotations

from functools import cache

import numpy as np

from torshjit.errors import DTypeError

BOOL = ("i1",)
SIGNED = ("i8", "i16", "i32", "i64")
UNSIGNED = ("ui8", "ui16", "ui32", "ui64")
INTEGERS = SIGNED + UNSIGNED
FLOATS = ("f16", "bf16", "f32", "f64")
NUMERIC = INTEGERS + FLOATS
ALL = BOOL + NUMERIC

_NUMPY_NAMES = {
    "i1": "bool",
    "i8": "int8",
    "i16": "int16",
    "i32": "int32",
    "i64": "int64",
    "ui8": "uint8",
    "ui16": "uint16",
    "ui32": "uint32",
    "ui64": "uint64",
    "f16": "float16",
    "f32": "float32",
    "f64": "float64",
}


@cache
def numpy_dtype(name: str) -> np.dtype:
    """The NumPy dtype that stores elements of type `name` ("i1", "i8", "ui8", ..., "bf16", "f64").

    Raises:
        DTypeError: `name` is not an element type of the dialect.
    """
    if name == "bf16":
        # Imported here: programs without bf16 run where ml_dtypes is not installed.
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    if name not in _NUMPY_NAMES:
        raise DTypeError(f"element type {name!r} is not one of {', '.join(ALL)}")
    return np.dtype(_NUMPY_NAMES[name])


def storage_dtype(name: str, compute_dtype: str | None) -> np.dtype:
    """The dtype in which the evaluator keeps a tensor of element type `name`.

    With a `compute_dtype` every float type is replaced by it.
    """
    if compute_dtype is not None and name in FLOATS:
        return numpy_dtype(compute_dtype)
    return numpy_dtype(name)


def widened(array: np.ndarray) -> np.ndarray:
    """`array` in the precision that operations compute in: float32 for f16 and bf16."""
    # ml_dtypes registers bfloat16 outside NumPy's own hierarchy, with kind "V".
    if array.dtype.kind == "V" or array.dtype == np.float16:
        return array.astype(np.float32)
    return array


def converted(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """`array` as `dtype`, as `torsh.cast` converts: truncating, wrapping, `x != 0` for bool."""
    if array.dtype == dtype:
        return array
    if dtype == np.bool_:
        return widened(array) != 0
    if array.dtype.kind == "V":
        array = array.astype(np.float32)
    return array.astype(dtype)
