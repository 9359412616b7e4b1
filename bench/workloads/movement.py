# SPDX-License-Identifier: Apache-2.0
"""A transpose that something elementwise follows: memory traffic in the wrong order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.workload import Sizes, Weights, Workload


def _square(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    return [rng.standard_normal((sizes["n"], sizes["n"]))]


def _transpose_add(_xp: Any, inputs: Sequence[Any], _weights: Weights) -> Any:
    return inputs[0].T + 1.0


def _torch_module(_weights: Weights) -> Any:
    import torch

    class TransposeAdd(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            # Eager would keep the transposed strides and move nothing; users get a dense result.
            return (x.T + 1.0).contiguous()

    return TransposeAdd()


WORKLOADS = (
    Workload(
        name="transpose_add",
        family="movement",
        sizes={"n": 4096},
        quick={"n": 256},
        inputs=_square,
        function=_transpose_add,
        module=_torch_module,
        tolerance=1e-6,
    ),
)
