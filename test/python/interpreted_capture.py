# SPDX-License-Identifier: Apache-2.0
"""Runs captured torch programs on the interpreter, to compare the capture with torch eager."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
compiler = pytest.importorskip("torshjit._compiler")

from torch_arrays import from_torch, to_torch  # noqa: E402

from torshjit.capture.graph_function import (  # noqa: E402
    ArgumentBinding,
    ArgumentLeaf,
    ArrayLeaf,
    CapturedProgram,
    ResultLeaf,
    tree_leaves,
)
from torshjit.capture.opened_objects import (  # noqa: E402
    build,
    open_objects,
    opened_sources,
)
from torshjit.capture.torch_capture import capture_module  # noqa: E402
from torshjit.interpreter.evaluate import evaluate  # noqa: E402

CONTEXT = compiler.Context()


def capture(program: Callable, *args: Any, **kwargs: Any) -> CapturedProgram:
    """The captured program of one call."""
    return capture_module(program, args, kwargs, compiler, CONTEXT)


def run(captured: CapturedProgram, *args: Any, **kwargs: Any) -> Any:
    """The result of a captured program, interpreted, for arguments of the captured structure."""
    call = open_objects((args, kwargs))
    pairs = zip(tree_leaves(captured.args_tree), tree_leaves(call), strict=True)
    leaves = [value for leaf, value in pairs if isinstance(leaf, ArrayLeaf)]
    inputs = [
        leaves[binding.leaf] if isinstance(binding, ArgumentBinding) else binding.value
        for binding in captured.bindings
    ]
    with torch.no_grad():
        arrays = [from_torch(tensor.detach()) for tensor in inputs]
    outputs = [to_torch(array) for array in evaluate(captured.module.graph("main"), arrays)]

    def leave(leaf: Any) -> Any:
        if isinstance(leaf, ResultLeaf):
            return outputs[leaf.index]
        return leaves[leaf.leaf] if isinstance(leaf, ArgumentLeaf) else leaf.value

    return build(captured.output_tree, leave, list(opened_sources(call)))


def interpreted(program: Callable, *args: Any, **kwargs: Any) -> Any:
    """Captures and interprets one call."""
    return run(capture(program, *args, **kwargs), *args, **kwargs)


#: Relative and absolute tolerance for a few operations in each type.
TOLERANCES = {
    torch.float64: (1e-9, 1e-9),
    torch.float32: (2e-5, 2e-6),
    torch.float16: (4e-3, 4e-3),
    torch.bfloat16: (3e-2, 3e-2),
}


def assert_matches(actual: Any, expected: Any, scale: float = 1) -> None:
    """Asserts equal structure, dtypes and shapes, and values close to those of eager."""
    expected_leaves = list(tree_leaves(expected))
    actual_leaves = list(tree_leaves(actual))
    assert len(actual_leaves) == len(expected_leaves)
    for got, wanted in zip(actual_leaves, expected_leaves, strict=True):
        if not isinstance(wanted, torch.Tensor):
            assert got == wanted
            continue
        assert got.dtype == wanted.dtype
        assert got.shape == wanted.shape
        relative, absolute = TOLERANCES.get(wanted.dtype, (0, 0))
        torch.testing.assert_close(
            got, wanted.detach(), rtol=relative * scale, atol=absolute * scale, equal_nan=True
        )


def assert_captured(program: Callable, *args: Any, scale: float = 1, **kwargs: Any) -> None:
    """Asserts that the capture of one call, interpreted, gives what eager gives."""
    with torch.no_grad():
        expected = program(*args, **kwargs)
    assert_matches(interpreted(program, *args, **kwargs), expected, scale)
