# SPDX-License-Identifier: Apache-2.0
"""Arrays of libraries other than NumPy and torch, which lend their memory through DLPack."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import is_supported, numpy_dtype
from torshjit.errors import DTypeError

__all__ = ["dlpack_dtype", "is_dlpack_array"]


def is_dlpack_array(value: object) -> bool:
    """Whether a program takes `value` as an array: CuPy's, JAX's, a `DeviceArray` of our own.

    NumPy's are none, and neither are its subclasses, which mean more than their memory.
    """
    kind = type(value)
    return not isinstance(value, np.ndarray) and (
        hasattr(kind, "__dlpack__")
        and hasattr(kind, "__dlpack_device__")
        and hasattr(value, "shape")
        and dlpack_dtype(value) is not None
    )


def dlpack_dtype(value: Any) -> np.dtype | None:
    """The NumPy dtype of such an array's elements; None where programs have no such type."""
    try:
        # Ours are named as the dialect names them, everybody else's as NumPy does.
        name = value.dtype
        dtype = numpy_dtype(name) if isinstance(name, str) else np.dtype(name)
    except (AttributeError, DTypeError, TypeError):
        return None
    return dtype if is_supported(dtype) else None
