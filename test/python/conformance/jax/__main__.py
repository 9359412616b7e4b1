# SPDX-License-Identifier: Apache-2.0
"""Runs every case and prints the table by family.

usage: python -m conformance.jax [--target TARGET] [--table FILE] [--only REGEX] [--verbose]
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict

from conformance.jax.call_case import OUTCOMES, Outcome, all_cases, run_case
from conformance.jax.known_failures import KNOWN_FAILURES

_HEAD = """# Functions of jax

What becomes of functions that jax lowers to StableHLO, by family; `make conformance` makes the
table. There is no fallback: what is not covered is refused, and names itself.

"""


def table(outcomes: list[Outcome]) -> str:
    """The outcomes by family, as Markdown."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for each in outcomes:
        counts["all"][each.kind] += 1
    for each in outcomes:
        counts[each.case.family][each.kind] += 1
    lines = [f"| family | {' | '.join(OUTCOMES)} |", "|---" * (len(OUTCOMES) + 1) + "|"]
    for family, row in counts.items():
        lines.append(f"| {family} | {' | '.join(str(row[kind]) for kind in OUTCOMES)} |")
    refused = [f"- `{source}`: {reason}" for source, reason in KNOWN_FAILURES.items()]
    return "\n".join([*lines, "", "Refused:", "", *refused]) + "\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="conformance.jax")
    parser.add_argument("--target", default="cpu", help="what to compile for")
    parser.add_argument("--table", help="where the table goes")
    parser.add_argument("--only", default="", help="which cases, by a regular expression")
    parser.add_argument("--verbose", action="store_true", help="say what was refused and why")
    options = parser.parse_args(arguments)
    outcomes = []
    unexpected = 0
    for case in all_cases():
        if not re.search(options.only, case.source):
            continue
        outcome = run_case(case, options.target)
        outcomes.append(outcome)
        known = case.source in KNOWN_FAILURES
        if outcome.kind == "failed" or (outcome.kind == "refused") != known:
            unexpected += 1
            print(f"{outcome.kind}, {'known' if known else 'not known'}: {case.source}")
            print(f"    {outcome.reason}")
        elif options.verbose and outcome.kind == "refused":
            print(f"refused {case.source}: {outcome.reason}")
    text = table(outcomes)
    if options.table:
        with open(options.table, "w") as file:
            file.write(_HEAD + text)
    print(text)
    compiled = sum(each.kind == "compiled" for each in outcomes)
    print(f"{len(outcomes)} cases: {100 * compiled / max(1, len(outcomes)):.1f} % compiled")
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
