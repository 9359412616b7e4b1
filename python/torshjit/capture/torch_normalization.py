# SPDX-License-Identifier: Apache-2.0
"""ATen softmax and normalisations."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from torshjit.capture.torch_lowering import (
    Deferred,
    Lowering,
    accumulation_dtype,
    axis_of,
    dialect_dtype,
    is_float,
    lowers,
)
from torshjit.errors import DTypeError, ShapeError

__all__ = ["inverse_root", "mixed_dtype", "normalized"]


def _softmax_rule(op: str) -> Callable[..., Any]:
    def rule(g: Lowering, x: torch.Tensor, dim: int, option: Any = None) -> Any:
        # The last argument is a dtype, or a flag of the private overloads for CUDA.
        target = dialect_dtype(option if isinstance(option, torch.dtype) else x.dtype)
        if not is_float(target):
            raise DTypeError(f"{g.op}: the input must be of a float dtype, not {x.dtype}")
        value = g.operand(x, target)
        if x.ndim == 0:
            return g.reshape(g.emit(op, g.reshape(value, (1,)), axis=0), ())
        return g.emit(op, value, axis=axis_of(dim, x.ndim))

    return rule


for _op in ("softmax", "log_softmax"):
    lowers(f"aten.{_op}.int", f"aten._{_op}.default")(_softmax_rule(_op))


def mixed_dtype(*tensors: torch.Tensor | None) -> tuple[str, str]:
    """The element type of the result, that of the first; and that to compute in."""
    given = [tensor.dtype for tensor in tensors if tensor is not None]
    dtype = dialect_dtype(given[0])
    mixed = any(other != given[0] for other in given)
    return dtype, accumulation_dtype(dtype) if mixed else dtype


def inverse_root(g: Lowering, value: Any, eps: float) -> Any:
    """``1 / sqrt(value + eps)``, in the value's element type."""
    return g.emit("rsqrt", g.emit("add", value, g.scalar(eps, value.dtype)))


@lowers("aten.layer_norm.default")
def layer_norm(
    g: Lowering,
    x: torch.Tensor,
    normalized_shape: Sequence[int],
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    eps: float = 1e-5,
    *flags: bool,
) -> Any:
    axes = len(normalized_shape)
    if axes == 0 or tuple(x.shape[-axes:]) != tuple(normalized_shape):
        raise ShapeError(
            f"{g.op}: the last axes of shape {tuple(x.shape)} are not {tuple(normalized_shape)}"
        )
    dtype, wide = mixed_dtype(x, weight, bias)
    result = g.emit(
        "layer_norm",
        g.operand(x, wide),
        g.optional(weight, wide),
        g.optional(bias, wide),
        num_axes=axes,
        eps=float(eps),
    )
    return g.cast(result, dtype)


@lowers("aten.native_layer_norm.default")
def native_layer_norm(
    g: Lowering,
    x: torch.Tensor,
    normalized_shape: Sequence[int],
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    eps: float,
) -> Any:
    result = layer_norm(g, x, normalized_shape, weight, bias, eps)
    axes = list(range(x.ndim - len(normalized_shape), x.ndim))
    _, stored = mixed_dtype(x, weight, bias)
    wide = accumulation_dtype(stored)
    shape = [1 if axis in axes else extent for axis, extent in enumerate(x.shape)]

    value = g.value(x)

    def mean() -> Any:
        return g.cast(g.mean(g.cast(value, wide), axes, keepdims=True), stored)

    def inverse_deviation() -> Any:
        variance, _ = g.variance(g.cast(value, wide), axes, 0, keepdims=True)
        return g.cast(inverse_root(g, variance, eps), stored)

    return result, Deferred(mean, stored, shape), Deferred(inverse_deviation, stored, shape)


@lowers("aten.rms_norm.default")
def rms_norm(
    g: Lowering,
    x: torch.Tensor,
    normalized_shape: Sequence[int],
    weight: torch.Tensor | None = None,
    eps: float | None = None,
) -> Any:
    axes = range(x.ndim - len(normalized_shape), x.ndim)
    dtype = dialect_dtype(x.dtype)
    wide = accumulation_dtype(dtype)
    value = g.operand(x, wide)
    square = g.mean(g.emit("mul", value, value), list(axes), keepdims=True)
    margin = torch.finfo(x.dtype).eps if eps is None else eps
    scale = inverse_root(g, square, margin)
    result = g.emit("mul", value, scale)
    if weight is not None:
        result = g.emit("mul", result, g.operand(weight, wide))
    return g.cast(result, dtype)


# Normalisation by the input's own statistics.


def normalized(
    g: Lowering,
    x: torch.Tensor,
    axes: Sequence[int],
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    eps: float,
    view: Sequence[int] | None = None,
) -> Any:
    """(x - mean) / sqrt(var + eps), scaled per channel; `view` is the shape to normalise under."""
    dtype, _ = mixed_dtype(x, weight, bias)
    wide = accumulation_dtype(dtype)
    value = g.operand(x, wide)
    if view is not None:
        value = g.reshape(value, view)
    variance, mean = g.variance(value, axes, 0, keepdims=True)
    scale = inverse_root(g, variance, eps)
    result = g.emit("mul", g.emit("sub", value, mean), scale)
    result = g.reshape(result, x.shape)
    per_channel = (x.shape[1], *[1] * (x.ndim - 2))
    if weight is not None:
        result = g.emit("mul", result, g.reshape(g.operand(weight, wide), per_channel))
    if bias is not None:
        result = g.emit("add", result, g.reshape(g.operand(bias, wide), per_channel))
    return g.cast(result, dtype)


@lowers("aten.group_norm.default")
def group_norm(
    g: Lowering,
    x: torch.Tensor,
    groups: int,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Any:
    if x.ndim < 2 or x.shape[1] % groups:
        raise ShapeError(f"{g.op}: shape {tuple(x.shape)} does not divide into {groups} groups")
    view = (x.shape[0], groups, math.prod(x.shape[1:]) // groups)
    return normalized(g, x, [2], weight, bias, eps, view)


@lowers("aten.native_group_norm.default")
def native_group_norm(
    g: Lowering,
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    count: int,
    channels: int,
    extent: int,
    groups: int,
    eps: float,
) -> Any:
    result = group_norm(g, x, groups, weight, bias, eps)
    _, stored = mixed_dtype(x, weight, bias)
    wide = accumulation_dtype(stored)
    view, given = (count, groups, channels // groups * extent), g.value(x)

    def parts() -> Any:
        return g.reshape(g.cast(given, wide), view)

    def mean() -> Any:
        return g.cast(g.mean(parts(), [2]), stored)

    def inverse_deviation() -> Any:
        variance, _ = g.variance(parts(), [2], 0)
        return g.cast(inverse_root(g, variance, eps), stored)

    shape = (count, groups)
    return result, Deferred(mean, stored, shape), Deferred(inverse_deviation, stored, shape)


@lowers("aten._weight_norm_interface.default")
def weight_norm(g: Lowering, v: torch.Tensor, scale: torch.Tensor, dim: int = 0) -> Any:
    dtype = dialect_dtype(v.dtype)
    wide = accumulation_dtype(dtype)
    value = g.operand(v, wide)
    axes = [axis for axis in range(v.ndim) if axis != axis_of(dim, v.ndim)]
    length = g.emit("sqrt", g.reduce("sum", g.emit("mul", value, value), axes, keepdims=True))
    ratio = g.emit("div", g.operand(scale, wide), length)
    return g.cast(g.emit("mul", value, ratio), dtype), length
