# SPDX-License-Identifier: Apache-2.0
"""A Metal device that is this machine: MSL text compiled by clang, threads as fibers."""

from __future__ import annotations

import ctypes
import json
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from msl.compiler import Compiler, MSLCompileError
from msl.kernel_run import Kernel

from torshjit.errors import DeviceError
from torshjit.targets.metal.address_space import Place
from torshjit.targets.metal.kernel_function import MSLTextError
from torshjit.targets.metal.metal_device import LoadedKernel, MetalDevice

__all__ = ["MSLEmulator"]


class MSLEmulator(MetalDevice):
    """Runs the kernels of bundles, each launch in several thread orders.

    It differs from the devices of `torshjit.targets.metal` in the framework alone. New memory is
    all ones, which is NaN: what nobody wrote shows. Grids are small, so that threadgroups loop.
    """

    grid_limit = 4

    def __init__(self, compiler: Compiler | None = None) -> None:
        super().__init__()
        self.compiler = compiler or Compiler()
        self._expected = threading.local()

    def expect_operands(self, sizes: Sequence[int]) -> None:
        """The bytes of each operand of the launch that follows: all that it may touch."""
        self._expected.sizes = list(sizes)

    def launch(self, kernel: LoadedKernel, addresses: Sequence[int], sizes: Sequence[int]) -> None:
        try:
            super().launch(kernel, addresses, sizes)
        finally:
            self._expected.sizes = None

    def prefetch(self, bundles: Iterable[bytes]) -> None:
        """Compiles the modules of bundles, many at once, for `load` to find."""
        self.compiler.prefetch(
            module["msl"]
            for bundle in bundles
            for module in json.loads(bundle)["modules"]
            if "msl" in module
        )

    def new_memory(self, size: int) -> Any:
        return ctypes.create_string_buffer(b"\xff" * size, size)

    def write(self, place: Place, source: memoryview) -> None:
        self._view(place, len(source))[:] = source

    def read(self, place: Place, destination: memoryview) -> None:
        destination[:] = self._view(place, len(destination))

    def compile(self, text: str) -> str:
        return text

    def function(self, library: str, entry: str) -> Kernel:
        try:
            return Kernel(self.compiler, library, entry)
        except (MSLTextError, MSLCompileError) as error:
            raise DeviceError(f"kernel {entry}: {error}") from error

    def max_threads(self, function: Kernel) -> int:
        return 1024

    def dispatch(
        self,
        function: Kernel,
        operands: Sequence[Place],
        sizes: tuple[int, ...],
        groups: int,
        threads: int,
    ) -> None:
        # A launch that no program made may touch all behind its operands' addresses.
        expected = getattr(self._expected, "sizes", None)
        limits = expected or [place.size - place.offset for place in operands]
        bindings = [
            (ctypes.addressof(place.memory) + place.offset, limit)
            for place, limit in zip(operands, limits, strict=True)
        ]
        if sizes:
            extents = (ctypes.c_int * len(sizes))(*sizes)
            bindings.append((ctypes.addressof(extents), ctypes.sizeof(extents)))
        # A kernel that leaves its last operands alone declares fewer.
        function.launch(bindings[: function.bindings], groups, threads)

    def copy_memory(self, destination: Place, source: Place, size: int) -> None:
        self._view(destination, size)[:] = bytes(self._view(source, size))

    def synchronize(self) -> None:
        """All is done when `dispatch` returns."""

    def _view(self, place: Place, size: int) -> memoryview:
        return memoryview(place.memory).cast("B")[place.offset : place.offset + size]
