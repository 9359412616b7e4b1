# SPDX-License-Identifier: Apache-2.0
"""The hypothesis strategy for programs, and how exactly the result of one is determined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import ml_dtypes
import numpy as np
from e2e.case_values import FLOATS
from e2e.random_operations import OPERATIONS
from e2e.random_program import Construction, RandomProgram
from graph_records import DTYPES
from hypothesis import assume
from hypothesis import strategies as st

from torshjit.interpreter import Call, evaluate

if TYPE_CHECKING:
    from torshjit._compiler import GraphBuilder

MAX_OPS = 12
_MAX_ELEMENTS = 20_000
# Rounding of operands (the order of a sum) and of results (an approximation's last places).
_OPERAND_ROUNDINGS, _RESULT_ROUNDINGS = 2, 8
# Beyond these a float32 overflows or loses digits, and no bound below would hold.
_LARGEST, _SMALLEST = 1e30, 1e-30

# Operations that give the same bits however they are compiled.
_EXACT = {
    *("torsh.constant", "torsh.iota", "torsh.reshape", "torsh.broadcast", "torsh.permute"),
    *("torsh.slice", "torsh.concat", "torsh.pad", "torsh.neg", "torsh.abs", "torsh.sign"),
    *("torsh.relu", "torsh.maximum", "torsh.minimum", "torsh.floor", "torsh.ceil"),
    *("torsh.trunc", "torsh.round", "torsh.compare", "torsh.select", "torsh.isnan"),
    *("torsh.amax", "torsh.amin", "torsh.argmax", "torsh.argmin", "torsh.max_pool"),
}


@st.composite
def programs(draw: st.DrawFn, new_builder: Callable[[], GraphBuilder]) -> RandomProgram:
    """Programs of 1 to 12 operations on up to a few inputs, some of their extents `?`."""
    construction = Construction(draw, new_builder())
    construction.any_input()
    wanted = draw(st.integers(1, MAX_OPS))
    # An operation may add two, so that the last one needs room.
    while construction.num_ops < wanted and construction.num_ops < MAX_OPS - 1:
        recent = [n for n in construction.nodes if np.prod(n.shape) <= _MAX_ELEMENTS]
        if not recent:  # every value has grown too large to go on from
            assume(construction.num_ops > 0)
            break
        node = construction.choose(recent[::-1])
        applicable = [operation for operation, applies in OPERATIONS if applies(node)]
        construction.choose(applicable)(construction, node)
    return construction.finish()


class OutOfRange(Exception):
    """A float between the inputs and the outputs is too large or too small for float32."""


def reference(program: RandomProgram) -> list[tuple[np.ndarray, np.ndarray]]:
    """The result in float64 and how far a correct program may be from it, for each output.

    Programs may be ill-conditioned: what their operations' roundings do to the outputs is found
    by rounding differently. Each of a few runs disturbs operands and results of every inexact
    operation by a few units in the last place of the program's type; the run in the program's own
    types is one more.

    Raises:
        OutOfRange: float32 cannot hold the values on the way.
    """
    graph = program.module.graph("main")

    def in_range(call: Call, function: Callable[[Call], np.ndarray]) -> np.ndarray:
        result = np.asarray(function(call))
        if call.result_type.dtype in FLOATS:
            magnitudes = np.abs(result[np.isfinite(result) & (result != 0)])
            if np.any((magnitudes > _LARGEST) | (magnitudes < _SMALLEST)):
                raise OutOfRange(call.name)
        return result

    oracle = evaluate(graph, program.inputs, "f64", around=in_range)
    runs = [evaluate(graph, program.inputs)]
    runs += [evaluate(graph, program.inputs, "f64", around=_disturbing(seed)) for seed in range(3)]
    return [
        (expected, _allowed(expected, [run[number] for run in runs]))
        for number, expected in enumerate(oracle)
    ]


def _disturbing(seed: int) -> Callable[[Call, Callable[[Call], np.ndarray]], np.ndarray]:
    rng = np.random.default_rng(seed)

    def disturbed(array: np.ndarray, dtype: str, roundings: int) -> np.ndarray:
        if dtype not in FLOATS:
            return array
        eps = float(ml_dtypes.finfo(DTYPES[dtype]).eps)
        return array * (1 + roundings * eps * rng.choice([-1.0, 1.0], np.shape(array)))

    def around(call: Call, function: Callable[[Call], np.ndarray]) -> np.ndarray:
        result_dtype = call.result_type.dtype
        if call.name in _EXACT or result_dtype not in FLOATS:
            return function(call)
        groups = tuple(
            tuple(
                disturbed(operand, type_.dtype, _OPERAND_ROUNDINGS)
                for operand, type_ in zip(group, types, strict=True)
            )
            for group, types in zip(call.groups, call.types, strict=True)
        )
        return disturbed(function(replace(call, groups=groups)), result_dtype, _RESULT_ROUNDINGS)

    return around


def _allowed(oracle: np.ndarray, runs: Sequence[np.ndarray]) -> np.ndarray:
    """Several times what the runs differ by, and NaN where they agree on no finite value."""
    if oracle.dtype.kind != "f":
        return np.zeros(oracle.shape)
    with np.errstate(invalid="ignore"):
        deviations = np.max([np.abs(run.astype(np.float64) - oracle) for run in runs], axis=0)
    finite = np.isfinite(oracle) & np.isfinite(deviations)
    # One element's few roundings may cancel by chance: the tensor's mean says what is usual.
    usual = np.mean(deviations[finite]) if finite.any() else 0.0
    eps = float(ml_dtypes.finfo(runs[0].dtype).eps)
    allowed = 8 * deviations + 4 * usual + 4 * eps * np.abs(oracle)
    return np.where(finite, allowed, np.nan)
