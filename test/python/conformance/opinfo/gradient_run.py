# SPDX-License-Identifier: Apache-2.0
"""The gradients of one sample of one operator, through torch.compile, compared with eager."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

import torshjit
from conformance.opinfo.operator_samples import SEED, all_operators, samples_of
from conformance.opinfo.sample_run import Outcome, described
from conformance.opinfo.tolerances import compare, in_float64, tolerance_of
from torshjit.torch_backend import DynamoBackend

__all__ = ["run_gradient"]


def run_gradient(operator: str, dtype: torch.dtype, number: int, **options: Any) -> Outcome | None:
    """Runs sample `number`, with options of the configuration; None where there are fewer."""
    op = all_operators()[operator]
    outcome = Outcome(operator, str(dtype).removeprefix("torch."), number, "refused")
    try:
        samples = _samples(operator, dtype)
    except Exception as error:
        return described(outcome, error) if number == 0 else None
    if number >= len(samples):
        return None
    sample = samples[number]
    given = ((sample.input, *sample.args), dict(sample.kwargs))
    program = _differentiable(op, sample.output_process_fn_grad)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = _gradients(program, given)
        except Exception as error:
            return described(outcome, error)
        torch._dynamo.reset()
        backend = DynamoBackend(torshjit.JitConfig(**options), warns=False)
        torshjit.reset_stats()
        try:
            actual = _gradients(torch.compile(program, backend=backend), given)
            tolerance = functools.partial(tolerance_of, op)
            compare(actual, expected, tolerance, lambda: _gradients(program, _wide(given)))
            fallen = torshjit.stats()["fallback_ops"]
            outcome.kind = "fallback" if fallen or not backend.programs else "compiled"
            if outcome.kind == "fallback":
                outcome.op = next(iter(fallen), "torch._dynamo")
                outcome.reason = "runs in eager torch"
        except Exception as error:
            outcome.kind = "failed"
            described(outcome, error)
    return outcome


@functools.lru_cache(maxsize=1)
def _samples(operator: str, dtype: torch.dtype) -> list[Any]:
    return samples_of(all_operators()[operator], dtype, requires_grad=True)


def _differentiable(op: Any, process: Callable[[Any], Any]) -> Callable[..., Any]:
    """The operator as torch's own tests of gradients call it."""
    function = op.op

    def program(*args: Any, **kwargs: Any) -> Any:
        # Some operators write to their arguments, which must not be leaves of autograd.
        args, kwargs = tree_map(_own, (args, kwargs))
        return process(function(*args, **kwargs))

    return program


def _own(value: Any) -> Any:
    is_differentiable = isinstance(value, torch.Tensor) and value.requires_grad
    return value * 1 if is_differentiable else value


def _wide(given: Any) -> Any:
    """The arguments in float64, those with gradients still so."""
    flags = [isinstance(leaf, torch.Tensor) and leaf.requires_grad for leaf in tree_leaves(given)]
    wide = in_float64(given)
    for leaf, flag in zip(tree_leaves(wide), flags, strict=True):
        if flag:
            leaf.requires_grad_()
    return wide


def _gradients(program: Callable[..., Any], given: Any) -> list[Any]:
    """The results, and the gradients of their weighted sum for every argument that has one."""

    def fresh(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        return value.detach().clone().requires_grad_(value.requires_grad)

    args, kwargs = tree_map(fresh, given)
    torch.manual_seed(SEED)
    results = [
        result
        for result in tree_leaves(program(*args, **kwargs))
        if isinstance(result, torch.Tensor) and result.requires_grad
    ]
    if not results:
        raise NotImplementedError("no result has a gradient")
    generator = torch.Generator().manual_seed(SEED)
    weights = [
        torch.randn(result.shape, generator=generator, dtype=torch.float64).to(result.dtype)
        for result in results
    ]
    inputs = [
        leaf
        for leaf in tree_leaves((args, kwargs))
        if isinstance(leaf, torch.Tensor) and leaf.requires_grad
    ]
    gradients = torch.autograd.grad(results, inputs, weights, allow_unused=True)
    return [*(result.detach() for result in results), *gradients]
