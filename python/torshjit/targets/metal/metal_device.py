# SPDX-License-Identifier: Apache-2.0
"""What all runtimes for Metal share: addresses, kernel bundles, the choice of variants and grids.

A subclass brings memory and launches in terms of its framework; together they are a device of the
runtime (`_runtime.register_device`).
"""

from __future__ import annotations

import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torshjit._runtime as _runtime  # type: ignore[import-not-found]
from torshjit.errors import DeviceError
from torshjit.targets.metal.address_space import ALIGNMENT, AddressSpace, Place

__all__ = ["HostVisibleMetalDevice", "LoadedKernel", "MetalDevice"]

_INT32_MAX = (1 << 31) - 1


class LoadedKernel(NamedTuple):
    """A kernel of a bundle: of each variant the framework's function and its threads."""

    library: Any
    name: str
    variants: tuple[tuple[Any, int], ...]


class _Library:
    """The kernels of a bundle; each module is compiled when a kernel of it is first asked for."""

    def __init__(self, device: MetalDevice, number: int) -> None:
        # At exit executables that are still alive keep this object, but the device goes.
        self._owner = weakref.ref(device)
        self.number = number
        self._modules: dict[int, Any] = {}

    def __del__(self) -> None:
        device = self._owner()
        if device is not None:
            device.bundles.pop(self.number, None)

    def find(self, name: str) -> tuple[LoadedKernel, int, int]:
        device = self._owner()
        if device is None:
            raise DeviceError("the metal device is closed: the interpreter exits")
        description = device.bundles[self.number].kernel(name)
        variants = tuple(
            (
                self._function(device, each["module"], each["entry"], each["threads"]),
                each["threads"],
            )
            for each in description["variants"]
        )
        kernel = LoadedKernel(self, name, variants)
        return kernel, len(description["operands"]), description["sizes"]

    def _function(self, device: MetalDevice, module: int, entry: str, threads: int) -> Any:
        if module not in self._modules:
            code = device.bundles[self.number].modules[module]
            if "msl" not in code:
                raise DeviceError(f"module {module} of the kernel bundle has no code in MSL")
            self._modules[module] = device.compile(code["msl"])
        function = device.function(self._modules[module], entry)
        limit = device.max_threads(function)
        if threads > limit:
            raise DeviceError(
                f"kernel {entry} needs {threads} threads in a threadgroup, this GPU runs at most "
                f"{limit} of it"
            )
        return function


class MetalDevice(ABC):
    """A device of the runtime whose kernels are MSL text.

    Methods may be called from any thread; they take turns.

    Attributes:
        grid_limit: the most threadgroups of a launch; kernels loop over what they do not cover.
    """

    is_host_memory = False
    alignment = ALIGNMENT
    #: Kernels count elements in 32 bits, and go on from the last by less than the difference.
    max_buffer_bytes = 2**31 - 2**26
    grid_limit = 1 << 20

    def __init__(self) -> None:
        self.memory = AddressSpace()
        self.bundles: dict[int, Any] = {}
        self._libraries = 0
        self._empty: Place | None = None
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
            bundle = _runtime.KernelBundle(bytes(binary).decode())
            self._libraries += 1
            self.bundles[self._libraries] = bundle
            return _Library(self, self._libraries)

    def launch(self, kernel: LoadedKernel, addresses: Sequence[int], sizes: Sequence[int]) -> None:
        with self.lock:
            variant, groups = self.bundles[kernel.library.number].launch(
                kernel.name, addresses, sizes, self.grid_limit
            )
            if not groups:
                return
            if any(size > _INT32_MAX for size in sizes):
                raise DeviceError(
                    f"kernel {kernel.name}: an extent of {max(sizes)} does not fit the 32 bits "
                    "that MSL kernels count with"
                )
            places = [self._find(address) for address in addresses]
            function, threads = kernel.variants[variant]
            self.dispatch(function, places, tuple(sizes), groups, threads)

    def _find(self, address: int) -> Place:
        """The place of an operand. Where a program needs no memory, its empty tensors have none:
        kernels, which do not touch them, get a block that is there."""
        if address == 0:
            if self._empty is None:
                self._empty = Place(self.new_memory(ALIGNMENT), 0, ALIGNMENT)
            return self._empty
        return self.memory.find(address)

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


class HostVisibleMetalDevice(MetalDevice):
    """A device whose memory the host can read and write once nothing is under way."""

    @abstractmethod
    def view(self, place: Place, size: int) -> memoryview:
        """`size` bytes at `place`, as the host sees them."""

    def write(self, place: Place, source: memoryview) -> None:
        self.synchronize()
        self.view(place, len(source))[:] = source

    def read(self, place: Place, destination: memoryview) -> None:
        self.synchronize()
        destination[:] = self.view(place, len(destination))

    def copy_memory(self, destination: Place, source: Place, size: int) -> None:
        # By the host: a copy on the GPU would want multiples of four.
        self.synchronize()
        self.view(destination, size)[:] = self.view(source, size)
