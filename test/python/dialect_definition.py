# SPDX-License-Identifier: Apache-2.0
"""The operations of the dialect and the element types they allow, read from its TableGen files."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / "include" / "torshjit" / "Dialect" / "Torsh" / "IR"
# Kernels and launches belong to the program after outlining, which no graph holds; what the host
# executes is tested in e2e/test_host_steps.py. Panels are a form of memory in kernels of the CPU.
_NOT_IN_GRAPHS = {"TorshKernelOps.td", "TorshHostOps.td", "TorshPanelOps.td"}

_INTEGERS = ("i8", "i16", "i32", "i64", "ui8", "ui16", "ui32", "ui64")
_FLOATS = ("f16", "bf16", "f32", "f64")
_CONSTRAINTS = {
    "Torsh_Tensor": ("i1", *_INTEGERS, *_FLOATS),
    "Torsh_NumericTensor": (*_INTEGERS, *_FLOATS),
    "Torsh_FloatTensor": _FLOATS,
    "Torsh_IntTensor": _INTEGERS,
    "Torsh_UInt64Tensor": ("ui64",),
    "Torsh_IntOrBoolTensor": ("i1", *_INTEGERS),
    "Torsh_BoolTensor": ("i1",),
}

_RECORD = re.compile(
    r"^(?P<kind>def|class)\s+(?P<record>\w+)\s*(?:<[^:]*>)?\s*:\s*(?P<body>.*?)(?=^(?:def|class)\s|\Z)",
    re.MULTILINE | re.DOTALL,
)


@cache
def operations() -> dict[str, tuple[str, ...]]:
    """The element types that each operation of the graph level allows, by name (`torsh.add`).

    They are those of its operands together, or of its result where it has no tensor operand.
    """
    result = {}
    for path in sorted(_FOLDER.glob("Torsh*Ops.td")):
        if path.name in _NOT_IN_GRAPHS:
            continue
        text = re.sub(r"//.*", "", path.read_text())
        records = {m["record"]: m for m in _RECORD.finditer(text)}
        for record in records.values():
            mnemonic = re.match(r"\w+<\s*\"(\w+)\"", record["body"])
            if record["kind"] == "def" and mnemonic:
                result[f"torsh.{mnemonic[1]}"] = _element_types(record["body"], records)
    return result


def _element_types(body: str, records: dict[str, re.Match[str]]) -> tuple[str, ...]:
    """The types that a record names: as a template argument, among its arguments, its results,
    or, failing those, in the class it derives from."""
    base, template = re.match(r"(\w+)<(.*?)>", body, re.DOTALL).groups()
    sources = [template, *re.findall(r"let arguments = (.*?);", body, re.DOTALL)]
    sources.append("".join(re.findall(r"let results = (.*?);", body, re.DOTALL)))
    for source in sources:
        named = [name for name in re.findall(r"Torsh_\w+", source) if name in _CONSTRAINTS]
        if named:
            allowed = {dtype for name in named for dtype in _CONSTRAINTS[name]}
            return tuple(d for d in _CONSTRAINTS["Torsh_Tensor"] if d in allowed)
    return _element_types(records[base]["body"], records)
