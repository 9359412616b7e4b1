# SPDX-License-Identifier: Apache-2.0
"""Runs torch's operator samples, in a process of their own, and prints tables by family.

usage: python -m conformance.opinfo [--dtype NAME]... [--only REGEX] [--most N] [--target NAME]
                                    [--strict] [--table FILE] [--lost] [--verbose] [--gradients]

With --gradients, it is the results and gradients through torch.compile that are compared, in
float32, for two samples of each operator unless --most says otherwise.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from typing import Any

import torch

from conformance.case_process import CaseProcess
from conformance.opinfo.gradient_run import run_gradient
from conformance.opinfo.known_failures import KNOWN_FAILURES, KNOWN_GRADIENT_FAILURES
from conformance.opinfo.operator_samples import all_operators
from conformance.opinfo.result_tables import Results
from conformance.opinfo.sample_run import Outcome, run_sample

#: A sample that takes longer fails.
_MOST_SECONDS = 60

#: Samples of each operator whose gradients are compared: each takes about a second.
_MOST_GRADIENTS = 2

#: The dtypes that are run where none is asked for.
_DTYPES = ("float32", "bfloat16", "int64", "bool")


def run_dtype(
    name: str, operators: list[str], most: int | None, run: Callable[..., Any], **options: Any
) -> Results:
    """Runs the operators' samples of one dtype, with options of the configuration."""
    dtype = getattr(torch, name)

    def task(place: tuple[str, int]) -> Outcome | None:
        torch.set_num_threads(1)
        return run(place[0], dtype, place[1], **options)

    process = CaseProcess(task, _MOST_SECONDS)
    results = Results(name)
    for operator in operators:
        number = 0
        while most is None or number < most:
            outcome, lost = process.run((operator, number))
            if lost:
                outcome = Outcome(operator, name, number, "failed", "process", lost)
            if outcome is None:
                break
            results.add(outcome)
            number += 1
    process.close()
    return results


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="conformance.opinfo")
    parser.add_argument("--dtype", action="append", help="a dtype of torch; by default four")
    parser.add_argument("--only", default="", help="which operators, by a regular expression")
    parser.add_argument("--most", type=int, help="most samples of each operator")
    parser.add_argument("--target", default="cpu", help="what is compiled for")
    parser.add_argument("--strict", action="store_true", help="do not run what falls back")
    parser.add_argument("--table", help="where the tables go as well")
    parser.add_argument("--lost", action="store_true", help="list what ATen calls fell back")
    parser.add_argument("--verbose", action="store_true", help="print each failure and fallback")
    parser.add_argument("--gradients", action="store_true", help="compare gradients as well")
    options = parser.parse_args(arguments)
    if options.gradients:
        options.dtype = options.dtype or ["float32"]
        options.most = options.most or _MOST_GRADIENTS
    unexpected = 0
    tables = []
    for name in options.dtype or _DTYPES:
        dtype = getattr(torch, name)
        operators = [
            key
            for key, op in all_operators().items()
            if re.search(options.only, key)
            and op.supports_dtype(dtype, "cpu")
            and (op.supports_autograd or not options.gradients)
        ]
        run: Any = run_gradient if options.gradients else run_sample
        known = KNOWN_GRADIENT_FAILURES if options.gradients else KNOWN_FAILURES
        results = run_dtype(
            name, operators, options.most, run, target_device=options.target, strict=options.strict
        )
        for line in results.unexpected(known, whole=options.most is None):
            unexpected += 1
            print(line, flush=True)
        if options.verbose:
            print("\n".join(results.lines()))
        if options.lost:
            print(results.lost_calls())
        tables.append(results.table())
        print(tables[-1], flush=True)
    if options.table:
        with open(options.table, "w") as file:
            file.write("\n".join(tables))
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
