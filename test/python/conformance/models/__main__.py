# SPDX-License-Identifier: Apache-2.0
"""Runs every model at its full size, in processes of their own, and prints the table.

usage: python -m conformance.models [--small] [--only REGEX] [--through NAME] [--table FILE]
"""

from __future__ import annotations

import argparse
import re
import sys

from conformance.case_process import CaseProcess
from conformance.models.all_cases import all_cases
from conformance.models.known_failures import KNOWN_FAILURES
from conformance.models.model_case import Outcome, run_case, table

#: A model that takes longer fails.
_MOST_SECONDS = 600

_WAYS = ("torshjit.compile", "torch.compile")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="conformance.models")
    parser.add_argument("--small", action="store_true", help="the small variants of the tests")
    parser.add_argument("--only", default="", help="which models, by a regular expression")
    parser.add_argument("--through", choices=_WAYS, help="by default both; training by the latter")
    parser.add_argument("--table", help="where the table goes as well")
    options = parser.parse_args(arguments)
    cases = [case for case in all_cases() if re.search(options.only, case.name)]
    ways = [options.through] if options.through else list(_WAYS)
    process = CaseProcess(lambda key: run_case(cases[key[0]], options.small, key[1]), _MOST_SECONDS)
    outcomes = []
    unexpected = 0
    for number, case in enumerate(cases):
        for through in ways:
            # A training step is one of torch.compile.
            if case.is_trained and through != "torch.compile":
                continue
            outcome, lost = process.run((number, through))
            if outcome is None:
                outcome = Outcome(case.name, through, 0.0, 0, {}, 0, 0.0, 0.0, lost)
            outcomes.append(outcome)
            print(f"{case.name} through {through}: {outcome.why or 'passed'}", flush=True)
            is_known = case.name in KNOWN_FAILURES and outcome.agrees
            if not outcome.passed and not is_known:
                unexpected += 1
                print(f"FAILED {case.name} through {through}", flush=True)
            elif outcome.passed and case.name in KNOWN_FAILURES:
                unexpected += 1
                print(f"PASSES, take it off the known failures: {case.name}", flush=True)
    process.close()
    print(table(outcomes))
    if options.table:
        with open(options.table, "w") as file:
            file.write(table(outcomes))
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
