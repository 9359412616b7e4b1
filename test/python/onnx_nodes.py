# SPDX-License-Identifier: Apache-2.0
"""One ONNX node, compiled and in onnx's reference evaluator."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import onnx
import onnx.reference
from onnx import helper, numpy_helper

import torshjit

__all__ = ["check_node", "node_model", "run_both"]


def node_model(
    op: str,
    operands: Sequence[np.ndarray | None],
    results: int = 1,
    *,
    opset: int = 22,
    domain: str = "",
    known: Collection[int] = (),
    **attributes: Any,
) -> Any:
    """A model of one node; operands numbered in `known` are initializers."""
    names = ["" if each is None else f"x{place}" for place, each in enumerate(operands)]
    outputs = [f"y{place}" for place in range(results)]
    inputs, initializers = [], []
    for place, (name, array) in enumerate(zip(names, operands, strict=True)):
        if array is None:
            continue
        if place in known:
            initializers.append(numpy_helper.from_array(array, name))
        else:
            element = helper.np_dtype_to_tensor_dtype(array.dtype)
            inputs.append(helper.make_tensor_value_info(name, element, array.shape))
    graph = helper.make_graph(
        [helper.make_node(op, names, outputs, domain=domain, **attributes)],
        "node",
        inputs,
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ()) for name in outputs],
        initializers,
    )
    opsets = [helper.make_opsetid("", opset)]
    if domain:
        opsets.append(helper.make_opsetid(domain, 1))
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def run_both(
    op: str, operands: Sequence[np.ndarray | None], results: int = 1, **options: Any
) -> tuple[tuple, list]:
    """What the compiled node returns, with no fallback, and what the reference evaluator does."""
    model = node_model(op, operands, results, **options)
    known = options.get("known", ())
    feeds = {
        f"x{place}": array
        for place, array in enumerate(operands)
        if array is not None and place not in known
    }
    with np.errstate(all="ignore"):
        expected = onnx.reference.ReferenceEvaluator(model).run(None, feeds)
    for output, array in zip(model.graph.output, expected, strict=True):
        element = helper.np_dtype_to_tensor_dtype(np.asarray(array).dtype)
        output.CopyFrom(helper.make_tensor_value_info(output.name, element, np.shape(array)))
    got = torshjit.compile(model, strict=True)(*feeds.values())
    return (got if isinstance(got, tuple) else (got,)), expected


def check_node(
    op: str,
    operands: Sequence[np.ndarray | None],
    results: int = 1,
    *,
    tolerance: float = 0.0,
    **options: Any,
) -> None:
    """Compiles a node with no fallback, and compares with the reference evaluator."""
    got, expected = run_both(op, operands, results, **options)
    assert len(got) == len(expected)
    for result, wanted in zip(got, expected, strict=True):
        wanted = np.asarray(wanted)
        assert result.dtype == wanted.dtype
        assert result.shape == wanted.shape
        result, wanted = result.astype(np.float64), wanted.astype(np.float64)
        np.testing.assert_allclose(result, wanted, rtol=tolerance, atol=tolerance)
