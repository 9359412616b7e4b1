# SPDX-License-Identifier: Apache-2.0
"""Calls of custom operations on traced arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torshjit.capture.custom_calls import add_custom_call
from torshjit.capture.numpy_dtypes import is_supported
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.values import as_tracer, wrap
from torshjit.custom_operations import CustomOp

__all__ = ["call_custom_op"]


def call_custom_op(
    op: CustomOp, session: TraceSession, operands: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """Adds a custom operation to the program and returns its traced result.

    Raises:
        UnsupportedOpError: a result has a dtype that programs lack.
    """
    arrays = [as_tracer(session, operand) for operand in operands]
    types, is_tuple = op.result_types(
        [array.shape for array in arrays], [array.dtype for array in arrays], options
    )
    for dtype, _ in types:
        if not is_supported(dtype):
            session.unsupported(op.name, f"its result has dtype {dtype}")
    values = add_custom_call(
        op,
        session.builder,
        session.host_calls,
        [(array.value, array.dtype, array.shape) for array in arrays],
        types,
        options,
        session.location(),
    )
    results = tuple(
        wrap(session, value, dtype, is_scalar=False)
        for value, (dtype, _) in zip(values, types, strict=True)
    )
    return results if is_tuple else results[0]
