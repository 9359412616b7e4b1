# SPDX-License-Identifier: Apache-2.0
"""Models that do not pass, each with its reason."""

from __future__ import annotations

__all__ = ["KNOWN_FAILURES"]

KNOWN_FAILURES: dict[str, str] = {}
