# SPDX-License-Identifier: Apache-2.0
"""One model with a batch of arguments, run compiled and in eager torch."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

import torshjit
from torshjit.capture.graph_function import tree_leaves
from torshjit.capture.opened_objects import open_objects

__all__ = ["TOLERANCE", "ModelCase", "Outcome", "Program", "run_case", "table"]

#: Most that a tensor may differ from eager's, relative to the largest element of eager's.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Program:
    """A model and the arguments of one call, which may change objects among them."""

    module: nn.Module
    args: tuple = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def fresh(self) -> tuple[tuple, dict[str, Any]]:
        """The arguments, copied."""
        return copy.deepcopy((self.args, self.kwargs))


@dataclass(frozen=True)
class ModelCase:
    """A model of a family.

    `build` makes it with random weights, small or at its full size. A model that is trained is in
    training mode and returns its loss first; one that is not is called under `torch.no_grad`.
    Those that are quick are in `make test`, small.
    """

    name: str
    build: Callable[[bool], Program]
    is_trained: bool = False
    is_quick: bool = True


@dataclass(frozen=True)
class Outcome:
    """What became of a case. Times are in milliseconds."""

    name: str
    through: str
    error: float
    compiled_ops: int
    fallback_ops: dict[str, int]
    graph_breaks: int
    capture_ms: float
    compile_ms: float
    reason: str = ""

    @property
    def agrees(self) -> bool:
        """Whether it agrees with eager."""
        return not self.reason and self.error <= TOLERANCE

    @property
    def passed(self) -> bool:
        """Whether it agrees with eager, compiled as a whole."""
        return not self.why

    @property
    def why(self) -> str:
        """Why it did not pass; empty if it did."""
        if self.reason:
            return self.reason
        if not self.agrees:
            return f"differs from eager by {self.error:.1e}"
        if self.fallback_ops:
            return f"runs in eager torch: {', '.join(self.fallback_ops)}"
        return f"{self.graph_breaks} graph breaks" if self.graph_breaks else ""


def _difference(actual: Any, expected: Any) -> float:
    """The largest difference of two trees' tensors, relative to each tensor's largest element.

    Raises:
        AssertionError: the trees differ otherwise.
    """
    pairs = zip(tree_leaves(open_objects(actual)), tree_leaves(open_objects(expected)), strict=True)
    worst = 0.0
    for ours, theirs in pairs:
        if not isinstance(theirs, torch.Tensor):
            assert ours == theirs, f"{ours!r} instead of {theirs!r}"
            continue
        assert ours.shape == theirs.shape, f"shape {ours.shape} instead of {theirs.shape}"
        assert ours.dtype == theirs.dtype, f"{ours.dtype} instead of {theirs.dtype}"
        assert ours.device == theirs.device, f"on {ours.device} instead of {theirs.device}"
        if theirs.numel() == 0:
            continue
        ours, theirs = ours.detach().double(), theirs.detach().double()
        assert bool(torch.isfinite(theirs).all()), "eager's results are not finite"
        largest = float(theirs.abs().max())
        worst = max(worst, float((ours - theirs).abs().max()) / (largest or 1.0))
    return worst


def _run(program: Callable, call: tuple[tuple, dict]) -> Any:
    """The result of a call, and the arguments as it left them."""
    args, kwargs = call
    return program(*args, **kwargs), args, kwargs


def _gradients(module: nn.Module) -> dict[str, torch.Tensor]:
    """Every gradient, and every buffer that the step may have changed.

    A gradient that is zero but for rounding, such as that of a bias before a normalisation, is
    compared beside the largest gradient of the model.
    """
    gradients = {
        name: parameter.grad
        for name, parameter in module.named_parameters()
        if parameter.grad is not None
    }
    largest = max(float(each.abs().max()) for each in gradients.values())
    floor = torch.tensor([1e-3 * largest])
    padded = {name: torch.cat([each.flatten(), floor]) for name, each in gradients.items()}
    return {**padded, **{f"buffer {name}": each for name, each in module.named_buffers()}}


def _step(program: Callable, module: nn.Module, call: tuple[tuple, dict]) -> Any:
    """Loss, gradients and buffers of one step of training."""
    module.zero_grad()
    args, kwargs = call
    loss = program(*args, **kwargs)[0]
    loss.backward()
    return loss.detach(), {name: each.clone() for name, each in _gradients(module).items()}


def _breaks_of_dynamo() -> int:
    return sum(torch._dynamo.utils.counters["graph_break"].values())


def run_case(case: ModelCase, small: bool, through: str = "torshjit.compile") -> Outcome:
    """Runs a case through `torshjit.compile` or `torch.compile`; what it raises is the reason."""
    torch.manual_seed(0)
    program = case.build(small)
    torshjit.reset_stats()
    if through == "torch.compile":
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
        fast = torch.compile(program.module, backend="torshjit")
    else:
        fast = torshjit.compile(program.module)
    error, reason = 0.0, ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torshjit.FallbackWarning)
        try:
            if case.is_trained:
                twin = copy.deepcopy(program.module)
                actual = _step(fast, program.module, program.fresh())
                error = _difference(actual, _step(twin, twin, program.fresh()))
            else:
                with torch.no_grad():
                    actual = _run(fast, program.fresh())
                    error = _difference(actual, _run(program.module, program.fresh()))
        except Exception as failure:
            reason = f"{type(failure).__name__}: {failure}".splitlines()[0]
    stats = torshjit.stats()
    if through == "torch.compile":
        breaks = _breaks_of_dynamo()
    else:
        breaks = max(0, len(fast.explain(structured=True)["parts"]) - 1)
    return Outcome(
        name=case.name,
        through=through,
        error=error,
        compiled_ops=stats["compiled_ops"],
        fallback_ops=dict(stats["fallback_ops"]),
        graph_breaks=breaks,
        capture_ms=stats["capture_ms"],
        compile_ms=stats["compile_ms"],
        reason=reason,
    )


def table(outcomes: Iterable[Outcome]) -> str:
    """The outcomes as Markdown."""
    lines = [
        "| model | through | passed | largest difference | ops compiled | ops in eager | "
        "graph breaks | capture ms | compile ms |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in outcomes:
        fallback = sum(each.fallback_ops.values())
        lines.append(
            f"| {each.name} | {each.through} | {'yes' if each.passed else 'no'} | "
            f"{each.error:.1e} | {each.compiled_ops} | {fallback} | {each.graph_breaks} | "
            f"{each.capture_ms:.0f} | {each.compile_ms:.0f} |"
        )
    return "\n".join(lines) + "\n"
