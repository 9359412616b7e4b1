# SPDX-License-Identifier: Apache-2.0
"""A captured program's trees, bindings and guards in the form that the runtime takes."""

from __future__ import annotations

from typing import Any

from torshjit.capture.graph_function import (
    ArgumentBinding,
    ArgumentLeaf,
    ArrayLeaf,
    CapturedProgram,
    IdentityGuard,
    ResultLeaf,
    ValueLeaf,
)
from torshjit.capture.opened_objects import ArgumentObject, Opened, Updated
from torshjit.capture.written_arguments import ArgumentView, Written

__all__ = ["runtime_arguments"]


def runtime_arguments(program: CapturedProgram) -> dict[str, Any]:
    """Returns the keyword arguments of `Dispatcher.add_specialization`, without the executable."""
    numbers, objects = _leaf_numbers(program.args_tree)
    bindings = [
        ("arg", numbers[binding.leaf])
        if isinstance(binding, ArgumentBinding)
        else ("frozen" if number in program.frozen else "object", binding.value)
        for number, binding in enumerate(program.bindings)
    ]
    identity, attributes, state = [], [], []
    for guard in program.guards:
        if isinstance(guard, IdentityGuard):
            identity.append((guard.mapping, guard.key, guard.expected))
        elif guard.watched is not None:
            state.append(guard.watched)
        else:
            attributes.append((guard.owner, guard.name, guard.expected))
    args, kwargs = program.args_tree
    return {
        "args_tree": (
            [_argument(tree) for tree in args],
            {key: _argument(tree) for key, tree in kwargs.items()},
        ),
        "bindings": bindings,
        "output_tree": _OutputTree(program.output_kind, numbers, objects).node(program.output_tree),
        "guards": identity,
        "attribute_guards": attributes,
        "state_guards": state,
        "grad_sensitive": program.grad_sensitive,
        "strided_inputs": list(program.strided_inputs),
    }


def _leaf_numbers(args_tree: tuple[tuple, dict]) -> tuple[list[int], list[int]]:
    """The runtime's number of each array leaf and of each Opened node.

    It counts values and objects among the leaves, an object before its parts.
    """
    arrays: list[int] = []
    objects: list[int] = []
    count = 0

    def visit(tree: Any) -> None:
        nonlocal count
        kind = type(tree)
        if kind in (tuple, list, dict):
            for item in tree.values() if kind is dict else tree:
                visit(item)
            return
        if kind is Opened:
            objects.append(count)
        elif kind is ArrayLeaf:
            arrays.append(count)
        count += 1
        if kind is Opened:
            visit(tree.items)

    visit(args_tree)
    return arrays, objects


def _container(tree: Any, convert: Any) -> tuple | None:
    if isinstance(tree, dict):
        return ("dict", {key: convert(item) for key, item in tree.items()})
    if isinstance(tree, list):
        return ("list", [convert(item) for item in tree])
    if isinstance(tree, tuple):
        return ("tuple", [convert(item) for item in tree])
    return None


def _argument(tree: Any) -> tuple:
    if isinstance(tree, ArrayLeaf):
        return ("array", tree.kind, tree.dtype, tuple(tree.shape))
    if isinstance(tree, ValueLeaf):
        return ("value", tree.value)
    if isinstance(tree, Opened):
        structure = tree.structure
        items = [_argument(item) for item in tree.items]
        return ("object", items, structure.kind, structure.opener, structure.context)
    node = _container(tree, _argument)
    assert node is not None, f"not a tree of arguments: {tree!r}"
    return node


class _OutputTree:
    """Converts the tree of a program's results."""

    def __init__(self, kind: str, arrays: list[int], objects: list[int]) -> None:
        self._kind = kind
        self._arrays = arrays
        self._objects = objects

    def node(self, tree: Any) -> tuple:
        """The runtime's node for a tree."""
        if isinstance(tree, ResultLeaf):
            # A scalar is NumPy's: other libraries have arrays of rank 0, which stay on their
            # device.
            is_scalar = tree.scalar and self._kind == "numpy"
            return ("leaf", tree.index, "scalar" if is_scalar else self._kind)
        if isinstance(tree, ArgumentLeaf):
            return ("argument", self._arrays[tree.leaf])
        if isinstance(tree, ValueLeaf):
            return ("value", tree.value)
        if isinstance(tree, ArgumentObject):
            return ("argument", self._objects[tree.number])
        if isinstance(tree, Opened):
            return ("made", list(map(self.node, tree.items)), tree.structure.make)
        if isinstance(tree, Updated):
            return self._updated(tree)
        if isinstance(tree, ArgumentView):
            return ("made", [self.node(tree.whole)], tree.make)
        if isinstance(tree, Written):
            writes = [(self.node(target), self.node(value)) for target, value in tree.writes]
            return ("written", self.node(tree.result), writes)
        node = _container(tree, self.node)
        assert node is not None, f"not a tree of results: {tree!r}"
        return node

    def _updated(self, tree: Updated) -> tuple:
        nodes = [self.node(tree.result)]
        for change in tree.changes:
            nodes.append(("argument", self._objects[change.number]))
            nodes.append(("list", [self.node(value) for value in change.values.values()]))
        return ("made", nodes, tree.finish)
