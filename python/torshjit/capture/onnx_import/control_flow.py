# SPDX-License-Identifier: Apache-2.0
"""If, and Loop and Scan where the number of iterations is known at import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations
from torshjit.capture.onnx_import.sequences import sequence_of
from torshjit.errors import ShapeError

__all__ = ["CONTROL_FLOW"]

#: Imports a subgraph for arguments and returns its results.
RunGraph = Callable[[Any, list[Any]], list[Any]]

#: Longer loops are not unrolled.
_MOST_ITERATIONS = 64


def _branch(g: Operations, node: Node, run: RunGraph) -> list[Any]:
    condition = node.raw(0)
    if not isinstance(condition, np.ndarray):
        return _both_branches(g, node, run, g.reshape(condition, ()))
    taken = bool(condition.reshape(-1)[0])
    return run(node.attribute("then_branch" if taken else "else_branch"), [])


def _both_branches(g: Operations, node: Node, run: RunGraph, condition: Any) -> list[Any]:
    """Computes both branches and takes the results of one, where they have the same types."""
    with g.only_where(condition):
        first = run(node.attribute("then_branch"), [])
    with g.only_where(g.emit("not", condition)):
        second = run(node.attribute("else_branch"), [])
    results = []
    for then, other in zip(first, second, strict=True):
        if then is None or other is None:
            raise node.fail("an optional that one branch leaves empty is not covered")
        then, other = g.value(then), g.value(other)
        if then.dtype != other.dtype or tuple(then.shape) != tuple(other.shape):
            raise node.fail("the condition is computed, and the branches give other shapes")
        results.append(g.emit("select", condition, then, other))
    return results


def _stacked(g: Operations, values: Sequence[Any], axis: int) -> Any:
    """The values along a new axis."""
    if all(isinstance(value, np.ndarray) for value in values):
        return np.stack(values, axis)
    parts = []
    for value in map(g.value, values):
        place = axis + len(value.shape) + 1 if axis < 0 else axis
        parts.append(g.reshape(value, (*value.shape[:place], 1, *value.shape[place:])))
    return g.concat(parts, axis % len(parts[0].shape))


def _loop(g: Operations, node: Node, run: RunGraph) -> list[Any]:
    body = node.attribute("body")
    most = node.known_integers(0, "the number of iterations", None)
    goes_on = node.known(1, "the condition", np.array(True))
    state = list(node.operands[2:])
    count = len(body.input) - 2
    state += [None] * (count - len(state))
    stacks: list[list[Any]] = [[] for _ in body.output[1 + count :]]
    number = 0
    while bool(goes_on.reshape(-1)[0]) and (most is None or number < most[0]):
        if number == _MOST_ITERATIONS:
            raise node.fail(f"more than {_MOST_ITERATIONS} iterations are not unrolled")
        results = run(body, [np.array(number, np.int64), goes_on, *state])
        goes_on = results[0]
        if not isinstance(goes_on, np.ndarray):
            raise node.fail("whether it goes on is computed from the contents of an input")
        state = results[1 : 1 + count]
        for stack, result in zip(stacks, results[1 + count :], strict=True):
            stack.append(result)
        number += 1
    if stacks and not number:
        raise node.fail("the results of no iteration have no shape")
    return [*state, *(_stacked(g, stack, 0) for stack in stacks)]


def _scan(g: Operations, node: Node, run: RunGraph) -> list[Any]:
    body, scanned = node.attribute("body"), node.attribute("num_scan_inputs")
    if node.version < 9:
        return _scan_of_batches(g, node, run)
    count = len(node.operands) - scanned
    inputs = [g.value(each) for each in node.operands[count:]]
    axes = node.integers("scan_input_axes", [0] * scanned) or []
    axes = [node.axis(axis, len(each.shape)) for axis, each in zip(axes, inputs, strict=True)]
    backwards = node.integers("scan_input_directions", [0] * scanned) or []
    state, stacks = _iterated(g, node, run, node.operands[:count], inputs, axes, backwards)
    made = len(body.output) - count
    places = node.integers("scan_output_axes", [0] * made) or []
    turned = node.integers("scan_output_directions", [0] * made) or []
    return [
        *state,
        *(
            _stacked(g, stack[::-1] if is_backwards else stack, axis)
            for stack, axis, is_backwards in zip(stacks, places, turned, strict=True)
        ),
    ]


def _row(g: Operations, value: Any, axis: int, place: int) -> Any:
    """One element of an axis, without the axis."""
    part = g.slice(value, axis, place, place + 1)
    return g.reshape(part, (*part.shape[:axis], *part.shape[axis + 1 :]))


def _iterated(
    g: Operations,
    node: Node,
    run: RunGraph,
    state: Sequence[Any],
    inputs: Sequence[Any],
    axes: Sequence[int],
    backwards: Sequence[int],
) -> tuple[list[Any], list[list[Any]]]:
    """The state after all iterations, and what each of them adds to the other results."""
    body, state = node.attribute("body"), list(state)
    count, length = len(state), inputs[0].shape[axes[0]]
    if not 0 < length <= _MOST_ITERATIONS:
        raise node.fail(f"{length} iterations are not unrolled")
    stacks: list[list[Any]] = [[] for _ in body.output[count:]]
    for number in range(length):
        parts = [
            _row(g, value, axis, length - 1 - number if is_backwards else number)
            for value, axis, is_backwards in zip(inputs, axes, backwards, strict=True)
        ]
        results = run(body, [*state, *parts])
        state = results[:count]
        for stack, result in zip(stacks, results[count:], strict=True):
            stack.append(result)
    return state, stacks


def _scan_of_batches(g: Operations, node: Node, run: RunGraph) -> list[Any]:
    """Scan as in version 8: its first operand are lengths, the first axis of the others a batch."""
    if node.has(0):
        raise node.fail("lengths of the sequences of a batch are not covered")
    scanned = node.attribute("num_scan_inputs")
    values = [g.value(each) for each in node.operands[1:]]
    count, batch = len(values) - scanned, values[0].shape[0]
    backwards = node.integers("directions", [0] * scanned) or []
    rows = []
    for place in range(batch):
        own = [_row(g, value, 0, place) for value in values]
        axes = [0] * scanned
        state, stacks = _iterated(g, node, run, own[:count], own[count:], axes, backwards)
        rows.append([*state, *(_stacked(g, stack, 0) for stack in stacks)])
    return [_stacked(g, [row[place] for row in rows], 0) for place in range(len(rows[0]))]


def _sequence_map(g: Operations, node: Node, run: RunGraph) -> list[Any]:
    body, elements = node.attribute("body"), sequence_of(node, 0)
    if len(elements) > _MOST_ITERATIONS:
        raise node.fail(f"a sequence of {len(elements)} elements is not unrolled")
    others = node.operands[1:]
    for other in others:
        if isinstance(other, list) and len(other) != len(elements):
            raise ShapeError(f"{node}: sequences of {len(elements)} and {len(other)} elements")
    rows = [
        run(body, [each, *(part[at] if isinstance(part, list) else part for part in others)])
        for at, each in enumerate(elements)
    ]
    return [[row[place] for row in rows] for place in range(len(body.output))]


#: Operators with graphs of their own.
CONTROL_FLOW: dict[str, Callable[[Any, Node, RunGraph], list[Any]]] = {
    "If": _branch,
    "Loop": _loop,
    "Scan": _scan,
    "SequenceMap": _sequence_map,
}
