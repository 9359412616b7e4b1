# SPDX-License-Identifier: Apache-2.0
"""A device written in Python, for tests: memory of its own, kernels over ctypes."""

import ctypes
import threading
from typing import ClassVar

import numpy as np

ALIGNMENT = 256


def _array(address, dtype, count):
    size = np.dtype(dtype).itemsize * count
    return np.frombuffer((ctypes.c_char * size).from_address(address), dtype, count)


def _add(addresses, sizes):
    a, b, c = (_array(address, np.float32, sizes[0]) for address in addresses)
    c[:] = a + b


def _fill(addresses, sizes):
    _array(addresses[0], np.float32, sizes[0])[:] = sizes[1]


class Library:
    """The kernels of a binary that lists their names."""

    KERNELS: ClassVar = {"add": (_add, 3, 1), "fill": (_fill, 1, 2)}

    def __init__(self, binary):
        self.names = binary.decode().split()

    def find(self, name):
        if name not in self.names:
            raise LookupError(f"no kernel {name}")
        return self.KERNELS[name]


class Device:
    """Memory of its own, every access to which is checked; work is done at synchronize."""

    def __init__(self, is_host_memory=False):
        self.is_host_memory = is_host_memory
        self.alignment = ALIGNMENT
        self.blocks = {}
        self.recorded = threading.local()
        self.log = []

    def allocate(self, size):
        memory = ctypes.create_string_buffer(b"\xff" * size, size + ALIGNMENT)
        address = -(-ctypes.addressof(memory) // ALIGNMENT) * ALIGNMENT
        self.blocks[address] = (memory, size)
        return address

    def deallocate(self, address, size):
        assert self.blocks.pop(address)[1] == size

    def check(self, address, size=1):
        if self.is_host_memory:
            return
        assert any(
            start <= address and address + size <= start + length
            for start, (_, length) in list(self.blocks.items())
        ), f"{address} is not device memory"

    def upload(self, address, view):
        self.log.append(("upload", view.nbytes))
        self.check(address, view.nbytes)
        ctypes.memmove(address, bytes(view), view.nbytes)

    def download(self, address, view):
        self.log.append(("download", view.nbytes))
        self.check(address, view.nbytes)
        view[:] = ctypes.string_at(address, view.nbytes)

    def load(self, binary):
        return Library(binary)

    def pending(self):
        if not hasattr(self.recorded, "steps"):
            self.recorded.steps = []
        return self.recorded.steps

    def launch(self, kernel, addresses, sizes):
        assert all(address % ALIGNMENT == 0 or self.is_host_memory for address in addresses)
        for address in addresses:
            self.check(address)
        self.log.append(("launch", kernel.__name__, tuple(sizes)))
        self.pending().append(lambda: kernel(addresses, sizes))

    def copy(self, destination, source, size):
        self.check(destination, size)
        self.check(source, size)
        self.log.append(("copy", size))
        self.pending().append(lambda: ctypes.memmove(destination, source, size))

    def synchronize(self):
        for step in self.pending():
            step()
        self.pending().clear()

    def abandon(self):
        self.log.append(("abandon",))
        self.pending().clear()
