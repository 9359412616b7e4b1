# SPDX-License-Identifier: Apache-2.0
"""Capture of Python functions over NumPy arrays, by running them on tracers."""

from torshjit.capture.numpy_trace import (  # noqa: F401  (each fills the tables)
    contraction,
    conversion,
    einsum,
    float_parts,
    indexing,
    joining,
    linalg,
    missing_values,
    moments,
    movement,
    ordering,
    placing,
    reductions,
    selection,
    sliding,
    special_functions,
    ufunc_table,
    ufuncs,
)
from torshjit.capture.numpy_trace.capture import capture_function, classify_argument

__all__ = ["capture_function", "classify_argument"]
