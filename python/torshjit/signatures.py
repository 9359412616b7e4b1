# SPDX-License-Identifier: Apache-2.0
"""Signatures of calls: what their arguments are, how two differ, and how they read."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from torshjit.capture.dlpack_arrays import dlpack_dtype, is_dlpack_array
from torshjit.capture.graph_function import ArrayLeaf, ValueLeaf, flatten, leaf_paths, tree_map
from torshjit.capture.numpy_dtypes import dialect_dtype, is_supported
from torshjit.capture.opened_objects import Opened, open_objects
from torshjit.record import Record
from torshjit.sources import is_torch_tensor

__all__ = ["differing_arguments", "format_signature", "signature_of", "trees_match"]

Signature = tuple[tuple, dict]

_TORCH_DTYPES = {
    "torch.bool": "i1",
    "torch.int8": "i8",
    "torch.int16": "i16",
    "torch.int32": "i32",
    "torch.int64": "i64",
    "torch.uint8": "ui8",
    "torch.uint16": "ui16",
    "torch.uint32": "ui32",
    "torch.uint64": "ui64",
    "torch.float16": "f16",
    "torch.bfloat16": "bf16",
    "torch.float32": "f32",
    "torch.float64": "f64",
}


#: Types whose values can be compared by equality and kept.
_PLAIN = (
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    type(None),
    slice,
    type(Ellipsis),
    np.dtype,
    type,
    FunctionType,
    BuiltinFunctionType,
)


class _Opaque(Record):
    """Stands for any object of a type whose values are neither compared nor kept."""

    __slots__ = ("kind",)

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        return f"<{self.kind.__name__}>"


def _is_plain(value: Any) -> bool:
    kind = type(value)
    return kind in _PLAIN or isinstance(value, (type, enum.Enum)) or kind.__module__ == "torch"


def _describe(value: Any) -> ArrayLeaf | ValueLeaf:
    if type(value) in (np.ndarray, np.memmap) or isinstance(value, np.generic):
        kind = "scalar" if isinstance(value, np.generic) else "numpy"
        name = dialect_dtype(value.dtype) if is_supported(value.dtype) else str(value.dtype)
        return ArrayLeaf(kind, name, value.shape)  # type: ignore[arg-type]
    if is_torch_tensor(value):
        name = _TORCH_DTYPES.get(str(value.dtype), str(value.dtype))
        return ArrayLeaf("torch", name, tuple(value.shape))
    if is_dlpack_array(value):
        dtype = dlpack_dtype(value)
        assert dtype is not None
        return ArrayLeaf("dlpack", dialect_dtype(dtype), tuple(value.shape))
    return ValueLeaf(value if _is_plain(value) else _Opaque(type(value)))


def signature_of(args: tuple, kwargs: dict) -> Signature:
    """Returns the argument tree of any call.

    Unsupported dtypes keep their own names, and objects that no program takes are told apart
    by their types only.
    """
    return flatten(open_objects(args), open_objects(kwargs), _describe)[0]


def trees_match(expected: Any, actual: Any) -> bool:
    """Whether a call of signature `actual` is one that `expected` was made for."""
    # Equal trees are the usual case, and compared without Python code for each level.
    return expected == actual or _matches(expected, actual)


def _matches(expected: Any, actual: Any) -> bool:
    if isinstance(expected, ArrayLeaf):
        return (
            isinstance(actual, ArrayLeaf)
            and (expected.kind, expected.dtype) == (actual.kind, actual.dtype)
            and len(expected.shape) == len(actual.shape)
            and all(e in (-1, a) for e, a in zip(expected.shape, actual.shape, strict=True))
        )
    if isinstance(expected, ValueLeaf):
        return isinstance(actual, ValueLeaf) and expected == actual
    if isinstance(expected, Opened):
        return (
            isinstance(actual, Opened)
            and expected.structure == actual.structure
            and _matches(expected.items, actual.items)
        )
    if type(expected) is not type(actual) or len(expected) != len(actual):
        return False
    if isinstance(expected, dict):
        return all(key in actual and _matches(item, actual[key]) for key, item in expected.items())
    return all(map(_matches, expected, actual))


def _format_leaf(leaf: Any) -> Any:
    if isinstance(leaf, ArrayLeaf):
        extents = ", ".join("?" if extent < 0 else str(extent) for extent in leaf.shape)
        return f"{leaf.dtype}[{extents}]"
    return repr(leaf.value) if isinstance(leaf, ValueLeaf) else leaf


def _format_tree(tree: Any) -> str:
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key!r}: {_format_tree(v)}" for key, v in tree.items()) + "}"
    if isinstance(tree, (list, tuple)):
        inner = ", ".join(map(_format_tree, tree))
        if isinstance(tree, list):
            return f"[{inner}]"
        return f"({inner},)" if len(tree) == 1 else f"({inner})"
    if isinstance(tree, Opened):
        paths = map(tree.structure.path, range(len(tree.items)))
        parts = zip(paths, map(_format_tree, tree.items), strict=True)
        inner = ", ".join(f"{path.lstrip('.')}={part}" for path, part in parts)
        return f"{tree.structure.kind.__name__}({inner})"
    return str(_format_leaf(tree))


def format_signature(signature: Signature) -> str:
    """Writes a signature as a call: ``(f32[2, 4], axis=1)``."""
    args, kwargs = signature
    parts = [_format_tree(tree) for tree in args]
    parts += [f"{key}={_format_tree(tree)}" for key, tree in kwargs.items()]
    return f"({', '.join(parts)})"


def differing_arguments(signatures: Iterable[Signature]) -> str:
    """Says which arguments the signatures differ in, with examples; empty if in none."""
    seen: dict[str, list[str]] = {}
    shapes = set()
    total = 0
    for args, kwargs in signatures:
        total += 1
        leaves = {f"argument {path[1:-1]}": leaf for path, leaf in _paths(args)}
        leaves.update({f"argument {path[2:-2]}": leaf for path, leaf in _paths(kwargs)})
        shapes.add(tuple(sorted(leaves)))
        for path, leaf in leaves.items():
            text = _format_leaf(leaf)
            if text not in seen.setdefault(path, []):
                seen[path].append(text)
    if len(shapes) > 1:
        return "the calls differ in their number or nesting of arguments"
    varied = [(path, texts) for path, texts in seen.items() if len(texts) > 1]
    return "; ".join(
        f"{path} took {len(texts)} forms in {total} calls, such as {', '.join(texts[:3])}"
        for path, texts in varied
    )


def _paths(tree: Any) -> list[tuple[str, Any]]:
    return list(leaf_paths(tree_map(lambda leaf: leaf, tree)))
