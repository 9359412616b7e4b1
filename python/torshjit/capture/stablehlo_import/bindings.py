# SPDX-License-Identifier: Apache-2.0
"""The MLIR package that reads StableHLO: that of jaxlib."""

from __future__ import annotations

import functools
import re
from typing import Any

from torshjit.errors import CompileError, ConfigError

__all__ = ["load_bindings", "parse_stablehlo"]

#: The lines that MLIR's parser names in its messages.
_LINE = re.compile(r'"?-"?:(\d+):(\d+)')


@functools.cache
def load_bindings() -> tuple[Any, Any]:
    """Returns the modules `ir` and `stablehlo` of jaxlib.

    Raises:
        ConfigError: jaxlib is not installed.
    """
    try:
        from jaxlib.mlir import ir
        from jaxlib.mlir.dialects import chlo, stablehlo  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"StableHLO is read with the package jaxlib, which cannot be loaded ({error}); "
            "install it with: pip install jaxlib"
        ) from error
    return ir, stablehlo


def _new_context() -> Any:
    from jaxlib.mlir._mlir_libs import _jax_mlir_ext
    from jaxlib.mlir.dialects import chlo, stablehlo

    ir, _ = load_bindings()
    context = ir.Context()
    registry = ir.DialectRegistry()
    _jax_mlir_ext.register_dialects(registry)
    context.append_dialect_registry(registry)
    stablehlo.register_dialect(context)
    chlo.register_dialect(context)
    # Annotations of other dialects (sharding, layouts) are read over.
    context.allow_unregistered_dialects = True
    return context


def parse_stablehlo(program: Any) -> Any:
    """Returns jaxlib's module for text, bytecode, or a module object of any MLIR package.

    Raises:
        CompileError: it does not parse or verify.
        ConfigError: jaxlib is not installed.
    """
    ir, stablehlo = load_bindings()
    if isinstance(program, ir.Module):
        return program
    source = program if isinstance(program, (str, bytes)) else str(program)
    context = _new_context()
    try:
        with context:
            if isinstance(source, bytes) and b"StableHLO" in source[4:64]:
                return stablehlo.deserialize_portable_artifact(context, source)
            return ir.Module.parse(source, context)
    except (ir.MLIRError, ValueError) as error:
        message = str(error)
        found = _LINE.search(message)
        location = ("-", int(found.group(1))) if found else None
        raise CompileError(
            f"the StableHLO module is malformed: {message}", location=location
        ) from error
