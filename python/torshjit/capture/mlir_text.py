# SPDX-License-Identifier: Apache-2.0
"""MLIR modules as programs: parsing, the entry function, and calling it with arrays."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np

from torshjit.capture.dlpack_arrays import is_dlpack_array
from torshjit.capture.graph_function import (
    ArgumentBinding,
    ArrayLeaf,
    CapturedProgram,
    ResultLeaf,
)
from torshjit.compiler_cache import compiler_context, compiler_error, load_compiler
from torshjit.errors import CompileError, ShapeError

__all__ = ["bind_module", "entry_function", "parse_module"]

#: What MLIR's bytecode says of the version that wrote it, where the compiler is of that version.
_PRODUCER = b"MLIR22."


def parse_module(module: Any) -> Any:
    """Returns the `_compiler.Module` for text, bytecode or a module of another MLIR package.

    Operations of MLIR's own dialects have become those of torsh.

    Raises:
        CompileError: it does not parse or verify, or cannot be imported; the location is that of
            the first error.
    """
    compiler = load_compiler()
    parsed = module if isinstance(module, compiler.Module) else _parsed(compiler, module)
    try:
        return compiler.capture(parsed)
    except compiler.MLIRError as error:
        raise compiler_error(error, "the MLIR module cannot be imported") from error


def _parsed(compiler: Any, module: Any) -> Any:
    context = compiler_context()
    failure: Exception | None = None
    for source in _sources(module):
        try:
            parsed = compiler.Module.parse(source(), context)
            parsed.verify()
        except compiler.MLIRError as error:
            # What another version of MLIR prints in its own form may parse in the generic one.
            failure = failure or error
        else:
            return parsed
    assert failure is not None
    raise compiler_error(failure, "the MLIR module is malformed") from failure


def _sources(module: Any) -> list[Callable[[], str | bytes]]:
    """The forms in which a program is handed over, the first that parses is taken."""
    if isinstance(module, (str, bytes)):
        return [lambda: module]
    operation = getattr(module, "operation", module)
    forms: list[Callable[[], str | bytes]] = []
    if hasattr(operation, "write_bytecode"):
        bytecode = _bytecode(operation)
        # Bytecode of another version is refused, or worse.
        if bytecode[4:64].split(b"\0")[0].lstrip(bytes(range(32))).startswith(_PRODUCER):
            forms.append(lambda: bytecode)
    forms.append(lambda: str(operation))
    if hasattr(operation, "get_asm"):
        forms.append(lambda: operation.get_asm(print_generic_op_form=True))
    return forms


def _bytecode(operation: Any) -> bytes:
    stream = io.BytesIO()
    operation.write_bytecode(stream)
    return stream.getvalue()


def entry_function(module: Any) -> str:
    """Returns the name of the function that a call runs: ``main``, or the only one.

    Raises:
        CompileError: there is no function, or there are several and none is ``main``.
    """
    names = module.functions()
    if "main" in names:
        return "main"
    if len(names) == 1:
        return names[0]
    if not names:
        raise CompileError("the MLIR module has no function")
    raise CompileError(
        f"the MLIR module has functions {', '.join(names)}; call the one to run @main"
    )


def flat_graph(module: Any, name: str) -> Any:
    """Returns the operations of the function `name` in the form that Python reads.

    Raises:
        CompileError: it holds something that is not an operation on tensors.
    """
    try:
        return module.graph(name)
    except ValueError as error:
        # Its text begins with the operation's name.
        op = str(error).partition(" ")[0]
        raise CompileError(f"@{name} cannot be compiled: {error}", op=op) from error


def bind_module(module: Any, args: tuple, kwargs: dict) -> CapturedProgram:
    """Returns the program of a module, called with one array per input.

    Results are what the first argument is, a torch tensor, a tensor of DLPack or a NumPy array: a
    single one, or a tuple.

    Raises:
        ShapeError: the number of arguments is wrong.
        CompileError: the function holds something that is not an operation on tensors.
    """
    name = entry_function(module)
    graph = flat_graph(module, name)
    if kwargs or len(args) != len(graph.inputs):
        raise ShapeError(
            f"@{name} takes {len(graph.inputs)} positional arguments, got {len(args)}"
            + (f" and keywords {', '.join(kwargs)}" if kwargs else "")
        )
    first: Any = _kind(args[0]) if args else "numpy"
    leaves = tuple(
        ArrayLeaf(_kind(value), each.dtype, tuple(each.shape))
        for value, each in zip(args, graph.inputs, strict=True)
    )
    outputs = [ResultLeaf(index) for index in range(len(graph.outputs))]
    names = [given or f"argument {index}" for index, given in enumerate(graph.input_names)]
    return CapturedProgram(
        module=module,
        args_tree=(leaves, {}),
        bindings=[ArgumentBinding(index) for index in range(len(leaves))],
        output_tree=outputs[0] if len(outputs) == 1 else tuple(outputs),
        output_kind="numpy" if first == "scalar" else first,
        source_names=names,
        entry=name,
    )


def _kind(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return "numpy"
    if isinstance(value, np.generic):
        return "scalar"
    return "dlpack" if is_dlpack_array(value) else "torch"
