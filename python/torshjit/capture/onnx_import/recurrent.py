# SPDX-License-Identifier: Apache-2.0
"""ONNX recurrent layers, unrolled over the steps of the sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations
from torshjit.errors import ShapeError

__all__: list[str] = []

#: Longer sequences are not unrolled.
_MOST_STEPS = 64

_ACTIVATIONS = {"relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh"}

Activation = Callable[[Any], Any]

#: Makes the next state of a cell: ``step(projected input, state, activations) -> state``.
Step = Callable[["_Cell", Any, list[Any], Sequence[Activation]], list[Any]]


class _Cell:
    """The weights of one direction of a layer, for `gates` gates."""

    def __init__(self, g: Operations, node: Node, direction: int, gates: int, hidden: int) -> None:
        self.g = g
        self.node = node
        self.hidden = hidden
        self.direction = direction
        self.weight = self._of(1, direction)
        self.recurrent = self._of(2, direction)
        if tuple(self.recurrent.shape) != (gates * hidden, hidden):
            raise ShapeError(f"{node}: recurrent weights of shape {tuple(self.recurrent.shape)}")
        bias = self._of(3, direction) if node.has(3) else None
        size = gates * hidden
        self.input_bias = None if bias is None else g.slice(bias, 0, 0, size)
        self.recurrent_bias = None if bias is None else g.slice(bias, 0, size, 2 * size)

    def _of(self, operand: int, direction: int) -> Any:
        part = self.g.slice(self.node.value(operand), 0, direction, direction + 1)
        return self.g.reshape(part, part.shape[1:])

    def rows(self, value: Any, gate: int) -> Any:
        """The part of one gate of weights or biases."""
        if value is None:
            return None
        return self.g.slice(value, 0, gate * self.hidden, (gate + 1) * self.hidden)

    def gate(self, value: Any, gate: int) -> Any:
        """The part of one gate of a product."""
        axis = len(value.shape) - 1
        return self.g.slice(value, axis, gate * self.hidden, (gate + 1) * self.hidden)

    def project(self, value: Any) -> Any:
        """The products of every step's input with the weights of all gates, biases added."""
        return self.g.emit("linear", value, self.weight, self.input_bias)

    def recur(self, state: Any) -> Any:
        """The product of the hidden state with the weights of all gates, biases added."""
        return self.g.emit("linear", state, self.recurrent, self.recurrent_bias)

    def peephole(self, gate: int) -> Any:
        """The weights of a gate on the cell's own state, or None."""
        return self.rows(self._of(7, self.direction), gate) if self.node.has(7) else None


def _activations(g: Operations, node: Node, direction: int, defaults: Sequence[str]) -> list:
    names = node.attribute("activations") or list(defaults) * 2
    count = len(defaults)
    chosen = [str(name).lower() for name in names[direction * count : (direction + 1) * count]]
    unknown = [name for name in chosen if name not in _ACTIVATIONS]
    if unknown or len(chosen) != count:
        raise node.fail(f"the activations {names} are not covered")

    def function(name: str) -> Activation:
        return lambda value: g.emit(_ACTIVATIONS[name], value)

    return [function(name) for name in chosen]


def _initial(
    g: Operations, node: Node, operand: int, direction: int, batch: int, hidden: int
) -> Any:
    if not node.has(operand):
        return g.filled(0, node.value(0).dtype, (batch, hidden))
    value = node.value(operand)
    axis = 1 if node.attribute("layout", 0) else 0
    return g.reshape(g.slice(value, axis, direction, direction + 1), (batch, hidden))


