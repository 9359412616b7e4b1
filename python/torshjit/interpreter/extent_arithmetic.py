# SPDX-License-Identifier: Apache-2.0
"""Reference functions of the upstream operations that compute extents on index values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from torshjit.interpreter.registry import Call, reference


def _register_binary(name: str, function: Callable[[int, int], int]) -> None:
    @reference(name)
    def evaluate(call: Call) -> int:
        lhs, rhs = (int(operand) for group in call.groups for operand in group)
        return function(lhs, rhs)


def _truncated_quotient(lhs: int, rhs: int) -> int:
    quotient = abs(lhs) // abs(rhs)
    return quotient if (lhs < 0) == (rhs < 0) else -quotient


_register_binary("arith.addi", lambda lhs, rhs: lhs + rhs)
_register_binary("arith.subi", lambda lhs, rhs: lhs - rhs)
_register_binary("arith.muli", lambda lhs, rhs: lhs * rhs)
_register_binary("arith.divui", lambda lhs, rhs: lhs // rhs)
_register_binary("arith.divsi", _truncated_quotient)
_register_binary("arith.floordivsi", lambda lhs, rhs: lhs // rhs)
_register_binary("arith.ceildivsi", lambda lhs, rhs: -(-lhs // rhs))
_register_binary("arith.remui", lambda lhs, rhs: lhs % rhs)
_register_binary("arith.remsi", lambda lhs, rhs: lhs - rhs * _truncated_quotient(lhs, rhs))
_register_binary("arith.maxsi", max)
_register_binary("arith.minsi", min)


@reference("arith.constant")
def _constant(call: Call) -> int:
    return int(np.asarray(call.attributes["value"]))


@reference("tensor.dim")
def _dim(call: Call) -> int:
    operand, axis = (operand for group in call.groups for operand in group)
    if not 0 <= int(axis) < operand.ndim:
        raise call.shape_error(f"axis {int(axis)} of a tensor of {operand.ndim} axes")
    return operand.shape[int(axis)]
