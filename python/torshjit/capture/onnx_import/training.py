# SPDX-License-Identifier: Apache-2.0
"""ONNX steps of optimisers (domain ai.onnx.preview.training)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torshjit.capture.onnx_import.handlers import lowers
from torshjit.capture.onnx_import.node import Node
from torshjit.capture.onnx_import.operations import Operations
from torshjit.errors import ShapeError

__all__: list[str] = []

#: Makes of the rate, the number of the step and one tensor with its state the new ones.
Step = Callable[[Operations, Node, Any, Any, list[Any]], list[Any]]


def _steps(operator: str, operands: int) -> Callable[[Step], Step]:
    """Registers a step; operands come as all tensors, all gradients, all of each state."""

    def register(step: Step) -> Step:
        @lowers(f"ai.onnx.preview.training.{operator}")
        def handler(g: Operations, node: Node) -> Any:
            count, rest = divmod(len(node.operands) - 2, operands)
            if rest or not count:
                raise ShapeError(f"{node}: {len(node.operands)} operands")
            rate, number = node.value(0), node.value(1)
            results: list[list[Any]] = []
            for tensor in range(count):
                parts = [node.value(2 + tensor + count * place) for place in range(operands)]
                dtype = parts[0].dtype
                one = [g.reshape(each, ()) for each in (rate, number)]
                made = step(g, node, g.cast(one[0], dtype), one[1], parts)
                results.append(
                    [
                        g.cast(new, part.dtype)
                        for new, part in zip(made, [parts[0], *parts[2:]], strict=True)
                    ]
                )
            return tuple(row[place] for place in range(operands - 1) for row in results)

        return step

    return register


def _regularised(g: Operations, node: Node, x: Any, gradient: Any) -> Any:
    factor = float(node.attribute("norm_coefficient", 0.0))
    if not factor:
        return gradient
    return g.emit("add", g.math("mul", x, factor), gradient)


def _mixed(g: Operations, old: Any, kept: float, new: Any, added: float) -> Any:
    return g.emit("add", g.math("mul", old, kept), g.math("mul", new, added))


@_steps("Adagrad", 3)
def _adagrad(g: Operations, node: Node, rate: Any, number: Any, parts: list[Any]) -> list[Any]:
    x, gradient, squares = parts
    decay = float(node.attribute("decay_factor", 0.0))
    age = g.math("add", g.math("mul", g.cast(number, x.dtype), decay), 1.0)
    gradient = _regularised(g, node, x, gradient)
    squares = g.emit("add", squares, g.emit("mul", gradient, gradient))
    root = g.math("add", g.emit("sqrt", squares), float(node.attribute("epsilon", 1e-6)))
    scaled = g.emit("mul", g.emit("div", rate, age), gradient)
    return [g.emit("sub", x, g.emit("div", scaled, root)), squares]


@_steps("Adam", 4)
def _adam(g: Operations, node: Node, rate: Any, number: Any, parts: list[Any]) -> list[Any]:
    x, gradient, mean, squares = parts
    alpha, beta = float(node.attribute("alpha", 0.9)), float(node.attribute("beta", 0.999))
    gradient = _regularised(g, node, x, gradient)
    mean = _mixed(g, mean, alpha, gradient, 1.0 - alpha)
    squares = _mixed(g, squares, beta, g.emit("mul", gradient, gradient), 1.0 - beta)
    root = g.math("add", g.emit("sqrt", squares), float(node.attribute("epsilon", 1e-6)))
    # The first step has no bias to correct. Powers are taken in f64: they are near one.
    power = g.cast(number, "f64")
    first = g.math("sub", 1.0, g.math("pow", g.scalar(alpha, "f64"), power))
    second = g.emit("sqrt", g.math("sub", 1.0, g.math("pow", g.scalar(beta, "f64"), power)))
    is_later = g.compare("gt", number, 0)
    corrected = g.emit("mul", rate, g.cast(g.emit("div", second, first), rate.dtype))
    rate = g.emit("select", is_later, corrected, rate)
    new = g.emit("sub", x, g.emit("mul", rate, g.emit("div", mean, root)))
    after = float(node.attribute("norm_coefficient_post", 0.0))
    return [g.math("mul", new, 1.0 - after) if after else new, mean, squares]


@_steps("Momentum", 3)
def _momentum(g: Operations, node: Node, rate: Any, number: Any, parts: list[Any]) -> list[Any]:
    x, gradient, speed = parts
    alpha, beta = float(node.attribute("alpha")), float(node.attribute("beta"))
    mode = node.attribute("mode", "standard")
    if mode not in ("standard", "nesterov"):
        raise node.fail(f"mode {mode!r} is not covered")
    gradient = _regularised(g, node, x, gradient)
    # The first step takes the whole gradient.
    is_later = g.compare("gt", number, 0)
    share = g.emit("select", is_later, g.scalar(beta, x.dtype), g.scalar(1.0, x.dtype))
    speed = g.emit("add", g.math("mul", speed, alpha), g.emit("mul", share, gradient))
    way = speed
    if mode == "nesterov":
        way = g.emit("add", gradient, g.math("mul", speed, alpha))
    return [g.emit("sub", x, g.emit("mul", rate, way)), speed]
