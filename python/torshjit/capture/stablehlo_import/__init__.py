# SPDX-License-Identifier: Apache-2.0
"""StableHLO modules, such as jax lowers its functions to, as programs."""

from __future__ import annotations

__all__: list[str] = []
