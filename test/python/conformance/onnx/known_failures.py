# SPDX-License-Identifier: Apache-2.0
"""Node cases of ONNX that do not pass, each with its reason."""

from __future__ import annotations

__all__ = ["KNOWN_FAILURES", "UNSTEADY"]

_RANDOM = "the expected numbers are of NumPy's generator, and no seed is given"
_ZERO = "where the result is zero, what is expected is a rounding error above the tolerance"
_HALF = "one unit in the last place of f16: what is between is kept in f32 and rounded once"

KNOWN_FAILURES: dict[str, str] = {
    "test_attention_4d_causal_fp16": _HALF,
    "test_attention_4d_causal_fp16_expanded": _HALF,
    "test_bernoulli": _RANDOM,
    "test_bernoulli_double": _RANDOM,
    "test_bernoulli_double_expanded": _RANDOM,
    "test_bernoulli_expanded": _RANDOM,
    "test_bernoulli_seed": _RANDOM,
    "test_bernoulli_seed_expanded": _RANDOM,
    "test_dft_inverse": _ZERO,
    "test_dft_inverse_opset19": _ZERO,
}

#: Those that pass now and then.
UNSTEADY = frozenset(name for name, reason in KNOWN_FAILURES.items() if reason == _RANDOM)
