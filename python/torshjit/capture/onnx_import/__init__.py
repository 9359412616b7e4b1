# SPDX-License-Identifier: Apache-2.0
"""ONNX models as programs."""

from __future__ import annotations

__all__: list[str] = []
