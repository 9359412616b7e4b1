# SPDX-License-Identifier: Apache-2.0
"""Compares each function with float64 at every float32, or at every n-th.

usage: python -m conformance.float32 [--only REGEX] [--step N] [--target TARGET] [--table FILE]

Four billion numbers are a few minutes of one processor for each function.
"""

from __future__ import annotations

import argparse
import re
import sys

import numpy as np

from conformance.float32.functions import FUNCTIONS, compiled, every_float32

# What is computed for it stays in the cache.
_CHUNK = 2**16


def furthest(name: str, step: int, target: str) -> tuple[float, np.float32]:
    """The largest distance of a function, in units in the last place, and where it is."""
    function = FUNCTIONS[name]
    run = compiled(function, _CHUNK, target)
    largest, where = 0.0, np.float32(0)
    for start in range(0, 2**32, _CHUNK * step):
        x = every_float32(start, _CHUNK)
        away = function.units_away(run(x), x)
        worst = int(np.argmax(away))
        if away[worst] > largest:
            largest, where = float(away[worst]), x[worst]
    return largest, where


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="conformance.float32")
    parser.add_argument("--only", default="", help="which functions, by a regular expression")
    parser.add_argument("--step", type=int, default=1, help="one of so many 65,536 numbers is run")
    parser.add_argument("--target", default="cpu", help="what to compile for")
    parser.add_argument("--table", help="where the table goes")
    options = parser.parse_args(arguments)
    lines = ["| function | units in the last place | at | allowed |", "|---|---|---|---|"]
    failed = 0
    for name in FUNCTIONS:
        if not re.search(options.only, name):
            continue
        largest, where = furthest(name, options.step, options.target)
        failed += largest > FUNCTIONS[name].units
        lines.append(f"| {name} | {largest:.3f} | {where!s} | {FUNCTIONS[name].units} |")
        print(lines[-1], flush=True)
    if options.table:
        with open(options.table, "w") as file:
            file.write("\n".join(lines) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
