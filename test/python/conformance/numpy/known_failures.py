# SPDX-License-Identifier: Apache-2.0
"""Cases that do not give what NumPy gives, each with its reason."""

from __future__ import annotations

__all__ = ["KNOWN_FAILURES"]

KNOWN_FAILURES: dict[str, str] = {}
