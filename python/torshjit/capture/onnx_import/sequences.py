# SPDX-License-Identifier: Apache-2.0
"""ONNX sequences and optional values: lists and None while the model is imported."""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations
from torshjit.errors import ShapeError

__all__ = ["sequence_of"]


def sequence_of(node: Node, place: int) -> list[Any]:
    """An operand that is a sequence."""
    found = node.raw(place)
    if not isinstance(found, list):
        raise node.fail(f"operand {place} is not a sequence")
    return found


def _position(node: Node, place: int, extent: int, default: int) -> int:
    at = node.known_integers(place, "the position in the sequence", [default])[0]
    if not -extent <= at <= extent:
        raise ShapeError(f"{node}: position {at} of a sequence of {extent}")
    return at


@lowers("SequenceConstruct")
def _construct(g: Operations, node: Node) -> Any:
    return (list(node.operands),)


@lowers("SequenceEmpty")
def _empty(g: Operations, node: Node) -> Any:
    return ([],)


@lowers("SequenceLength")
def _length(g: Operations, node: Node) -> Any:
    return np.array(len(sequence_of(node, 0)), np.int64)


@lowers("SequenceAt")
def _at(g: Operations, node: Node) -> Any:
    elements = sequence_of(node, 0)
    at = _position(node, 1, len(elements), 0)
    if at == len(elements):
        raise ShapeError(f"{node}: position {at} of a sequence of {len(elements)}")
    return (elements[at],)


@lowers("SequenceInsert")
def _insert(g: Operations, node: Node) -> Any:
    elements = list(sequence_of(node, 0))
    elements.insert(_position(node, 2, len(elements), len(elements)), node.raw(1))
    return (elements,)


@lowers("SequenceErase")
def _erase(g: Operations, node: Node) -> Any:
    elements = list(sequence_of(node, 0))
    at = _position(node, 1, len(elements), -1)
    if not elements or at == len(elements):
        raise ShapeError(f"{node}: position {at} of a sequence of {len(elements)}")
    del elements[at]
    return (elements,)


@lowers("SplitToSequence")
def _split(g: Operations, node: Node) -> Any:
    value = node.value(0)
    axis = node.axis(node.attribute("axis", 0), len(value.shape))
    extent = value.shape[axis]
    sizes = node.known(1, "the list of sizes", None)
    keeps = bool(node.attribute("keepdims", 1)) or sizes is not None
    if sizes is None:
        lengths = [1] * extent
    elif sizes.ndim:
        lengths = [int(each) for each in sizes]
    else:
        size = int(sizes)
        if size <= 0:
            raise ShapeError(f"{node}: parts of {size} elements")
        lengths = [min(size, extent - start) for start in range(0, extent, size)]
    if sum(lengths) != extent or any(length < 0 for length in lengths):
        raise ShapeError(f"{node}: extent {extent} cannot be split into {lengths}")
    parts, start = [], 0
    for length in lengths:
        part = g.slice(value, axis, start, start + length)
        if not keeps:
            part = g.reshape(part, (*value.shape[:axis], *value.shape[axis + 1 :]))
        parts.append(part)
        start += length
    return (parts,)


@lowers("ConcatFromSequence")
def _concat(g: Operations, node: Node) -> Any:
    values = [g.value(each) for each in sequence_of(node, 0)]
    if not values:
        raise ShapeError(f"{node}: the sequence is empty")
    is_new = bool(node.attribute("new_axis", 0))
    axis = node.axis(node.attribute("axis"), len(values[0].shape) + is_new)
    if is_new:
        values = [g.reshape(each, (*each.shape[:axis], 1, *each.shape[axis:])) for each in values]
    return g.concat(values, axis)


# Optional values.


@lowers("Optional")
def _optional(g: Operations, node: Node) -> Any:
    return (node.operands[0] if node.has(0) else None,)


@lowers("OptionalHasElement")
def _has_element(g: Operations, node: Node) -> Any:
    return np.array(node.has(0))


@lowers("OptionalGetElement")
def _get_element(g: Operations, node: Node) -> Any:
    return (node.raw(0),)
