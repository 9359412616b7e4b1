# SPDX-License-Identifier: Apache-2.0
"""Loops whose length is not known before the call: compiled programs that the host runs by turns.

The condition and the body are programs of their own. Their arguments are what the loop carries,
then what each of them reads from around it. The loop itself is one call of the host in the program
that it is part of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from torshjit.capture.graph_function import ArrayLeaf, CapturedProgram, ResultLeaf
from torshjit.capture.host_calls import HostCalls
from torshjit.config import JitConfig
from torshjit.errors import CaptureError
from torshjit.host_functions import HostFunction, unique_name

__all__ = ["InnerProgram", "Type", "add_counted_loop", "add_loop", "add_scan", "types_of"]

#: An element type, and the extents.
Type = tuple[str, Sequence[int]]


def types_of(values: Iterable[Any]) -> list[Type]:
    """The types of Values."""
    return [(each.dtype, tuple(each.shape)) for each in values]


class InnerProgram:
    """A program that is captured while another one is, of arrays that the other one gives it.

    Attributes:
        captured: what it reads from around it, after its arguments: Values of the other program.
        results: the types of its results, as dtype and shape.
        is_pure: whether it does nothing but give results.
        has_fallbacks: whether it calls what stands in for operations that the compiler lacks.
    """

    #: For `CompiledModule`: what it takes is what it was captured for.
    runs_plainly = False
    function = None

    def __init__(
        self,
        name: str,
        module: Any,
        arguments: Sequence[Type],
        captured: Sequence[Any],
        bindings: Sequence[Any],
        host_calls: HostCalls,
        results: Sequence[Any],
    ) -> None:
        self.name = name
        self.captured = list(captured)
        self.results = types_of(results)
        self.is_pure = not host_calls.have_effects
        self.has_fallbacks = any(each.is_fallback for each in host_calls.functions.values())
        taken = [*arguments, *types_of(captured)]
        leaves = [ArrayLeaf("numpy", dtype, tuple(shape)) for dtype, shape in taken]
        self._program = CapturedProgram(
            module=module,
            args_tree=(tuple(leaves), {}),
            bindings=list(bindings),
            output_tree=tuple(ResultLeaf(number) for number in range(len(results))),
            host_functions=host_calls.functions,
        )
        self._compiled: Any = None

    def capture(self, args: tuple, kwargs: dict, config: JitConfig) -> CapturedProgram:
        """The program, for `CompiledModule`."""
        return self._program

    def run(self, args: tuple, kwargs: dict) -> Any:
        """An inner program has no other form."""
        raise CaptureError(f"{self.name} cannot be run without the compiler")

    def __call__(self, *arrays: Any) -> tuple[np.ndarray, ...]:
        """The results for arrays of its argument types."""
        if self._compiled is None:
            from torshjit.compiled import CompiledModule

            self._compiled = CompiledModule(self, JitConfig(strict=True), self.name)  # type: ignore[arg-type]
        return self._compiled(*arrays)


def add_loop(
    host_calls: HostCalls,
    op: str,
    condition: InnerProgram,
    body: InnerProgram,
    carried: Sequence[Any],
    location: tuple[str, int] | None,
) -> tuple[Any, ...]:
    """Adds a loop to the program under construction; returns what it carries at its end.

    Args:
        host_calls: the calls of the host of that program.
        op: what messages call it.
        condition: gives one bool, whether it goes on.
        body: gives what is carried on.
        carried: the Values that it starts with, whose types stay the same.
        location: the user's line.
    """
    count, split = len(carried), len(carried) + len(condition.captured)

    def run(*arrays: Any) -> tuple:
        state, asked, read = arrays[:count], arrays[count:split], arrays[split:]
        while condition(*state, *asked)[0]:
            state = body(*state, *read)
        return tuple(state)

    is_fallback = condition.has_fallbacks or body.has_fallbacks
    function = HostFunction(unique_name(op), run, is_fallback=is_fallback)
    return host_calls.add(
        function,
        [*carried, *condition.captured, *body.captured],
        types_of(carried),
        is_pure=condition.is_pure and body.is_pure,
        location=location,
    )


def add_counted_loop(
    host_calls: HostCalls,
    op: str,
    body: InnerProgram,
    most: Any,
    goes_on: Any,
    carried: Sequence[Any],
) -> tuple[Any, ...]:
    """Adds a loop whose body takes its number and says whether it goes on; returns what it carries.

    Args:
        host_calls: the calls of the host of the program under construction.
        op: what messages call it.
        body: of the iteration's number, whether it goes on and what is carried, the latter two.
        most: a Value, how often it runs at most; None for no bound.
        goes_on: a Value, whether it begins at all.
        carried: the Values that it starts with, whose types stay the same.
    """
    bounds, count = [] if most is None else [most], len(carried)

    def run(*arrays: Any) -> tuple:
        start = 1 + len(bounds)
        state: Sequence[Any] = arrays[start : start + count]
        read = arrays[start + count :]
        limit = int(arrays[1].reshape(-1)[0]) if bounds else None
        number, flag = 0, arrays[0].reshape(())
        while flag and (limit is None or number < limit):
            flag, *state = body(np.array(number, np.int64), flag, *state, *read)
            number, flag = number + 1, flag.reshape(())
        return tuple(state)

    return host_calls.add(
        HostFunction(unique_name(op), run, is_fallback=body.has_fallbacks),
        [goes_on, *bounds, *carried, *body.captured],
        types_of(carried),
        is_pure=body.is_pure,
    )


def add_scan(
    host_calls: HostCalls,
    op: str,
    body: InnerProgram,
    carried: Sequence[Any],
    rows: Sequence[tuple[Any, int, bool]],
    places: Sequence[tuple[int, bool]],
) -> tuple[Any, ...]:
    """Adds a loop over the rows of arrays; returns what it carries, and its other results stacked.

    Args:
        host_calls: the calls of the host of the program under construction.
        op: what messages call it.
        body: of what is carried and a row of each array, what is carried and other results.
        carried: the Values that it starts with, whose types stay the same.
        rows: the arrays: a Value, the axis, and whether it is gone through backwards.
        places: for each other result the axis that the iterations become, and whether backwards.
    """
    count, length = len(carried), rows[0][0].shape[rows[0][1]]
    stacked: list[Type] = []
    for (dtype, shape), (axis, _) in zip(body.results[count:], places, strict=True):
        stacked.append((dtype, (*shape[:axis], length, *shape[axis:])))

    def run(*arrays: Any) -> tuple:
        state, given = arrays[:count], arrays[count : count + len(rows)]
        read, stacks = arrays[count + len(rows) :], [[] for _ in places]  # type: ignore[var-annotated]
        for number in range(length):
            parts = [
                array.take(length - 1 - number if is_backwards else number, axis)
                for array, (_, axis, is_backwards) in zip(given, rows, strict=True)
            ]
            results = body(*state, *map(np.asarray, parts), *read)
            state = results[:count]
            for stack, result in zip(stacks, results[count:], strict=True):
                stack.append(result)
        joined = [
            np.stack(stack[::-1] if is_backwards else stack, axis)
            for stack, (axis, is_backwards) in zip(stacks, places, strict=True)
        ]
        return (*state, *joined)

    return host_calls.add(
        HostFunction(unique_name(op), run, is_fallback=body.has_fallbacks),
        [*carried, *(value for value, _, _ in rows), *body.captured],
        [*types_of(carried), *stacked],
        is_pure=body.is_pure,
    )
