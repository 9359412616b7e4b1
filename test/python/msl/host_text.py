# SPDX-License-Identifier: Apache-2.0
"""Rewrites MSL text, as SPIRV-Cross writes it, into C++ for the headers of `include`.

What C++ cannot express through a header alone is rewritten: the kernel's parameters with their
attributes, variables in threadgroup memory, structures that stand for buffers, and vectors made
from components. All else is compiled as it is.
"""

from __future__ import annotations

import re

from torshjit.targets.metal.kernel_function import (
    KernelFunction,
    MSLTextError,
    Parameter,
    kernel_functions,
)

__all__ = ["MSLTextError", "host_text"]

_STRUCT = re.compile(r"\bstruct\s+(\w+)\s*\{([^{}]*)\}\s*;")
_ARRAY = re.compile(r"(?P<type>[\w:]+)\s+(?P<name>\w+)\s*\[(?P<count>\d+)\]")
_NATIVE_ARRAY = re.compile(r"spvUnsafeArray<(?P<type>[\w:]+),\s*(?P<count>\d+)>\s+(?P<name>\w+)")
_THREADGROUP = re.compile(r"\bthreadgroup\s+(?P<declaration>[^;()]+);")
_VECTOR = re.compile(r"(?<![\w.])((?:float|half|u?int|u?short|u?char|u?long|bool)[234])\((?=[^)])")
_POSITIONS = {
    "thread_position_in_threadgroup": "msl_state.threadIndex",
    "thread_index_in_threadgroup": "msl_state.threadIndex",
    "threadgroup_position_in_grid": "msl_state.groupIndex",
    "threads_per_threadgroup": "msl_state.threads",
    "dispatch_threads_per_threadgroup": "msl_state.threads",
    "threadgroups_per_grid": "msl_state.groups",
    "thread_position_in_grid": "msl_state.groupIndex * msl_state.threads + msl_state.threadIndex",
    "threads_per_grid": "msl_state.groups * msl_state.threads",
    "grid_size": "msl_state.groups * msl_state.threads",
    "thread_index_in_simdgroup": "msl_state.threadIndex % msl::kSimdgroupSize",
    "simdgroup_index_in_threadgroup": "msl_state.threadIndex / msl::kSimdgroupSize",
    "simdgroups_per_threadgroup": "(msl_state.threads + msl::kSimdgroupSize - 1)"
    " / msl::kSimdgroupSize",
    "threads_per_simdgroup": "msl::kSimdgroupSize",
    "thread_execution_width": "msl::kSimdgroupSize",
}


def host_text(text: str, symbol: str, checked: bool = True) -> str:
    """C++ for MSL text, in a namespace of its own.

    Each kernel function gets a C symbol `symbol`_`name` of type msl::Entry. Unless `checked`,
    buffers are plain pointers, for text that computes with them.

    Raises:
        MSLTextError: the text has a form that the emulator does not know.
    """
    text = re.sub(r"^\s*#\s*include\b.*$", "", text, flags=re.MULTILINE)
    functions = kernel_functions(text)
    structs = {match.group(1): match.group(2) for match in _STRUCT.finditer(text)}
    twins: set[tuple[str, str]] = set()
    pieces, position = [], 0
    for each in functions:
        head = _head(each, structs, twins) if checked else _plain_head(each)
        pieces += [text[position : each.start], head]
        position = each.body
    body = "".join([*pieces, text[position:]])
    body = _THREADGROUP.sub(lambda match: _threadgroup(match, structs, twins), body)
    body = _VECTOR.sub(r"msl::construct<\1>(", body)
    body = _STRUCT.sub(lambda match: match.group() + _twins(match, twins), body)
    synchronizes = bool(re.search(r"_barrier\(|\bsimd_\w+\(", text))
    entries = "".join(_entry(each, symbol, structs, synchronizes, checked) for each in functions)
    return f"namespace {symbol} {{\nusing namespace metal;\n{body}\n{entries}}}\n"


def _head(function: KernelFunction, structs: dict[str, str], twins: set) -> str:
    parameters = []
    for each in function.parameters:
        if each.binding is not None and each.pointee[1] == "&":
            twins.add((each.pointee[0], _space(each)))
        parameters.append(f"{_host_type(each, structs)} {each.name}")
    return f"static void {function.name}({', '.join(parameters)})\n"


def _plain_head(function: KernelFunction) -> str:
    parameters = ", ".join(f"{each.declaration} {each.name}" for each in function.parameters)
    return f"static void {function.name}({parameters})\n"


