# SPDX-License-Identifier: Apache-2.0
"""Nodes that have no lowering: the compiled program calls onnx's reference evaluator for them.

What such a node returns is found out by ONNX's shape inference, and checked on samples. Where that
leaves an extent open, it depends on the contents of the operands, and the node is refused: the
whole model falls back then.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from torshjit.capture.numpy_dtypes import dialect_dtype, is_supported, numpy_dtype
from torshjit.capture.onnx_import.constant_folding import DRAWS
from torshjit.capture.onnx_import.dynamic_axes import StaticExtentsNeeded
from torshjit.capture.onnx_import.function_bodies import type_of
from torshjit.capture.onnx_import.model import load_onnx
from torshjit.capture.onnx_import.narrow_types import Narrow
from torshjit.capture.onnx_import.node_model import node_model, outer_names
from torshjit.host_arguments import ArrayArgument, call_name
from torshjit.host_functions import HostFunction, unique_name

if TYPE_CHECKING:
    from torshjit.capture.onnx_import.graph_import import GraphImport, Scope
    from torshjit.capture.onnx_import.node import Node

__all__ = ["HostRefused", "call_on_host", "host_node"]

#: The name of a call holds the node; of a longer one it is a number, and it cannot be saved.
_LONGEST_NAME = 1 << 16


class HostRefused(Exception):
    """Why a node cannot be called on the host."""


def call_on_host(g: GraphImport, node: Node, scope: Scope, opsets: dict[str, int]) -> list[Any]:
    """Adds a call of the reference evaluator for one node; returns its results.

    Raises:
        HostRefused: an operand is no tensor of the dialect, or a result has no known type.
        StaticExtentsNeeded: an operand has an axis of unknown extent.
    """
    operands = dict(zip(node.proto.input, node.operands, strict=False))
    operands.update((name, scope[name]) for name in sorted(outer_names(node)) if name in scope)
    operands = {name: operand for name, operand in operands.items() if operand is not None}
    if any(isinstance(operand, (list, Narrow)) for operand in operands.values()):
        raise HostRefused("an operand is a sequence or of a type that is not computed with")
    known = {name: each for name, each in operands.items() if isinstance(each, np.ndarray)}
    given = {name: each for name, each in operands.items() if name not in known}
    if not given:
        raise HostRefused("it has no operand")
    if any(extent < 0 for operand in given.values() for extent in operand.shape):
        raise StaticExtentsNeeded(f"{node}: an axis of unknown extent is not covered")
    types = {name: type_of(operand) for name, operand in given.items()}
    model = node_model(node, types, known, opsets)
    results = _inferred(model)
    data = base64.b64encode(model.SerializeToString()).decode()
    path = f"onnx.{node.op}"
    arguments: Sequence[Any] = [*map(ArrayArgument, range(len(given))), data]
    name = call_name(
        path, arguments, {}, lambda each: each if type(each) is ArrayArgument else None
    )
    function = functools.partial(_evaluated, data)
    results = _confirmed(function, list(given.values()), results)
    if name is None or len(name) > _LONGEST_NAME:
        name = unique_name(path)
    made = g.host_calls.add(
        HostFunction(name, function),
        list(given.values()),
        [(dialect_dtype(dtype), shape) for dtype, shape in results],
        is_pure=node.op not in DRAWS,
    )
    named = dict(zip((each for each in node.proto.output if each), made, strict=True))
    return [named.get(each) for each in node.proto.output]


#: Dtype and shape of each result.
Types = list[tuple[np.dtype, tuple[int, ...]]]


def _inferred(model: Any) -> Types | None:
    """The types that shape inference finds; None where it says nothing of a shape."""
    onnx = load_onnx()
    try:
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except Exception as error:
        raise HostRefused(f"its results have no known type: {error}") from error
    results: Types = []
    for output in inferred.graph.output:
        tensor = output.type.tensor_type
        if (output.type.WhichOneof("value") or "tensor_type") != "tensor_type":
            raise HostRefused("a result is no tensor")
        if not tensor.HasField("shape") or not tensor.elem_type:
            return None
        dims = [each.dim_value if each.HasField("dim_value") else -1 for each in tensor.shape.dim]
        if min(dims, default=0) < 0:
            raise HostRefused("the shape of a result depends on the contents of the operands")
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
        results.append((dtype, tuple(dims)))
    return results


def _confirmed(
    function: Callable[..., Any], operands: Sequence[Any], expected: Types | None
) -> Types:
    """The types of the results for zeros and for ones, which are those expected and the same."""
    for fill in (0, 1):
        sample = [np.full(tuple(each.shape), fill, numpy_dtype(each.dtype)) for each in operands]
        try:
            found = [(each.dtype, each.shape) for each in function(*sample)]
        except Exception as error:
            raise HostRefused(f"the reference evaluator cannot run it: {error}") from error
        if expected is not None and found != expected:
            raise HostRefused(f"the reference evaluator gives {found}, expected was {expected}")
        expected = found
    for dtype, _ in expected or []:
        if not is_supported(dtype):
            raise HostRefused(f"a result has the element type {dtype}")
    return expected or []


@functools.lru_cache(maxsize=256)
def _evaluator(data: str) -> Any:
    onnx = load_onnx()
    model = onnx.load_model_from_string(base64.b64decode(data))
    return [each.name for each in model.graph.input], onnx.reference.ReferenceEvaluator(model)


def _evaluated(data: str, *arrays: np.ndarray) -> Any:
    names, evaluator = _evaluator(data)
    with np.errstate(all="ignore"):
        results = evaluator.run(None, dict(zip(names, arrays, strict=True)))
    return tuple(np.asarray(each) for each in results)


def host_node(path: str) -> Callable[..., Any]:
    """The function of calls named ``onnx.<operator>``: arrays, then the node's model."""

    def evaluated(*arguments: Any) -> Any:
        return _evaluated(arguments[-1], *arguments[:-1])

    return evaluated
