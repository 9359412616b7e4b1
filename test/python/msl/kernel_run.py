# SPDX-License-Identifier: Apache-2.0
"""Launches of MSL kernels on this machine, in several thread orders whose results must agree."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence

import numpy as np
from msl.compiler import Compiler, executor

__all__ = ["HEADER", "ORDERS", "EmulationError", "Kernel", "launch_text"]

#: How MSL text begins.
HEADER = "#include <metal_stdlib>\nusing namespace metal;\n"

#: Ascending, descending, shuffled (the seed).
ORDERS = (0, 1, 7)

#: The executor has one state: launches take turns.
_lock = threading.Lock()


class EmulationError(Exception):
    """A launch did what Metal leaves undefined: a race, a divergent barrier, a wild access."""


class _Entry(ctypes.Structure):
    _fields_ = (
        ("body", ctypes.c_void_p),
        ("bindings", ctypes.c_uint),
        ("synchronizes", ctypes.c_bool),
        ("element_sizes", ctypes.POINTER(ctypes.c_uint)),
    )


class _Binding(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("bytes", ctypes.c_ulong), ("cells", ctypes.c_void_p))


class Kernel:
    """A kernel function of MSL text.

    Args:
        checked: whether its accesses to buffers are; otherwise they are plain pointers, and one
            order of threads is all that a launch tries.

    Raises:
        MSLTextError, MSLCompileError: the text is not what the emulator can run.
    """

    def __init__(self, compiler: Compiler, text: str, name: str, checked: bool = True) -> None:
        self.name = name
        self._orders = ORDERS if checked else ORDERS[:1]
        self._entry = _Entry.from_address(compiler.address(text, name, checked))
        self.bindings = self._entry.bindings
        self._writes = [bool(self._entry.element_sizes[i]) for i in range(self.bindings)]

    def launch(
        self,
        bindings: Sequence[tuple[int, int]],
        groups: int,
        threads: int,
    ) -> None:
        """Runs `groups` threadgroups of `threads` on `bindings`, each (address, bytes).

        Raises:
            EmulationError: a violation, or results that depend on the order of threads.
        """
        if len(bindings) != self.bindings:
            raise EmulationError(
                f"kernel {self.name} has {self.bindings} bindings, {len(bindings)} were given"
            )
        written = [each for each, writes in zip(bindings, self._writes, strict=True) if writes]
        with _lock:
            before = [ctypes.string_at(*each) for each in written]
            results: list[bytes] | None = None
            for order in self._orders:
                for (address, _), content in zip(written, before, strict=True):
                    ctypes.memmove(address, content, len(content))
                self._run(bindings, groups, threads, order)
                now = [ctypes.string_at(*each) for each in written]
                if results is not None and now != results:
                    raise EmulationError(
                        f"kernel {self.name}: the result depends on the order of threads"
                    )
                results = now

    def _run(
        self, bindings: Sequence[tuple[int, int]], groups: int, threads: int, order: int
    ) -> None:
        array = (_Binding * max(len(bindings), 1))(
            *(_Binding(address, size, None) for address, size in bindings)
        )
        message = ctypes.create_string_buffer(512)
        failed = executor().msl_run(
            ctypes.byref(self._entry), array, groups, threads, order, message,
            ctypes.c_size_t(len(message)),
        )  # fmt: skip
        if failed:
            raise EmulationError(f"kernel {self.name}: {message.value.decode()}")


def launch_text(
    compiler: Compiler,
    source: str,
    arrays: Sequence[np.ndarray],
    groups: int = 1,
    threads: int = 64,
) -> None:
    """Runs the kernel `k` of `source`, to which the header is added, on contiguous arrays."""
    kernel = Kernel(compiler, HEADER + source, "k")
    kernel.launch([(array.ctypes.data, array.nbytes) for array in arrays], groups, threads)
