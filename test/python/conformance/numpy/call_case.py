# SPDX-License-Identifier: Apache-2.0
"""One case: its function, what NumPy gives, and how the compiled program does."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import torshjit
from conformance.numpy.case_table import ARRAYS, FAMILIES

__all__ = ["OUTCOMES", "Case", "Outcome", "all_cases", "run_case"]

#: What can become of a case: all of it compiled, some calls made by the host, the whole function
#: run as plain Python, the error of NumPy itself, or another result than NumPy's.
OUTCOMES = ("compiled", "host", "fallback", "error", "failed")

#: Units in the last place that a result may differ in, by the size of its type.
_TOLERANCE = {2: 4e-3, 4: 2e-5, 8: 1e-10, 16: 1e-10}


@dataclass(frozen=True)
class Case:
    """Statements whose last one is the result, over the arrays of the table."""

    family: str
    source: str

    def function(self) -> tuple[Callable[..., Any], list[str]]:
        """The function of the case and the names of its arguments."""
        tree = ast.parse(self.source)
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names = [name for name in ARRAYS if name in used]
        last = tree.body[-1]
        assert isinstance(last, ast.Expr)
        tree.body[-1] = ast.Return(last.value)
        definition = ast.parse(f"def case({', '.join(names)}): pass")
        definition.body[0].body = tree.body  # type: ignore[attr-defined]
        namespace: dict[str, Any] = {"np": np, "__name__": "conformance_case"}
        exec(compile(ast.fix_missing_locations(definition), "<case>", "exec"), namespace)
        return namespace["case"], names


@dataclass(frozen=True)
class Outcome:
    """What became of a case, the operations that were not compiled, and why."""

    case: Case
    kind: str
    ops: tuple[str, ...] = ()
    reason: str = ""


def all_cases() -> Iterator[Case]:
    """Every case of the table."""
    for family, sources in FAMILIES.items():
        for source in sources:
            yield Case(family, source)


def run_case(case: Case, target: str) -> Outcome:
    """Runs a case in NumPy and compiled for a target, and compares the results."""
    function, names = case.function()
    arrays = [ARRAYS[name] for name in names]
    expected = _attempt(function, [array.copy() for array in arrays])
    compiled = torshjit.compile(function, target_device=target)
    given = [array.copy() for array in arrays]
    actual = _attempt(compiled, given)
    if problem := _difference(actual, expected):
        return Outcome(case, "failed", reason=problem)
    for name, array, before in zip(names, given, arrays, strict=True):
        if array.tobytes() != before.tobytes():
            return Outcome(case, "failed", reason=f"{name} has changed")
    if isinstance(expected, Exception):
        return Outcome(case, "error", reason=f"{type(expected).__name__}: {expected}")
    explanation = compiled.explain(structured=True)
    if explanation["fallbacks"]:
        (fallback,) = explanation["fallbacks"]
        return Outcome(case, "fallback", (fallback["op"],), fallback["reason"])
    (row,) = explanation["specializations"]
    calls = tuple(sorted({call["op"] for call in row["host_calls"]}))
    return Outcome(case, "host" if calls else "compiled", calls)


def _attempt(function: Callable[..., Any], arrays: list[np.ndarray]) -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(*arrays)
        except Exception as error:
            return error


def _difference(actual: Any, expected: Any) -> str | None:
    """How a result differs from NumPy's, or None."""
    if isinstance(expected, Exception) or isinstance(actual, Exception):
        if isinstance(actual, type(expected)):
            return None
        return f"{_described(actual)} instead of {_described(expected)}"
    if type(actual) is not type(expected):
        return f"a {type(actual).__name__} instead of a {type(expected).__name__}"
    if isinstance(expected, (tuple, list)):
        if len(actual) != len(expected):
            return f"{len(actual)} results instead of {len(expected)}"
        parts = (_difference(a, b) for a, b in zip(actual, expected, strict=True))
        return next(filter(None, parts), None)
    if not isinstance(expected, (np.ndarray, np.generic)):
        return None if actual == expected else f"{actual!r} instead of {expected!r}"
    if actual.dtype != expected.dtype or actual.shape != expected.shape:
        return (
            f"{actual.dtype} of shape {actual.shape} instead of {expected.dtype} of shape "
            f"{expected.shape}"
        )
    if expected.dtype.kind in "fc":
        tolerance = _TOLERANCE[expected.dtype.itemsize // (1 + (expected.dtype.kind == "c"))]
        try:
            np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)
        except AssertionError as error:
            return " ".join(str(error).split())[:300]
        return None
    return None if np.array_equal(actual, expected) else f"{actual} instead of {expected}"


def _described(result: Any) -> str:
    if isinstance(result, Exception):
        return f"{type(result).__name__}: {str(result)[:200]}"
    return f"a {type(result).__name__}"
