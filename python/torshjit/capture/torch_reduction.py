# SPDX-License-Identifier: Apache-2.0
"""ATen reductions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from torshjit.capture.torch_lowering import (
    Lowering,
    accumulation_dtype,
    axes_of,
    axis_of,
    dialect_dtype,
    is_float,
    lowers,
)
from torshjit.errors import DTypeError, ShapeError

__all__: list[str] = []

Axes = int | Sequence[int] | None
Number = bool | int | float


# Sums, products, means.


def _accumulating(op: str) -> Callable[..., Any]:
    def rule(
        g: Lowering,
        x: torch.Tensor,
        dim: Axes = None,
        keepdim: bool = False,
        dtype: torch.dtype | None = None,
    ) -> Any:
        source = dialect_dtype(x.dtype)
        target = source if is_float(source) else "i64"
        if dtype is not None:
            target = dialect_dtype(dtype)
        axes = axes_of(dim, x.ndim)
        wide = accumulation_dtype(target)
        if op == "sum":
            wide = target  # The dialect accumulates half types in f32 itself.
        if target == "i1":
            raise DTypeError(f"{g.op}: dtype bool is not covered")
        return g.cast(g.reduce(op, g.operand(x, wide), axes, keepdim), target)

    return rule


lowers("aten.sum.default", "aten.sum.dim_IntList")(_accumulating("sum"))
lowers("aten.prod.default", "aten.prod.dim_int")(_accumulating("prod"))


def _float_reduction(
    g: Lowering, x: torch.Tensor, dtype: torch.dtype | None = None
) -> tuple[Any, str]:
    """The operand in its accumulation type, and the type of the result."""
    target = dialect_dtype(dtype or x.dtype)
    if not is_float(target):
        raise DTypeError(f"{g.op}: the input must be of a float dtype, not {x.dtype}")
    return g.operand(x, accumulation_dtype(target)), target


@lowers("aten.mean.default", "aten.mean.dim")
def mean(
    g: Lowering,
    x: torch.Tensor,
    dim: Axes = None,
    keepdim: bool = False,
    dtype: torch.dtype | None = None,
) -> Any:
    value, target = _float_reduction(g, x, dtype)
    return g.cast(g.mean(value, axes_of(dim, x.ndim), keepdim), target)


@lowers("aten.count_nonzero.default", "aten.count_nonzero.dim_IntList")
def count_nonzero(g: Lowering, x: torch.Tensor, dim: Axes = None) -> Any:
    counted = g.cast(g.is_true(g.value(x)), "i64")
    return g.reduce("sum", counted, axes_of(dim, x.ndim))


# Variance and its kin.


def _spread(
    g: Lowering,
    x: torch.Tensor,
    dim: Axes,
    correction: Number | None,
    keepdim: bool,
    root: bool,
) -> tuple[Any, Any]:
    value, target = _float_reduction(g, x)
    amount = 1 if correction is None else correction
    axes = axes_of(dim, x.ndim)
    variance, centre = g.variance(value, axes, amount, keepdim)
    if root:
        variance = g.emit("sqrt", variance)
    return g.cast(variance, target), g.cast(centre, target)


def _spread_rule(root: bool, with_mean: bool, form: str) -> Callable[..., Any]:
    def finish(g: Lowering, x: torch.Tensor, dim: Axes, amount: Any, keepdim: bool) -> Any:
        result = _spread(g, x, dim, amount, keepdim, root)
        return result if with_mean else result[0]

    def default(g: Lowering, x: torch.Tensor, unbiased: bool = True) -> Any:
        return finish(g, x, None, int(unbiased), False)

    def by_dim(
        g: Lowering, x: torch.Tensor, dim: Axes, unbiased: bool = True, keepdim: bool = False
    ) -> Any:
        return finish(g, x, dim, int(unbiased), keepdim)

    def by_correction(
        g: Lowering,
        x: torch.Tensor,
        dim: Axes = None,
        correction: Number | None = None,
        keepdim: bool = False,
    ) -> Any:
        return finish(g, x, dim, correction, keepdim)

    forms: dict[str, Callable[..., Any]] = {
        "default": default,
        "dim": by_dim,
        "correction": by_correction,
    }
    return forms[form]


for _form in ("default", "dim", "correction"):
    lowers(f"aten.var.{_form}")(_spread_rule(False, False, _form))
    lowers(f"aten.std.{_form}")(_spread_rule(True, False, _form))
    lowers(f"aten.var_mean.{_form}")(_spread_rule(False, True, _form))
    lowers(f"aten.std_mean.{_form}")(_spread_rule(True, True, _form))


# Extremes.


def _extreme(g: Lowering, op: str, value: Any, axes: Sequence[int], keepdim: bool) -> Any:
    if any(value.shape[axis] == 0 for axis in axes):
        raise ShapeError(f"{g.op}: an extreme of no elements is not defined")
    if value.dtype == "i1":
        return g.reduce("any" if op == "amax" else "all", value, axes, keepdim)
    return g.reduce(op, value, axes, keepdim)


def _extreme_rule(op: str) -> Callable[..., Any]:
    def rule(g: Lowering, x: torch.Tensor, dim: Axes = None, keepdim: bool = False) -> Any:
        return _extreme(g, op, g.value(x), axes_of(dim, x.ndim), keepdim)

    return rule


def _position(g: Lowering, op: str, x: torch.Tensor, axis: int, keepdim: bool) -> Any:
    """The first position of an extreme along one axis."""
    value = g.operand(x, "i8") if x.dtype == torch.bool else g.value(x)
    if x.ndim == 0:
        return g.scalar(0, "i64")
    if value.shape[axis] == 0:
        raise ShapeError(f"{g.op}: an extreme of no elements is not defined")
    return g.emit(op, value, axis=axis, keepdims=keepdim)


def _extreme_with_position_rule(op: str, position: str) -> Callable[..., Any]:
    def rule(g: Lowering, x: torch.Tensor, dim: int, keepdim: bool = False) -> Any:
        axis = axis_of(dim, x.ndim)
        extreme = _extreme(g, op, g.value(x), axes_of(dim, x.ndim), keepdim)
        return extreme, _position(g, position, x, axis, keepdim)

    return rule


def _position_rule(op: str) -> Callable[..., Any]:
    def rule(g: Lowering, x: torch.Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
        if dim is not None:
            return _position(g, op, x, axis_of(dim, x.ndim), keepdim)
        value = g.operand(x, "i8") if x.dtype == torch.bool else g.value(x)
        flat = g.reshape(value, (x.numel(),))
        result = g.emit(op, flat, axis=0)
        return g.reshape(result, (1,) * x.ndim) if keepdim else result

    return rule


for _op in ("max", "min"):
    lowers(f"aten.a{_op}.default", f"aten.{_op}.default")(_extreme_rule(f"a{_op}"))
    lowers(f"aten.{_op}.dim")(_extreme_with_position_rule(f"a{_op}", f"arg{_op}"))
    lowers(f"aten.arg{_op}.default")(_position_rule(f"arg{_op}"))


@lowers("aten.aminmax.default")
def aminmax(
    g: Lowering, x: torch.Tensor, dim: int | None = None, keepdim: bool = False
) -> tuple[Any, Any]:
    axes = axes_of(dim, x.ndim)
    value = g.value(x)
    return _extreme(g, "amin", value, axes, keepdim), _extreme(g, "amax", value, axes, keepdim)


# Logic.


def _logical_rule(op: str) -> Callable[..., Any]:
    def rule(g: Lowering, x: torch.Tensor, dim: Axes = None, keepdim: bool = False) -> Any:
        # Unlike elsewhere, an empty list names no axis here.
        axes = [] if dim is not None and dim == [] else axes_of(dim, x.ndim)
        result = g.reduce(op, g.is_true(g.value(x)), axes, keepdim)
        # Of bytes, which stood for bools once, torch makes bytes.
        return g.cast(result, "ui8") if x.dtype == torch.uint8 else result

    return rule


for _op in ("any", "all"):
    lowers(f"aten.{_op}.default", f"aten.{_op}.dim", f"aten.{_op}.dims")(_logical_rule(_op))


# Norms.


def _norm(
    g: Lowering,
    x: torch.Tensor,
    order: float,
    dim: Axes,
    keepdim: bool,
    dtype: torch.dtype | None,
) -> Any:
    value, target = _float_reduction(g, x, dtype)
    axes = axes_of(dim, x.ndim)
    size = g.emit("abs", value)
    if order == 2:
        total = g.reduce("sum", g.emit("mul", value, value), axes, keepdim)
        result = g.emit("sqrt", total)
    elif order == 1:
        result = g.reduce("sum", size, axes, keepdim)
    elif order == 0:
        nonzero = g.cast(g.is_true(value), value.dtype)
        result = g.reduce("sum", nonzero, axes, keepdim)
    elif math.isinf(order):
        result = _extreme(g, "amax" if order > 0 else "amin", size, axes, keepdim)
    else:
        powers = g.emit("pow", size, g.scalar(order, value.dtype))
        total = g.reduce("sum", powers, axes, keepdim)
        result = g.emit("pow", total, g.scalar(1 / order, value.dtype))
    return g.cast(result, target)


@lowers("aten.linalg_vector_norm.default")
def vector_norm(
    g: Lowering,
    x: torch.Tensor,
    order: float = 2,
    dim: Axes = None,
    keepdim: bool = False,
    dtype: torch.dtype | None = None,
) -> Any:
    return _norm(g, x, order, dim, keepdim, dtype)


@lowers(
    "aten.norm.Scalar",
    "aten.norm.ScalarOpt_dim",
    "aten.norm.ScalarOpt_dim_dtype",
    "aten.norm.ScalarOpt_dtype",
)
def norm(
    g: Lowering,
    x: torch.Tensor,
    order: float | None = 2,
    dim: Axes = None,
    keepdim: bool = False,
    dtype: torch.dtype | None = None,
) -> Any:
    return _norm(g, x, 2 if order is None else order, dim, keepdim, dtype)


@lowers("aten.logsumexp.default")
def logsumexp(g: Lowering, x: torch.Tensor, dim: Axes, keepdim: bool = False) -> Any:
    value, target = _float_reduction(g, x)
    axes = axes_of(dim, x.ndim)
    peak = _extreme(g, "amax", value, axes, keepdim=True)
    # An infinite peak would give inf - inf.
    finite = g.compare("lt", g.emit("abs", peak), g.scalar(math.inf, value.dtype))
    peak = g.emit("select", finite, peak, g.scalar(0, value.dtype))
    total = g.reduce("sum", g.emit("exp", g.emit("sub", value, peak)), axes, keepdim)
    return g.cast(g.emit("add", g.emit("log", total), g.reshape(peak, total.shape)), target)
