# SPDX-License-Identifier: Apache-2.0
"""python -m bench: measures the chosen workloads on the chosen systems and prints the tables."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from bench.limits import Limits, LimitsError, measure_limits
from bench.report import OURS, as_json, as_markdown
from bench.runner import Effort, Measurement, measure
from bench.systems import SYSTEMS
from bench.workloads import WORKLOADS

_QUICK_EFFORT = Effort(rounds=3, turn_seconds=0.02)

T = TypeVar("T")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--workload",
        action="append",
        metavar="REGEX",
        help="workloads whose name or family matches (repeatable; default: all)",
    )
    parser.add_argument(
        "--system", action="append", choices=SYSTEMS, help="systems (repeatable; default: all)"
    )
    parser.add_argument(
        "--threads",
        action="append",
        type=int,
        help="thread counts (repeatable; default: 1 and 2, as far as there are processors)",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds")
    parser.add_argument("--rounds", type=int, help="rounds of turns per workload")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    parser.add_argument(
        "--no-limits", action="store_true", help="leave out the measurement of the machine's limits"
    )
    parser.add_argument("--list", action="store_true", help="list workloads and systems")
    return parser.parse_args(arguments)


def _chosen_workloads(patterns: Sequence[str] | None) -> list[str]:
    if not patterns:
        return list(WORKLOADS)
    names = [
        name
        for name, workload in WORKLOADS.items()
        if any(re.search(p, name) or re.search(p, workload.family) for p in patterns)
    ]
    if not names:
        sys.exit(f"bench: no workload matches {' or '.join(patterns)}; --list names them")
    return names


def _with_progress(items: Sequence[T]) -> Iterable[T]:
    try:
        from tqdm import tqdm
    except ImportError:
        return items
    bar: Iterable[T] = tqdm(items, desc="bench", unit="workload", disable=None, leave=False)
    return bar


def _measured_limits(threads: Sequence[int], quick: bool) -> list[Limits]:
    try:
        return [measure_limits(count, quick=quick) for count in threads]
    except LimitsError as error:
        print(f"bench: no shares of the machine's limit: {error}", file=sys.stderr)
        return []


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 1 where torshjit gave a wrong result or failed, else 0."""
    options = _parse(arguments)
    if options.list:
        print("workloads:", *WORKLOADS, "systems:", *SYSTEMS, sep="\n  ")
        return 0
    workloads = _chosen_workloads(options.workload)
    systems = options.system or list(SYSTEMS)
    processors = len(os.sched_getaffinity(0))
    threads = options.threads or [count for count in (1, 2) if count <= processors]
    if min(threads) < 1 or max(threads) > processors:
        sys.exit(f"bench: --threads must be from 1 to {processors}, the processors of this process")
    effort = _QUICK_EFFORT if options.quick else Effort()
    if options.rounds:
        effort = Effort(options.rounds, effort.turn_seconds, effort.build_timeout)

    chosen = {"quick": options.quick, "threads": threads, "rounds": effort.rounds}
    measurements: list[Measurement] = []
    limits = [] if options.no_limits else _measured_limits(threads, options.quick)
    for count, name in _with_progress([(c, n) for c in threads for n in workloads]):
        measurements += measure(WORKLOADS[name], systems, count, options.quick, effort)
        if options.json:  # each time: a long run that is stopped keeps what it has
            options.json.write_text(
                json.dumps(as_json(measurements, chosen, limits), indent=1) + "\n"
            )

    tables = as_markdown(measurements, options.quick, limits)
    print(tables)
    if options.markdown:
        options.markdown.write_text(tables)
    bad = [
        m for m in measurements if m.system in OURS and m.note and not m.note.startswith("skipped:")
    ]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
