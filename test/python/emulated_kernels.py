# SPDX-License-Identifier: Apache-2.0
"""Kernels of the NVVM dialect as text, run by the CUDA emulator."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

import torshjit.compiled  # noqa: F401  (so that the runtime raises the package's error classes)
from torshjit import _compiler, _runtime

OPTIONS = {"target": "cuda-emulated"}

_DTYPES = {"float32": "f32", "float16": "f16", "int32": "i32", "int8": "i8", "int64": "i64"}


def generate(text: str, description: dict[str, Any]) -> bytes:
    """The binary of kernels as the phase nvvm leaves them.

    Args:
        description: their bundle without code.
    """
    module = _compiler.Module.parse(text, _compiler.Context())
    return _compiler.generate(module, json.dumps(description), OPTIONS)


class Program:
    """A program compiled from torsh operations, whose kernels can be exchanged.

    Attributes:
        nvvm: its kernels as the phase nvvm leaves them.
    """

    def __init__(self, text: str) -> None:
        module = _compiler.Module.parse(text, _compiler.Context())
        result = _compiler.compile(module, OPTIONS)
        self._host = result.program
        self._constants = result.constants
        self._description = json.loads(result.binary())
        del self._description["modules"]
        self.nvvm = _compiler.run_to_phase(module, "nvvm", OPTIONS)

    def entries(self) -> list[str]:
        """The functions of all variants of all kernels."""
        kernels = self._description["kernels"].values()
        return [variant["entry"] for kernel in kernels for variant in kernel["variants"]]

    def run(
        self, inputs: Sequence[np.ndarray], nvvm: str | None = None, entry: str | None = None
    ) -> list[np.ndarray]:
        """The results.

        Args:
            inputs: aligned to 16 bytes, so that every variant takes them.
            nvvm: kernels in place of the program's own.
            entry: the variant to run, whatever comes first that the operands fit.
        """
        description = copy.deepcopy(self._description)
        for kernel in description["kernels"].values():
            chosen = [row for row in kernel["variants"] if row["entry"] == entry]
            if chosen:
                kernel["variants"] = [{**chosen[0], "alignment": 1, "divisible": []}]
        binary = generate(nvvm or self.nvvm, description)
        executable = _runtime.Executable(self._host, None, binary, self._constants)
        return executable.run(list(inputs))


def aligned(array: np.ndarray) -> np.ndarray:
    """A copy whose address is a multiple of 64."""
    memory = np.empty(array.nbytes + 64, np.uint8)
    begin = -memory.ctypes.data % 64
    copied = memory[begin : begin + array.nbytes].view(array.dtype).reshape(array.shape)
    copied[...] = array
    return copied


def function_of(text: str, number: int) -> str:
    """The function that a line of NVVM is in."""
    for line in reversed(text.split("\n")[:number]):
        if found := re.search(r"llvm.func @(\w+)\(", line):
            return found[1]
    raise ValueError(f"line {number} is in no function")


def without_line(text: str, number: int) -> str:
    lines = text.split("\n")
    return "\n".join(lines[:number] + lines[number + 1 :])


def lines_with(text: str, word: str) -> list[int]:
    return [number for number, line in enumerate(text.split("\n")) if word in line]


def run_kernel(
    body: str,
    inputs: Sequence[np.ndarray],
    result: np.ndarray,
    *,
    threads: int = 32,
    blocks: int = 1,
    shared: int = 0,
    function: str = "",
) -> np.ndarray:
    """Runs one hand-written kernel; its operands are %x0, %x1, ... and %out.

    Args:
        body: operations; %tid, %block (i32) and %shared (`shared` bytes) are there.
        result: of the result's shape and type.
        function: a function of libdevice, from f32 to f32, that is called.
    """
    operands = [*inputs, result]
    names = [*(f"%x{i}" for i in range(len(inputs))), "%out"]
    arguments = ", ".join(f"{name}: !llvm.ptr" for name in names)
    declaration = f"llvm.func @{function}(f32) -> f32" if function else ""
    text = f"""
module attributes {{gpu.container_module}} {{
  gpu.module @kernels {{
    {declaration}
    llvm.mlir.global internal @memory() {{addr_space = 3 : i32}} : !llvm.array<{shared} x i8>
    llvm.func @torsh_kernel_k({arguments}) attributes {{gpu.kernel, nvvm.kernel}} {{
      %tid = nvvm.read.ptx.sreg.tid.x : i32
      %block = nvvm.read.ptx.sreg.ctaid.x : i32
      %shared = llvm.mlir.addressof @memory : !llvm.ptr<3>
{body}
      llvm.return
    }}
  }}
}}"""
    types = [{"dtype": _DTYPES[array.dtype.name], "shape": list(array.shape)} for array in operands]
    variant = {
        "entry": "torsh_kernel_k",
        "module": 0,
        "threads": threads,
        "shared_bytes": shared,
        "grid": [[1, blocks]],
    }
    kernel = {
        "operands": [
            {"dtype": row["dtype"], "access": "read" if i < len(inputs) else "write"}
            for i, row in enumerate(types)
        ],
        "sizes": 0,
        "variants": [variant],
    }
    binary = generate(text, {"version": 1, "target": "cuda-emulated", "kernels": {"k": kernel}})
    program = {
        "version": 1,
        "target": "cuda-emulated",
        "inputs": [{"name": f"x{i}", **row} for i, row in enumerate(types[:-1])],
        "dims": [],
        "checks": [],
        "constants": [],
        "buffers": [
            *({"kind": "input", "index": i, **row} for i, row in enumerate(types[:-1])),
            {"kind": "output", **types[-1]},
        ],
        "steps": [{"kernel": "k", "operands": list(range(len(types))), "outputs": 1, "sizes": []}],
        "results": [len(inputs)],
    }
    return _runtime.Executable(json.dumps(program), None, binary).run(list(inputs))[0]
