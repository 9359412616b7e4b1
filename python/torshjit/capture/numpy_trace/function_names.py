# SPDX-License-Identifier: Apache-2.0
"""Which outside names a function's bytecode reads and writes."""

from __future__ import annotations

import dis
from types import CodeType

__all__ = ["FunctionNames", "names_of"]


class FunctionNames:
    """The outside names of a code object and of all code nested in it.

    Attributes:
        globals: names read as globals (or builtins).
        attributes: every attribute name that is read.
        stored: globals and closure variables of the outside that are written.
    """

    def __init__(self) -> None:
        self.globals: list[str] = []
        self.attributes: set[str] = set()
        self.stored: list[str] = []


#: Code objects whose names are remembered; they are kept alive.
_MOST_KNOWN = 4096

_known: dict[int, tuple[CodeType, FunctionNames]] = {}


def names_of(code: CodeType) -> FunctionNames:
    """Returns the outside names of `code`."""
    known = _known.get(id(code))
    if known is not None and known[0] is code:
        return known[1]
    names = FunctionNames()
    _scan(code, frozenset(code.co_freevars), names)
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[id(code)] = (code, names)
    return names


def _scan(code: CodeType, outside: frozenset[str], names: FunctionNames) -> None:
    for instruction in dis.get_instructions(code):
        name = instruction.opname
        if name in ("LOAD_GLOBAL", "LOAD_NAME"):
            if instruction.argval not in names.globals:
                names.globals.append(instruction.argval)
        elif name in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            names.stored.append(instruction.argval)
        elif name in ("STORE_DEREF", "DELETE_DEREF"):
            if instruction.argval in outside:
                names.stored.append(instruction.argval)
        elif name in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"):
            names.attributes.add(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _scan(constant, outside & frozenset(constant.co_freevars), names)
