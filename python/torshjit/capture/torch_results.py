# SPDX-License-Identifier: Apache-2.0
"""What a traced torch program returns, and what it changes in the objects that it was given."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from types import BuiltinFunctionType, FunctionType
from typing import Any

import torch

from torshjit.capture.graph_function import ArgumentLeaf, ResultLeaf, ValueLeaf, tree_leaves
from torshjit.capture.opened_objects import (
    ArgumentObject,
    Change,
    Opened,
    Updated,
    is_plain,
    take_apart,
)
from torshjit.capture.torch_aliasing import AliasGroup
from torshjit.capture.torch_dispatch import TorchTrace
from torshjit.capture.written_arguments import ArgumentView, Written
from torshjit.errors import CaptureError

__all__ = ["VALUES", "EnteredArguments", "ResultTree", "is_value"]

#: Types of arguments and results that are fixed at capture and compared at each call.
VALUES = (
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    type(None),
    slice,
    type(Ellipsis),
    torch.dtype,
    torch.device,
    torch.memory_format,
    torch.layout,
    torch.Size,
)

_CONTAINERS = (tuple, list, dict)


def is_value(value: Any) -> bool:
    """Whether an object is fixed at capture and compared at each call."""
    return type(value) in VALUES or isinstance(value, (type, enum.Enum)) or _is_frozen_record(value)


def _is_frozen_record(value: Any) -> bool:
    """Whether it is a frozen dataclass of values, such as options are.

    Not of floats: its equality takes 0.0 for -0.0, by which a program may differ.
    """
    parameters = getattr(type(value), "__dataclass_params__", None)
    if parameters is None or not (parameters.frozen and parameters.eq):
        return False
    fields = [getattr(value, field.name) for field in dataclasses.fields(value)]
    return all(is_value(each) and not isinstance(each, (float, complex)) for each in fields)


class EnteredArguments:
    """The arguments that a program is traced on: traced tensors in the containers of the call.

    Attributes:
        args, kwargs: the arguments.
        tensors: the traced tensors, in the order of the array leaves.
        objects: the object of each Opened node, parents first.
    """

    def __init__(self, args_tree: tuple[tuple, dict], tensors: Sequence[torch.Tensor]) -> None:
        self.tensors = list(tensors)
        self.objects: list[Any] = []
        self._remaining = iter(self.tensors)
        self.args, self.kwargs = (self._enter(tree) for tree in args_tree)
        self._containers = [
            each for each in (*self.args, *self.kwargs.values()) if type(each) in _CONTAINERS
        ]
        self._before = [_items(each) for each in self._containers]
        self._states = [_state(each) for each in self.objects]

    def _enter(self, tree: Any) -> Any:
        kind = type(tree)
        if kind is tuple:
            return tuple(map(self._enter, tree))
        if kind is list:
            return list(map(self._enter, tree))
        if kind is dict:
            return {key: self._enter(item) for key, item in tree.items()}
        if kind is Opened:
            number = len(self.objects)
            self.objects.append(None)
            parts = [self._enter(item) for item in tree.items]
            self.objects[number] = made = tree.structure.make(parts)
            return made
        return tree.value if isinstance(tree, ValueLeaf) else next(self._remaining)

    def changed_objects(self) -> list[tuple[int, dict[str, Any], tuple, frozenset]]:
        """For each object changed: its number, attributes assigned, removed, changed in place.

        Raises:
            CaptureError: the program changed a container, which is not undone elsewhere.
        """
        containers = zip(self._containers, self._before, strict=True)
        if not all(_same(_items(each), items) for each, items in containers):
            raise CaptureError("the program changes a container that it was given")
        changed = []
        for number, (target, before) in enumerate(zip(self.objects, self._states, strict=True)):
            now = _state(target)
            names = [n for n in now if n not in before or not _same(now[n], before[n])]
            removed = tuple(name for name in before if name not in now)
            if not names and not removed:
                continue
            if not is_plain(type(target)):
                raise CaptureError(
                    f"the program changes a {type(target).__name__} that it was given"
                )
            in_place = frozenset(n for n in names if n in before and now[n][0] is before[n][0])
            changed.append((number, {n: vars(target)[n] for n in names}, removed, in_place))
        return changed


def _items(value: Any) -> list:
    """What is in a container, to be compared by identity; it keeps all of that alive."""
    kind = type(value)
    if kind is dict:
        return [value, *((key, _items(item)) for key, item in value.items())]
    if kind in _CONTAINERS:
        return [value, *map(_items, value)]
    return [value]


def _same(now: list, before: list) -> bool:
    if len(now) != len(before) or now[0] is not before[0]:
        return False
    for a, b in zip(now[1:], before[1:], strict=True):
        if type(a) is tuple:
            if a[0] != b[0] or not _same(a[1], b[1]):
                return False
        elif not _same(a, b):
            return False
    return True


def _state(value: Any) -> dict[Any, list]:
    """The same for an object's parts, by their names or numbers."""
    if is_plain(type(value)):
        return {name: _items(item) for name, item in vars(value).items()}
    apart = take_apart(value)
    assert apart is not None
    return {number: _items(part) for number, part in enumerate(apart[1])}


