# SPDX-License-Identifier: Apache-2.0
"""Argument and output trees, in the runtime's form, as JSON.

A plain value is written with its type, floats by their hexadecimal form, so that reading
gives back the same bits.
"""

from __future__ import annotations

from typing import Any

from torshjit.errors import TorshError

__all__ = ["read_tree", "write_tree"]


def _write_value(value: Any) -> list:
    if value is None:
        return ["none"]
    if type(value) is float:
        return ["float", value.hex()]
    if type(value) in (bool, int, str):
        return [type(value).__name__, value]
    raise TorshError(
        f"an executable file cannot hold the argument or result {value!r} of type "
        f"{type(value).__name__}; it holds arrays, numbers, strings and None"
    )


def _read_value(node: list) -> Any:
    if node == ["none"]:
        return None
    kind, value = node
    if kind == "float":
        return float.fromhex(value)
    types = {"bool": bool, "int": int, "str": str}
    if type(value) is not types[kind]:
        raise ValueError(f"malformed value {node!r}")
    return value


def write_tree(tree: tuple) -> list:
    """Returns the JSON form of a node.

    Raises:
        TorshError: it holds a value that has none.
    """
    kind = tree[0]
    if kind in ("tuple", "list"):
        return [kind, [write_tree(node) for node in tree[1]]]
    if kind == "dict":
        return ["dict", [[_write_value(key), write_tree(node)] for key, node in tree[1].items()]]
    if kind == "value":
        return ["value", _write_value(tree[1])]
    if kind == "written":
        raise TorshError(
            "an executable file cannot hold a program that writes to its caller's tensors"
        )
    if kind in ("object", "made"):
        made = tree[2] if kind == "object" else getattr(tree[2], "__self__", tree[2])
        name = getattr(getattr(made, "kind", made), "__name__", "objects")
        raise TorshError(
            f"an executable file cannot hold arguments or results of type {name}; it holds tuples, "
            "lists and dicts of arrays, numbers, strings and None"
        )
    return list(tree)


def read_tree(node: Any) -> tuple:
    """Returns the node for its JSON form.

    Raises:
        ValueError, KeyError, TypeError: it is malformed.
    """
    kind, *rest = node
    if kind in ("tuple", "list"):
        return (kind, [read_tree(child) for child in rest[0]])
    if kind == "dict":
        return ("dict", {_read_value(key): read_tree(child) for key, child in rest[0]})
    if kind == "value":
        return ("value", _read_value(rest[0]))
    if kind == "array":
        source, dtype, shape = rest
        return ("array", source, dtype, tuple(int(extent) for extent in shape))
    if kind in ("leaf", "argument"):
        return (kind, *rest)
    raise ValueError(f"unknown kind of node {kind!r}")
