# SPDX-License-Identifier: Apache-2.0
"""One sample of one operator: runs it compiled and compares it with eager."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sys
import warnings
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_any, tree_map

import torshjit
from conformance.opinfo.operator_samples import SEED, all_operators, samples_of
from conformance.opinfo.tolerances import compare, in_float64, tolerance_of

#: What a sample can come to; one that eager refuses does not count.
OUTCOMES = ("compiled", "fallback", "failed", "refused")

#: Operators whose results are whatever lies in memory.
_UNINITIALISED = frozenset(
    {"empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided"}
)


@dataclasses.dataclass
class Outcome:
    """What became of a sample; `op` and `reason` say what fell back or failed, and why."""

    operator: str
    dtype: str
    number: int
    kind: str
    op: str = ""
    reason: str = ""


class _Draws(TorchDispatchMode):
    """Sees whether numbers are drawn; some operators of torch's set the seed themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.seen = self.seen or torch.Tag.nondeterministic_seeded in func.tags
        return func(*args, **(kwargs or {}))


class Call(torch.nn.Module):
    """An operator as a module, so that a call without tensors is a torch program too."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self._function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)


@functools.lru_cache(maxsize=1)
def _samples(operator: str, dtype: torch.dtype) -> list[Any]:
    return samples_of(all_operators()[operator], dtype)


def run_sample(operator: str, dtype: torch.dtype, number: int, **options: Any) -> Outcome | None:
    """Runs sample `number`, with options of `torshjit.compile`; None where there are fewer.

    With `strict` what cannot be compiled counts as a fallback without being run.
    """
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            (args, kwargs) = _copied(given)
            with _Draws() as draws:
                expected = _seeded(op, args, kwargs)
            is_random = draws.seen
        except Exception as error:
            return described(outcome, error)
        try:
            outcome.op, outcome.reason = _run_compiled(
                op, given, expected, (args, kwargs), is_random, options
            )
            outcome.kind = "fallback" if outcome.op else "compiled"
        except torshjit.TorshError as error:
            outcome.kind = "fallback" if options.get("strict") else "failed"
            outcome.op, outcome.reason = error.op or type(error).__name__, error.message
        except Exception as error:
            outcome.kind = "failed"
            described(outcome, error)
    return outcome


def _run_compiled(
    op: Any, given: Any, expected: Any, changed: Any, is_random: bool, options: dict[str, Any]
) -> tuple[str, str]:
    """Runs the operator compiled and checks results and arguments.

    Returns what fell back, if anything did, and why.
    """
    compiled = torshjit.compile(Call(op.op), **options)
    args, kwargs = _copied(given)
    actual = _seeded(compiled, args, kwargs)
    by_value = not is_random and op.name not in _UNINITIALISED
    tolerance = functools.partial(tolerance_of, op)

    def exact() -> Any:
        wide_args, wide_kwargs = in_float64(given)
        return _seeded(op, wide_args, wide_kwargs)

    compare(actual, expected, tolerance, exact, by_value)
    # What eager writes to its arguments, compiled code writes too.
    compare((args, kwargs), changed, tolerance, exact, by_value)
    if is_random:
        again = _seeded(compiled, *_copied(given))
        assert _is_same(actual, again), "the results do not follow from the seed"
    if "torch._dynamo" in sys.modules:
        # It keeps what it made for a code object, which all operators share.
        torch._dynamo.reset()
    for fallback in compiled.explain(structured=True)["fallbacks"]:
        if not fallback["is_compiled"]:
            return fallback["op"], fallback["reason"]
    for name in compiled.stats()["fallback_ops"]:
        return name, "eager torch between kernels"
    return "", ""


def _seeded(function: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    torch.manual_seed(SEED)
    with torch.no_grad():
        return function(*args, **kwargs)


def _copied(tree: Any) -> Any:
    """The arguments with tensors of their own, which an operator may write to."""

    def copy(value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or type(value) is not torch.Tensor:
            return value
        return value.detach().clone().requires_grad_(value.requires_grad)

    return tree_map(copy, tree)


def _is_same(left: Any, right: Any) -> bool:
    with contextlib.suppress(Exception):
        flags = tree_map(_equal, left, right)
        return not tree_any(lambda flag: not flag, flags)
    return False


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, torch.Tensor):
        return torch.equal(left.nan_to_num(), right.nan_to_num()) or torch.allclose(
            left, right, equal_nan=True
        )
    return bool(left == right)


def described(outcome: Outcome, error: Exception) -> Outcome:
    """The outcome with the error as its reason."""
    outcome.op = type(error).__name__
    outcome.reason = " ".join(str(error).split())[:300]
    return outcome
