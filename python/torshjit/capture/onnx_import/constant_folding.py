# SPDX-License-Identifier: Apache-2.0
"""Evaluates nodes whose operands are known when the model is imported: arithmetic on shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from torshjit.capture.onnx_import.model import dense_array, load_onnx
from torshjit.capture.onnx_import.node_model import node_model
from torshjit.errors import CaptureError

if TYPE_CHECKING:
    from torshjit.capture.onnx_import.node import Node

__all__ = ["DRAWS", "evaluate", "is_foldable"]

#: Operands of more elements are data, not shapes: they are computed by the program.
_LARGEST_OPERAND = 4096

#: Results of more elements are made by the program where it can.
_GENERATORS = ("ConstantOfShape", "EyeLike", "Expand", "Tile", "Range", "OneHot", "Pad")

#: Operators that draw numbers.
DRAWS = (
    "Bernoulli",
    "Dropout",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
)

#: Those, and operators with graphs of their own.
_NEVER = (*DRAWS, "If", "Loop", "Scan")


def is_foldable(node: Node) -> bool:
    """Whether a node's results are computed while the model is imported."""
    if node.op == "Constant":
        return True
    if node.op in _NEVER or node.op in ("Shape", "Size"):
        return False
    if node.op.startswith(("Optional", "Sequence")):
        return False
    operands = [operand for operand in node.operands if operand is not None]
    if not all(
        isinstance(operand, np.ndarray) and operand.size <= _LARGEST_OPERAND for operand in operands
    ):
        return False
    return bool(operands) and not (node.op in _GENERATORS and _is_large(node))


def _is_large(node: Node) -> bool:
    if node.op == "Range":
        start, limit, delta = (float(each.reshape(-1)[0]) for each in node.operands[:3])
        return delta != 0 and (limit - start) / delta > _LARGEST_OPERAND
    if node.op in ("Expand", "ConstantOfShape"):
        extents = node.operands[-1]
    elif node.op == "EyeLike":
        return False
    else:
        extents = np.abs(np.asarray(node.operands[1])) + 1
    return float(np.prod(np.asarray(extents, np.float64))) > _LARGEST_OPERAND


def evaluate(node: Node, opsets: dict[str, int]) -> list[Any]:
    """The results of a node of known operands: an array each, None for one that is not wanted.

    Raises:
        CaptureError: onnx's reference evaluator cannot compute them.
    """
    onnx = load_onnx()
    if node.op == "Constant":
        return [_constant(node)]
    feeds = {
        name: operand
        for name, operand in zip(node.proto.input, node.operands, strict=False)
        if name and operand is not None
    }
    try:
        # As a model, since the evaluator takes a lone node for one of the newest version.
        model = node_model(node, dict.fromkeys(feeds), {}, opsets)
        with np.errstate(all="ignore"):
            results = onnx.reference.ReferenceEvaluator(model).run(None, feeds)
        names = [name for name in node.proto.output if name]
        named = dict(zip(names, results, strict=True))
        found = [named.get(name) for name in node.proto.output]
    except Exception as error:
        raise CaptureError(
            f"{node}: cannot be evaluated: {type(error).__name__}: {error}", op=f"onnx.{node.op}"
        ) from error
    return [np.asarray(each) if isinstance(each, np.generic) else each for each in found]


def _constant(node: Node) -> np.ndarray:
    kinds: dict[str, Any] = {
        "value_float": np.float32,
        "value_floats": np.float32,
        "value_int": np.int64,
        "value_ints": np.int64,
        "value_string": object,
        "value_strings": object,
    }
    for name, value in node._attributes.items():
        if name == "value":
            return value
        if name == "sparse_value":
            return dense_array(value)
        if name in kinds:
            return np.array(value, kinds[name])
    raise node.fail("the constant has no value")
