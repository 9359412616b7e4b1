# SPDX-License-Identifier: Apache-2.0
"""The base of small value classes.

A dataclass takes about a millisecond to make when its module is imported, which the first call
of a compiled program would wait for.
"""

from __future__ import annotations

__all__ = ["Record"]


class Record:
    """Equal to an object of the same class whose slots are all equal; hashed by them.

    A subclass lists its fields in `__slots__` and does not change them after `__init__`.
    """

    __slots__: tuple[str, ...] = ()

    def _values(self) -> tuple:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), *self._values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({fields})"
