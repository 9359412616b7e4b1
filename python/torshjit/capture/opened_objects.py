# SPDX-License-Identifier: Apache-2.0
"""Objects among arguments and results that are taken apart into what they hold.

These are named tuples, what torch's pytrees know (dataclasses and model outputs that libraries
register), and objects of plain Python classes, which hold what is in their `__dict__`. In a tree
such an object is an `Opened` node.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType, ModuleType
from typing import Any

from torshjit.capture.written_arguments import ArgumentView, Written
from torshjit.record import Record

__all__ = [
    "ArgumentObject",
    "Change",
    "Opened",
    "Structure",
    "Updated",
    "build",
    "is_plain",
    "open_objects",
    "opened_sources",
    "take_apart",
]

Parts = tuple[tuple, Any]

#: Type flag of CPython: the class was made by a class statement or its like.
_HEAP_TYPE = 1 << 9
#: Libraries whose objects have state outside their `__dict__`.
_OPAQUE_MODULES = frozenset({"builtins", "torch", "numpy", "torshjit", "functools", "types"})
#: Members of classes whose objects are arrays, or are compared as they are.
_ARRAY_MEMBERS = ("__dlpack__", "__array__", "__torshjit_function__")


class Structure(Record):
    """How an object is put together from its parts.

    `context` is what else there is to it: the names of a plain object's attributes, or what torch's
    pytrees have for the type.
    """

    __slots__ = ("context", "kind")

    def __init__(self, kind: type, context: Any) -> None:
        self.kind = kind
        self.context = context

    @property
    def opener(self) -> Callable[[Any], Parts]:
        """Takes an object of this kind apart: its parts, and its context."""
        opener = _opener(self.kind)
        assert opener is not None
        return opener

    def make(self, parts: list) -> Any:
        """The object that has these parts."""
        if _is_named_tuple(self.kind):
            return self.kind._make(parts)  # type: ignore[attr-defined]
        node = _pytree_node(self.kind)
        if node is not None:
            return node.unflatten_fn(parts, self.context)
        made: Any = object.__new__(self.kind)
        vars(made).update(zip(self.context, parts, strict=True))
        return made

    def path(self, number: int) -> str:
        """How messages reach a part: ``.keys``."""
        names = getattr(self.kind, "_fields", self.context)
        if isinstance(names, (list, tuple)) and number < len(names):
            return f".{names[number]}"
        return f"[{number}]"


class Opened(Record):
    """An object in a tree: how it is put together, and the trees of its parts.

    `source` is the object itself, where there is one; it does not count for equality.
    """

    __slots__ = ("items", "source", "structure")

    def __init__(self, structure: Structure, items: tuple, source: Any = None) -> None:
        self.structure = structure
        self.items = items
        self.source = source

    def _values(self) -> tuple:
        return self.structure, self.items


class ArgumentObject(Record):
    """The object itself that the call passed as Opened node number `number`, parents first."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


class Change(Record):
    """What a call does to Opened node number `number` of its arguments, a plain object.

    `values` are the trees of the attributes that it assigns, by name; `removed` the attributes that
    it deletes. A list or dict that the attribute has already takes new items in its place where
    its name is in `in_place`.
    """

    __slots__ = ("in_place", "number", "removed", "values")

    def __init__(
        self, number: int, values: dict[str, Any], removed: tuple, in_place: frozenset
    ) -> None:
        self.number = number
        self.values = values
        self.removed = removed
        self.in_place = in_place

    def apply(self, target: Any, values: list) -> None:
        """Does it to the object of a call, given what became of `values`."""
        state = vars(target)
        for name in self.removed:
            state.pop(name, None)
        for name, value in zip(self.values, values, strict=True):
            old = state.get(name)
            if name in self.in_place and type(old) is type(value) is list:
                old[:] = value
            elif name in self.in_place and type(old) is type(value) is dict:
                old.clear()
                old.update(value)
            else:
                state[name] = value


class Updated(Record):
    """The result of a program that changes objects which it was given."""

    __slots__ = ("changes", "result")

    def __init__(self, result: Any, changes: tuple[Change, ...]) -> None:
        self.result = result
        self.changes = changes

    def finish(self, parts: list) -> Any:
        """Applies the changes; `parts` are the result, then for each the object and its values.

        Raises:
            ValueError: one object was passed in two places.
        """
        result, *rest = parts
        targets = rest[::2]
        if len({id(target) for target in targets}) < len(targets):
            raise ValueError("an object that the program changes is passed to it twice")
        for change, target, values in zip(self.changes, targets, rest[1::2], strict=True):
            change.apply(target, values)
        return result


