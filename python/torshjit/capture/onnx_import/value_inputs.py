# SPDX-License-Identifier: Apache-2.0
"""Which inputs of a model the compiler must know the elements of: shapes, axes, conditions."""

from __future__ import annotations

from typing import Any

from torshjit.capture.onnx_import.model import OnnxModel

__all__ = ["value_inputs"]

#: The operands of each operator that decide about shapes or about which nodes run.
_POSITIONS: dict[str, tuple[int, ...]] = {
    "AffineGrid": (1,),
    "BlackmanWindow": (0,),
    "CenterCropPad": (1,),
    "Col2Im": (1, 2),
    "Compress": (1,),
    "ConstantOfShape": (0,),
    "CumProd": (1,),
    "CumSum": (1,),
    "DFT": (1, 2),
    "Dropout": (1, 2),
    "Expand": (1,),
    "HammingWindow": (0,),
    "HannWindow": (0,),
    "If": (0,),
    "Loop": (0, 1),
    "MelWeightMatrix": (0, 1, 2, 3, 4),
    "MaxUnpool": (2,),
    "OneHot": (1,),
    "Pad": (1, 3),
    "Range": (0, 1, 2),
    "ReduceL1": (1,),
    "ReduceL2": (1,),
    "ReduceLogSum": (1,),
    "ReduceLogSumExp": (1,),
    "ReduceMax": (1,),
    "ReduceMean": (1,),
    "ReduceMin": (1,),
    "ReduceProd": (1,),
    "ReduceSum": (1,),
    "ReduceSumSquare": (1,),
    "Reshape": (1,),
    "Resize": (1, 2, 3),
    "SequenceAt": (1,),
    "SequenceErase": (1,),
    "SequenceInsert": (2,),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "SplitToSequence": (1,),
    "Squeeze": (1,),
    "STFT": (1, 3),
    "Tile": (1,),
    "TopK": (1,),
    "Trilu": (1,),
    "Unsqueeze": (1,),
    "Upsample": (1,),
}

#: Operators whose results depend on the shape of their operand, not on its elements.
_SHAPES = ("Shape", "Size")


def value_inputs(model: OnnxModel) -> set[str]:
    """The names of the graph's inputs whose elements decide about shapes."""
    needed: set[str] = set()
    _walk(model, model.proto.graph.node, needed)
    return {each.name for each in model.inputs if each.name in needed}


def _walk(model: OnnxModel, nodes: Any, needed: set[str]) -> None:
    for node in reversed(nodes):
        goes_on_by_data = False
        for attribute in node.attribute:
            if attribute.HasField("g"):
                goes_on_by_data |= _may_go_on_by_data(model, attribute.g, node, needed)
                _enter_body(model, attribute.g, node, needed, goes_on_by_data)
        local = model.functions.get((node.domain, node.op_type))
        if local is not None:
            _enter(model, local, node, needed)
            continue
        positions: Any = _POSITIONS.get(node.op_type, ()) if node.domain in ("", "ai.onnx") else ()
        if goes_on_by_data:
            positions = (0,)
        if node.op_type not in _SHAPES and any(name in needed for name in node.output):
            positions = range(len(node.input))
        needed.update(node.input[place] for place in positions if place < len(node.input))
    needed.discard("")


def _may_go_on_by_data(model: OnnxModel, graph: Any, node: Any, needed: set[str]) -> bool:
    """Whether a Loop may be one that the host runs for as long as what it computes says."""
    if node.op_type != "Loop" or len(graph.output) != len(graph.input) - 1:
        return False
    if any(name in needed for name in node.output):
        return False
    inner: set[str] = set()
    _walk(model, graph.node, inner)
    return all(
        each.name not in inner and each.type.WhichOneof("value") in ("tensor_type", None)
        for each in graph.input
    )


def _enter_body(
    model: OnnxModel, graph: Any, node: Any, needed: set[str], goes_on_by_data: bool
) -> None:
    """Walks the graph of an If, a Loop or a Scan.

    Whether a Loop goes on must be known as well, unless it is one that the host runs.
    """
    results = graph.output[1:] if node.op_type == "Loop" else graph.output
    for inner, outer in zip(results, node.output, strict=False):
        if outer in needed:
            needed.add(inner.name)
    if node.op_type == "Loop" and not goes_on_by_data:
        needed.add(graph.output[0].name)
    _walk(model, graph.node, needed)
    for formal, actual in zip(graph.input, node.input, strict=False):
        if formal.name in needed:
            needed.add(actual)


def _enter(model: OnnxModel, function: Any, node: Any, needed: set[str]) -> None:
    """Adds the operands of a call whose elements the function's body needs."""
    outputs = zip(function.output, node.output, strict=False)
    inner = {formal for formal, actual in outputs if actual in needed}
    _walk(model, function.node, inner)
    for formal, actual in zip(function.input, node.input, strict=False):
        if formal in inner:
            needed.add(actual)
