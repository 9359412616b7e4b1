# SPDX-License-Identifier: Apache-2.0
"""NumPy's element types and the dialect's names for them."""

from __future__ import annotations

import functools

import numpy as np

from torshjit.errors import DTypeError

__all__ = ["dialect_dtype", "is_supported", "numpy_dtype"]

_NAMES = {
    np.dtype(np.bool_): "i1",
    np.dtype(np.int8): "i8",
    np.dtype(np.int16): "i16",
    np.dtype(np.int32): "i32",
    np.dtype(np.int64): "i64",
    np.dtype(np.uint8): "ui8",
    np.dtype(np.uint16): "ui16",
    np.dtype(np.uint32): "ui32",
    np.dtype(np.uint64): "ui64",
    np.dtype(np.float16): "f16",
    np.dtype(np.float32): "f32",
    np.dtype(np.float64): "f64",
}
_DTYPES = {name: dtype for dtype, name in _NAMES.items()}


@functools.cache
def is_supported(dtype: np.dtype) -> bool:
    """Whether the dialect has the element type."""
    return dtype.newbyteorder("=") in _NAMES or dtype.name == "bfloat16"


@functools.cache
def dialect_dtype(dtype: np.dtype) -> str:
    """Returns the dialect's name of a NumPy dtype of any byte order.

    Raises:
        DTypeError: the dialect lacks the element type.
    """
    name = _NAMES.get(dtype.newbyteorder("="))
    if name is not None:
        return name
    if dtype.name == "bfloat16":
        return "bf16"
    raise DTypeError(
        f"dtype {dtype} is not supported; supported: {', '.join(map(str, _NAMES))}, bfloat16"
    )


def numpy_dtype(name: str) -> np.dtype:
    """Returns the NumPy dtype for the dialect's name; bf16 needs the ml_dtypes package.

    Raises:
        DTypeError: the name is unknown, or ml_dtypes is missing.
    """
    dtype = _DTYPES.get(name)
    if dtype is not None:
        return dtype
    if name == "bf16":
        try:
            import ml_dtypes
        except ImportError:
            raise DTypeError("bf16 arrays need the package ml_dtypes") from None
        return np.dtype(ml_dtypes.bfloat16)
    raise DTypeError(f"unknown element type {name!r}")
