# SPDX-License-Identifier: Apache-2.0
"""MLIR modules as programs: parsing, the entry function, and calling it with arrays."""

from __future__ import annotations

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


def parse_module(module: Any) -> Any:
    """Returns the `_compiler.Module` for text, bytecode or a module of another MLIR package.

    Raises:
        CompileError: it does not parse or verify; the location is that of the first error.
    """
    compiler = load_compiler()
    if isinstance(module, compiler.Module):
        return module
    source = module if isinstance(module, (str, bytes)) else str(module)
    try:
        parsed = compiler.Module.parse(source, compiler_context())
        parsed.verify()
    except compiler.MLIRError as error:
        raise compiler_error(error, "the MLIR module is malformed") from error
    return parsed


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
