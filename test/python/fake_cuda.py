# SPDX-License-Identifier: Apache-2.0
"""A CUDA driver without a GPU, for the tests of the CUDA runtime.

`library()` compiles the C++ in fake_libcuda to a libcuda: device memory is the host's, streams do
their work when somebody waits, and every call is logged. A process that is to use it must be
started with TORSHJIT_LIBCUDA naming it (`with_fake_cuda`), and reads the log through `Driver`.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from runtime_program import launch, output, program, run_python, temporary, tensor

_SOURCES = Path(__file__).parent / "fake_libcuda"


@functools.cache
def library() -> str:
    """The path of the fake libcuda, compiled once per test session."""
    folder = tempfile.mkdtemp(prefix="fake-libcuda-")
    path = os.path.join(folder, "libcuda.so.1")
    compiler = os.environ.get("CXX", "c++")
    sources = sorted(map(str, _SOURCES.glob("*.cpp")))
    command = [compiler, "-std=c++17", "-shared", "-fPIC", "-O1", *sources, "-o", path, "-ldl"]
    subprocess.run(command, check=True)
    return path


def with_fake_cuda(**environment: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes a test run in a fresh interpreter whose CUDA driver is the fake.

    The test's arguments must have a repr that makes them again.
    """

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def run_elsewhere(**arguments: Any) -> None:
            file = Path(test.__code__.co_filename)
            code = (
                f"import sys; sys.path.insert(0, {str(file.parent)!r})\n"
                f"import {file.stem}\n{file.stem}.{test.__name__}.__wrapped__(**{arguments!r})"
            )
            done = run_python(code, TORSHJIT_LIBCUDA=library(), **environment)
            assert done.returncode == 0, done.stdout + done.stderr

        return run_elsewhere

    return decorate


class Driver:
    """The fake driver of this process."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL(os.environ["TORSHJIT_LIBCUDA"])
        self.library.fake_log.restype = ctypes.c_char_p
        self.library.fake_live_bytes.restype = ctypes.c_size_t

    def calls(self) -> list[str]:
        """The driver calls since the last time."""
        lines = self.library.fake_log().decode().splitlines()
        self.library.fake_clear_log()
        return lines

    def live_bytes(self) -> int:
        """Device memory that is allocated now."""
        return self.library.fake_live_bytes()

    def stream(self) -> int:
        """A new stream, whose work is done when it is waited for."""
        handle = ctypes.c_void_p()
        with self.context():
            assert self.library.cuStreamCreate(ctypes.byref(handle), 1) == 0
        assert handle.value is not None
        return handle.value

    def synchronize(self, stream: int) -> int:
        with self.context():
            return self.library.cuStreamSynchronize(ctypes.c_void_p(stream))

    def begin_capture(self, stream: int) -> None:
        self.library.fake_begin_capture(ctypes.c_void_p(stream))

    def end_capture(self, stream: int) -> None:
        self.library.fake_end_capture(ctypes.c_void_p(stream))

    def replay(self, stream: int) -> int:
        return self.library.fake_replay(ctypes.c_void_p(stream))

    def context(self) -> _Context:
        return _Context(self.library)

    def memory(self, bytes: int) -> int:
        """New device memory, which stays allocated. Frameworks can have some during a capture."""
        address, mode = ctypes.c_uint64(), ctypes.c_int(2)  # relaxed
        with self.context():
            self.library.cuThreadExchangeStreamCaptureMode(ctypes.byref(mode))
            result = self.library.cuMemAlloc_v2(ctypes.byref(address), ctypes.c_size_t(bytes))
            self.library.cuThreadExchangeStreamCaptureMode(ctypes.byref(mode))
        assert result == 0
        return address.value

    def device_array(self, values: np.ndarray) -> np.ndarray:
        """An array in new device memory, which this process can read as it is the host's."""
        raw = (ctypes.c_char * max(values.nbytes, 1)).from_address(self.memory(values.nbytes))
        array = np.frombuffer(raw, dtype=np.uint8, count=values.nbytes).view(values.dtype)
        array = array.reshape(values.shape)
        array[...] = values
        return array


class _Context:
    """Has a context current on this thread, as code that uses CUDA does."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library

    def __enter__(self) -> None:
        context = ctypes.c_void_p()
        self.library.cuInit(0)
        self.library.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0)
        self.library.cuCtxPushCurrent_v2(context)

    def __exit__(self, *_: Any) -> None:
        self.library.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))


def operand(dtype: str = "f32", access: str = "read") -> dict[str, str]:
    return {"dtype": dtype, "access": access}


def variant(entry: str, *, module: int = 0, threads: int = 32, **more: Any) -> dict[str, Any]:
    """A variant whose grid has a block for each `threads` of the first size."""
    row = {"entry": entry, "module": module, "threads": threads, "shared_bytes": 0}
    return {**row, "grid": [[threads, -1]], **more}


def ptx(*entries: tuple[str, int], shared: int = 0) -> str:
    """What the fake takes for PTX: (name, number of parameters) of each entry."""
    bodies = [
        f".visible .entry {name}() {{ .params {count} .shared {shared} }}"
        for name, count in entries
    ]
    return "\n".join([".version 8.0", ".target sm_80", *bodies])


_ADDS = ptx(("fake_add", 4), ("fake_add_by_four", 4))


def bundle(
    kernels: dict[str, Any], modules: Sequence[str] = (_ADDS,), architecture: str = "sm_80"
) -> bytes:
    """A kernel bundle of PTX modules."""
    text = {
        "version": 1,
        "target": "cuda",
        "architecture": architecture,
        "kernels": kernels,
        "modules": [{"ptx": code} for code in modules],
    }
    return json.dumps(text).encode()


def add_kernel(**more: Any) -> dict[str, Any]:
    """x + y of f32 vectors: fast where all is aligned and a multiple of four, else plain."""
    return {
        "operands": [operand(), operand(), operand(access="write")],
        "sizes": 1,
        "variants": [
            variant("fake_add_by_four", alignment=16, divisible=[[0, 4]], **more),
            variant("fake_add", **more),
        ],
    }


def cuda_program(*args: Any, **kwargs: Any) -> dict[str, Any]:
    return {**program(*args, **kwargs), "target": "cuda"}


def add_program(extent: int) -> dict[str, Any]:
    """x0 + x1 of f32 vectors; a negative extent is open."""
    row = tensor([extent])
    dims = [{"op": "input", "input": 0, "axis": 0}] if extent < 0 else []
    return cuda_program(
        [row, row], [output([extent])], [launch("add", [0, 1, 2], [extent])], [2], dims=dims
    )


def add_twice_program(extent: int) -> dict[str, Any]:
    """(x0 + x1) + x1, through a temporary."""
    row = tensor([extent])
    steps = [launch("add", [0, 1, 2], [extent]), launch("add", [2, 1, 3], [extent])]
    return cuda_program([row, row], [temporary([extent]), output([extent])], steps, [3])


def executable(source: dict[str, Any], binary: bytes | None = None, constants: Any = ()) -> Any:
    from torshjit import _runtime

    binary = bundle({"add": add_kernel()}) if binary is None else binary
    return _runtime.Executable(json.dumps(source), None, binary, list(constants))
