# SPDX-License-Identifier: Apache-2.0
"""Runs every case of a kind, in processes of their own, and prints the table by operator.

usage: python -m conformance.onnx [--kind KIND] [--table FILE] [--only REGEX] [--verbose]
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict

from conformance.case_process import CaseProcess
from conformance.onnx.known_failures import KNOWN_FAILURES, UNSTEADY
from conformance.onnx.node_case import OUTCOMES, Outcome, all_cases, family_of, run_case

#: A case that takes longer fails.
_MOST_SECONDS = 60


def table(outcomes: list[Outcome]) -> str:
    """The outcomes by operator, as Markdown."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for each in outcomes:
        counts[each.family][each.kind] += 1
        counts["all"][each.kind] += 1
    lines = ["| operator | compiled | folded | fallback | failed |", "|---|---|---|---|---|"]
    for family in ["all", *sorted(set(counts) - {"all"})]:
        numbers = " | ".join(str(counts[family][kind]) for kind in OUTCOMES)
        lines.append(f"| {family} | {numbers} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="conformance.onnx")
    parser.add_argument("--table", help="where the table goes")
    parser.add_argument(
        "--kind",
        default="node",
        choices=("node", "pytorch-converted", "pytorch-operator"),
        help="cases of one operator each, or models that PyTorch exported",
    )
    parser.add_argument("--only", default="", help="which cases, by a regular expression")
    parser.add_argument("--verbose", action="store_true", help="say why each fell back")
    options = parser.parse_args(arguments)
    cases = [case for case in all_cases(options.kind) if re.search(options.only, case.name)]
    process = CaseProcess(lambda number: run_case(cases[number]), _MOST_SECONDS)
    outcomes = []
    for number, case in enumerate(cases):
        outcome, lost = process.run(number)
        outcomes.append(outcome or Outcome(case.name, family_of(case), "failed", "process", lost))
    process.close()
    if options.table:
        with open(options.table, "w") as file:
            file.write(table(outcomes))
    unexpected = 0
    for each in outcomes:
        if each.kind == "failed" and each.name not in KNOWN_FAILURES:
            unexpected += 1
            print(f"FAILED {each.name}: {each.op}: {each.reason}")
        elif each.kind != "failed" and each.name in KNOWN_FAILURES and each.name not in UNSTEADY:
            unexpected += 1
            print(f"PASSES, take it off the known failures: {each.name}")
        elif options.verbose and each.kind == "fallback":
            print(f"fallback {each.name}: {each.op}: {each.reason}")
    print(table(outcomes))
    counts = Counter(each.kind for each in outcomes)
    total = max(1, len(outcomes))
    print(
        f"{total} cases: {100 * counts['compiled'] / total:.1f} % compiled, "
        f"{100 * counts['folded'] / total:.1f} % computed at import, "
        f"{100 * counts['fallback'] / total:.1f} % in the reference evaluator, "
        f"{100 * counts['failed'] / total:.1f} % failed"
    )
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