def _space(parameter: Parameter) -> str:
    return "constant" if parameter.is_read_only else "device"


def _host_type(parameter: Parameter, structs: dict[str, str]) -> str:
    if parameter.binding is None:
        return parameter.declaration
    pointee, form = parameter.pointee
    if form == "*":
        return f"msl::{_space(parameter).capitalize()}Array<{pointee}>"
    if pointee not in structs:
        raise MSLTextError(f"a buffer of unknown type {pointee}")
    return f"{pointee}_{_space(parameter)}"


def _member(text: str) -> tuple[str, str, str]:
    """(type, name, count) of a structure's only member, an array."""
    members = [part.strip() for part in text.split(";") if part.strip()]
    match = _ARRAY.fullmatch(members[0]) or _NATIVE_ARRAY.fullmatch(members[0])
    if len(members) != 1 or not match:
        raise MSLTextError(f"a buffer or threadgroup structure that is not one array: {text!r}")
    return match["type"], match["name"], match["count"]


def _twins(struct: re.Match[str], twins: set[tuple[str, str]]) -> str:
    """The structure's forms in checked memory; they stand right behind it."""
    return "".join(
        _twin(name, space, struct.group(2)) for name, space in sorted(twins) if name == struct[1]
    )


def _twin(struct: str, space: str, member: str) -> str:
    type_, name, count = _member(member)
    array = {
        "constant": f"msl::ConstantArray<{type_}>",
        "device": f"msl::DeviceArray<{type_}>",
        "threadgroup": f"msl::ThreadgroupArray<{type_}, {count}>",
    }[space]
    return f"\nstruct {struct}_{space} {{ {array} {name}; }};"


def _threadgroup(match: re.Match[str], structs: dict[str, str], twins: set) -> str:
    declaration = " ".join(match["declaration"].split())
    words = declaration.split(" ")
    if len(words) == 2 and words[0] in structs:
        twins.add((words[0], "threadgroup"))
        return f"static {words[0]}_threadgroup {words[1]};"
    array = _ARRAY.fullmatch(declaration) or _NATIVE_ARRAY.fullmatch(declaration)
    if not array:
        raise MSLTextError(f"unknown form of threadgroup variable: {declaration}")
    return f"static msl::ThreadgroupArray<{array['type']}, {array['count']}> {array['name']};"


def _entry(
    function: KernelFunction,
    symbol: str,
    structs: dict[str, str],
    synchronizes: bool,
    checked: bool,
) -> str:
    arguments, sizes = [], ["0"] * function.num_bindings
    for each in function.parameters:
        if each.binding is None:
            arguments.append(_position(each))
        elif not checked:
            pointee, form = each.pointee
            pointer = f"({pointee}*)bindings[{each.binding}].data"
            arguments.append(f"*{pointer}" if form == "&" else pointer)
        else:
            pointee, form = each.pointee
            values = f"bindings[{each.binding}], {each.binding}"
            braces = f"{{{{{values}}}}}" if form == "&" else f"({values})"
            arguments.append(_host_type(each, structs) + braces)
            if not each.is_read_only:
                element = _member(structs[pointee])[0] if form == "&" else pointee
                sizes[each.binding] = f"sizeof({element})"
    name = f"{symbol}_{function.name}"
    return (
        f"static void {function.name}_body(const msl::Binding *bindings) {{\n"
        f"  {function.name}({', '.join(arguments)});\n}}\n"
        f"static const uint {function.name}_sizes[] = {{{', '.join([*sizes, '0'])}}};\n"
        f'extern "C" __attribute__((visibility("default"))) const msl::Entry {name};\n'
        f"const msl::Entry {name} = {{{function.name}_body, {function.num_bindings}, "
        f"{str(synchronizes).lower()}, {function.name}_sizes}};\n"
    )


def _position(parameter: Parameter) -> str:
    """Grids and threadgroups have one axis: on the others a thread is at 0 of 1."""
    value = _POSITIONS.get(parameter.attribute)
    match = re.fullmatch(r"u(?:int|short)([23]?)", parameter.declaration)
    if value is None or not match:
        raise MSLTextError(
            f"unknown parameter of a kernel: {parameter.declaration} [[{parameter.attribute}]]"
        )
    rest = "0" if "position" in parameter.attribute else "1"
    others = ", ".join([rest] * (int(match.group(1) or 1) - 1))
    type_ = parameter.declaration
    return f"{type_}{{{value}, {others}}}" if others else f"{type_}({value})"
