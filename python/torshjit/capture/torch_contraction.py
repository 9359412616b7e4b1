# SPDX-License-Identifier: Apache-2.0
"""ATen matrix products and convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from torshjit.capture.matrix_product import matrix_product
from torshjit.capture.torch_lowering import (
    Lowering,
    accumulation_dtype,
    dialect_dtype,
    is_float,
    lowers,
)
from torshjit.capture.transposed_convolution import transposed_convolution
from torshjit.errors import DTypeError, ShapeError

__all__: list[str] = []

Number = bool | int | float


def _common_dtype(g: Lowering, *tensors: torch.Tensor | None) -> str:
    """The one element type of the operands, which torch does not promote in contractions."""
    dtypes = {tensor.dtype for tensor in tensors if tensor is not None}
    if len(dtypes) > 1:
        names = ", ".join(sorted(map(str, dtypes)))
        raise DTypeError(f"{g.op}: the operands have different dtypes: {names}")
    dtype = dialect_dtype(dtypes.pop())
    if dtype == "i1":
        raise DTypeError(f"{g.op}: bool tensors are not supported")
    return dtype


# Matrix products.


@lowers("aten.linear.default")
def linear(
    g: Lowering, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
) -> Any:
    dtype = _common_dtype(g, x, weight, bias)
    if weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
        product = matrix_product(g, g.value(x), _transposed(g, g.value(weight)))
        return product if bias is None else g.emit("add", product, g.operand(bias, dtype))
    value = g.value(x)
    if x.ndim == 1:
        row = g.reshape(value, (1, *value.shape))
        result = g.emit("linear", row, g.value(weight), g.optional(bias, dtype))
        return g.reshape(result, result.shape[1:])
    return g.emit("linear", value, g.value(weight), g.optional(bias, dtype))


def _transposed(g: Lowering, value: Any) -> Any:
    return g.swap_last(value) if len(value.shape) > 1 else value


@lowers(
    "aten.matmul.default",
    "aten.mm.default",
    "aten.bmm.default",
    "aten.mv.default",
    "aten.dot.default",
    "aten.vdot.default",
)
def matmul(g: Lowering, left: torch.Tensor, right: torch.Tensor) -> Any:
    _common_dtype(g, left, right)
    ranks = {"mm": (2, 2), "bmm": (3, 3), "mv": (2, 1), "dot": (1, 1), "vdot": (1, 1)}
    expected = ranks.get((g.op or "").split(".")[1])
    if expected is not None and (left.ndim, right.ndim) != expected:
        raise ShapeError(f"{g.op}: operands of rank {left.ndim} and {right.ndim}")
    return matrix_product(g, g.value(left), g.value(right))


def _add_product(
    g: Lowering, addend: torch.Tensor, product: Any, beta: Number, alpha: Number
) -> Any:
    dtype = product.dtype
    wide = dtype if beta == 1 and alpha == 1 else accumulation_dtype(dtype)
    if not is_float(dtype) and (isinstance(beta, float) or isinstance(alpha, float)):
        raise DTypeError(f"{g.op}: float factors need float tensors")
    result = g.cast(product, wide)
    if alpha != 1:
        result = g.emit("mul", result, g.scalar(alpha, wide))
    # A factor of zero ignores the addend, NaN included.
    if beta != 0:
        term = g.operand(addend, wide)
        if beta != 1:
            term = g.emit("mul", term, g.scalar(beta, wide))
        result = g.emit("add", result, term)
    return g.cast(result, dtype)


@lowers("aten.addmm.default", "aten.addmv.default", "aten.baddbmm.default")
def addmm(
    g: Lowering,
    addend: torch.Tensor,
    left: torch.Tensor,
    right: torch.Tensor,
    beta: Number = 1,
    alpha: Number = 1,
) -> Any:
    dtype = _common_dtype(g, addend, left, right)
    # Rounded once, as in eager; without factors the sum stays in the operands' type to be fused.
    wide = dtype if beta == 1 and alpha == 1 else accumulation_dtype(dtype)
    product = matrix_product(g, g.operand(left, wide), g.operand(right, wide))
    return g.cast(_add_product(g, addend, product, beta, alpha), dtype)


@lowers("aten.addbmm.default")
def addbmm(
    g: Lowering,
    addend: torch.Tensor,
    left: torch.Tensor,
    right: torch.Tensor,
    beta: Number = 1,
    alpha: Number = 1,
) -> Any:
    dtype = _common_dtype(g, addend, left, right)
    wide = accumulation_dtype(dtype)
    product = g.emit("matmul", g.operand(left, wide), g.operand(right, wide))
    total = g.cast(g.reduce("sum", product, [0]), dtype)
    return _add_product(g, addend, total, beta, alpha)


@lowers(
    "aten.outer.default",
)
def outer(g: Lowering, left: torch.Tensor, right: torch.Tensor) -> Any:
    column = g.reshape(g.value(left), (left.shape[0], 1))
    dtype = dialect_dtype(torch.result_type(left, right))
    return g.emit("mul", g.cast(column, dtype), g.operand(right, dtype))


# Convolutions.


def _per_axis(numbers: int | Sequence[int], axes: int) -> list[int]:
    if isinstance(numbers, int):
        return [numbers] * axes
    return list(numbers) * axes if len(numbers) == 1 else list(numbers)


def _conv(
    g: Lowering,
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    stride: int | Sequence[int],
    low: Sequence[int],
    high: Sequence[int],
    dilation: int | Sequence[int],
    groups: int,
) -> Any:
    dtype = _common_dtype(g, x, weight, bias)
    axes = weight.ndim - 2
    value = g.value(x)
    single = x.ndim == weight.ndim - 1
    if single:
        value = g.reshape(value, (1, *value.shape))
    result = g.emit(
        "conv",
        value,
        g.value(weight),
        g.optional(bias, dtype),
        stride=_per_axis(stride, axes),
        padding_low=list(low),
        padding_high=list(high),
        dilation=_per_axis(dilation, axes),
        groups=groups,
    )
    return g.reshape(result, result.shape[1:]) if single else result


@lowers("aten.conv1d.default", "aten.conv2d.default", "aten.conv3d.default")
def conv(
    g: Lowering,
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Any:
    margin = _per_axis(padding, weight.ndim - 2)
    return _conv(g, x, weight, bias, stride, margin, margin, dilation, groups)


@lowers("aten.conv1d.padding", "aten.conv2d.padding", "aten.conv3d.padding")
def conv_named_padding(
    g: Lowering,
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: str = "valid",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Any:
    axes = weight.ndim - 2
    total = [0] * axes
    if padding == "same":
        if any(step != 1 for step in _per_axis(stride, axes)):
            raise ShapeError(f"{g.op}: padding 'same' needs a stride of 1")
        steps = _per_axis(dilation, axes)
        total = [step * (window - 1) for step, window in zip(steps, weight.shape[2:], strict=True)]
    low = [margin // 2 for margin in total]
    high = [margin - margin // 2 for margin in total]
    return _conv(g, x, weight, bias, stride, low, high, dilation, groups)


@lowers(
    "aten.conv_transpose1d.default",
    "aten.conv_transpose2d.input",
    "aten.conv_transpose3d.input",
)
def conv_transposed(
    g: Lowering,
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Any:
    dtype = _common_dtype(g, x, weight, bias)
    axes = weight.ndim - 2
    value = g.value(x) if x.ndim == weight.ndim else g.reshape(g.value(x), (1, *x.shape))
    if len(value.shape) != weight.ndim or value.shape[1] != weight.shape[0]:
        raise ShapeError(
            f"{g.op}: weights of shape {tuple(weight.shape)} for an input of {tuple(x.shape)}"
        )
    if 0 in (*x.shape, *weight.shape):
        raise g.fail("empty tensors are not covered")
    strides, paddings = _per_axis(stride, axes), _per_axis(padding, axes)
    dilations = _per_axis(dilation, axes)
    extents = [
        (n - 1) * s - 2 * p + d * (w - 1) + 1 + extra
        for n, w, s, p, d, extra in zip(
            value.shape[2:],
            weight.shape[2:],
            strides,
            paddings,
            dilations,
            _per_axis(output_padding, axes),
            strict=True,
        )
    ]
    result = transposed_convolution(
        g,
        value,
        g.value(weight),
        g.optional(bias, dtype),
        strides,
        paddings,
        dilations,
        groups,
        extents,
    )
    return result if x.ndim == weight.ndim else g.reshape(result, result.shape[1:])


@lowers("aten.convolution.default", "aten._convolution.default", "aten._convolution.deprecated")
def convolution(
    g: Lowering,
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
    *flags: bool,
) -> Any:
    if transposed:
        return conv_transposed(
            g, x, weight, bias, stride, padding, output_padding, groups, dilation
        )
    return conv(g, x, weight, bias, stride, padding, dilation, groups)
