# SPDX-License-Identifier: Apache-2.0
"""Programs of one operation for the compiler, from cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e2e.op_case import Case

if TYPE_CHECKING:
    from torshjit._compiler import GraphBuilder, Module


def build_program(case: Case, builder: GraphBuilder, dynamic: bool = False) -> Module:
    """The module of a fresh `builder`, its one function being the case's operation.

    With `dynamic`, the operands' extents other than 1 are `?`.
    """
    if case.op == "constant":
        return builder.finish([builder.constant(case.attributes["value"])])
    operands: list[Any] = []
    number = 0
    for written, group in zip(case.operands, case.groups(), strict=True):
        values = []
        for operand in group:
            extents = case.extents_of(operand, dynamic)
            values.append(builder.input(case.dtype_of(operand), extents, f"x{number}"))
            number += 1
        # A variadic group is given as a list, an optional one as its value or None.
        operands.append(values if isinstance(written, list) else values[0] if values else None)
    result_type = case.dynamic_result if dynamic else case.result
    result = builder.create(case.op, operands, dict(case.attributes), result_type=result_type)
    return builder.finish([result])
