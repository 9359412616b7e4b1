# SPDX-License-Identifier: Apache-2.0
"""Operators of torch of which some samples do not pass, by dtype, each with its reason."""

from __future__ import annotations

__all__ = ["KNOWN_FAILURES", "KNOWN_GRADIENT_FAILURES"]

#: Operator -> dtype, or ``*`` for every one -> reason.
KNOWN_FAILURES: dict[str, dict[str, str]] = {}

#: The same of gradients.
KNOWN_GRADIENT_FAILURES: dict[str, dict[str, str]] = {
    "logcumsumexp": {"float32": "torch's formula cancels: eager is as far from float64's result"},
}
