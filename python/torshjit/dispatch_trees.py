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
    tree_leaves,
)

__all__ = ["runtime_arguments"]


def runtime_arguments(program: CapturedProgram) -> dict[str, Any]:
    """Returns the keyword arguments of `Dispatcher.add_specialization`, without the executable."""
    numbers = _leaf_numbers(program.args_tree)
    bindings = [
        ("arg", numbers[binding.leaf])
        if isinstance(binding, ArgumentBinding)
        else ("object", binding.value)
        for binding in program.bindings
    ]
    identity, attributes = [], []
    for guard in program.guards:
        if isinstance(guard, IdentityGuard):
            identity.append((guard.mapping, guard.key, guard.expected))
        else:
            attributes.append((guard.owner, guard.name, guard.expected))
    args, kwargs = program.args_tree
    return {
        "args_tree": (
            [_argument(tree) for tree in args],
            {key: _argument(tree) for key, tree in kwargs.items()},
        ),
        "bindings": bindings,
        "output_tree": _output(program.output_tree, program.output_kind, numbers),
        "guards": identity,
        "attribute_guards": attributes,
        "grad_sensitive": program.grad_sensitive,
    }


def _leaf_numbers(args_tree: tuple[tuple, dict]) -> list[int]:
    """The runtime's number of each array leaf: it counts values among the leaves."""
    return [
        number for number, leaf in enumerate(tree_leaves(args_tree)) if isinstance(leaf, ArrayLeaf)
    ]


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
    node = _container(tree, _argument)
    assert node is not None, f"not a tree of arguments: {tree!r}"
    return node


def _output(tree: Any, kind: str, numbers: list[int]) -> tuple:
    if isinstance(tree, ResultLeaf):
        # A scalar is NumPy's: other libraries have arrays of rank 0, which stay on their device.
        is_scalar = tree.scalar and kind == "numpy"
        return ("leaf", tree.index, "scalar" if is_scalar else kind)
    if isinstance(tree, ArgumentLeaf):
        return ("argument", numbers[tree.leaf])
    if isinstance(tree, ValueLeaf):
        return ("value", tree.value)
    node = _container(tree, lambda item: _output(item, kind, numbers))
    assert node is not None, f"not a tree of results: {tree!r}"
    return node
