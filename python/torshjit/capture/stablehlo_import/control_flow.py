# SPDX-License-Identifier: Apache-2.0
"""StableHLO calls, branches and loops: both sides are computed, short loops are unrolled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torshjit.capture.host_loops import add_loop, types_of
from torshjit.capture.stablehlo_import.handlers import lowers
from torshjit.capture.stablehlo_import.known_values import Known
from torshjit.capture.stablehlo_import.operation import HloOp, line_of

__all__: list[str] = []

#: A loop of known length is unrolled up to so many iterations.
_MOST_ITERATIONS = 64


@lowers("func.call")
def _call(g: Any, op: HloOp) -> Any:
    return tuple(g.call(op.attribute("callee").value, op.operands))


@lowers("stablehlo.composite")
def _composite(g: Any, op: HloOp) -> Any:
    return tuple(g.call(op.attribute("decomposition").value, op.operands))


@lowers("stablehlo.custom_call")
def _custom_call(g: Any, op: HloOp) -> Any:
    target = op.word("call_target_name")
    if target == "Sharding" and len(op.operands) == len(op.raw.results):
        return tuple(op.operands)
    return op.refuse(
        f"calls {target!r}, code of another library; compute it outside of the function that is "
        "lowered"
    )


@lowers("stablehlo.if")
def _if(g: Any, op: HloOp) -> Any:
    condition = op.operands[0]
    if isinstance(condition, Known):
        return tuple(g.block_results(op.block(0 if condition.array else 1), []))
    taken = g.block_results(op.block(0), [])
    other = g.block_results(op.block(1), [])
    return tuple(
        g.emit("select", condition, left, right) for left, right in zip(taken, other, strict=True)
    )


@lowers("stablehlo.case")
def _case(g: Any, op: HloOp) -> Any:
    index = op.operands[0]
    last = len(op.raw.regions) - 1
    if isinstance(index, Known):
        number = int(index.array)
        return tuple(g.block_results(op.block(number if 0 <= number <= last else last), []))
    # An index that is out of range takes the last branch.
    results = g.block_results(op.block(last), [])
    for number in range(last):
        here = g.compare("eq", index, number)
        branch = g.block_results(op.block(number), [])
        results = [
            g.emit("select", here, left, right) for left, right in zip(branch, results, strict=True)
        ]
    return tuple(results)


@lowers("stablehlo.while")
def _while(g: Any, op: HloOp) -> Any:
    values = list(op.operands)
    for _ in range(_MOST_ITERATIONS + 1):
        (goes_on,) = g.block_results(op.block(0), values)
        if not isinstance(goes_on, Known):
            return _run_by_host(g, op, values)
        if not goes_on.array:
            return tuple(values)
        values = g.block_results(op.block(1), values)
    return _run_by_host(g, op, op.operands)


def _run_by_host(g: Any, op: HloOp, values: Sequence[Any]) -> Any:
    """A loop of a length that depends on data, or is long."""
    carried = [g.value(each) for each in values]
    types = types_of(carried)
    condition, body = (g.inner_program(op.block(number), types) for number in (0, 1))
    return add_loop(g.host_calls, op.name, condition, body, carried, line_of(op.raw))
