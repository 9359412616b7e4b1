# SPDX-License-Identifier: Apache-2.0
"""Integer addresses for memory that has none: the runtime computes with addresses."""

from __future__ import annotations

import bisect
from typing import Any, NamedTuple

from torshjit.errors import DeviceError

__all__ = ["ALIGNMENT", "AddressSpace", "Place"]

#: Of what is allocated, and of what the runtime places within it: the strictest that Metal asks of
#: the offset of a bound buffer.
ALIGNMENT = 256


class Place(NamedTuple):
    """A byte of a block of memory: `memory` is the framework's object, `size` the block's bytes."""

    memory: Any
    offset: int
    size: int


class AddressSpace:
    """Blocks of memory at addresses that are never used twice."""

    def __init__(self) -> None:
        self._next = 1 << 32
        self._starts: list[int] = []
        self._blocks: dict[int, tuple[Any, int]] = {}

    def add(self, memory: Any, size: int) -> int:
        """Returns the address of the first of `size` bytes."""
        address = self._next
        # A gap: the address behind a block is nobody's.
        self._next += (size // ALIGNMENT + 2) * ALIGNMENT
        self._starts.append(address)
        self._blocks[address] = (memory, size)
        return address

    def remove(self, address: int) -> Any:
        """Forgets the block that begins at `address` and returns its memory.

        Raises:
            DeviceError: none does.
        """
        if address not in self._blocks:
            raise DeviceError(f"no memory of the device begins at address {address:#x}")
        self._starts.remove(address)
        return self._blocks.pop(address)[0]

    def find(self, address: int, size: int = 1) -> Place:
        """The place of `size` bytes at `address`.

        Raises:
            DeviceError: they are not within one block.
        """
        index = bisect.bisect_right(self._starts, address) - 1
        if index >= 0:
            start = self._starts[index]
            memory, total = self._blocks[start]
            if address + size <= start + total:
                return Place(memory, address - start, total)
        raise DeviceError(
            f"{size} bytes at address {address:#x} are not memory of the device; a tensor that "
            "lives on another device must be moved to the cpu first"
        )
