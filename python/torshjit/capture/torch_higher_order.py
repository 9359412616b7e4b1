# SPDX-License-Identifier: Apache-2.0
"""Operations of torch whose arguments are programs themselves, as traced graphs hold them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from torshjit.errors import UnsupportedOpError

if TYPE_CHECKING:
    from torshjit.capture.torch_dispatch import TorchTrace

__all__ = ["call_higher_order"]


def call_higher_order(
    trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
    """The traced results of a higher-order operation.

    Raises:
        UnsupportedOpError: it is not one of those that are captured, or of a form that is not.
    """
    if str(func) == "with_effects":
        return _in_order(trace, args, kwargs)
    if str(func) == "cond":
        return _choose(trace, *args)
    raise UnsupportedOpError(f"the higher-order operation {func} is not captured", op=str(func))


def _in_order(trace: TorchTrace, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple:
    """A call with an effect, ``(token, func, *args)``: calls of the host keep their order."""
    token, func, *rest = args
    result = trace.call(func, rest, kwargs)
    results = result if isinstance(result, tuple) else () if result is None else (result,)
    return (token, *results)


def _choose(
    trace: TorchTrace, condition: Any, if_true: Any, if_false: Any, operands: Sequence[Any]
) -> tuple:
    """`torch.cond`: both programs are computed and the results of one are taken.

    Raises:
        UnsupportedOpError: a program may raise an error or draws random numbers, which must not
            happen where it is not chosen; or results differ in more than their contents.
    """
    g = trace.g
    before = g.assertions, g.host_calls.count
    with trace.mode:
        left, right = (tuple(each(*operands)) for each in (if_true, if_false))
        if (g.assertions, g.host_calls.count) != before:
            raise UnsupportedOpError(
                "a branch of torch.cond checks positions, draws random numbers or calls eager "
                "torch, which is not captured",
                op="cond",
            )
        return tuple(_chosen(condition, one, other) for one, other in zip(left, right, strict=True))


def _chosen(condition: Any, one: Any, other: Any) -> Any:
    if not isinstance(one, torch.Tensor):
        if one is other or one == other:
            return one
        raise UnsupportedOpError("the branches of torch.cond give different numbers", op="cond")
    if one.shape != other.shape or one.dtype != other.dtype:
        raise UnsupportedOpError("the branches of torch.cond give different types", op="cond")
    if isinstance(condition, bool):
        return one.clone() if condition else other.clone()
    return torch.where(condition.reshape(()), one, other)
