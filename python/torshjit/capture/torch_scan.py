# SPDX-License-Identifier: Apache-2.0
"""ATen running sums, products and extremes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from torshjit.capture.torch_lowering import (
    Lowering,
    accumulation_dtype,
    axis_of,
    dialect_dtype,
    is_float,
    lowers,
)
from torshjit.errors import DTypeError

__all__: list[str] = []


def _running_rule(kind: str) -> Callable[..., Any]:
    def rule(g: Lowering, x: torch.Tensor, dim: int, *, dtype: torch.dtype | None = None) -> Any:
        own = dialect_dtype(x.dtype)
        target = dialect_dtype(dtype) if dtype is not None else own if is_float(own) else "i64"
        if target == "i1":
            raise DTypeError(f"{g.op}: dtype bool is not covered")
        axis = axis_of(dim, x.ndim)
        value = g.operand(x, target)
        return g.scan(kind, value, axis) if x.ndim else value

    return rule


lowers("aten.cumsum.default")(_running_rule("sum"))
lowers("aten.cumprod.default")(_running_rule("prod"))


def _running_extreme_rule(kind: str) -> Callable[..., Any]:
    def rule(g: Lowering, x: torch.Tensor, dim: int) -> tuple[Any, Any]:
        axis = axis_of(dim, x.ndim)
        if x.ndim == 0:
            return g.value(x), g.scalar(0, "i64")
        own = dialect_dtype(x.dtype)
        value = g.operand(x, "i8" if own == "i1" else own)
        extreme = g.scan(kind, value, axis)
        # The latest place that holds the extreme so far; a NaN is one, and stays.
        latest = g.compare("eq", value, extreme)
        if is_float(own):
            latest = g.emit("or", latest, g.emit("isnan", value))
        shape = [n if each == axis else 1 for each, n in enumerate(x.shape)]
        place = g.emit("select", latest, g.iota(shape, axis, "i64"), g.scalar(0, "i64"))
        return g.cast(extreme, own), g.scan("max", place, axis)

    return rule


lowers("aten.cummax.default")(_running_extreme_rule("max"))
lowers("aten.cummin.default")(_running_extreme_rule("min"))


@lowers("aten.logcumsumexp.default")
def logcumsumexp(g: Lowering, x: torch.Tensor, dim: int) -> Any:
    axis = axis_of(dim, x.ndim)
    dtype = dialect_dtype(x.dtype)
    if not is_float(dtype):
        raise DTypeError(f"{g.op}: the input must be of a float dtype, not {x.dtype}")
    wide = accumulation_dtype(dtype)
    value = g.operand(x, wide)
    if x.ndim == 0:
        return g.cast(value, dtype)
    # Sums of pairs, of fours, and so on: each is taken relative to its own largest part.
    step, extent = 1, x.shape[axis]
    while step < extent:
        low = [step if each == axis else 0 for each in range(x.ndim)]
        earlier = g.emit(
            "pad",
            g.slice(value, axis, 0, extent - step),
            g.scalar(-math.inf, wide),
            low=low,
            high=[0] * x.ndim,
        )
        value = _log_of_sum(g, value, earlier, wide)
        step *= 2
    return g.cast(value, dtype)


def _log_of_sum(g: Lowering, a: Any, b: Any, dtype: str) -> Any:
    gap = g.emit("neg", g.emit("abs", g.emit("sub", a, b)))
    # Equal operands may both be infinite, where the difference is NaN.
    gap = g.emit("select", g.compare("eq", a, b), g.scalar(0, dtype), gap)
    return g.emit("add", g.emit("maximum", a, b), g.emit("log1p", g.emit("exp", gap)))
