# SPDX-License-Identifier: Apache-2.0
"""ATen losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from torshjit.capture.torch_elementwise import binary_dtype
from torshjit.capture.torch_indexing import check_positions
from torshjit.capture.torch_lowering import (
    Deferred,
    Lowering,
    accumulation_dtype,
    dialect_dtype,
    lowers,
)
from torshjit.errors import ShapeError

__all__: list[str] = []

# The values of torch's enumeration of reductions.
_NONE, _MEAN, _SUM = 0, 1, 2


def _reduced(g: Lowering, loss: Any, reduction: int, dtype: str) -> Any:
    axes = list(range(len(loss.shape)))
    if reduction == _MEAN:
        loss = g.mean(loss, axes)
    elif reduction == _SUM:
        loss = g.reduce("sum", loss, axes)
    return g.cast(loss, dtype)


def _difference(g: Lowering, x: torch.Tensor, target: torch.Tensor) -> tuple[Any, str]:
    dtype = binary_dtype(x, target)
    wide = accumulation_dtype(dtype)
    return g.emit("sub", g.operand(x, wide), g.operand(target, wide)), dtype


@lowers("aten.mse_loss.default")
def mse_loss(g: Lowering, x: torch.Tensor, target: torch.Tensor, reduction: int = _MEAN) -> Any:
    gap, dtype = _difference(g, x, target)
    return _reduced(g, g.emit("mul", gap, gap), reduction, dtype)


def _bent(
    g: Lowering,
    x: torch.Tensor,
    target: torch.Tensor,
    reduction: int,
    bend: float,
    scale: float,
) -> Any:
    """Quadratic up to `bend`, then linear; the linear part has slope `scale`."""
    gap, dtype = _difference(g, x, target)
    size = g.emit("abs", gap)
    if bend == 0:
        return _reduced(g, g.emit("mul", size, g.scalar(scale, size.dtype)), reduction, dtype)
    square = g.emit("mul", g.emit("mul", size, size), g.scalar(0.5 * scale / bend, size.dtype))
    line = g.emit("sub", size, g.scalar(0.5 * bend, size.dtype))
    line = g.emit("mul", line, g.scalar(scale, size.dtype))
    near = g.compare("lt", size, g.scalar(bend, size.dtype))
    return _reduced(g, g.emit("select", near, square, line), reduction, dtype)


@lowers("aten.smooth_l1_loss.default")
def smooth_l1_loss(
    g: Lowering,
    x: torch.Tensor,
    target: torch.Tensor,
    reduction: int = _MEAN,
    beta: float = 1.0,
) -> Any:
    return _bent(g, x, target, reduction, beta, 1.0)


@lowers("aten.huber_loss.default")
def huber_loss(
    g: Lowering,
    x: torch.Tensor,
    target: torch.Tensor,
    reduction: int = _MEAN,
    delta: float = 1.0,
) -> Any:
    return _bent(g, x, target, reduction, delta, delta)


@lowers("aten.binary_cross_entropy.default")
def binary_cross_entropy(
    g: Lowering,
    x: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor | None = None,
    reduction: int = _MEAN,
) -> Any:
    dtype = dialect_dtype(x.dtype)
    wide = accumulation_dtype(dtype)
    p, y = g.operands((x, target), wide)
    one, floor = g.scalar(1, wide), g.scalar(-100, wide)
    # torch bounds the logarithms, so that a probability of 0 gives a finite loss.
    hit = g.emit("maximum", g.emit("log", p), floor)
    miss = g.emit("maximum", g.emit("log1p", g.emit("neg", p)), floor)
    loss = g.emit("mul", g.emit("sub", y, one), miss)
    loss = g.emit("sub", loss, g.emit("mul", y, hit))
    if weight is not None:
        loss = g.emit("mul", loss, g.operand(weight, wide))
    return _reduced(g, loss, reduction, dtype)


@lowers("aten.binary_cross_entropy_with_logits.default")
def binary_cross_entropy_with_logits(
    g: Lowering,
    x: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor | None = None,
    pos_weight: torch.Tensor | None = None,
    reduction: int = _MEAN,
) -> Any:
    dtype = dialect_dtype(x.dtype)
    wide = accumulation_dtype(dtype)
    value, y = g.operands((x, target), wide)
    one = g.scalar(1, wide)
    # -log(sigmoid(x)) is softplus(-x).
    miss = g.emit("softplus", g.emit("neg", value))
    if pos_weight is not None:
        excess = g.emit("sub", g.operand(pos_weight, wide), one)
        miss = g.emit("mul", miss, g.emit("add", g.emit("mul", excess, y), one))
    loss = g.emit("add", g.emit("mul", g.emit("sub", one, y), value), miss)
    if weight is not None:
        loss = g.emit("mul", loss, g.operand(weight, wide))
    return _reduced(g, loss, reduction, dtype)


@lowers("aten.nll_loss.default", "aten.nll_loss2d.default", "aten.nll_loss_nd.default")
def nll_loss(
    g: Lowering,
    x: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor | None = None,
    reduction: int = _MEAN,
    ignore_index: int = -100,
) -> Any:
    axis = 0 if x.ndim == 1 else 1
    expected = (*x.shape[:axis], *x.shape[axis + 1 :])
    if x.ndim == 0 or tuple(target.shape) != expected:
        raise ShapeError(
            f"{g.op}: targets of shape {tuple(target.shape)} for scores of {tuple(x.shape)}"
        )
    dtype = dialect_dtype(x.dtype)
    wide = accumulation_dtype(dtype)
    value, label = g.operand(x, wide), g.value(target)
    # One element of each row is picked by comparing the label with the positions.
    column = [1] * x.ndim
    column[axis] = x.shape[axis]
    position = g.iota(column, axis, label.dtype)
    wanted = g.reshape(label, (*target.shape[:axis], 1, *target.shape[axis:]))
    hit = g.compare("eq", position, wanted)
    factor = g.scalar(1, wide)
    if weight is not None:
        factor = g.reshape(g.operand(weight, wide), column)
    zero = g.scalar(0, wide)
    counted = g.compare("ne", wanted, g.scalar(ignore_index, label.dtype))
    # Where eager raises an IndexError, so does the program.
    check_positions(g, g.emit("select", counted, wanted, g.scalar(0, label.dtype)), x.shape[axis])
    hit = g.emit("and", hit, counted)
    picked = g.emit("select", hit, g.emit("neg", g.emit("mul", value, factor)), zero)
    loss = g.reduce("sum", picked, [axis])
    if reduction == _NONE:
        return g.cast(loss, dtype)
    every = list(range(len(loss.shape)))
    total = g.reduce("sum", loss, every)
    if reduction == _MEAN:
        factors = None if weight is None else g.value(weight)
        total = g.emit("div", total, _label_weights(g, x.shape, label, ignore_index, factors, wide))
    return g.cast(total, dtype)


def _label_weights(
    g: Lowering, shape: Sequence[int], label: Any, ignored: int, weight: Any, dtype: str
) -> Any:
    """The sum of the weights of the labels that count; `weight` is a Value or None."""
    every = list(range(len(label.shape)))
    zero = g.scalar(0, dtype)
    if weight is None:
        # A look at the labels alone: the scores are many times as large.
        counted = g.compare("ne", label, g.scalar(ignored, label.dtype))
        return g.reduce("sum", g.emit("select", counted, g.scalar(1, dtype), zero), every)
    hit = _label_hits(g, shape, label, ignored)
    factor = _class_weights(g, shape, weight, dtype)
    share = g.broadcast(g.emit("select", hit, factor, zero), shape)
    # Row by row first, as the loss is summed: one kernel with it.
    return g.reduce("sum", g.reduce("sum", share, [_class_axis(shape)]), every)


def _label_hits(g: Lowering, shape: Sequence[int], label: Any, ignored: int) -> Any:
    """Where an element of scores of `shape` is that of its row's label, unless that is ignored."""
    axis = _class_axis(shape)
    column = [n if i == axis else 1 for i, n in enumerate(shape)]
    wanted = g.reshape(label, (*shape[:axis], 1, *shape[axis + 1 :]))
    hit = g.compare("eq", g.iota(column, axis, label.dtype), wanted)
    return g.emit("and", hit, g.compare("ne", wanted, g.scalar(ignored, label.dtype)))


