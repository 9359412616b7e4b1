# SPDX-License-Identifier: Apache-2.0
"""Products of quantised operands: `torch._int_mm`, dynamically quantised linear layers.

The layers of `torch.ao.nn.quantized.dynamic` choose a scale and a zero point for their input at
each call, as `torch._choose_qparams_per_tensor` does, and multiply bytes; the weight is unpacked
from torch's own layout once, at the capture, and guarded by identity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from torshjit.capture.torch_lowering import Lowering, lowers
from torshjit.errors import CaptureError, ShapeError

if TYPE_CHECKING:
    from torshjit.capture.torch_dispatch import TorchTrace

__all__ = ["PACKED_PRODUCTS"]

#: Scales below it are enlarged to it.
_SMALLEST_SCALE = 6.1e-5


@lowers("aten._int_mm.default")
def int_mm(g: Lowering, left: torch.Tensor, right: torch.Tensor) -> Any:
    """(m, k) and (k, n) int8 to (m, n) int32, exactly."""
    if left.dtype != torch.int8 or right.dtype != torch.int8:
        raise g.fail(f"operands of {left.dtype} and {right.dtype}, not int8")
    if left.ndim != 2 or right.ndim != 2:
        raise ShapeError(f"{g.op}: operands of rank {left.ndim} and {right.ndim}")
    return g.emit("matmul", g.value(left), g.value(right), dtype="i32")


@lowers("aten._weight_int8pack_mm.default")
def weight_int8pack_mm(
    g: Lowering, x: torch.Tensor, weight: torch.Tensor, scales: torch.Tensor
) -> Any:
    """(m, k) floats times an int8 weight (n, k), of which each row has a scale."""
    value = g.value(x)
    wide = "f32" if value.dtype in ("f16", "bf16") else value.dtype
    product = g.emit("linear", g.cast(value, wide), g.operand(weight, wide))
    return g.cast(g.emit("mul", product, g.operand(scales, wide)), value.dtype)


def _quantised(g: Lowering, value: Any, most: int) -> tuple[Any, Any, Any]:
    """An f32 as ui8 of at most about `most`, with its f32 scale and its i32 zero point."""

    def f32(number: float) -> Any:
        return g.scalar(number, "f32")

    def f64(number: float) -> Any:
        return g.scalar(number, "f64")

    def div(left: Any, right: Any) -> Any:
        return g.emit("div", left, right)

    if 0 in value.shape:
        low = high = f32(0.0)
    else:
        # Rows first, which are many, so that all threads take part.
        rows = len(value.shape) - 1
        low = g.reduce("amin", value, [rows], keepdims=True)
        high = g.reduce("amax", value, [rows], keepdims=True)
        # No less than it was; what reads both makes one kernel of the two.
        high = g.emit("maximum", high, low)
        low = g.reduce("amin", low, list(range(rows + 1)))
        high = g.reduce("amax", high, list(range(rows + 1)))
        low, high = g.emit("minimum", low, f32(0.0)), g.emit("maximum", high, f32(0.0))
    span = g.emit("sub", g.cast(high, "f64"), g.cast(low, "f64"))
    scale = div(span, f64(float(most)))
    narrow = g.cast(scale, "f32")
    # A reciprocal that is infinite stands for a scale of zero, too.
    inverse = g.emit("abs", div(f32(1.0), narrow))
    scale = g.emit("select", g.compare("eq", inverse, f32(float("inf"))), f64(0.1), scale)
    # The smallest scale as the float that torch takes it from; the range grows with it.
    least = float(torch.tensor(_SMALLEST_SCALE, dtype=torch.float32))
    is_small = g.compare("lt", scale, f64(least))
    growth = div(f32(least), g.cast(scale, "f32"))
    zero = f32(0.0)
    low_is_zero, high_is_zero = g.compare("eq", low, zero), g.compare("eq", high, zero)
    reach = f32(least * most)
    grown_high = g.emit("select", high_is_zero, high, g.emit("mul", high, growth))
    grown_high = g.emit("select", low_is_zero, reach, grown_high)
    grown_low = g.emit("select", low_is_zero, low, g.emit("mul", low, growth))
    is_negative = g.emit("and", high_is_zero, g.emit("not", low_is_zero))
    grown_low = g.emit("select", is_negative, g.emit("neg", reach), grown_low)
    low, high = (
        g.cast(g.emit("select", is_small, grown, kept), "f64")
        for grown, kept in ((grown_low, low), (grown_high, high))
    )
    scale = g.emit("select", is_small, f64(least), scale)

    from_low, from_high = div(low, scale), div(high, scale)
    error_low = g.emit("neg", g.emit("abs", from_low))
    error_high = g.emit("sub", f64(float(most)), g.emit("abs", from_high))
    zero_point = g.emit(
        "select",
        g.compare("lt", error_low, error_high),
        g.emit("neg", from_low),
        g.emit("sub", f64(float(most)), from_high),
    )
    zero_point = g.emit("round", zero_point)
    zero_point = g.emit("minimum", g.emit("maximum", zero_point, f64(0.0)), f64(float(most)))

    scale = g.cast(scale, "f32")
    shifted = g.emit("mul", value, div(f32(1.0), scale))
    shifted = g.emit("round", g.emit("add", shifted, g.cast(zero_point, "f32")))
    cut = g.emit("minimum", g.emit("maximum", shifted, f32(0.0)), f32(255.0))
    return g.cast(cut, "ui8"), scale, g.cast(zero_point, "i32")


def _linear_dynamic(is_rectified: bool) -> Callable[..., Any]:
    def handle(trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        g, named = trace.g, dict(kwargs)
        for argument, value in zip(func._schema.arguments, args, strict=False):
            named[argument.name] = value
        x, packed = named["X"], named["W_prepack"]
        weight, bias = packed.unpack()
        if weight.dtype != torch.qint8 or x.dtype != torch.float32:
            raise CaptureError(f"{g.op}: a weight of {weight.dtype} and an input of {x.dtype}")
        if weight.qscheme() == torch.per_tensor_affine:
            scales = torch.tensor(weight.q_scale(), dtype=torch.float32)
            zeros = torch.tensor(weight.q_zero_point(), dtype=torch.int32)
        elif weight.qscheme() == torch.per_channel_affine and weight.q_per_channel_axis() == 0:
            scales = weight.q_per_channel_scales().float()
            zeros = weight.q_per_channel_zero_points().int()
        else:
            raise CaptureError(f"{g.op}: a weight of scheme {weight.qscheme()}")
        if x.ndim < 2 or x.shape[-1] != weight.shape[1]:
            raise ShapeError(f"{g.op}: {tuple(x.shape)} times a weight of {tuple(weight.shape)}")

        def held(tensor: torch.Tensor, name: str) -> Any:
            if tensor.ndim == 0:
                return g.constant(tensor)
            return trace.hold(tensor.detach().contiguous(), f"{g.op}.{name}")

        most = 127 if named.get("reduce_range", False) else 255
        value, scale, zero_point = _quantised(g, g.value(x), most)
        bytes_of = weight.int_repr()
        stored = held(bytes_of, "weight")
        if bool((zeros == 0).all()):
            # What the input's zero point adds, less by sums that are those of the weight alone.
            sums = held(bytes_of.sum(1, dtype=torch.int32), "sums")
            total = g.emit("linear", value, stored, dtype="i32")
            total = g.emit("sub", total, g.emit("mul", sums, zero_point))
        else:
            taken = held(zeros.reshape(-1, 1) if zeros.ndim else zeros, "zeros")
            centred = g.emit("sub", g.cast(value, "i32"), zero_point)
            total = g.emit("linear", centred, g.emit("sub", g.cast(stored, "i32"), taken))
        factor = g.emit("mul", held(scales, "scales"), scale)
        result = g.emit("mul", g.cast(total, "f32"), factor)
        if bias is not None:
            result = g.emit("add", result, held(bias.float(), "bias"))
        if is_rectified:
            result = g.emit("relu", result)
        return trace.wrap(result)

    return handle


#: Handlers of calls whose weight is an object of torch's own.
PACKED_PRODUCTS = {
    "quantized.linear_dynamic.default": _linear_dynamic(is_rectified=False),
    "quantized.linear_relu_dynamic.default": _linear_dynamic(is_rectified=True),
}