def _layer(
    g: Operations,
    node: Node,
    gates: int,
    states: Sequence[int],
    defaults: Sequence[str],
    step: Step,
) -> Any:
    """Runs a cell over the sequence; `states` are the operands of its initial states."""
    value = node.value(0)
    by_batch = bool(node.attribute("layout", 0))
    if by_batch:
        value = g.permute(value, (1, 0, 2))
    steps, batch, _ = value.shape
    hidden = node.attribute("hidden_size") or node.raw(2).shape[-1]
    if not 0 < steps <= _MOST_STEPS:
        raise node.fail(f"a sequence of {steps} steps is not unrolled")
    if node.attribute("clip") is not None or node.attribute("input_forget", 0):
        raise node.fail("clip and input_forget are not covered")
    mode = node.attribute("direction", "forward")
    lengths = node.optional(4, "i64")
    if lengths is not None and mode != "forward":
        raise node.fail("lengths of sequences are covered in the forward direction only")
    outputs, finals = [], []
    for direction in range(2 if mode == "bidirectional" else 1):
        is_reversed = mode == "reverse" or direction == 1
        cell = _Cell(g, node, direction, gates, hidden)
        activations = _activations(g, node, direction, defaults)
        state = [_initial(g, node, operand, direction, batch, hidden) for operand in states]
        projected = cell.project(value)
        row: list[Any] = []
        for number in range(steps)[:: -1 if is_reversed else 1]:
            part = g.slice(projected, 0, number, number + 1)
            new = step(cell, g.reshape(part, part.shape[1:]), state, activations)
            out = new[0]
            if lengths is not None:
                alive = g.reshape(g.math("sub", lengths, number), (batch, 1))
                alive = g.compare("gt", alive, 0)
                out = g.where(alive, new[0], 0.0)
                new = [g.where(alive, a, b) for a, b in zip(new, state, strict=True)]
            state = new
            row.append(g.reshape(out, (1, 1, batch, hidden)))
        outputs.append(g.concat(row[:: -1 if is_reversed else 1], 0))
        finals.append([g.reshape(each, (1, batch, hidden)) for each in state])
    sequence = g.concat(outputs, 1)
    last = [g.concat([final[place] for final in finals], 0) for place in range(len(states))]
    if by_batch:
        sequence = g.permute(sequence, (2, 0, 1, 3))
        last = [g.permute(each, (1, 0, 2)) for each in last]
    return (sequence, *last)


def _rnn_step(cell: _Cell, x: Any, state: list[Any], functions: Sequence[Activation]) -> list[Any]:
    return [functions[0](cell.g.emit("add", x, cell.recur(state[0])))]


@lowers("RNN")
def _rnn(g: Operations, node: Node) -> Any:
    return _layer(g, node, 1, (5,), ("Tanh",), _rnn_step)


def _gru_step(cell: _Cell, x: Any, state: list[Any], functions: Sequence[Activation]) -> list[Any]:
    g, hidden = cell.g, state[0]
    update_and_reset, candidate = functions
    product = cell.recur(hidden)
    update = update_and_reset(g.emit("add", cell.gate(x, 0), cell.gate(product, 0)))
    reset = update_and_reset(g.emit("add", cell.gate(x, 1), cell.gate(product, 1)))
    if cell.node.attribute("linear_before_reset", 0):
        inner = g.emit("mul", reset, cell.gate(product, 2))
    else:
        inner = g.emit(
            "linear",
            g.emit("mul", reset, hidden),
            cell.rows(cell.recurrent, 2),
            cell.rows(cell.recurrent_bias, 2),
        )
    new = candidate(g.emit("add", cell.gate(x, 2), inner))
    kept = g.emit("mul", update, hidden)
    return [g.emit("add", g.emit("mul", g.math("sub", 1.0, update), new), kept)]


@lowers("GRU")
def _gru(g: Operations, node: Node) -> Any:
    return _layer(g, node, 3, (5,), ("Sigmoid", "Tanh"), _gru_step)


def _lstm_step(cell: _Cell, x: Any, state: list[Any], functions: Sequence[Activation]) -> list[Any]:
    g, (hidden, memory) = cell.g, state
    total = g.emit("add", x, cell.recur(hidden))
    gate, content, output = functions

    def opened(place: int, peephole: int, seen: Any) -> Any:
        value = cell.gate(total, place)
        weights = cell.peephole(peephole)
        if weights is not None:
            value = g.emit("add", value, g.emit("mul", seen, weights))
        return gate(value)

    # Gates come as input, output, forget, cell; peepholes as input, output, forget.
    entering, forgetting = opened(0, 0, memory), opened(2, 2, memory)
    added = g.emit("mul", entering, content(cell.gate(total, 3)))
    new = g.emit("add", g.emit("mul", forgetting, memory), added)
    return [g.emit("mul", opened(1, 1, new), output(new)), new]


@lowers("LSTM")
def _lstm(g: Operations, node: Node) -> Any:
    return _layer(g, node, 4, (5, 6), ("Sigmoid", "Tanh", "Tanh"), _lstm_step)
