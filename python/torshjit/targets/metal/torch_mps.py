# SPDX-License-Identifier: Apache-2.0
"""Metal through PyTorch: `torch.mps.compile_shader` and torch's own stream."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from torshjit import environment
from torshjit.errors import DeviceError
from torshjit.targets.metal.address_space import Place
from torshjit.targets.metal.metal_device import MetalDevice

__all__ = ["TorchMPSDevice"]


class TorchMPSDevice(MetalDevice):
    """Memory is tensors of bytes, launches are ordered with torch's own work.

    Args:
        torch: the module.

    Raises:
        DeviceError: PYTORCH_MPS_FAST_MATH is set; torch then compiles all shaders without regard
            for NaN and infinity.
    """

    def __init__(self, torch: Any) -> None:
        super().__init__()
        if environment.read_foreign("PYTORCH_MPS_FAST_MATH") not in ("", "0"):
            raise DeviceError(
                "PYTORCH_MPS_FAST_MATH is set, with which torch compiles kernels that lose NaN and "
                "infinity; unset it to run on metal"
            )
        self._torch = torch
        # Programs ask for the same sizes again and again.
        self._sizes = lru_cache(maxsize=256)(self._upload_sizes)

    def new_memory(self, size: int) -> Any:
        return self._torch.empty(size, dtype=self._torch.uint8, device="mps")

    def write(self, place: Place, source: memoryview) -> None:
        # torch warns of read-only memory, which it could not protect.
        host = self._torch.frombuffer(bytearray(source), dtype=self._torch.uint8)
        self._bytes(place, len(source)).copy_(host)
        self.synchronize()

    def read(self, place: Place, destination: memoryview) -> None:
        host = self._torch.frombuffer(destination, dtype=self._torch.uint8)
        host.copy_(self._bytes(place, len(destination)))

    def compile(self, text: str) -> Any:
        try:
            return self._torch.mps.compile_shader(text)
        except (RuntimeError, SyntaxError) as error:
            raise DeviceError(f"torch cannot compile a kernel for metal: {error}") from error

    def function(self, library: Any, entry: str) -> Any:
        try:
            return getattr(library, entry)
        except (AttributeError, RuntimeError) as error:
            raise DeviceError(f"torch cannot make a pipeline of kernel {entry}: {error}") from error

    def max_threads(self, function: Any) -> int:
        return function.max_threads_per_threadgroup

    def dispatch(
        self,
        function: Any,
        operands: Sequence[Place],
        sizes: tuple[int, ...],
        groups: int,
        threads: int,
    ) -> None:
        tensors = [place.memory[place.offset :] for place in operands]
        if sizes:
            tensors.append(self._sizes(sizes))
        function(*tensors, threads=groups * threads, group_size=threads)

    def copy_memory(self, destination: Place, source: Place, size: int) -> None:
        self._bytes(destination, size).copy_(self._bytes(source, size))

    def synchronize(self) -> None:
        self._torch.mps.synchronize()

    def _bytes(self, place: Place, size: int) -> Any:
        return place.memory[place.offset : place.offset + size]

    def _upload_sizes(self, sizes: tuple[int, ...]) -> Any:
        return self._torch.tensor(sizes, dtype=self._torch.int32, device="mps")
