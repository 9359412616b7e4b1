# SPDX-License-Identifier: Apache-2.0
"""Runs every case and prints the table by family.

usage: python -m conformance.numpy [--target TARGET] [--table FILE] [--only REGEX] [--verbose]
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict

from conformance.numpy.call_case import OUTCOMES, Outcome, all_cases, run_case
from conformance.numpy.known_failures import KNOWN_FAILURES


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
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="conformance.numpy")
    parser.add_argument("--target", default="cpu", help="what to compile for")
    parser.add_argument("--table", help="where the table goes")
    parser.add_argument("--only", default="", help="which cases, by a regular expression")
    parser.add_argument("--verbose", action="store_true", help="say what was not compiled and why")
    options = parser.parse_args(arguments)
    outcomes = [
        run_case(case, options.target)
        for case in all_cases()
        if re.search(options.only, case.source)
    ]
    if options.table:
        with open(options.table, "w") as file:
            file.write(table(outcomes))
    unexpected = 0
    for each in outcomes:
        known = each.case.source in KNOWN_FAILURES
        if each.kind == "failed" and not known:
            unexpected += 1
            print(f"FAILED {each.case.source}: {each.reason}")
        elif each.kind != "failed" and known:
            unexpected += 1
            print(f"PASSES, take it off the known failures: {each.case.source}")
        elif options.verbose and each.kind != "compiled":
            print(f"{each.kind} {each.case.source}: {', '.join(each.ops)}: {each.reason}")
    print(table(outcomes))
    counts = Counter(each.kind for each in outcomes)
    total = max(1, len(outcomes))
    print(
        f"{total} cases: {100 * counts['compiled'] / total:.1f} % compiled, "
        f"{100 * counts['host'] / total:.1f} % with calls of NumPy between kernels, "
        f"{100 * counts['fallback'] / total:.1f} % as plain Python, "
        f"{100 * counts['error'] / total:.1f} % with NumPy's own error, "
        f"{100 * counts['failed'] / total:.1f} % failed"
    )
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
