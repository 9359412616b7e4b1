# SPDX-License-Identifier: Apache-2.0
"""ATen batch norm and instance norm, which update their running statistics in training.

Statistics and parameters are of shape (channels,).
"""

from __future__ import annotations

import math
from typing import Any

import torch

from torshjit.capture.torch_lowering import (
    Deferred,
    Lowering,
    accumulation_dtype,
    dialect_dtype,
    lowers,
)
from torshjit.capture.torch_normalization import inverse_root, mixed_dtype, normalized

__all__ = ["inverse_deviation_of", "per_channel", "statistics_dtype"]


def per_channel(g: Lowering, value: Any, rank: int) -> Any:
    """Statistics under a shape that goes with an input of this rank."""
    return g.reshape(value, (1, *value.shape, *[1] * (rank - 2)))


def statistics_dtype(x: torch.Tensor) -> str:
    """The element type that statistics of an input are computed in."""
    return accumulation_dtype(dialect_dtype(x.dtype))


def inverse_deviation_of(g: Lowering, variance: torch.Tensor, eps: float, wide: str) -> Any:
    """``1 / sqrt(variance + eps)``."""
    return inverse_root(g, g.operand(variance, wide), eps)


def _moved(g: Lowering, running: torch.Tensor, batch: Any, momentum: float) -> Any:
    """The running statistic after a batch, in its element type."""
    dtype = dialect_dtype(running.dtype)
    old = g.emit("mul", g.operand(running, batch.dtype), g.scalar(1 - momentum, batch.dtype))
    new = g.emit("mul", batch, g.scalar(momentum, batch.dtype))
    return g.cast(g.emit("add", old, new), dtype)


def _unbiased(g: Lowering, variance: Any, count: int) -> Any:
    """The variance of `count` elements, of which one is known by the mean; of one it is NaN."""
    total = g.emit("mul", variance, g.scalar(float(count), variance.dtype))
    return g.emit("div", total, g.scalar(float(count - 1), variance.dtype))


def _of_batch(g: Lowering, x: torch.Tensor) -> tuple[Any, Any, int]:
    """Variance and mean of each channel, and of how many elements they are."""
    axes = [0, *range(2, x.ndim)]
    variance, mean = g.variance(g.operand(x, statistics_dtype(x)), axes, 0)
    return variance, mean, math.prod(x.shape[axis] for axis in axes)


def _scaled(
    g: Lowering,
    x: torch.Tensor,
    mean: Any,
    inverse: Any,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
) -> Any:
    wide = mean.dtype
    result = g.emit("sub", g.operand(x, wide), per_channel(g, mean, x.ndim))
    result = g.emit("mul", result, per_channel(g, inverse, x.ndim))
    if weight is not None:
        result = g.emit("mul", result, per_channel(g, g.operand(weight, wide), x.ndim))
    if bias is not None:
        result = g.emit("add", result, per_channel(g, g.operand(bias, wide), x.ndim))
    return g.cast(result, dialect_dtype(x.dtype))


def _by_batch(
    g: Lowering,
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    eps: float,
) -> tuple[Any, Any, Any, Any]:
    """(result, mean, inverse deviation, unbiased variance) by statistics of the batch."""
    spread, center, count = _of_batch(g, x)
    inverse = inverse_root(g, spread, eps)
    result = _scaled(g, x, center, inverse, weight, bias)
    return result, center, inverse, _unbiased(g, spread, count)


def _with_known_statistics(
    g: Lowering,
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    mean: torch.Tensor | None,
    variance: torch.Tensor | None,
    eps: float,
) -> Any:
    dtype, wide = mixed_dtype(x, mean, variance, weight, bias)
    if mean is None or variance is None:
        raise g.fail("without running statistics, only training mode is covered")
    if x.numel() == 0:
        return g.value(x)
    result = g.emit(
        "batch_norm",
        g.operand(x, wide),
        g.operand(mean, wide),
        g.operand(variance, wide),
        g.optional(weight, wide),
        g.optional(bias, wide),
        eps=float(eps),
    )
    return g.cast(result, dtype)


def _update(
    g: Lowering,
    running_mean: torch.Tensor | None,
    running_variance: torch.Tensor | None,
    mean: Any,
    variance: Any,
    momentum: float,
) -> None:
    """Moves running statistics towards those of a batch, the variance an unbiased one."""
    if running_mean is not None:
        g.write(running_mean, _moved(g, running_mean, mean, momentum))
    if running_variance is not None:
        g.write(running_variance, _moved(g, running_variance, variance, momentum))


