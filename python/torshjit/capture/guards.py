# SPDX-License-Identifier: Apache-2.0
"""Conditions on the state around a function, checked by a property at each call.

The runtime compares attributes by equality, so each condition here offers `holds`, to be
compared with True, and `name`, what messages call the state. `watched` is the same condition in
the runtime's form (StateGuards.h), which takes a tenth of the time, or None where it has none.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CellType
from typing import Any

from torshjit.capture.graph_function import AttributeGuard

__all__ = [
    "AttributeCondition",
    "CellCondition",
    "ContainerCondition",
    "MemberCondition",
    "NamesCondition",
    "condition_guard",
]


def condition_guard(condition: Any) -> AttributeGuard:
    """The guard that `condition.holds` is True."""
    return AttributeGuard(condition, "holds", True, condition.watched)


class AttributeCondition:
    """Holds while an object's attribute is the object it was."""

    __slots__ = ("_expected", "_name", "_owner", "name")

    def __init__(self, owner: object, name: str) -> None:
        self.name = name
        self._owner = owner
        self._name = name
        self._expected = getattr(owner, name)

    @property
    def holds(self) -> bool:
        return getattr(self._owner, self._name, None) is self._expected

    @property
    def watched(self) -> tuple:
        return ("attribute", self._owner, self._name, self._expected, self.name)


class MemberCondition:
    """Holds while a class itself defines a member as it did; a bound method is new each time."""

    __slots__ = ("_expected", "_kind", "_member", "name")

    def __init__(self, kind: type, member: str) -> None:
        self.name = f"{kind.__name__}.{member}"
        self._kind = kind
        self._member = member
        self._expected = kind.__dict__[member]

    @property
    def holds(self) -> bool:
        return self._kind.__dict__.get(self._member) is self._expected

    @property
    def watched(self) -> tuple:
        return ("member", self._kind, self._member, self._expected, self.name)


class CellCondition:
    """Holds while a closure's cell has the object it had."""

    __slots__ = ("_cell", "_expected", "name")

    def __init__(self, cell: CellType, name: str) -> None:
        self.name = name
        self._cell = cell
        self._expected = cell.cell_contents

    @property
    def holds(self) -> bool:
        try:
            return self._cell.cell_contents is self._expected
        except ValueError:
            return False

    @property
    def watched(self) -> tuple:
        return ("cell", self._cell, self._expected, self.name)

    def restore(self) -> None:
        """Puts the object back."""
        self._cell.cell_contents = self._expected


class ContainerCondition:
    """Holds while a list, dict or set has the very items it had, in their order."""

    __slots__ = ("_container", "_items", "_keys", "_read", "name")

    def __init__(self, container: Any, name: str) -> None:
        self.name = name
        self._container = container
        is_dict = isinstance(container, dict)
        self._keys = list(container) if is_dict else None
        self._read: Callable[[Any], Any] = dict.values if is_dict else iter
        # The items are kept alive, so that an equal id means the same object.
        self._items = list(self._read(container))

    @property
    def holds(self) -> bool:
        container = self._container
        if len(container) != len(self._items):
            return False
        for now, expected in zip(self._read(container), self._items, strict=False):
            if now is not expected:
                return False
        return self._keys is None or list(container) == self._keys

    @property
    def watched(self) -> tuple | None:
        if type(self._container) is list:
            return ("items", self._container, self._items, self.name)
        if type(self._container) is dict:
            return ("items", self._container, self._items, self._keys, self.name)
        return None

    def restore(self) -> None:
        """Puts the items back."""
        container = self._container
        container.clear()
        if self._keys is not None:
            container.update(zip(self._keys, self._items, strict=True))
        elif isinstance(container, set):
            container.update(self._items)
        else:
            container.extend(self._items)


class NamesCondition:
    """Holds while a namespace still lacks names that a function looks up elsewhere."""

    __slots__ = ("_names", "_namespace", "name")

    def __init__(self, namespace: dict, names: list[str]) -> None:
        self.name = " or ".join(names)
        self._namespace = namespace
        self._names = names

    @property
    def holds(self) -> bool:
        return not any(name in self._namespace for name in self._names)

    @property
    def watched(self) -> tuple:
        return ("absent", self._namespace, self._names, self.name)
