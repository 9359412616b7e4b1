# SPDX-License-Identifier: Apache-2.0
"""One case: lowered by jax, compiled strictly, and compared with jax."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from conformance.jax.case_table import ARRAYS, FAMILIES

__all__ = ["OUTCOMES", "Case", "Outcome", "all_cases", "run_case"]

OUTCOMES = ("compiled", "refused", "failed")

_TOLERANCE = {"float32": 1e-4, "bfloat16": 2e-2, "float16": 2e-3}


@dataclass(frozen=True)
class Case:
    family: str
    source: str

    def function(self) -> tuple[Callable[..., Any], list[np.ndarray]]:
        """The function of the arrays that the source names, and those."""
        names = [name for name in ARRAYS if re.search(rf"(?<![\w.]){name}(?![\w=(])", self.source)]
        scope = {"jax": jax, "jnp": jax.numpy, "lax": jax.lax, "np": np}
        program = eval(f"lambda {', '.join(names)}: {self.source}", scope)
        return program, [ARRAYS[name] for name in names]


@dataclass(frozen=True)
class Outcome:
    case: Case
    kind: str
    reason: str = ""


def all_cases() -> list[Case]:
    return [Case(family, source) for family, sources in FAMILIES.items() for source in sources]


def run_case(case: Case, target: str = "cpu") -> Outcome:
    """What becomes of a case; an error that is not torshjit's own is passed on."""
    import torshjit

    program, arrays = case.function()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lowered = jax.jit(program).lower(*arrays)
        wanted = jax.tree_util.tree_leaves(jax.jit(program)(*arrays))
        try:
            compiled = torshjit.compile(lowered, strict=True, target_device=target)
            results = jax.tree_util.tree_leaves(compiled(*arrays))
        except torshjit.TorshError as error:
            return Outcome(case, "refused", str(error).partition("\n")[0])
    reason = _difference(results, wanted)
    return Outcome(case, "failed" if reason else "compiled", reason)


def _difference(results: list[Any], wanted: list[Any]) -> str:
    if len(results) != len(wanted):
        return f"{len(results)} results, not {len(wanted)}"
    for got, want in zip(results, map(np.asarray, wanted), strict=True):
        if got.dtype != want.dtype or got.shape != want.shape:
            return f"{got.dtype}{list(got.shape)}, not {want.dtype}{list(want.shape)}"
        if want.dtype.kind in "biu":
            if not np.array_equal(got, want):
                return f"{got.ravel()[:4]}, not {want.ravel()[:4]}"
            continue
        rtol = _TOLERANCE[want.dtype.name]
        x, y = np.asarray(got).astype(np.float64), want.astype(np.float64)
        close = np.isclose(x, y, rtol=rtol, atol=rtol / 10, equal_nan=True)
        if not close.all():
            return f"{x[~close].ravel()[:4]}, not {y[~close].ravel()[:4]}"
    return ""
