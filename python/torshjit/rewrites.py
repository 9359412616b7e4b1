# SPDX-License-Identifier: Apache-2.0
"""Rewrites, fusion rules and schedules that a program's author states in Python.

A rewrite is a pair of functions, traced like any program: wherever the compiler finds what the
first computes, it puts what the second does. A fusion rule says of two operations that they do,
or do not, become one kernel. A schedule says how a kernel is computed. All are options of
`JitConfig`, and part of what a cache is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torshjit.errors import ConfigError

__all__ = ["FusionRule", "Rewrite", "apply_rewrites", "fusion_rule", "rewrite"]


class FusionRule:
    """What `fusion_rule` returns."""

    __slots__ = ("consumer", "fuses", "producer")

    def __init__(self, producer: str, consumer: str, fuses: bool) -> None:
        self.producer, self.consumer, self.fuses = producer, consumer, fuses

    def __str__(self) -> str:
        return f"{self.producer}->{self.consumer}={'always' if self.fuses else 'never'}"

    def __repr__(self) -> str:
        return f"fusion_rule({self.producer!r}, {self.consumer!r}, fuse={self.fuses})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FusionRule) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


def fusion_rule(producer: str, consumer: str, *, fuse: bool) -> FusionRule:
    """Says whether results of `producer` are computed in the kernels of `consumer` that read them.

    Both are names of operations of the dialect, as `explain()` shows them: ``"matmul"`` or
    ``"torsh.matmul"``; ``"*"`` is any. Of the rules that fit two operations the last counts. With
    ``fuse=True`` what pays is no question; what cannot be one kernel still is none, and
    `explain()` says why. ``fusion_strategy="custom"`` fuses nothing but what rules say.

    Raises:
        ConfigError: a name is no name. Whether there is such an operation is known when a
            program is compiled, and then a CompileError.
    """
    names = []
    for name in (producer, consumer):
        short = name.removeprefix("torsh.") if isinstance(name, str) else ""
        if short != "*" and not short.isidentifier():
            raise ConfigError(f"a fusion rule takes names of operations, or '*', not {name!r}")
        names.append(short)
    return FusionRule(names[0], names[1], bool(fuse))


class Rewrite:
    """What `rewrite` returns.

    Attributes:
        name: what messages and `explain()` call it.
        pattern: the IR of what is looked for.
        replacement: the IR of what takes its place.
        where: the predicate, or None.
    """

    __slots__ = ("name", "pattern", "replacement", "where")

    def __init__(
        self, name: str, pattern: str, replacement: str, where: Callable[..., bool] | None
    ) -> None:
        self.name, self.pattern, self.replacement, self.where = name, pattern, replacement, where

    def __repr__(self) -> str:
        return f"<torshjit.rewrite {self.name}>"


def rewrite(
    pattern: Callable[..., Any],
    replacement: Callable[..., Any],
    examples: Sequence[Any],
    *,
    where: Callable[..., bool] | None = None,
    name: str | None = None,
) -> Rewrite:
    """Says that what `pattern` computes is to be computed as `replacement` does.

    Both are functions of the same arguments and give one array. They are traced with `examples`,
    NumPy arrays or torch tensors, of which only the element types and the numbers of axes count:
    the rewrite applies whatever the extents are. The pattern is compared operation by operation
    with the program as captured (``compiled.ir("capture")``), so it is best written as the programs
    that it is for, with the same library.

    Args:
        pattern: what to look for. Its arguments stand for any values; intermediate results may be
            used elsewhere as well, and are then computed there too.
        replacement: what to compute instead. That it is the same is the author's to know.
        examples: arguments to trace both with.
        where: ``where(*types) -> bool`` decides of each place found; each argument's type has a
            ``dtype`` (``"f32"``) and a ``shape``, a tuple with -1 for what is not known.
        name: for messages; by default that of `pattern`.

    Raises:
        ConfigError: one of the functions cannot be a side of a rewrite; the message names the
            operation.
        CaptureError: one of them cannot be traced.
    """
    title = name or getattr(pattern, "__qualname__", None) or type(pattern).__qualname__
    if where is not None and not callable(where):
        raise ConfigError(f"where of rewrite {title!r} must be callable, not {where!r}")
    sides = [
        _traced(side, examples, f"the {role} of rewrite {title!r}")
        for role, side in (("pattern", pattern), ("replacement", replacement))
    ]
    from torshjit.compiler_cache import compiler_context, load_compiler

    compiler = load_compiler()
    try:
        compiler.check_rewrite(compiler_context(), *sides)
    except compiler.MLIRError as error:
        raise ConfigError(f"{title!r} is no rewrite: {error.args[0]}") from error
    return Rewrite(title, sides[0], sides[1], where)


def _traced(function: Callable[..., Any], examples: Sequence[Any], what: str) -> str:
    from torshjit.capture.graph_function import ArgumentBinding, ResultLeaf
    from torshjit.config import JitConfig
    from torshjit.sources import PythonSource

    if not callable(function):
        raise ConfigError(f"{what} must be callable, not {function!r}")
    program = PythonSource(function).capture(tuple(examples), {}, JitConfig(strict=True))
    arguments = [each.leaf for each in program.bindings if isinstance(each, ArgumentBinding)]
    if len(arguments) < len(program.bindings):
        raise ConfigError(f"{what} reads an array that is none of its arguments")
    if arguments != list(range(len(examples))):
        raise ConfigError(f"{what} takes {len(arguments)} arrays, of {len(examples)} examples")
    if not isinstance(program.output_tree, ResultLeaf):
        raise ConfigError(f"{what} must return one array that it computes")
    return str(program.module)


def apply_rewrites(module: Any, rewrites: Sequence[Rewrite]) -> tuple[Any, dict[str, int]]:
    """Returns the module with the rewrites applied in their order, and how many places each had.

    The module itself stays as it is.

    Raises:
        CompileError: a replacement does not fit where its pattern was found.
    """
    if not rewrites:
        return module, {}
    from torshjit.compiler_cache import compiler_error, load_compiler

    compiler = load_compiler()
    rewritten = module.clone()
    counts: dict[str, int] = {}
    for rule in rewrites:
        try:
            count = rewritten.rewrite(rule.pattern, rule.replacement, rule.where)
        except compiler.MLIRError as error:
            raise compiler_error(error, f"rewrite {rule.name!r} does not apply") from error
        counts[rule.name] = counts.get(rule.name, 0) + count
    return rewritten, counts


def require_rules(name: str, given: Any, kind: type) -> tuple[Any, ...]:
    """The rules of an option as a tuple; raises ConfigError unless all are of their kind."""
    rules = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    for rule in rules:
        if not isinstance(rule, kind):
            maker = "rewrite" if kind is Rewrite else "fusion_rule"
            raise ConfigError(f"{name} takes what torshjit.{maker} returns, not {rule!r}")
    return rules


def require_schedules(given: Any) -> tuple[tuple[str, str], ...]:
    """Schedules by kernel as sorted pairs; raises ConfigError for anything else."""
    try:
        pairs = tuple(sorted(dict(given).items()))
    except (TypeError, ValueError):
        pairs = ((None, None),)
    for kernel, schedule in pairs:
        if not isinstance(kernel, str) or not isinstance(schedule, str):
            raise ConfigError(
                "schedules maps names of kernels to texts like '#torsh.schedule<tile = [8, 0]>', "
                f"got {given!r}"
            )
    return pairs
