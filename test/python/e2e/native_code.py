# SPDX-License-Identifier: Apache-2.0
"""Compilation to code and to nothing else, whatever the environment says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import torshjit

if TYPE_CHECKING:
    from torshjit._compiler import Module


def compile_natively(
    module: Module, *, target_device: str = "cpu", **options: Any
) -> torshjit.CompiledModule:
    """`module` compiled for a target; what cannot be compiled raises."""
    settings = {"strict": True, "numerics": "strict", **options}
    return torshjit.compile(module, target_device=target_device, **settings)


def run_natively(module: Module, inputs: Sequence[np.ndarray], **options: Any) -> list[np.ndarray]:
    """The outputs of `module`, each as an array; checks that a second call gives the same bits.

    `options` are those of `compile_natively`.
    """
    compiled = compile_natively(module, **options)
    first, second = (_as_list(compiled(*inputs)) for _ in range(2))
    assert not compiled.stats()["fallback_ops"]
    for result, again in zip(first, second, strict=True):
        assert result.dtype == again.dtype
        assert result.shape == again.shape
        assert result.tobytes() == again.tobytes(), "two calls gave different results"
    return first


def _as_list(result: Any) -> list[np.ndarray]:
    return [np.asarray(part) for part in (result if isinstance(result, tuple) else (result,))]
