# SPDX-License-Identifier: Apache-2.0
"""ATen's gradients of reads at positions that are data."""

from __future__ import annotations

from typing import Any

import torch

from torshjit.capture.torch_lowering import Lowering, accumulation_dtype, dialect_dtype, lowers

__all__: list[str] = []


@lowers("aten.embedding_dense_backward.default")
def embedding_dense_backward(
    g: Lowering,
    grad: torch.Tensor,
    indices: torch.Tensor,
    num_weights: int,
    padding_idx: int,
    scale_grad_by_freq: bool,
) -> Any:
    """Sums the rows of `grad`, (indices..., width), that belong to each row of the table."""
    dtype = dialect_dtype(grad.dtype)
    wide = accumulation_dtype(dtype)
    count, width = indices.numel(), grad.shape[-1]
    zeros = g.broadcast(g.scalar(0, wide), (num_weights, width))
    if count == 0 or width == 0:
        return g.cast(zeros, dtype)
    places = g.cast(g.reshape(g.value(indices), (count,)), "i64")
    rows = g.reshape(g.operand(grad, wide), (count, width))
    if scale_grad_by_freq:
        ones = g.broadcast(g.scalar(1, wide), (count,))
        none = g.broadcast(g.scalar(0, wide), (num_weights,))
        frequency = g.gather(g.scatter(none, ones, [places], [0], "add"), [places], [0])
        rows = g.emit("div", rows, g.reshape(frequency, (count, 1)))
    if padding_idx >= 0:
        is_padding = g.compare("eq", places, g.scalar(padding_idx, "i64"))
        rows = g.emit("select", g.reshape(is_padding, (count, 1)), g.scalar(0, wide), rows)
    return g.cast(g.scatter(zeros, rows, [places], [0], "add"), dtype)
