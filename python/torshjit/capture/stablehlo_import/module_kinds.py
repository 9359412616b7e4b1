# SPDX-License-Identifier: Apache-2.0
"""What StableHLO looks like from outside; loads nothing."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["is_jitted_function", "is_lowered_function", "is_stablehlo", "is_stablehlo_bytes"]

#: An operation of the dialects that jax lowers to, in its own or the generic form.
_OPERATION = re.compile(r"(?:^|[\s\"(=])(?:stablehlo|chlo)\.\w", re.MULTILINE)


def is_stablehlo_bytes(value: Any) -> bool:
    """Whether `value` is MLIR bytecode of StableHLO, or its portable form."""
    if not isinstance(value, bytes) or not value.startswith(b"ML\xefR"):
        return False
    producer = value[4:64]
    return b"StableHLO" in producer or b"\x00stablehlo\x00" in value or b"\x00vhlo\x00" in value


def is_lowered_function(value: Any) -> bool:
    """Whether `value` is what ``jax.jit(f).lower(...)`` or ``jax.export.export`` returns."""
    kind = type(value)
    if not kind.__module__.startswith("jax"):
        return False
    return hasattr(kind, "compiler_ir") or hasattr(value, "mlir_module_serialized")


def is_jitted_function(value: Any) -> bool:
    """Whether `value` is what ``jax.jit`` returns."""
    kind = type(value)
    return kind.__name__ == "PjitFunction" and callable(getattr(value, "lower", None))


def is_stablehlo(value: Any) -> bool:
    """Whether `value` is a StableHLO module: text, bytecode, or a module object of jaxlib."""
    if isinstance(value, str):
        return _OPERATION.search(value) is not None
    if isinstance(value, bytes):
        return is_stablehlo_bytes(value)
    kind = type(value)
    if kind.__name__ != "Module" or not hasattr(value, "operation"):
        return False
    return _OPERATION.search(str(value)) is not None
