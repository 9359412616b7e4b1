# SPDX-License-Identifier: Apache-2.0
"""Agreement of extents when a program runs: a `?` extent never broadcasts."""

from __future__ import annotations

from collections.abc import Sequence

from torshjit.interpreter.registry import Call


def require_broadcastable(call: Call, groups: Sequence[int], skip_last: int = 0) -> None:
    """Checks that the operands of `groups` broadcast, aligned from their last axis.

    Only a static extent of 1 is repeated; all other extents along an axis, those of `?` axes
    included, have to be equal. The last `skip_last` axes are left out.

    Raises:
        ShapeError: two extents differ.
    """
    operands = [call.operand(group) for group in groups]
    types = [call.types[group][0] for group in groups]
    # One shape and no `?`: the usual case.
    if all(o.shape == operands[0].shape for o in operands):
        return
    rank = max(operand.ndim for operand in operands)
    for from_last in range(skip_last + 1, rank + 1):
        extents = [
            operand.shape[-from_last]
            for operand, type_ in zip(operands, types, strict=True)
            if operand.ndim >= from_last and type_.shape[-from_last] != 1
        ]
        if len(set(extents)) > 1:
            raise call.shape_error(
                f"extents {' and '.join(map(str, extents))} along axis {rank - from_last} of the "
                "broadcast shape differ; a '?' extent never broadcasts"
            )


def require_equal_extents(
    call: Call, first: tuple[int, int], second: tuple[int, int], what: str
) -> None:
    """Checks that two (operand group, axis) pairs have the same extent.

    Raises:
        ShapeError: they differ; `what` names the pair in the message.
    """
    lhs = call.operand(first[0]).shape[first[1]]
    rhs = call.operand(second[0]).shape[second[1]]
    if lhs != rhs:
        raise call.shape_error(f"{what} differ: {lhs} and {rhs}")