@lowers("aten.batch_norm.default")
def batch_norm(
    g: Lowering,
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    mean: torch.Tensor | None,
    variance: torch.Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Any:
    return native_batch_norm(g, x, weight, bias, mean, variance, training, momentum, eps)[0]


@lowers("aten.native_batch_norm.default", "aten._native_batch_norm_legit.default")
def native_batch_norm(
    g: Lowering,
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    mean: torch.Tensor | None,
    variance: torch.Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    """(result, saved mean, saved inverse deviation)."""
    wide = statistics_dtype(x)
    _, stored = mixed_dtype(x, mean, variance, weight, bias)
    if not training:
        none = Deferred(lambda: g.broadcast(g.scalar(0, stored), (0,)), stored, (0,))
        return _with_known_statistics(g, x, weight, bias, mean, variance, eps), none, none
    if mean is not None or variance is not None:
        result, center, inverse, unbiased = _by_batch(g, x, weight, bias, eps)
        _update(g, mean, variance, center, unbiased, momentum)
        return result, g.cast(center, stored), g.cast(inverse, stored)
    axes, shape, value = [0, *range(2, x.ndim)], (x.shape[1],), g.value(x)

    def inverse_deviation() -> Any:
        spread, _ = g.variance(g.cast(value, wide), axes, 0)
        return g.cast(inverse_root(g, spread, eps), stored)

    center = Deferred(lambda: g.cast(g.mean(g.cast(value, wide), axes), stored), stored, shape)
    result = normalized(g, x, axes, weight, bias, eps)
    return result, center, Deferred(inverse_deviation, stored, shape)


@lowers("aten._native_batch_norm_legit.no_stats")
def native_batch_norm_without_statistics(
    g: Lowering,
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    return native_batch_norm(g, x, weight, bias, None, None, training, momentum, eps)


@lowers("aten._native_batch_norm_legit_no_training.default")
def batch_norm_no_training(
    g: Lowering,
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    mean: torch.Tensor,
    variance: torch.Tensor,
    momentum: float,
    eps: float,
) -> Any:
    return native_batch_norm(g, x, weight, bias, mean, variance, False, momentum, eps)


@lowers("aten._batch_norm_with_update.default")
def batch_norm_with_update(
    g: Lowering,
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    mean: torch.Tensor,
    variance: torch.Tensor,
    momentum: float,
    eps: float,
) -> Any:
    """(result, saved mean, saved inverse deviation, reserved)."""
    results = native_batch_norm(g, x, weight, bias, mean, variance, True, momentum, eps)
    return (*results, Deferred(lambda: g.broadcast(g.scalar(0, "ui8"), (0,)), "ui8", (0,)))


@lowers("aten._native_batch_norm_legit_functional.default")
def batch_norm_functional(
    g: Lowering,
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    mean: torch.Tensor,
    variance: torch.Tensor,
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    """(result, saved mean, saved inverse deviation, new running mean, new running variance)."""
    wide = statistics_dtype(x)
    if not training:
        result = _scaled(
            g, x, g.operand(mean, wide), inverse_deviation_of(g, variance, eps, wide), weight, bias
        )
        empty = g.broadcast(g.scalar(0, wide), (0,))
        return result, empty, empty, g.value(mean), g.value(variance)
    result, center, inverse, unbiased = _by_batch(g, x, weight, bias, eps)
    new_mean = _moved(g, mean, center, momentum)
    new_variance = _moved(g, variance, unbiased, momentum)
    return result, center, inverse, new_mean, new_variance


@lowers("aten.instance_norm.default")
def instance_norm(
    g: Lowering,
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    mean: torch.Tensor | None,
    variance: torch.Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Any:
    if not use_input_stats:
        return _with_known_statistics(g, x, weight, bias, mean, variance, eps)
    axes = list(range(2, x.ndim))
    result = normalized(g, x, axes, weight, bias, eps)
    if mean is not None or variance is not None:
        # The running statistics move towards the mean of those of the batch's instances.
        spread, center = g.variance(g.operand(x, statistics_dtype(x)), axes, 0)
        unbiased = _unbiased(g, spread, math.prod(x.shape[2:]))
        _update(g, mean, variance, g.mean(center, [0]), g.mean(unbiased, [0]), momentum)
    return result
