# SPDX-License-Identifier: Apache-2.0
"""The outcomes of many samples: tables by family, and what was not expected."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from conformance.opinfo.operator_samples import all_operators, family_of
from conformance.opinfo.sample_run import Outcome

__all__ = ["Results"]

_HEAD = (
    "| family | samples | passed | failed | of them with fallback "
    "| operators | with no fallback | partly | all in fallback |\n"
    "|---|---|---|---|---|---|---|---|---|\n"
)


class Results:
    """The outcomes of one dtype's samples."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.outcomes: list[Outcome] = []

    def add(self, outcome: Outcome) -> None:
        """Takes in one more."""
        self.outcomes.append(outcome)

    def table(self) -> str:
        """The outcomes by family, as Markdown, and the share that passed."""
        families: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        for each in self.outcomes:
            family = family_of(all_operators()[each.operator])
            for name in ("all", family):
                families[name][each.operator][each.kind] += 1
        rows = [
            _row(family, list(families[family].values()))
            for family in ["all", *sorted(set(families) - {"all"})]
            if family in families
        ]
        passed, failed = self._count("compiled", "fallback"), self._count("failed")
        share = 100 * passed / max(1, passed + failed)
        return (
            f"{self.dtype}: {share:.1f} % of {passed + failed} samples pass, "
            f"{self._share_of_operators():.1f} % of operators with no fallback\n\n"
            f"{_HEAD}{''.join(rows)}"
        )

    def _count(self, *kinds: str) -> int:
        return sum(each.kind in kinds for each in self.outcomes)

    def _share_of_operators(self) -> float:
        operators = {each.operator for each in self.outcomes if each.kind != "refused"}
        lost = {each.operator for each in self.outcomes if each.kind in ("fallback", "failed")}
        return 100 * len(operators - lost) / max(1, len(operators))

    def unexpected(self, known: Mapping[str, Mapping[str, str]], whole: bool) -> Iterator[str]:
        """Lines for failures that are not known and, of a whole run, known ones that pass.

        `known` maps an operator to its reasons by dtype, ``*`` for every dtype.
        """
        failed: dict[str, list[Outcome]] = defaultdict(list)
        for each in self.outcomes:
            if each.kind == "failed":
                failed[each.operator].append(each)
        for operator, outcomes in sorted(failed.items()):
            if not {"*", self.dtype} & set(known.get(operator, {})):
                for each in outcomes:
                    yield f"FAILED {_place(each)}: {each.op}: {each.reason}"
        if whole:
            for operator in sorted({each.operator for each in self.outcomes} - set(failed)):
                if self.dtype in known.get(operator, {}):
                    yield f"PASSES, take it off the known failures: {operator} {self.dtype}"

    def lines(self) -> Iterator[str]:
        """A line for each sample that failed or fell back."""
        for each in self.outcomes:
            if each.kind in ("failed", "fallback"):
                yield f"{each.kind} {_place(each)}: {each.op}: {each.reason}"

    def lost_calls(self) -> str:
        """How many samples, and operators, each ATen call made fall back, most first."""
        counts: Counter[str] = Counter()
        operators: dict[str, set[str]] = defaultdict(set)
        for each in self.outcomes:
            if each.kind == "fallback":
                counts[f"{each.op}: {each.reason}"] += 1
                operators[f"{each.op}: {each.reason}"].add(each.operator)
        order = sorted(counts, key=lambda call: (-len(operators[call]), -counts[call]))
        return "\n".join(
            f"{len(operators[call]):4d} operators {counts[call]:5d} samples  {call}"
            f"  ({', '.join(sorted(operators[call])[:6])})"
            for call in order
        )


def _place(outcome: Outcome) -> str:
    return f"{outcome.operator} {outcome.dtype} sample {outcome.number}"


def _row(family: str, operators: list[Counter[str]]) -> str:
    kinds = sum(operators, Counter())
    counted = [each for each in operators if set(each) - {"refused"}]
    compiled = sum(set(each) <= {"compiled", "refused"} for each in counted)
    fallen = sum("compiled" not in each for each in counted)
    passed = kinds["compiled"] + kinds["fallback"]
    return (
        f"| {family} | {passed + kinds['failed']} | {passed} | {kinds['failed']} "
        f"| {kinds['fallback']} | {len(counted)} | {compiled} "
        f"| {len(counted) - compiled - fallen} | {fallen} |\n"
    )
