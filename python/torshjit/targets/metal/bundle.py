# SPDX-License-Identifier: Apache-2.0
"""A program's Metal kernels as a folder, for programs that launch them by themselves.

kernels.metal     every kernel, in one file that `xcrun metal` or Metal's own compiler takes
kernels.json      of each kernel its operands, entries, threads and grids (docs/targets/metal.md)
program.json      which kernels run in which order, on which buffers (docs/Runtime.md)
constants/<i>.npy the constants of the program
objects/<i>.npy   the arrays that it read by reference, with the values they had
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torshjit.errors import LoadError, TorshError
from torshjit.targets.metal.kernel_function import kernel_functions

if TYPE_CHECKING:
    from torshjit.compiled import CompiledModule

__all__ = ["FORMAT", "join_texts", "write_bundle"]

#: Of kernels.json.
FORMAT = 1

_INCLUDE = re.compile(r"^\s*#\s*include\b.*$", re.MULTILINE)
_USING = re.compile(r"^\s*using\s+namespace\s+metal\s*;\s*$", re.MULTILINE)
_DECLARED = (
    re.compile(r"\bstruct\s+(\w+)\s*\{"),
    re.compile(r"\b(\w+)\s*\([^(){};]*\)\s*\{"),
    re.compile(r"\bconstant\s+[^;={}]*?\b(\w+)\s*(?:\[[^\]]*\]\s*)*="),
)


def write_bundle(source: CompiledModule | str | os.PathLike, folder: Any, number: int = 0) -> None:
    """Writes the Metal kernels of a compiled program to `folder`. Needs no Metal.

    Args:
        source: what `torshjit.trace` or `torshjit.compile` returned for the target ``metal``, or
            the file that its `save` wrote.
        folder: made if it is not there; files of the same names are replaced.
        number: which specialization, in the order in which they were compiled.

    Raises:
        LoadError: the file is not a saved executable.
        TorshError: there is no such specialization, it is compiled for another target, or two of
            its kernels have one name.
    """
    if not isinstance(source, (str, os.PathLike)):
        with tempfile.TemporaryDirectory() as temporary:
            path = os.path.join(temporary, "executable")
            source.save(path)
            write_bundle(path, folder, number)
        return
    try:
        with zipfile.ZipFile(source) as archive:
            _write(archive, Path(os.fspath(folder)), number)
    except (FileNotFoundError, zipfile.BadZipFile) as error:
        raise LoadError(f"cannot read {os.fspath(source)}: {error}") from error


def _write(archive: zipfile.ZipFile, folder: Path, number: int) -> None:
    names = [name for name in archive.namelist() if name.startswith(f"{number}/")]
    if f"{number}/program.json" not in names:
        raise TorshError(f"there is no specialization {number} to write a bundle of")
    target = json.loads(archive.read("metadata.json"))["target"]
    binary = f"{number}/kernels.json"
    if binary not in names:
        raise TorshError(f"the program is compiled for {target}, which has no bundle of MSL")
    description = json.loads(archive.read(binary))
    text, index = _split(description, target)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kernels.metal").write_text(text)
    (folder / "kernels.json").write_text(json.dumps(index, indent=1) + "\n")
    (folder / "program.json").write_bytes(archive.read(f"{number}/program.json"))
    for name in names:
        part = name.partition("/")[2]
        if part.startswith(("constants/", "objects/")):
            (folder / part).parent.mkdir(exist_ok=True)
            (folder / part).write_bytes(archive.read(name))


def _split(description: dict[str, Any], target: str) -> tuple[str, dict[str, Any]]:
    """The MSL text of all modules, and the rest with entries of that text."""
    modules = description["modules"]
    if any("msl" not in module for module in modules):
        raise TorshError(f"the program is compiled for {target}, which has no bundle of MSL")
    kernels = {}
    for name, kernel in description["kernels"].items():
        sizes = kernel["sizes"]
        operands = kernel["operands"]
        kernels[name] = {
            "operands": operands,
            "sizes": sizes,
            "sizes_buffer": len(operands) if sizes else None,
            "variants": [
                {key: value for key, value in variant.items() if key != "module"}
                for variant in kernel["variants"]
            ],
        }
    text = join_texts(module["msl"] for module in modules)
    return text, {"format": FORMAT, "kernels": kernels}


def join_texts(texts: Iterable[str]) -> str:
    """One MSL text with the kernels of all: what else they declare gets a prefix.

    Raises:
        TorshError: two kernels have one name.
        MSLTextError: a text is no whole program.
    """
    parts = ["#include <metal_stdlib>\n#include <simd/simd.h>\n\nusing namespace metal;\n"]
    seen: set[str] = set()
    for number, text in enumerate(texts):
        own = {each.name for each in kernel_functions(text)}
        if own & seen:
            raise TorshError(f"two modules have a kernel {min(own & seen)}")
        seen |= own
        text = _USING.sub("", _INCLUDE.sub("", text))
        for name in sorted(_declared(text) - own):
            text = re.sub(rf"(?<![.\w]){name}\b", f"module{number}_{name}", text)
        parts.append(text.strip("\n") + "\n")
    return "\n".join(parts)


def _declared(text: str) -> set[str]:
    """The names that a text declares outside of functions and structures."""
    outside, depth = [], 0
    for character in re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL):
        depth -= character == "}"
        if depth == 0:
            outside.append(character)
        depth += character == "{"
    skeleton = "".join(outside)
    return {match.group(1) for pattern in _DECLARED for match in pattern.finditer(skeleton)}
