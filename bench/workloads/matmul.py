# SPDX-License-Identifier: Apache-2.0
"""Matrix products: square, wide, and the thin ones of inference, with a constant right side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.workload import Sizes, Weights, Workload


def _left(rng: np.random.Generator, sizes: Sizes) -> list[np.ndarray]:
    return [rng.standard_normal((sizes["m"], sizes["k"]))]


def _right(rng: np.random.Generator, sizes: Sizes) -> Weights:
    return {"w": rng.standard_normal((sizes["k"], sizes["n"])) / np.sqrt(sizes["k"])}


def _matmul(_xp: Any, inputs: Sequence[Any], weights: Weights) -> Any:
    return inputs[0] @ weights["w"]


def _flops(sizes: Sizes) -> float:
    return 2.0 * sizes["m"] * sizes["n"] * sizes["k"]


def _product(m: int, n: int, k: int, quick: tuple[int, int, int]) -> Workload:
    name = f"matmul_{m}" if m == n == k else f"matmul_{m}x{n}x{k}"
    return Workload(
        name=name,
        family="matmul",
        sizes={"m": m, "n": n, "k": k},
        quick=dict(zip("mnk", quick, strict=True)),
        inputs=_left,
        weights=_right,
        function=_matmul,
        flops=_flops,
    )


_BF16 = Workload(
    name="matmul_1024_bf16",
    family="matmul",
    sizes={"m": 1024, "n": 1024, "k": 1024},
    quick={"m": 64, "n": 64, "k": 64},
    inputs=_left,
    weights=_right,
    function=_matmul,
    flops=_flops,
    dtype="bfloat16",
    tolerance=2e-2,
    without={
        "numpy": "NumPy has no bfloat16 of its own",
        "torshjit-numpy": "NumPy has no bfloat16 of its own",
        "onnxruntime": "the CPU provider has no bfloat16 matrix product",
        "openvino": "its bfloat16 is a hint on float32 programs: other roundings",
    },
)

WORKLOADS = (
    _product(1024, 1024, 1024, (64, 64, 64)),
    _product(2048, 2048, 2048, (128, 128, 128)),
    _product(512, 4096, 4096, (32, 256, 256)),
    _product(1, 4096, 4096, (1, 256, 256)),
    _product(8, 4096, 4096, (8, 256, 256)),
    _BF16,
)
