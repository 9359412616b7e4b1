# SPDX-License-Identifier: Apache-2.0
"""Walks the functions of a StableHLO module and builds torsh operations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from torshjit.capture.host_loops import InnerProgram
from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.capture.onnx_import.operations import Operations
from torshjit.capture.stablehlo_import.handlers import load_handlers
from torshjit.capture.stablehlo_import.known_values import Known, evaluate_known
from torshjit.capture.stablehlo_import.operation import HloOp, line_of, tensor_type
from torshjit.errors import CompileError, TorshError, UnsupportedOpError
from torshjit.host_functions import HostFunction

__all__ = ["ModuleImport", "import_module"]

#: Functions that call each other deeper than this do not end.
_DEEPEST_CALL = 64

#: Loops in loops and calls in calls are unrolled up to so many operations.
_MOST_OPERATIONS = 100_000


class ModuleImport(Operations):
    """Imports the operations of a module's functions; calls are inlined.

    Attributes:
        functions: jaxlib's operations of the functions, by name.
    """

    def __init__(self, module: Any, compiler: Any, context: Any) -> None:
        super().__init__(compiler, context)
        self.functions = {
            each.attributes["sym_name"].value: each.operation
            for each in module.body.operations
            if each.operation.name == "func.func"
        }
        self.op = "stablehlo"
        self._made_with = module, compiler, context
        # A block that is imported again overwrites its values, which nothing needs any more.
        self._values: dict[Any, Any] = {}
        self._depth = 0
        self._count = 0

    # What the base class does with arrays, done with known ones.

    def value(self, operand: Any) -> Any:
        """The Value of an operand."""
        if not isinstance(operand, Known):
            return operand
        return self._constant(operand.array, operand.dtype)

    def scalar(self, number: Any, dtype: str) -> Any:
        """A known number without axes."""
        return Known(np.asarray(number).astype(numpy_dtype(dtype)))

    def create(
        self,
        op: str,
        operands: Sequence[Any],
        attributes: dict[str, Any],
        result_type: tuple[str, Sequence[int]] | None = None,
    ) -> Any:
        known = evaluate_known(op, operands, attributes, result_type)
        if known is not None:
            return known
        values = [
            [self.value(each) for each in group]
            if isinstance(group, (list, tuple))
            else self.value(group)
            for group in operands
        ]
        return super().create(op, values, attributes, result_type)

    # Blocks and functions.

    def block_results(self, block: Any, arguments: Sequence[Any]) -> list[Any]:
        """Imports a block for given arguments; returns what its terminator passes on."""
        for argument, value in zip(block.arguments, arguments, strict=True):
            self._values[argument] = value
        for op in block.operations:
            raw = op.operation
            if raw.name in ("func.return", "stablehlo.return"):
                return [self._values[each] for each in raw.operands]
            self._import(raw)
        raise CompileError("the StableHLO module is malformed: a block has no terminator")

    def inner_program(self, block: Any, types: Sequence[tuple[str, Sequence[int]]]) -> InnerProgram:
        """A block as a program of its own, of arguments of these types."""
        inner = ModuleImport(*self._made_with)
        inner._depth = self._depth
        arguments = [
            inner.add_argument(number, dtype, shape, f"carried {number}")
            for number, (dtype, shape) in enumerate(types)
        ]
        values = inner._values = _CapturedValues(self, inner, len(types))
        results = [inner.value(result) for result in inner.block_results(block, arguments)]
        return InnerProgram(
            self.op,
            inner.finish(results),
            types,
            values.captured,
            inner.bindings,
            inner.host_calls,
            results,
        )

    def call(self, name: str, arguments: Sequence[Any]) -> list[Any]:
        """The results of a function, imported in place of its call.

        Raises:
            UnsupportedOpError: functions call each other without end, or one has no body.
        """
        function = self.functions.get(name)
        if function is None or not len(function.regions[0].blocks):
            raise UnsupportedOpError(f"func.call: @{name} has no body", op="func.call")
        if self._depth >= _DEEPEST_CALL:
            raise UnsupportedOpError(
                f"func.call: functions call each other without end, by way of @{name}",
                op="func.call",
            )
        if len(function.regions[0].blocks) != 1:
            raise UnsupportedOpError(
                f"func.call: @{name} has control flow between blocks", op="func.call"
            )
        self._depth += 1
        try:
            return self.block_results(function.regions[0].blocks[0], arguments)
        finally:
            self._depth -= 1

    def _import(self, raw: Any) -> None:
        handler = load_handlers().get(raw.name)
        around, self.op = self.op, raw.name
        self._count += 1
        try:
            if self._count > _MOST_OPERATIONS:
                raise UnsupportedOpError(
                    f"{raw.name}: the module has more than {_MOST_OPERATIONS} operations, its "
                    "loops unrolled and its calls inlined",
                    op=raw.name,
                )
            if handler is None:
                raise UnsupportedOpError(
                    f"{raw.name}: the operation has no lowering; compute it outside of the "
                    "function that is lowered",
                    op=raw.name,
                )
            results = handler(self, HloOp(raw, [self._values[each] for each in raw.operands]))
        except TorshError as error:
            error.op = error.op or raw.name
            error.location = error.location or line_of(raw)
            raise
        self.op = around
        if not isinstance(results, (tuple, list)):
            results = (results,)
        for result, value in zip(raw.results, results, strict=True):
            self._values[result] = value


class _CapturedValues(dict):
    """The values of a program within another one, of which it has values as further arguments.

    Attributes:
        captured: the Values of the other program.
    """

    def __init__(self, outer: ModuleImport, inner: ModuleImport, arguments: int) -> None:
        super().__init__()
        self._outer = outer
        self._inner = inner
        self._arguments = arguments
        self.captured: list[Any] = []

    def __missing__(self, key: Any) -> Any:
        found = self._outer._values[key]
        if not isinstance(found, Known):
            number = self._arguments + len(self.captured)
            self.captured.append(found)
            found = self._inner.add_argument(number, found.dtype, found.shape, f"outer {number}")
        self[key] = found
        return found


def import_module(module: Any, compiler: Any, context: Any) -> tuple[Any, dict[str, HostFunction]]:
    """Returns the `_compiler.Module` of a module's function ``main``, or of its only public one.

    With it come the functions that it calls between kernels, by name.

    Raises:
        UnsupportedOpError: an operation or a form of it has no lowering.
        DTypeError: an element type that the dialect lacks.
        CompileError: the module has no function to run.
    """
    g = ModuleImport(module, compiler, context)
    public = [
        name
        for name, function in g.functions.items()
        if "sym_visibility" not in function.attributes
        or function.attributes["sym_visibility"].value == "public"
    ]
    name = "main" if "main" in g.functions else public[0] if len(public) == 1 else None
    if name is None:
        raise CompileError(
            f"the StableHLO module has functions {', '.join(g.functions) or 'none'}; "
            "call the one to run @main"
        )
    blocks = g.functions[name].regions[0].blocks
    if len(blocks) != 1:
        raise CompileError(f"@{name} of the StableHLO module is not one block of operations")
    arguments = []
    for number, argument in enumerate(blocks[0].arguments):
        dtype, shape = tensor_type(argument.type, f"argument {number} of @{name}")
        arguments.append(g.add_argument(number, dtype, shape, _argument_name(argument)))
    results = g.block_results(blocks[0], arguments)
    return g.finish([g.value(result) for result in results]), g.host_calls.functions


def _argument_name(argument: Any) -> str:
    """The name that jax gave an argument in the program's locations."""
    found = re.fullmatch(r'loc\("([A-Za-z_][\w.\[\]\']*)"\)', str(argument.location))
    return found.group(1) if found else ""
