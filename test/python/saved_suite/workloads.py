# SPDX-License-Identifier: Apache-2.0
"""Programs that are timed beside torch, with what each one moves and computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

__all__ = ["WORKLOADS", "Workload", "example_inputs"]


@dataclass(frozen=True)
class Workload:
    """A function over tensors of one element type, as it is written for torch.

    Attributes:
        shapes: of the arguments, for a factor of 1; every extent is multiplied by the factor.
        flops: of a call, by the argument's extents; 0 where memory is what takes the time.
    """

    name: str
    function: Callable[..., Any]
    dtype: torch.dtype
    shapes: tuple[tuple[int, ...], ...]
    flops: Callable[[Any], float] = lambda inputs: 0.0

    def moved_bytes(self, inputs: Any, result: Any) -> float:
        """What a call reads and writes at least."""
        return float(sum(t.numel() * t.element_size() for t in (*inputs, result)))


def _product_flops(inputs: Any) -> float:
    return 2.0 * inputs[0].numel() * inputs[1].shape[-1]


def _chain(x: Any, y: Any) -> Any:
    return torch.tanh(x * 0.5 + y) * torch.sigmoid(x) + y


_F32, _BF16 = torch.float32, torch.bfloat16
_SQUARE = ((64, 64),)

#: In the shapes of a factor of 1; the timings on a GPU take 64 or 128.
WORKLOADS = (
    Workload("add", torch.add, _F32, _SQUARE * 2),
    Workload("chain of 6", _chain, _F32, _SQUARE * 2),
    Workload("sum of rows", lambda x: x.sum(1), _F32, _SQUARE),
    Workload("sum of columns", lambda x: x.sum(0), _F32, _SQUARE),
    Workload("softmax", lambda x: torch.softmax(x, -1), _F32, _SQUARE),
    Workload("softmax", lambda x: torch.softmax(x, -1), _BF16, _SQUARE),
    Workload(
        "layer norm", lambda x, w, b: F.layer_norm(x, w.shape, w, b), _F32, ((64, 64), (64,), (64,))
    ),
    Workload("transpose and add", lambda x, y: x.t() + y, _F32, _SQUARE * 2),
    Workload("matmul", torch.matmul, _F32, _SQUARE * 2, _product_flops),
    Workload("matmul", torch.matmul, _BF16, _SQUARE * 2, _product_flops),
    Workload(
        "matmul, bias, gelu",
        lambda x, w, b: F.gelu(x @ w + b),
        _BF16,
        ((64, 64), (64, 64), (64,)),
        _product_flops,
    ),
)


def example_inputs(workload: Workload, factor: int, device: str = "cpu") -> list[torch.Tensor]:
    """Normally distributed arguments, the same in every run on one kind of device."""
    torch.manual_seed(0)
    return [
        torch.randn([extent * factor for extent in shape], device=device).to(workload.dtype)
        for shape in workload.shapes
    ]
