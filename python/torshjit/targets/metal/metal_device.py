# SPDX-License-Identifier: Apache-2.0
"""What all runtimes for Metal share: addresses, kernel bundles, the choice of variants and grids.

A subclass brings memory and launches in terms of its framework; together they are a device of the
runtime (`_runtime.register_device`).
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torshjit._runtime as _runtime  # type: ignore[import-not-found]
from torshjit.errors import DeviceError
from torshjit.targets.metal.address_space import ALIGNMENT, AddressSpace, Place

__all__ = ["GRID_LIMIT", "LoadedKernel", "MetalDevice"]

#: Threadgroups of a launch; kernels loop over what one grid does not cover.
GRID_LIMIT = 1 << 20

_INT32_MAX = (1 << 31) - 1


class LoadedKernel(NamedTuple):
    """A kernel of a bundle: of each variant the framework's function and its threads."""

    bundle: Any
    name: str
    variants: tuple[tuple[Any, int], ...]


class _Library:
    """The kernels of a bundle; each module is compiled when a kernel of it is first asked for."""

    def __init__(self, device: MetalDevice, binary: bytes) -> None:
        self._device = device
        self._bundle = _runtime.KernelBundle(bytes(binary).decode())
        self._modules: dict[int, Any] = {}

    def find(self, name: str) -> tuple[LoadedKernel, int, int]:
        description = self._bundle.kernel(name)
        variants = tuple(
            (self._function(each["module"], each["entry"], each["threads"]), each["threads"])
            for each in description["variants"]
        )
        kernel = LoadedKernel(self._bundle, name, variants)
        return kernel, len(description["operands"]), description["sizes"]

    def _function(self, module: int, entry: str, threads: int) -> Any:
        if module not in self._modules:
            code = self._bundle.modules[module]
            if "msl" not in code:
                raise DeviceError(f"module {module} of the kernel bundle has no code in MSL")
            self._modules[module] = self._device.compile(code["msl"])
        function = self._device.function(self._modules[module], entry)
        limit = self._device.max_threads(function)
        if threads > limit:
            raise DeviceError(
                f"kernel {entry} needs {threads} threads in a threadgroup, this GPU runs at most "
                f"{limit} of it"
            )
        return function


class MetalDevice(ABC):
    """A device of the runtime whose kernels are MSL text.

    Methods may be called from any thread; they take turns.
    """

    is_host_memory = False
    alignment = ALIGNMENT

    def __init__(self) -> None:
        self.memory = AddressSpace()
        self.lock = threading.RLock()

    # The runtime's side.

    def allocate(self, size: int) -> int:
        with self.lock:
            size = -(-size // ALIGNMENT) * ALIGNMENT
            return self.memory.add(self.new_memory(size), size)

    def deallocate(self, address: int, size: int) -> None:
        with self.lock:
            # Each framework keeps memory that launches under way still use.
            self.memory.remove(address)

    def upload(self, address: int, source: memoryview) -> None:
        with self.lock:
            if source.nbytes:
                self.write(self.memory.find(address, source.nbytes), source.cast("B"))

    def download(self, address: int, destination: memoryview) -> None:
        with self.lock:
            if destination.nbytes:
                self.read(self.memory.find(address, destination.nbytes), destination.cast("B"))

    def load(self, binary: bytes) -> _Library:
        """The kernels of a bundle.

        Raises:
            TorshError: the bundle is malformed; when a kernel is looked up, DeviceError if this
                machine cannot run it.
        """
        with self.lock:
            return _Library(self, binary)

    def launch(self, kernel: LoadedKernel, addresses: Sequence[int], sizes: Sequence[int]) -> None:
        with self.lock:
            variant, groups = kernel.bundle.launch(kernel.name, addresses, sizes, GRID_LIMIT)
            if not groups:
                return
            if any(size > _INT32_MAX for size in sizes):
                raise DeviceError(
                    f"kernel {kernel.name}: an extent of {max(sizes)} does not fit the 32 bits "
                    "that MSL kernels count with"
                )
            places = [self.memory.find(address) for address in addresses]
            function, threads = kernel.variants[variant]
            self.dispatch(function, places, tuple(sizes), groups, threads)

    def copy(self, destination: int, source: int, size: int) -> None:
        with self.lock:
            if size:
                self.copy_memory(
                    self.memory.find(destination, size), self.memory.find(source, size), size
                )

    # The framework's side.

    @abstractmethod
    def new_memory(self, size: int) -> Any:
        """A block of `size` bytes, a multiple of the alignment; raises MemoryError."""

    @abstractmethod
    def write(self, place: Place, source: memoryview) -> None:
        """Host to device after all that was dispatched; complete on return."""

    @abstractmethod
    def read(self, place: Place, destination: memoryview) -> None:
        """Device to host after all that was dispatched; complete on return."""

    @abstractmethod
    def compile(self, text: str) -> Any:
        """A library from MSL text, in which NaN and infinity mean what they do elsewhere.

        Raises:
            DeviceError: the text does not compile.
        """

    @abstractmethod
    def function(self, library: Any, entry: str) -> Any:
        """The kernel function called `entry` of what `compile` returned."""

    @abstractmethod
    def max_threads(self, function: Any) -> int:
        """How many threads a threadgroup of this function can have."""

    @abstractmethod
    def dispatch(
        self,
        function: Any,
        operands: Sequence[Place],
        sizes: tuple[int, ...],
        groups: int,
        threads: int,
    ) -> None:
        """Gives a launch to the queue: `groups` threadgroups of `threads`.

        The operands are buffers 0, 1, ...; if there are sizes, the next buffer has them as int.
        """

    @abstractmethod
    def copy_memory(self, destination: Place, source: Place, size: int) -> None:
        """Gives a copy to the queue."""

    @abstractmethod
    def synchronize(self) -> None:
        """Returns when everything given to the queue is done."""