def _is_named_tuple(kind: type) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields") and hasattr(kind, "_make")


def _pytree_node(kind: type) -> Any:
    """What torch's pytrees know of a type; does not import torch."""
    pytree = sys.modules.get("torch.utils._pytree")
    return None if pytree is None else pytree.SUPPORTED_NODES.get(kind)


def is_plain(kind: type) -> bool:
    """Whether objects of this type hold what is in their `__dict__` and no more."""
    if kind.__module__.partition(".")[0] in _OPAQUE_MODULES:
        return False
    if not all(base is object or base.__flags__ & _HEAP_TYPE for base in kind.__mro__):
        return False
    if issubclass(kind, (enum.Enum, FunctionType, ModuleType)) or not kind.__dictoffset__:
        return False
    if any(base.__module__.partition(".")[0] in ("torch", "numpy") for base in kind.__mro__):
        return False
    if any(hasattr(kind, member) for member in _ARRAY_MEMBERS):
        return False
    return not any(base.__dict__.get("__slots__") for base in kind.__mro__)


def _open_plain(value: Any) -> Parts:
    state = vars(value)
    return tuple(state.values()), tuple(state)


def _open_named_tuple(value: Any) -> Parts:
    return tuple(value), None


#: How objects of a type are taken apart, where that will not change.
_OPENERS: dict[type, Callable[[Any], Parts]] = {}


def _opener(kind: type) -> Callable[[Any], Parts] | None:
    opener = _OPENERS.get(kind)
    if opener is None:
        opener = _choose_opener(kind)
        if opener is not None:
            _OPENERS[kind] = opener
    return opener


def _choose_opener(kind: type) -> Callable[[Any], Parts] | None:
    if kind in (tuple, list, dict):
        return None
    if _is_named_tuple(kind):
        return _open_named_tuple
    node = _pytree_node(kind)
    if node is not None:
        flatten = node.flatten_fn

        def open_registered(value: Any) -> Parts:
            parts, context = flatten(value)
            return tuple(parts), context

        return open_registered
    return _open_plain if is_plain(kind) else None


def take_apart(value: Any) -> tuple[Structure, tuple] | None:
    """How an object is put together and its parts, None for a leaf or a builtin container."""
    kind = type(value)
    opener = _opener(kind)
    if opener is None:
        return None
    parts, context = opener(value)
    return Structure(kind, context), parts


def open_objects(value: Any, above: tuple = ()) -> Any:
    """The tree of a value: exact tuples, lists and dicts, Opened nodes, and leaves.

    An object that holds itself is a leaf.
    """
    kind = type(value)
    if kind is tuple:
        return tuple(open_objects(item, above) for item in value)
    if kind is list:
        return [open_objects(item, above) for item in value]
    if kind is dict:
        return {key: open_objects(item, above) for key, item in value.items()}
    if any(value is each for each in above):
        return value
    apart = take_apart(value)
    if apart is None:
        return value
    structure, parts = apart
    inside = (*above, value)
    return Opened(structure, tuple(open_objects(part, inside) for part in parts), value)


def opened_sources(tree: Any) -> Iterator[Any]:
    """The objects of a tree's Opened nodes, parents first."""
    kind = type(tree)
    if kind is Opened:
        yield tree.source
        yield from opened_sources(tree.items)
    elif kind in (tuple, list, dict):
        for item in tree.values() if kind is dict else tree:
            yield from opened_sources(item)


def build(tree: Any, leaf: Callable[[Any], Any], objects: Sequence[Any] = ()) -> Any:
    """The value that a tree describes: `leaf` gives its leaves, `objects` its ArgumentObjects.

    Writes and changes that the tree describes are done.
    """
    kind = type(tree)
    if kind is tuple:
        return tuple(build(item, leaf, objects) for item in tree)
    if kind is list:
        return [build(item, leaf, objects) for item in tree]
    if kind is dict:
        return {key: build(item, leaf, objects) for key, item in tree.items()}
    if kind is Opened:
        return tree.structure.make([build(item, leaf, objects) for item in tree.items])
    if kind is ArgumentObject:
        return objects[tree.number]
    if kind is Updated:
        parts = [build(tree.result, leaf, objects)]
        for change in tree.changes:
            parts.append(objects[change.number])
            parts.append([build(value, leaf, objects) for value in change.values.values()])
        return tree.finish(parts)
    if kind is ArgumentView:
        return tree.make([leaf(tree.whole)])
    if kind is Written:
        tree.store(leaf)
        return build(tree.result, leaf, objects)
    return leaf(tree)
