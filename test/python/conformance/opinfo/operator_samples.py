# SPDX-License-Identifier: Apache-2.0
"""torch's operators and the samples that torch tests each with."""

from __future__ import annotations

import functools
import random
import warnings
from typing import Any

import numpy as np
import torch

__all__ = ["SEED", "all_operators", "family_of", "key_of", "samples_of"]

SEED = 20260

_PREFIXES = ("nn.functional", "linalg", "special", "fft", "masked", "signal.windows")
_CLASSES = {
    "UnaryUfuncInfo": "elementwise, unary",
    "BinaryUfuncInfo": "elementwise, binary",
    "ReductionOpInfo": "reductions",
    "ShapeFuncInfo": "other",
    "SpectralFuncInfo": "fft",
}


@functools.cache
def all_operators() -> dict[str, Any]:
    """Every entry of torch's `op_db` by `key_of`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db
    return {key_of(op): op for op in op_db}


def key_of(op: Any) -> str:
    """The name of an entry with its variant: ``linalg.norm.subgradients_at_zero``."""
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name


def family_of(op: Any) -> str:
    """The family that the table of results counts an operator in."""
    for prefix in _PREFIXES:
        if op.name.startswith(prefix + "."):
            return prefix
    return _CLASSES.get(type(op).__name__, "other")


def samples_of(op: Any, dtype: torch.dtype, requires_grad: bool = False) -> list[Any]:
    """The operator's samples for a dtype on the CPU, the same at every call."""
    torch.manual_seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - torch's samples draw from it
    random.seed(SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(op.sample_inputs("cpu", dtype, requires_grad=requires_grad))
