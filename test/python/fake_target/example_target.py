# SPDX-License-Identifier: Apache-2.0
"""The Python part of the example target: its kind, and a device that compiles LLVM IR.

The device has memory of its own, which only its kernels and copies reach: every address is
checked against what it allocated.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torshjit import targets
from torshjit.errors import ConfigError, DeviceError, LoadError

ALIGNMENT = 64


def build_library(folder: Path) -> Path:
    """Compiles the C++ part against the headers of the checkout; returns the shared library."""
    root = Path(__file__).parents[3]
    llvm = Path("/usr/lib/llvm-22")
    compiled, library = folder / "example_target.o", folder / "example_target.so"
    cache = ["ccache"] if shutil.which("ccache") else []
    compile_ = [
        *(*cache, "clang++-22", "-std=c++17", "-O1", "-fPIC", "-fno-rtti", "-Wall", "-Werror"),
        *(f"-I{root / 'include'}", "-isystem", llvm / "include"),
        *("-c", Path(__file__).parent / "ExampleTarget.cpp", "-o", compiled),
    ]
    link = [
        *("clang++-22", "-shared", compiled, "-o", library),
        *(f"-L{llvm / 'lib'}", f"-Wl,-rpath,{llvm / 'lib'}", "-lMLIR", "-lLLVM-22"),
    ]
    for command in (compile_, link):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return library


class ExampleKind(targets.TargetKind):
    """What Python has to know about the target."""

    name = "example"
    sentence = "LLVM IR for a device written in Python"
    architecture_example = "v1"
    binary_name = "kernels.example"

    def __init__(self) -> None:
        self.device: ExampleDevice | None = None
        #: As if the machine had none: a test clears and sets it.
        self.is_present = True

    def check_architecture(self, architecture: str) -> None:
        super().check_architecture(architecture)
        if not architecture.startswith("v"):
            raise ConfigError(f"example architectures begin with v, unlike {architecture!r}")

    def open_device(self, architecture: str | None = None) -> None:
        from torshjit import _runtime

        if not self.is_present:
            raise DeviceError("there is no example device on this machine")
        if self.device is None:
            self.device = ExampleDevice()
            _runtime.register_device(self.name, self.device)

    def requirements(self, architecture: str | None = None) -> dict[str, Any]:
        return {"example_version": 1}

    def check_requirements(self, requirements: Mapping[str, Any]) -> None:
        if requirements["example_version"] != 1:
            raise LoadError(f"it needs version {requirements['example_version']} of example")


def _descriptor(address: int, shape: Sequence[int]) -> ctypes.Array:
    """MLIR's memref descriptor: the memory twice, an offset, extents, strides."""
    strides = [1]
    for extent in reversed(shape[1:]):
        strides.insert(0, strides[0] * extent)
    fields = [address, address, 0, *shape, *strides[: len(shape)]]
    return (ctypes.c_int64 * len(fields))(*fields)


class _Library:
    """The kernels of one binary."""

    def __init__(self, binary: bytes) -> None:
        bundle = json.loads(binary)
        self.architecture = bundle["architecture"]
        self._operands = bundle["kernels"]
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder) / "kernels.so"
            subprocess.run(
                ["clang-22", "-x", "ir", "-", "-O1", "-shared", "-fPIC", "-o", library, "-lm"],
                input=bundle["llvmir"].encode(),
                capture_output=True,
                check=True,
            )
            self._code = ctypes.CDLL(str(library))

    def find(self, name: str) -> tuple[Any, int, int]:
        operands = self._operands[name]
        function = self._code[f"_mlir_ciface_example_kernel_{name}"]
        function.restype = None
        sizes = sum(extent < 0 for extent in itertools.chain(*operands))
        return (function, operands), len(operands), sizes


class ExampleDevice:
    """Memory in blocks that no NumPy array lies in; kernels run when they are launched."""

    is_host_memory = False
    alignment = ALIGNMENT

    def __init__(self) -> None:
        self.blocks: dict[int, tuple[Any, int]] = {}
        self.launches = 0
        self.architectures: list[str] = []

    def allocate(self, size: int) -> int:
        memory = ctypes.create_string_buffer(size + ALIGNMENT)
        address = -(-ctypes.addressof(memory) // ALIGNMENT) * ALIGNMENT
        self.blocks[address] = (memory, size)
        return address

    def deallocate(self, address: int, size: int) -> None:
        assert self.blocks.pop(address)[1] == size

    def _check(self, address: int, size: int) -> int:
        assert any(
            start <= address and address + size <= start + length
            for start, (_, length) in self.blocks.items()
        ), "not memory of the device"
        return address

    def upload(self, address: int, source: memoryview) -> None:
        ctypes.memmove(self._check(address, source.nbytes), bytes(source), source.nbytes)

    def download(self, address: int, destination: memoryview) -> None:
        size = destination.nbytes
        destination.cast("B")[:] = ctypes.string_at(self._check(address, size), size)

    def copy(self, destination: int, source: int, size: int) -> None:
        ctypes.memmove(self._check(destination, size), self._check(source, size), size)

    def load(self, binary: bytes) -> _Library:
        library = _Library(binary)
        self.architectures.append(library.architecture)
        return library

    def launch(self, kernel: Any, addresses: Sequence[int], sizes: Sequence[int]) -> None:
        function, operands = kernel
        given = iter(sizes)
        shapes = [[next(given) if extent < 0 else extent for extent in row] for row in operands]
        descriptors = [
            _descriptor(self._check(address, 1), shape)
            for address, shape in zip(addresses, shapes, strict=True)
        ]
        function(*descriptors)
        self.launches += 1

    def synchronize(self) -> None:
        """Nothing is ever under way."""
