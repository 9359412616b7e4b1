# SPDX-License-Identifier: Apache-2.0
"""What a capture hands to the compiler: a module, and how to call it.

Every front end (NumPy functions, torch modules, MLIR text) returns a `CapturedProgram`.
Its argument tree is a pair ``(args, kwargs)``: a tuple and a dict of trees, where a tree is
an exact tuple, list or dict of trees, an `Opened` object, or a leaf. Array leaves are numbered in
the order in which `flatten` meets them: positional arguments first, then keyword arguments in
the order of the call that was captured.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from torshjit.capture.opened_objects import Opened
from torshjit.record import Record

__all__ = [
    "TRACED",
    "ArgumentBinding",
    "ArgumentLeaf",
    "ArrayLeaf",
    "AttributeGuard",
    "CapturedProgram",
    "IdentityGuard",
    "ObjectBinding",
    "ResultLeaf",
    "Tree",
    "ValueLeaf",
    "flatten",
    "leaf_paths",
    "leaves_like",
    "tree_leaves",
    "tree_map",
]


#: The attribute that marks the tensors of a torch capture in progress.
TRACED = "_torshjit_traced"


class ArrayLeaf(Record):
    """An argument whose contents the program reads.

    `kind` says what the call passes: a NumPy array, a NumPy scalar, a torch tensor, or an array of
    another library that has DLPack's protocol.
    `dtype` is the dialect's name (``f32``); an extent of -1 in `shape` is any extent.
    """

    __slots__ = ("dtype", "kind", "shape")

    def __init__(
        self,
        kind: Literal["numpy", "scalar", "torch", "dlpack"],
        dtype: str,
        shape: tuple[int, ...],
    ) -> None:
        self.kind = kind
        self.dtype = dtype
        self.shape = shape


class ValueLeaf(Record):
    """A value fixed at capture; as an argument it is compared by type and equality.

    Floats are compared by their bits: 0.0 is not -0.0, and NaN is NaN.
    """

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ValueLeaf) or type(self.value) is not type(other.value):
            return False
        if isinstance(self.value, float):
            return struct.pack("d", self.value) == struct.pack("d", other.value)
        return self.value is other.value or bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash((type(self.value), repr(self.value)))


class ResultLeaf(Record):
    """Output `index` of the program; `scalar` asks for a NumPy scalar instead of a 0-d array."""

    __slots__ = ("index", "scalar")

    def __init__(self, index: int, scalar: bool = False) -> None:
        self.index = index
        self.scalar = scalar


class ArgumentLeaf(Record):
    """The object itself that the call passed as array leaf number `leaf`, returned unchanged."""

    __slots__ = ("leaf",)

    def __init__(self, leaf: int) -> None:
        self.leaf = leaf


Tree = ArrayLeaf | ValueLeaf | ResultLeaf | ArgumentLeaf | tuple | list | dict


class ArgumentBinding(Record):
    """A program input that is array leaf number `leaf` of the call."""

    __slots__ = ("leaf",)

    def __init__(self, leaf: int) -> None:
        self.leaf = leaf


class ObjectBinding:
    """A program input that is a NumPy array or torch tensor.

    It is read where it lies at each call, unless it is frozen. `is_constant` says that nobody
    can write to it.
    """

    __slots__ = ("is_constant", "value", "version")

    def __init__(self, value: Any, *, is_constant: bool = False) -> None:
        self.value = value
        self.is_constant = is_constant
        #: How often torch had written to it when it was frozen.
        self.version: int | None = None


class IdentityGuard:
    """Holds while ``mapping[key] is expected``."""

    __slots__ = ("expected", "key", "mapping")

    def __init__(self, mapping: dict, key: object, expected: object) -> None:
        self.mapping = mapping
        self.key = key
        self.expected = expected

    def holds(self) -> bool:
        return self.mapping.get(self.key, _MISSING) is self.expected


class AttributeGuard:
    """Holds while ``getattr(owner, name) == expected``.

    `watched` is the same in the form in which the runtime checks it without Python
    (StateGuards.h), if there is one.
    """

    __slots__ = ("expected", "name", "owner", "watched")

    def __init__(
        self, owner: object, name: str, expected: object, watched: tuple | None = None
    ) -> None:
        self.owner = owner
        self.name = name
        self.expected = expected
        self.watched = watched

    def holds(self) -> bool:
        return bool(getattr(self.owner, self.name, _MISSING) == self.expected)


_MISSING = object()


class CapturedProgram:
    """A captured program and everything needed to call it.

    Attributes:
        module: the `_compiler.Module`.
        args_tree: the call it was captured for, ``(args, kwargs)`` with leaves ArrayLeaf and
            ValueLeaf.
        bindings: where each input of the entry function comes from, in order.
        output_tree: the result, with leaves ResultLeaf, ValueLeaf, ArgumentLeaf and ArgumentView;
            a Written node where the program writes to tensors of the caller.
        output_kind: whether results are NumPy arrays or torch tensors.
        guards: conditions that must hold at each call besides the argument tree; when one
            fails, the program is captured again.
        grad_sensitive: whether a call under torch's grad mode where an argument or bound
            tensor requires grad must go to `call_with_grad` instead.
        source_names: the user's name of each input of the entry function, for messages (``x``,
            ``fc.weight``).
        capture_ms: how long the capture took.
        call_with_grad: ``call_with_grad(compiled, args, kwargs) -> result``, required where
            `grad_sensitive` is true; `compiled(*args, **kwargs)` under ``torch.no_grad()``
            runs the compiled code.
        entry: the name of the entry function.
        host_functions: the functions that the program calls between kernels, by name; those
            that are missing are looked up (`torshjit.host_functions.find_function`).
        draws_numbers: whether another run of the same call may give other results.
        writes: whether the call writes to tensors of the caller.
        strided_inputs: the places of the inputs whose storage the program addresses by strides,
            as that of a contiguous tensor at its beginning.
        frozen: the places of the inputs that never change (`torshjit.frozen_weights`).
        rewritten: how many places each of the configuration's rewrites had, by name; None until
            they are applied.
    """

    def __init__(
        self,
        module: Any,
        args_tree: tuple[tuple, dict],
        bindings: list[ArgumentBinding | ObjectBinding],
        output_tree: Tree,
        *,
        output_kind: Literal["numpy", "torch", "dlpack"] = "numpy",
        guards: Sequence[IdentityGuard | AttributeGuard] = (),
        grad_sensitive: bool = False,
        source_names: Sequence[str] = (),
        capture_ms: float = 0.0,
        call_with_grad: Callable[[Any, tuple, dict], Any] | None = None,
        entry: str = "main",
        host_functions: Mapping[str, Any] | None = None,
        draws_numbers: bool = False,
        writes: bool = False,
        strided_inputs: Sequence[int] = (),
    ) -> None:
        self.module = module
        self.args_tree = args_tree
        self.bindings = bindings
        self.output_tree = output_tree
        self.output_kind = output_kind
        self.guards = list(guards)
        self.grad_sensitive = grad_sensitive
        self.source_names = list(source_names)
        self.capture_ms = capture_ms
        self.call_with_grad = call_with_grad
        self.entry = entry
        self.host_functions = dict(host_functions or {})
        self.draws_numbers = draws_numbers
        self.writes = writes
        self.strided_inputs = tuple(strided_inputs)
        self.frozen: frozenset[int] = frozenset()
        self.rewritten: dict[str, int] | None = None


def tree_map(function: Callable[[Any], Any], tree: Any) -> Any:
    """Applies `function` to each leaf of nested exact tuples, lists, dicts and Opened nodes."""
    kind = type(tree)
    if kind is tuple:
        return tuple(tree_map(function, item) for item in tree)
    if kind is list:
        return [tree_map(function, item) for item in tree]
    if kind is dict:
        return {key: tree_map(function, item) for key, item in tree.items()}
    if kind is Opened:
        items = tuple(tree_map(function, item) for item in tree.items)
        return Opened(tree.structure, items, tree.source)
    return function(tree)


def tree_leaves(tree: Any) -> Iterator[Any]:
    """The leaves of nested exact tuples, lists, dicts and Opened nodes, in order."""
    kind = type(tree)
    if kind is tuple or kind is list:
        for item in tree:
            yield from tree_leaves(item)
    elif kind is dict:
        for item in tree.values():
            yield from tree_leaves(item)
    elif kind is Opened:
        yield from tree_leaves(tree.items)
    else:
        yield tree


def leaves_like(template: Any, tree: Any) -> Iterator[Any]:
    """The leaves of `tree` in the order of `template`, whose dicts may be ordered otherwise."""
    kind = type(template)
    if kind is tuple or kind is list:
        for part, item in zip(template, tree, strict=True):
            yield from leaves_like(part, item)
    elif kind is dict:
        for key, part in template.items():
            yield from leaves_like(part, tree[key])
    elif kind is Opened:
        yield from leaves_like(template.items, tree.items)
    else:
        yield tree


def leaf_paths(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves with a path to each, such as ``[0]['weights'][1]``."""
    kind = type(tree)
    if kind is tuple or kind is list:
        for index, item in enumerate(tree):
            yield from leaf_paths(item, f"{path}[{index}]")
    elif kind is dict:
        for key, item in tree.items():
            yield from leaf_paths(item, f"{path}[{key!r}]")
    elif kind is Opened:
        for index, item in enumerate(tree.items):
            yield from leaf_paths(item, path + tree.structure.path(index))
    else:
        yield path, tree


def flatten(
    args: tuple, kwargs: dict, classify: Callable[[Any], ArrayLeaf | ValueLeaf]
) -> tuple[tuple[tuple, dict], list[Any]]:
    """Splits a call into its argument tree and its arrays.

    `classify` turns each leaf into an ArrayLeaf or a ValueLeaf; what it raises is passed on.
    Returns the tree ``(args, kwargs)`` and the objects of its array leaves, in order.
    """
    arrays: list[Any] = []

    def leaf(value: Any) -> ArrayLeaf | ValueLeaf:
        result = classify(value)
        if isinstance(result, ArrayLeaf):
            arrays.append(value)
        return result

    return (tree_map(leaf, args), tree_map(leaf, kwargs)), arrays
