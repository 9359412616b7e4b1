# SPDX-License-Identifier: Apache-2.0
"""What an ONNX model looks like from outside; loads nothing."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["is_onnx_bytes", "is_onnx_file", "is_onnx_model"]


def is_onnx_model(value: Any) -> bool:
    """Whether `value` is an `onnx.ModelProto`; does not import onnx."""
    kind = type(value)
    return kind.__name__ == "ModelProto" and kind.__module__.split(".")[0].startswith("onnx")


def is_onnx_file(value: Any) -> bool:
    """Whether `value` is the path of an ONNX file, by its ending."""
    if isinstance(value, str) and "\n" in value:
        return False
    return isinstance(value, (str, os.PathLike)) and os.fspath(value).endswith((".onnx", ".pb"))


def is_onnx_bytes(value: Any) -> bool:
    """Whether `value` may be a serialized model, which begins with the field `ir_version`.

    MLIR bytecode begins with ``ML``, and MLIR text with a printable character or a blank.
    """
    return isinstance(value, bytes) and value[:1] == b"\x08"
