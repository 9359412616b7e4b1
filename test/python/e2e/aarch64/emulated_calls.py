# SPDX-License-Identifier: Apache-2.0
"""Runs programs that are compiled for AArch64, each kernel in a process of QEMU's.

Needs the packages qemu-user and libc6-dev-arm64-cross, and Clang and LLD, which the build needs.
Covers programs of static shapes whose steps are kernels and copies.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from graph_records import DTYPES

import torshjit

_LIBC = Path("/usr/aarch64-linux-gnu")
_SOURCE = Path(__file__).with_name("call_kernel.c")
_INCLUDE = Path(__file__).parents[4] / "include"
_CLANG = "clang-22"


@functools.cache
def missing() -> str | None:
    """Why nothing can be run here, or None if it can."""
    for tool in ("qemu-aarch64", _CLANG):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    return None if (_LIBC / "lib/libc.so").exists() else "no C library for AArch64 is installed"


@functools.cache
def _caller() -> Path:
    """The program that calls a kernel. It lives as long as the folder of the test run."""
    folder = Path(tempfile.mkdtemp(prefix="torshjit-aarch64-"))
    start = [str(_LIBC / "lib" / name) for name in ("crt1.o", "crti.o", "crtn.o")]
    command = [_CLANG, "--target=aarch64-linux-gnu", "-O1", "-fuse-ld=lld", "-nostdlib"]
    command += [f"-I{_INCLUDE}", f"-isystem{_LIBC}/include", f"-L{_LIBC}/lib"]
    program = folder / "call_kernel"
    subprocess.run(
        [*command, str(_SOURCE), *start, "-Wl,--no-as-needed", "-lm", "-lc", "-o", str(program)],
        check=True,
    )
    return program


def run_emulated(
    module: Any, inputs: Sequence[np.ndarray], architecture: str = "aarch64"
) -> list[np.ndarray]:
    """The outputs of a `_compiler.Module` whose extents are static."""
    from torshjit import _compiler

    config = torshjit.JitConfig(target_device=f"cpu:{architecture}", strict=True)
    # Two threads, so that loops are made for several whatever this machine has.
    result = _compiler.compile(module, {**config.compiler_options(), "num_threads": 2})
    program = json.loads(result.program)
    with tempfile.TemporaryDirectory() as name:
        run = _Run(Path(name), program, list(inputs), list(result.constants))
        if any("kernel" in step for step in program["steps"]):
            run.library.write_bytes(result.binary())
        for step in program["steps"]:
            run.do(step)
        return [run.array(buffer) for buffer in program["results"]]


class _Run:
    """One run of a program: a file for each of its buffers."""

    def __init__(self, folder: Path, program: dict, inputs: list, constants: list) -> None:
        self.library = folder / "kernels.so"
        self._folder = folder
        self._buffers = program["buffers"]
        given = {"input": inputs, "constant": constants}
        for number, buffer in enumerate(self._buffers):
            if buffer["kind"] == "alias":
                continue
            arrays = given.get(buffer["kind"])
            if arrays is not None:
                contents = np.ascontiguousarray(arrays[buffer["index"]]).tobytes()
            else:
                # What a kernel does not write is seen.
                size = DTYPES[buffer["dtype"]].itemsize * int(np.prod(buffer["shape"]))
                contents = b"\xa5" * size
            self._file(number).write_bytes(contents)

    def _file(self, number: int) -> Path:
        buffer = self._buffers[number]
        if buffer["kind"] == "alias":
            return self._file(buffer["of"])
        return self._folder / str(number)

    def do(self, step: dict) -> None:
        if "copy" in step:
            source, target = step["copy"]
            self._file(target).write_bytes(self._file(source).read_bytes())
            return
        sizes = ",".join(map(str, step["sizes"])) or "0"
        files = [str(self._file(number)) for number in step["operands"]]
        symbol = f"torsh_kernel_{step['kernel']}"
        command = ["qemu-aarch64", "-L", str(_LIBC), str(_caller())]
        subprocess.run([*command, str(self.library), symbol, sizes, *files], check=True)

    def array(self, number: int) -> np.ndarray:
        buffer = self._buffers[number]
        array = np.frombuffer(self._file(number).read_bytes(), DTYPES[buffer["dtype"]])
        return array.reshape(buffer["shape"])