def _class_axis(shape: Sequence[int]) -> int:
    return 0 if len(shape) == 1 else 1


def _class_weights(g: Lowering, shape: Sequence[int], weight: Any, dtype: str) -> Any:
    """A factor for each class, from a Value or None."""
    if weight is None:
        return g.scalar(1, dtype)
    column = [1] * len(shape)
    column[_class_axis(shape)] = shape[_class_axis(shape)]
    return g.reshape(g.cast(weight, dtype), column)


@lowers("aten.nll_loss_forward.default", "aten.nll_loss2d_forward.default")
def nll_loss_forward(
    g: Lowering,
    x: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor | None,
    reduction: int,
    ignore_index: int,
) -> Any:
    """The loss, and the sum of the weights of the labels, which is zero where none is needed."""
    loss = nll_loss(g, x, target, weight, reduction, ignore_index)
    dtype = dialect_dtype(x.dtype)
    label, factors = g.value(target), None if weight is None else g.value(weight)
    shape = tuple(x.shape)

    def total_weight() -> Any:
        if reduction == _NONE:
            return g.scalar(0, dtype)
        wide = accumulation_dtype(dtype)
        return g.cast(_label_weights(g, shape, label, ignore_index, factors, wide), dtype)

    return loss, Deferred(total_weight, dtype, ())


@lowers("aten.nll_loss_backward.default", "aten.nll_loss2d_backward.default")
def nll_loss_backward(
    g: Lowering,
    grad: torch.Tensor,
    x: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor | None,
    reduction: int,
    ignore_index: int,
    total_weight: torch.Tensor,
) -> Any:
    dtype, shape = dialect_dtype(x.dtype), tuple(x.shape)
    wide, axis = accumulation_dtype(dtype), _class_axis(x.shape)
    hit = _label_hits(g, shape, g.value(target), ignore_index)
    incoming = g.operand(grad, wide)
    if reduction == _NONE:
        incoming = g.reshape(incoming, (*shape[:axis], 1, *shape[axis + 1 :]))
    elif reduction == _MEAN:
        incoming = g.emit("div", incoming, g.operand(total_weight, wide))
    factors = _class_weights(g, shape, None if weight is None else g.value(weight), wide)
    result = g.emit(
        "select", hit, g.emit("neg", g.emit("mul", factors, incoming)), g.scalar(0, wide)
    )
    return g.cast(g.broadcast(result, shape), dtype)
