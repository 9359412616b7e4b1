# SPDX-License-Identifier: Apache-2.0
"""Operators of torch of which some samples do not pass, by dtype, each with its reason."""

from __future__ import annotations

__all__ = ["KNOWN_FAILURES", "KNOWN_GRADIENT_FAILURES"]

_TIES = "which of equal elements comes first is left open, and is another in eager torch"
_ORDER = "sums that cancel, taken in another order: the error is a few units of the largest term"

#: Operator -> dtype, or ``*`` for every one -> reason.
KNOWN_FAILURES: dict[str, dict[str, str]] = {
    "argsort": {"bfloat16": _TIES, "bool": _TIES},
    "baddbmm": {"bfloat16": _ORDER},
    "kthvalue": {"int64": _TIES},
    "mode": {"bfloat16": _TIES, "bool": _TIES, "int64": _TIES},
    "native_batch_norm": {"bfloat16": "the statistics of half types are kept in f32"},
    "nn.functional.conv_transpose3d": {"float32": _ORDER},
    "sort": {"bfloat16": _TIES, "bool": _TIES},
    "topk": {"bfloat16": _TIES, "int64": _TIES},
}

#: The same of gradients.
KNOWN_GRADIENT_FAILURES: dict[str, dict[str, str]] = {
    "logcumsumexp": {"float32": "torch's formula cancels: eager is as far from float64's result"},
    # AOTAutograd copies the incoming gradient into memory with the strides of the result.
    "unfold": {"float32": "windows overlap in torch's copy of the gradient, with every backend"},
}
