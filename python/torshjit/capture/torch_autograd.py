# SPDX-License-Identifier: Apache-2.0
"""Gradients through a compiled torch program: compiled forward, recomputed backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from torshjit.capture.graph_function import tree_leaves, tree_map
from torshjit.capture.opened_objects import build, open_objects

__all__ = ["call_with_grad"]


def call_with_grad(
    program: Callable[..., Any],
    state: Sequence[torch.Tensor],
    changes_arguments: bool,
    compiled: Callable[..., Any],
    args: tuple,
    kwargs: dict[str, Any],
) -> Any:
    """Calls the compiled code so that its results carry gradients.

    The backward pass runs `program` again, eagerly, on the arguments of the call, and
    differentiates that; under ``create_graph=True`` the gradients can be differentiated again.

    Args:
        program: the module or function that was compiled.
        state: the tensors besides the arguments that it may read (parameters, globals).
        changes_arguments: whether it changes objects that it is given; it then runs eagerly, since
            the backward pass would find them changed.
        compiled: runs the compiled code under ``torch.no_grad()``.
        args: the positional arguments of the call.
        kwargs: the keyword arguments of the call.

    Returns:
        What `compiled` returns, with tensors that require grad where they are of a float dtype.
    """
    if changes_arguments:
        return program(*args, **kwargs)
    arguments = [
        leaf
        for leaf in tree_leaves(open_objects((args, kwargs)))
        if isinstance(leaf, torch.Tensor) and leaf.requires_grad
    ]
    inputs = list({id(t): t for t in (*arguments, *state) if t.requires_grad}.values())
    call = _Call(program, compiled, args, kwargs)
    outputs = _Recompute.apply(call, *inputs)
    fresh = iter(outputs)
    return build(call.result, lambda leaf: next(fresh) if leaf is _PLACE else leaf)


_PLACE = object()


class _Call:
    """One call: how to run it compiled, and how to run it again eagerly."""

    def __init__(
        self, program: Callable, compiled: Callable, args: tuple, kwargs: dict[str, Any]
    ) -> None:
        self.program = program
        self.compiled = compiled
        self.args = args
        self.kwargs = kwargs
        self.trees = open_objects((args, kwargs))
        self.result: Any = None

    def run_compiled(self) -> list[torch.Tensor]:
        """Runs the compiled code; `result` is its structure, with _PLACE for new tensors."""
        with torch.no_grad():
            result = self.compiled(*self.args, **self.kwargs)
        given = {id(leaf) for leaf in tree_leaves(self.trees)}
        tensors: list[torch.Tensor] = []

        def leaf(value: Any) -> Any:
            # A tensor that already has a gradient of its own is an argument or parameter.
            if not isinstance(value, torch.Tensor) or id(value) in given or value.requires_grad:
                return value
            tensors.append(value)
            return _PLACE

        self.result = tree_map(leaf, open_objects(result))
        return tensors

    def run_eager(self, replaced: dict[int, torch.Tensor]) -> list[torch.Tensor]:
        """Runs the program itself and returns the tensors in the places of the compiled ones."""

        def replace(value: Any) -> Any:
            return replaced.get(id(value), value)

        args, kwargs = build(self.trees, replace)
        result = self.program(*args, **kwargs)
        places = tree_leaves(self.result)
        return [
            value
            for place, value in zip(places, tree_leaves(open_objects(result)), strict=True)
            if place is _PLACE
        ]


class _Recompute(torch.autograd.Function):
    """The compiled forward pass, whose backward pass differentiates the eager program."""

    @staticmethod
    def forward(ctx: Any, call: _Call, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        ctx.call = call
        ctx.set_materialize_grads(False)
        # Saved so that a later in-place change of an input is an error, as in eager.
        ctx.save_for_backward(*inputs)
        outputs = call.run_compiled()
        ctx.mark_non_differentiable(*(t for t in outputs if not t.is_floating_point()))
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        inputs, call = ctx.saved_tensors, ctx.call
        again = torch.is_grad_enabled()  # True under create_graph.
        if hasattr(call.compiled, "note_backward"):
            call.compiled.note_backward(is_differentiable=again)
        state = {id(t) for t in tree_leaves(call.trees)}
        # Arguments are cut off from their history, which autograd goes through itself.
        sources = [
            t if again or id(t) not in state else t.detach().requires_grad_() for t in inputs
        ]
        replaced = {id(t): source for t, source in zip(inputs, sources, strict=True)}
        with torch.enable_grad():
            outputs = call.run_eager(replaced)
        pairs = [
            (output, grad)
            for output, grad in zip(outputs, grads, strict=True)
            if grad is not None and output.requires_grad
        ]
        if not pairs:
            return (None, *[None] * len(inputs))
        gradients = torch.autograd.grad(
            [output for output, _ in pairs],
            sources,
            [grad for _, grad in pairs],
            create_graph=again,
            allow_unused=True,
        )
        return (None, *gradients)