class ResultTree:
    """Describes what a program returns, and collects the Values of the tensors in it.

    Attributes:
        outputs: the Values of the program's results.
    """

    def __init__(self, trace: TorchTrace, entered: EnteredArguments) -> None:
        self.outputs: list[Any] = []
        self._trace = trace
        self._entered = entered
        self._arguments = {id(tensor): number for number, tensor in enumerate(entered.tensors)}
        self._objects = {id(each): number for number, each in enumerate(entered.objects)}
        self._places: dict[int, ResultLeaf] = {}
        self._above: list[Any] = []

    def describe_call(self, result: Any) -> Any:
        """The tree of the program's result; a Written or Updated where it changes its arguments.

        Raises:
            CaptureError: the result holds an object that is neither a tensor nor a plain value.
        """
        tree = self._describe(result)
        changes = tuple(
            Change(number, {n: self._describe(v) for n, v in values.items()}, removed, in_place)
            for number, values, removed, in_place in self._entered.changed_objects()
        )
        is_known = (ArgumentLeaf, ArgumentObject)
        writes = tuple(map(self._describe_write, self._trace.written))
        if not self.outputs and not any(isinstance(leaf, is_known) for leaf in tree_leaves(tree)):
            raise CaptureError("the program returns no tensor")
        if changes:
            tree = Updated(tree, changes)
        return Written(tree, writes) if writes else tree

    def _describe_write(self, group: AliasGroup) -> tuple[Any, ResultLeaf]:
        place = ResultLeaf(len(self.outputs))
        self.outputs.append(group.read_whole())
        return self._owner(group), place

    def _owner(self, group: AliasGroup) -> ArgumentLeaf | ValueLeaf:
        """The leaf of the caller's tensor whose memory a group is."""
        for number, tensor in enumerate(self._entered.tensors):
            if self._trace.record(tensor).group is group:
                return ArgumentLeaf(number)
        met = self._trace.met_tensor(group)
        assert met is not None
        return ValueLeaf(met)

    def _describe(self, value: Any) -> Any:
        kind = type(value)
        if id(value) in self._objects:
            return ArgumentObject(self._objects[id(value)])
        if kind is tuple:
            return tuple(map(self._describe, value))
        if kind is list:
            return list(map(self._describe, value))
        if kind is dict:
            return {key: self._describe(item) for key, item in value.items()}
        if isinstance(value, torch.Tensor):
            return self._describe_tensor(value)
        if is_value(value) or isinstance(value, (FunctionType, BuiltinFunctionType)):
            return ValueLeaf(value)
        apart = take_apart(value)
        if apart is None or any(value is each for each in self._above):
            raise CaptureError(
                f"the program returns an object of type {kind.__name__}, which is neither a "
                "tensor, a container of tensors nor a plain value"
            )
        self._above.append(value)
        structure, parts = apart
        items = tuple(map(self._describe, parts))
        self._above.pop()
        return Opened(structure, items)

    def _describe_tensor(self, tensor: torch.Tensor) -> Any:
        if id(tensor) in self._arguments:
            return ArgumentLeaf(self._arguments[id(tensor)])
        self._trace.adopt(tensor)  # Refuses what is not part of the guarded state.
        if not self._trace.is_traced(tensor):
            return ValueLeaf(tensor)
        record = self._trace.record(tensor)
        if record.group in self._trace.written:
            return ArgumentView(self._owner(record.group), record.steps)
        if id(tensor) not in self._places:
            self._places[id(tensor)] = ResultLeaf(len(self.outputs))
            if tensor.is_complex():
                raise CaptureError(f"the program returns a tensor of {tensor.dtype}")
            self.outputs.append(self._trace.read(tensor))
        return self._places[id(tensor)]
