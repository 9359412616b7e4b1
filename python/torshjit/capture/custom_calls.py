# SPDX-License-Identifier: Apache-2.0
"""A custom operation in a program under construction: its lowering, or a call of the host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from torshjit.capture.host_calls import HostCalls
from torshjit.capture.numpy_dtypes import dialect_dtype
from torshjit.compiler_cache import compiler_context, load_compiler
from torshjit.custom_operations import CustomOp
from torshjit.errors import CompileError

__all__ = ["add_custom_call"]

Operand = tuple[Any, np.dtype, tuple[int, ...]]


def add_custom_call(
    op: CustomOp,
    builder: Any,
    host_calls: HostCalls,
    operands: Sequence[Operand],
    results: Sequence[tuple[np.dtype, tuple[int, ...]]],
    options: Mapping[str, Any],
    location: tuple[str, int] | None,
) -> tuple[Any, ...]:
    """Adds a custom operation and returns its results.

    Args:
        op: the operation.
        builder: the `_compiler.GraphBuilder`.
        host_calls: the calls of the host of the program.
        operands: Value, dtype and shape of each.
        results: dtype and shape of each.
        options: its other arguments.
        location: the user's line.

    Raises:
        CompileError: the operation's lowering does not parse, or is for other types.
    """
    values = [value for value, _, _ in operands]
    text = op.lowering_text([(dtype, shape) for _, dtype, shape in operands], options)
    if text is not None:
        compiler = load_compiler()
        try:
            module = compiler.Module.parse(text, compiler_context())
            return tuple(
                builder.inline(
                    module,
                    values,
                    [(dialect_dtype(dtype), list(shape)) for dtype, shape in results],
                    loc=location,
                )
            )
        except (compiler.MLIRError, ValueError) as error:
            raise CompileError(
                f"the lowering of {op.name} is malformed: {error}", op=op.name, location=location
            ) from error
    return host_calls.add(
        op.host_function(options, len(values)),
        values,
        [(dialect_dtype(dtype), shape) for dtype, shape in results],
        is_pure=op.is_pure,
        location=location,
    )
