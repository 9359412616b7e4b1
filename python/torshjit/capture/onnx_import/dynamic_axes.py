# SPDX-License-Identifier: Apache-2.0
"""Which nodes can be imported while an axis has any extent.

At most one named axis of a model is left open, so that two open extents that meet are the same
one, and an operation of the dialect, in which ``?`` never broadcasts, means what ONNX's does. A
node that is not known to be safe here makes the whole model be imported again for the extents of
the call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from torshjit.capture.onnx_import.model import OnnxModel
from torshjit.capture.onnx_import.node import Node
from torshjit.errors import CaptureError

__all__ = ["StaticExtentsNeeded", "check_dynamic", "open_axis"]


class StaticExtentsNeeded(CaptureError):
    """A node that cannot be imported while an axis is open; never leaves the importer."""


def open_axis(model: OnnxModel) -> str | None:
    """The only named axis of the model's inputs, on one axis of each of them at most; else None."""
    names = set()
    for each in model.inputs:
        if each.type.WhichOneof("value") == "tensor_type":
            found = [dim.dim_param for dim in each.type.tensor_type.shape.dim if dim.dim_param]
            if len(found) > 1:
                return None
            names.update(found)
    return names.pop() if len(names) == 1 else None


def _open(value: Any) -> list[int]:
    """The axes of an operand whose extent is not known."""
    if value is None or isinstance(value, np.ndarray):
        return []
    if isinstance(value, list):
        return [axis for each in value for axis in _open(each)]
    return [axis for axis, extent in enumerate(value.shape) if extent < 0]


def check_dynamic(node: Node, module: str) -> None:
    """Does nothing where every operand has known extents.

    `module` is the name of the node's family.

    Raises:
        StaticExtentsNeeded: the node is not known to be safe with an open axis.
    """
    if not any(_open(operand) for operand in node.operands):
        return
    rule = _RULES.get(node.op)
    if (
        rule is None
        and module in ("elementwise", "conversion")
        and node.op != "IsInf"
        and node.version >= 7
    ):
        rule = _broadcasts
    if rule is None or not rule(node):
        raise StaticExtentsNeeded(f"{node}: an axis of unknown extent is not covered")


def _broadcasts(node: Node) -> bool:
    """No open extent meets a known one other than 1, from which it might differ."""
    shapes = [tuple(each.shape) for each in node.operands if each is not None]
    rank = max(map(len, shapes))
    for axis in range(1, rank + 1):
        met = {shape[-axis] for shape in shapes if len(shape) >= axis}
        if -1 in met and met - {-1, 1}:
            return False
    return True


def _one_operand(node: Node) -> bool:
    return True


def _softmax(node: Node) -> bool:
    rank = len(node.raw(0).shape)
    axis = node.axis(node.attribute("axis", 1 if node.version < 13 else -1), rank)
    return _open(node.raw(0)) != [axis] and (node.version >= 13 or axis == rank - 1)


def _matmul(node: Node) -> bool:
    left, right = node.raw(0), node.raw(1)
    if min(len(left.shape), len(right.shape)) < 2:
        return False
    batches = [left.shape[:-2], right.shape[:-2]]
    depth = max(map(len, batches))
    for axis in range(1, depth + 1):
        met = {batch[-axis] for batch in batches if len(batch) >= axis}
        if -1 in met and met - {-1, 1}:
            return False
    return left.shape[-1] >= 0 and right.shape[-2] >= 0


def _gemm(node: Node) -> bool:
    left, right = node.raw(0), node.raw(1)
    bias = node.operands[2] if node.has(2) else None
    known = not _open(right) and not _open(bias) and _open(left) == [0]
    rows = 1 if bias is None or len(bias.shape) < 2 else bias.shape[0]
    return known and rows == 1 and not node.attribute("transA", 0)


def _batch_of_first(node: Node) -> bool:
    """Only the first axis of the first operand is open."""
    return _open(node.raw(0)) == [0] and not any(_open(each) for each in node.operands[1:])


def _pool(node: Node) -> bool:
    plain = not node.attribute("ceil_mode", 0) and not any(node.outputs[1:])
    return plain and _batch_of_first(node) and set(node.integers("dilations") or [1]) == {1}


def _reduction(node: Node) -> bool:
    rank = len(node.raw(0).shape)
    axes = node.axes(1, rank)
    return bool(axes) and not set(_open(node.raw(0))) & set(axes or [])


def _normalization(node: Node) -> bool:
    rank = len(node.raw(0).shape)
    axis = node.axis(node.attribute("axis", -1), rank)
    is_before = all(place < axis for place in _open(node.raw(0)))
    return is_before and not any(_open(each) for each in node.operands[1:])


def _concat(node: Node) -> bool:
    rank = len(node.raw(0).shape)
    axis = node.axis(node.attribute("axis", 1), rank)
    return all(_open(each) == _open(node.raw(0)) != [axis] for each in node.operands)


def _reshape(node: Node) -> bool:
    """The open axis is the first one, and stays the first."""
    value = node.raw(0)
    wanted = node.integers("shape") if node.version < 5 else None
    shape = node.known_integers(1, "the shape") if wanted is None else wanted
    if _open(value) != [0] or not shape or shape[0] not in (0, -1):
        return False
    if any(not each and at >= len(value.shape) for at, each in enumerate(shape)):
        return False
    known = [each if each else value.shape[at] for at, each in enumerate(shape) if at]
    if any(each < 1 for each in known) or node.attribute("allowzero", 0):
        return False
    return int(np.prod(known)) == int(np.prod(value.shape[1:]))


def _gather(node: Node) -> bool:
    """What is read has known extents; the positions may have any number."""
    return not _open(node.raw(0))


def _by_one_scale(node: Node) -> bool:
    """Quantised by a number for all elements, or by one for each along a known axis."""
    rank, scale = len(node.raw(0).shape), node.raw(1)
    if node.attribute("block_size", 0) or any(_open(each) for each in node.operands[1:]):
        return False
    if int(np.prod(scale.shape)) == 1:
        return True
    return node.axis(node.attribute("axis", 1), rank) not in _open(node.raw(0))


def _flatten(node: Node) -> bool:
    return _open(node.raw(0)) == [0] and node.attribute("axis", 1) == 1


Rule = Callable[[Node], bool]

_RULES: dict[str, Rule] = {
    **dict.fromkeys(
        (
            "Celu",
            "Elu",
            "Gelu",
            "HardSigmoid",
            "HardSwish",
            "Identity",
            "LeakyRelu",
            "Mish",
            "Relu",
            "Selu",
            "Shrink",
            "Sigmoid",
            "Softplus",
            "Softsign",
            "Swish",
            "ThresholdedRelu",
            "Transpose",
        ),
        _one_operand,
    ),
    **dict.fromkeys(("LogSoftmax", "Softmax"), _softmax),
    **dict.fromkeys(("AveragePool", "MaxPool"), _pool),
    **dict.fromkeys(
        (
            "BatchNormalization",
            "Conv",
            "ConvInteger",
            "GlobalAveragePool",
            "GlobalMaxPool",
            "QLinearConv",
        ),
        _batch_of_first,
    ),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), _normalization),
    **dict.fromkeys(
        ("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"), _reduction
    ),
    "Concat": _concat,
    "Flatten": _flatten,
    "Gather": _gather,
    "Gemm": _gemm,
    **dict.fromkeys(("MatMul", "MatMulInteger"), _matmul),
    **dict.fromkeys(("DequantizeLinear", "QuantizeLinear"), _by_one_scale),
    "Reshape": _reshape,
}
