# SPDX-License-Identifier: Apache-2.0
"""Measurements as JSON and as markdown tables, one set of tables per thread count."""

from __future__ import annotations

import datetime
import math
import os
import platform
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from bench.runner import Measurement

OURS = ("torshjit", "torshjit-numpy")
_UNSTEADY = 3.0


def machine() -> dict[str, Any]:
    """What a reader must know to compare with another run."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", cpuinfo, re.MULTILINE)
    return {
        "date": datetime.date.today().isoformat(),
        "processor": model.group(1) if model else platform.machine(),
        "processors": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _json_number(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_json(measurements: Sequence[Measurement], options: dict[str, Any]) -> dict[str, Any]:
    """The whole run; numbers that were not measured are null."""
    rows = [
        {key: _json_number(value) for key, value in asdict(measurement).items()}
        for measurement in measurements
    ]
    return {"machine": machine(), "options": options, "measurements": rows}


def _time(value: float) -> str:
    if math.isnan(value):
        return "–"
    milliseconds = value / 1e3
    return f"{milliseconds:.3g}" if milliseconds < 1000 else f"{milliseconds:.0f}"


def is_unsteady(measurement: Measurement) -> bool:
    """Whether other work on the machine shows: the tenths of the samples are far apart."""
    return measurement.p90_us > _UNSTEADY * measurement.p10_us


def _bytes(value: float) -> str:
    return "–" if math.isnan(value) else f"{value / 2**20:.1f}"


def _table(
    rows: Sequence[str],
    columns: Sequence[str],
    cell: Callable[[str, str], float],
    text: Callable[[float], str],
    last: tuple[str, Callable[[str], str]] | None = None,
    mark: Callable[[str, str], str] = lambda _row, _column: "",
) -> str:
    """A markdown table with the least figure of each row in bold, and ``mark`` before a figure."""
    header = ["workload", *columns] + ([last[0]] if last else [])
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for row in rows:
        values = {column: cell(row, column) for column in columns}
        known = [value for value in values.values() if not math.isnan(value)]
        best = min(known) if len(known) > 1 else math.nan
        cells = [
            mark(row, column) + (f"**{text(value)}**" if value == best else text(value))
            for column, value in values.items()
        ]
        lines.append("| " + " | ".join([row, *cells] + ([last[1](row)] if last else [])) + " |")
    return "\n".join(lines)


def ratios(measurements: Sequence[Measurement]) -> dict[str, float]:
    """Per workload: our best time over the best of the others; below one is faster."""
    result = {}
    for workload in dict.fromkeys(m.workload for m in measurements):
        good = [
            m
            for m in measurements
            if m.workload == workload and not m.wrong and not math.isnan(m.median_us)
        ]
        ours = [m.median_us for m in good if m.system in OURS]
        others = [m.median_us for m in good if m.system not in OURS]
        if ours and others:
            result[workload] = min(ours) / min(others)
    return result


def as_markdown(measurements: Sequence[Measurement], quick: bool) -> str:
    """All tables; a quick run says on top that its sizes are not those of the names."""
    parts = ["Quick run: sizes are smaller than the workloads' names say."] if quick else []
    for threads in dict.fromkeys(m.threads for m in measurements):
        parts += _thread_section([m for m in measurements if m.threads == threads], threads)
    parts += _notes(measurements)
    return "\n\n".join(parts) + "\n"


def _thread_section(measurements: Sequence[Measurement], threads: int) -> list[str]:
    by_key = {(m.workload, m.system): m for m in measurements}
    rows = list(dict.fromkeys(m.workload for m in measurements))
    ran = {m.system for m in measurements if m.samples}
    columns = [s for s in dict.fromkeys(m.system for m in measurements) if s in ran]

    def figure(name: str) -> Callable[[str, str], float]:
        def cell(row: str, column: str) -> float:
            m = by_key.get((row, column))
            return float(getattr(m, name)) if m and m.samples and not m.wrong else math.nan

        return cell

    def mark(row: str, column: str) -> str:
        m = by_key.get((row, column))
        return "~" if m and not m.wrong and is_unsteady(m) else ""

    ratio = ratios(measurements)
    thread_text = f"{threads} thread" + ("s" if threads != 1 else "")
    parts = [
        f"## {thread_text}: steady time, ms",
        _table(
            rows,
            columns,
            figure("median_us"),
            _time,
            ("torshjit / best other", lambda row: f"{ratio[row]:.2f}" if row in ratio else "–"),
            mark,
        ),
    ]
    if ratio:
        mean = geometric_mean(ratio.values())
        parts.append(f"Geometric mean of the ratios over {len(ratio)} workloads: {mean:.2f}.")
    if any(is_unsteady(m) for m in measurements):
        parts.append(
            "~ marks figures that other work on the machine may have spoilt: the slow tenth of the"
            f" samples took over {_UNSTEADY:.0f} times as long as the quick tenth."
        )
    parts += [
        f"## {thread_text}: compile time (first call less a steady one), ms",
        _table(rows, columns, figure("compile_ms"), lambda v: _time(v * 1e3)),
        f"## {thread_text}: peak memory of steady calls above what the arguments take, MiB",
        _table(rows, columns, figure("steady_peak_bytes"), _bytes),
        f"## {thread_text}: error against float64, relative to the largest element",
        _table(rows, columns, figure("error"), lambda v: "–" if math.isnan(v) else f"{v:.1e}"),
    ]
    return parts


def _notes(measurements: Sequence[Measurement]) -> list[str]:
    """Each note once, with the systems and workloads it holds for."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for m in measurements:
        if m.note:
            workloads = grouped.setdefault((m.system, m.note), [])
            if m.workload not in workloads:
                workloads.append(m.workload)
    if not grouped:
        return []
    everything = len({m.workload for m in measurements})
    lines = []
    for (system, note), workloads in grouped.items():
        where = "all workloads" if len(workloads) == everything else ", ".join(workloads)
        lines.append(f"- {system}, {where}: {note}")
    return ["## Notes", "\n".join(lines)]
