# SPDX-License-Identifier: Apache-2.0
"""python -m bench.page RESULTS.json > docs/performance/cpu.md: a run as a page of the manual."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from bench.limits import Limits
from bench.report import as_markdown
from bench.runner import Measurement


def read_measurements(run: Mapping[str, Any]) -> list[Measurement]:
    """The measurements of a run as `bench.report.as_json` wrote it; null becomes NaN again."""
    measurements = []
    for row in run["measurements"]:
        values: dict[str, Any] = {
            field.name: math.nan if row[field.name] is None else row[field.name]
            for field in fields(Measurement)
        }
        measurements.append(Measurement(**values))
    return measurements


def read_limits(run: Mapping[str, Any]) -> list[Limits]:
    return [Limits(**row) for row in run.get("limits", [])]


def slower_than(
    measurements: Sequence[Measurement], peer: str, threads: int
) -> list[tuple[str, float]]:
    """Workloads on which torshjit's time is above the peer's, with the ratio, worst first.

    Compared by the quick tenth of the samples: other work on the machine only ever adds.
    """
    times: dict[str, dict[str, float]] = {}
    for m in measurements:
        if m.threads == threads and m.samples and not m.wrong:
            times.setdefault(m.workload, {})[m.system] = m.p10_us
    ratios = [
        (workload, row["torshjit"] / row[peer])
        for workload, row in times.items()
        if {"torshjit", peer} <= row.keys()
    ]
    return sorted((r for r in ratios if r[1] > 1), key=lambda r: -r[1])


def _slower_section(measurements: Sequence[Measurement], peer: str) -> list[str]:
    lines = []
    for threads in dict.fromkeys(m.threads for m in measurements):
        slower = ", ".join(f"{w} ({r:.2f})" for w, r in slower_than(measurements, peer, threads))
        lines.append(f"- {threads} thread{'s' if threads != 1 else ''}: {slower or 'none'}")
    return [
        f"## Where torshjit is slower than {peer}, and how many times",
        "By the quick tenth of the samples of each.",
        "\n".join(lines),
    ]


def as_page(run: Mapping[str, Any]) -> str:
    """The page: where and when, which versions, where it loses, and all tables."""
    measurements = read_measurements(run)
    machine, options = run["machine"], run["options"]
    versions = {m.system: m.version for m in measurements if m.version}
    command = "make bench" + (' BENCH="--quick"' if options["quick"] else "")
    parts = [
        "# CPU performance",
        "This page is made from the figures of one run: `python -m bench.page"
        f" bench/results/latest.json` after `{command}`.",
        "\n".join(
            [
                f"- Date: {machine['date']}",
                f"- Machine: {machine['processor']}, {machine['processors']} processors,"
                f" {machine['system']}",
                f"- Python {machine['python']}; "
                + ", ".join(f"{system} {version}" for system, version in versions.items()),
                f"- {options['rounds']} rounds of alternating turns per workload, each system in"
                " its own process; the figures are medians.",
                "- The machine is virtual and shared with other work, so single figures vary;"
                " ratios within a row were measured in the same minute.",
                "- Weights of modules that are not trained are constants, packed ahead, for"
                " onnxruntime, openvino and torshjit (`freeze=True`), arguments for the others.",
            ]
        ),
        *_slower_section(measurements, "torch-eager"),
        as_markdown(measurements, options["quick"], read_limits(run)).rstrip(),
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m bench.page RESULTS.json")
    print(as_page(json.loads(Path(sys.argv[1]).read_text())), end="")


if __name__ == "__main__":
    main()
