# SPDX-License-Identifier: Apache-2.0
"""Which graphs of torch._dynamo may be compiled as they are, without AOTAutograd.

Compiled so, composite operations (`linear`, attention) stay whole and torch's second trace is
saved. Compiled programs return new tensors and write to none of the caller's, so a graph whose
results share memory needs AOTAutograd, which turns it into one without sharing and writing; so
does a graph that needs gradients. A graph that writes to its inputs is found by its capture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import fx

__all__ = ["needs_autograd", "shares_memory"]


def needs_autograd(graph_module: fx.GraphModule, example_inputs: Sequence[Any]) -> bool:
    """Whether results may have to carry gradients: of inputs, or of what the graph holds."""
    held = [
        getattr(graph_module, node.target, None)
        for node in graph_module.graph.find_nodes(op="get_attr")
    ]
    return torch.is_grad_enabled() and any(
        isinstance(each, torch.Tensor) and each.requires_grad
        for each in (*example_inputs, *held, *graph_module.parameters())
    )


def shares_memory(graph: fx.Graph) -> bool:
    """Whether an output may share memory with an input or another output, by torch's own trace.

    An input returned as it is does not count: it is returned as it is.
    """
    inputs = graph.find_nodes(op="placeholder")
    known = {_storage(node) for node in inputs}
    # Inputs that share memory are views of each other, or the same tensor twice.
    if len(known - {None}) < sum(_storage(node) is not None for node in inputs):
        return True
    values = graph.output_node().args[0]
    seen: set[fx.Node] = set()
    for value in values if isinstance(values, (list, tuple)) else [values]:
        if not isinstance(value, fx.Node) or value.op == "placeholder" or value in seen:
            continue
        seen.add(value)
        example = value.meta.get("example_value")
        if example is None:
            return True
        storage = _storage(value)
        if storage is not None and storage in known:
            return True
        known.add(storage)
    return False


def _storage(node: fx.Node) -> int | None:
    """What identifies a traced tensor's memory; None for what is no tensor with memory."""
    example = node.meta.get("example_value")
    if not isinstance(example, torch.Tensor) or example.layout != torch.strided:
        return None
    return example.untyped_storage()._cdata
