# SPDX-License-Identifier: Apache-2.0
"""If, of which both branches are computed, and loops: unrolled, or run by the host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from torshjit.capture.host_loops import (
    InnerProgram,
    Type,
    add_counted_loop,
    add_scan,
    types_of,
)
from torshjit.capture.onnx_import.narrow_types import Narrow
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations
from torshjit.capture.onnx_import.sequences import sequence_of
from torshjit.errors import ShapeError

__all__ = ["CONTROL_FLOW"]


class RunGraph(Protocol):
    """Imports the subgraphs of a node."""

    def __call__(self, graph: Any, arguments: list[Any]) -> list[Any]:
        """The results of a subgraph for arguments."""

    def inner_program(self, graph: Any, types: Sequence[Type]) -> InnerProgram:
        """A subgraph as a program of its own."""


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
    state = list(node.operands[2:])
    count = len(body.input) - 2
    state += [None] * (count - len(state))
    has_stacks, initial = len(body.output) > 1 + count, state

    def on_host(reason: str) -> list[Any]:
        if has_stacks:
            raise node.fail(reason)
        return _loop_on_host(g, node, run, initial)

    if not has_stacks and not all(_is_known(node, place) for place in (0, 1)):
        return _loop_on_host(g, node, run, initial)
    most = node.known_integers(0, "the number of iterations", None)
    goes_on = node.known(1, "the condition", np.array(True))
    stacks: list[list[Any]] = [[] for _ in body.output[1 + count :]]
    number = 0
    while bool(goes_on.reshape(-1)[0]) and (most is None or number < most[0]):
        if number == _MOST_ITERATIONS:
            return on_host(f"more than {_MOST_ITERATIONS} iterations are not unrolled")
        results = run(body, [np.array(number, np.int64), goes_on, *state])
        goes_on = results[0]
        if not isinstance(goes_on, np.ndarray):
            return on_host("whether it goes on is computed from the contents of an input")
        state = results[1 : 1 + count]
        for stack, result in zip(stacks, results[1 + count :], strict=True):
            stack.append(result)
        number += 1
    if stacks and not number:
        raise node.fail("the results of no iteration have no shape")
    return [*state, *(_stacked(g, stack, 0) for stack in stacks)]


def _is_known(node: Node, place: int) -> bool:
    return not node.has(place) or isinstance(node.raw(place), np.ndarray)


def _loop_on_host(g: Operations, node: Node, run: RunGraph, state: Sequence[Any]) -> list[Any]:
    """A loop whose length is computed when the program runs, or that is long."""
    carried = [g.value(each) for each in _arrays(node, state)]
    types = types_of(carried)
    body = run.inner_program(node.attribute("body"), [("i64", ()), ("i1", ()), *types])
    _check_carried(node, body.results[1:], types)
    flag = g.reshape(node.value(1), ()) if node.has(1) else g.value(np.array(True))
    return list(
        add_counted_loop(
            g.host_calls, f"onnx.{node.op}", body, node.optional(0), g.only_if_run(flag), carried
        )
    )


def _arrays(node: Node, values: Sequence[Any]) -> Sequence[Any]:
    """Values of a loop that the host runs, which are plain arrays.

    Raises:
        UnsupportedOpError: one is a sequence or an optional, or of a narrow type.
    """
    if any(each is None or isinstance(each, (list, Narrow)) for each in values):
        raise node.fail("what it carries is not arrays of plain types")
    return values


def _check_carried(node: Node, results: Sequence[Type], types: Sequence[Type]) -> None:
    if [(dtype, tuple(shape)) for dtype, shape in results] != list(types):
        raise node.fail("what it carries changes its type or shape, and its length is not known")


def _scan_on_host(
    g: Operations,
    node: Node,
    run: RunGraph,
    state: Sequence[Any],
    rows: Sequence[tuple[Any, int, bool]],
    places: Sequence[tuple[int, bool]],
) -> list[Any]:
    """A scan of many rows."""
    carried = [g.value(each) for each in _arrays(node, state)]
    types = types_of(carried)
    parts = [
        (value.dtype, (*value.shape[:axis], *value.shape[axis + 1 :])) for value, axis, _ in rows
    ]
    body = run.inner_program(node.attribute("body"), [*types, *parts])
    made = body.results[len(types) :]
    _check_carried(node, body.results[: len(types)], types)
    axes = [
        (axis + len(shape) + 1 if axis < 0 else axis, is_backwards)
        for (_, shape), (axis, is_backwards) in zip(made, places, strict=True)
    ]
    return list(add_scan(g.host_calls, f"onnx.{node.op}", body, carried, rows, axes))


def _scan(g: Operations, node: Node, run: RunGraph) -> list[Any]:
    body, scanned = node.attribute("body"), node.attribute("num_scan_inputs")
    if node.version < 9:
        return _scan_of_batches(g, node, run)
    count = len(node.operands) - scanned
    inputs = [g.value(each) for each in node.operands[count:]]
    axes = node.integers("scan_input_axes", [0] * scanned) or []
    axes = [node.axis(axis, len(each.shape)) for axis, each in zip(axes, inputs, strict=True)]
    backwards = node.integers("scan_input_directions", [0] * scanned) or []
    made = len(body.output) - count
    places = node.integers("scan_output_axes", [0] * made) or []
    turned = node.integers("scan_output_directions", [0] * made) or []
    if inputs and inputs[0].shape[axes[0]] > _MOST_ITERATIONS:
        rows = list(zip(inputs, axes, map(bool, backwards), strict=True))
        ends = list(zip(places, map(bool, turned), strict=True))
        return _scan_on_host(g, node, run, node.operands[:count], rows, ends)
    state, stacks = _iterated(g, node, run, node.operands[:count], inputs, axes, backwards)
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
