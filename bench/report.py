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

from bench.limits import Limits, least_seconds
from bench.runner import Measurement
from bench.workload import Cost

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


def as_json(
    measurements: Sequence[Measurement], options: dict[str, Any], limits: Sequence[Limits] = ()
) -> dict[str, Any]:
    """The whole run; numbers that were not measured are null."""
    rows = [
        {key: _json_number(value) for key, value in asdict(measurement).items()}
        for measurement in measurements
    ]
    return {
        "machine": machine(),
        "options": options,
        "limits": [asdict(limit) for limit in limits],
        "measurements": rows,
    }


def _time(value: float) -> str:
    if math.isnan(value):
        return "–"
    milliseconds = value / 1e3
    return f"{milliseconds:.3g}" if milliseconds < 1000 else f"{milliseconds:.0f}"


def is_unsteady(measurement: Measurement) -> bool:
    """Whether other work on the machine shows: the tenths of the samples are far apart."""
    return measurement.p90_us > _UNSTEADY * measurement.p10_us


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _bytes(value: float) -> str:
    return "–" if math.isnan(value) else f"{value / 2**20:.1f}"


def _table(
    rows: Sequence[str],
    columns: Sequence[str],
    cell: Callable[[str, str], float],
    text: Callable[[float], str],
    last: tuple[str, Callable[[str], str]] | None = None,
    mark: Callable[[str, str], str] = lambda _row, _column: "",
    best_of: Callable[[list[float]], float] = min,
) -> str:
    """A markdown table with the best figure of each row in bold, and ``mark`` before a figure."""
    header = ["workload", *columns] + ([last[0]] if last else [])
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for row in rows:
        values = {column: cell(row, column) for column in columns}
        known = [value for value in values.values() if not math.isnan(value)]
        best = best_of(known) if len(known) > 1 else math.nan
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


def share(measurement: Measurement, limits: Limits) -> float:
    """Which part of the machine's limit was reached: the least time over the time taken."""
    m = measurement
    if math.isnan(m.read_bytes) or math.isnan(m.median_us) or m.wrong:
        return math.nan
    needed = Cost(m.flops, m.read_bytes, m.written_bytes)
    return least_seconds(limits, needed, m.dtype) / (m.median_us * 1e-6)


def as_markdown(
    measurements: Sequence[Measurement], quick: bool, limits: Sequence[Limits] = ()
) -> str:
    """All tables; a quick run says on top that its sizes are not those of the names."""
    parts = ["Quick run: sizes are smaller than the workloads' names say."] if quick else []
    for threads in dict.fromkeys(m.threads for m in measurements):
        limit = next((limit for limit in limits if limit.threads == threads), None)
        parts += _thread_section([m for m in measurements if m.threads == threads], threads, limit)
    parts += _notes(measurements)
    return "\n\n".join(parts) + "\n"


def _limits_text(limits: Limits) -> str:
    bf16 = f", bf16 dot products {limits.dot_bf16:.0f}" if limits.dot_bf16 else ""
    return (
        f"Measured in the same run: f32 FMA {limits.fma_f32:.0f} GFLOP/s{bf16};"
        f" reading from L2 {limits.l2_read:.0f} GB/s, from L3 {limits.l3_read:.0f},"
        f" from memory {limits.dram_read:.0f}; writing past the caches {limits.dram_write:.0f};"
        f" triad {limits.dram_triad:.0f}. The share is that of a program which does its products at"
        " the peak of its type, or reads its arguments and writes its results once, whichever"
        " takes longer; what fits in half of a cache is counted at the speed of that cache."
    )


def _thread_section(
    measurements: Sequence[Measurement], threads: int, limits: Limits | None
) -> list[str]:
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
    if limits:

        def reached(row: str, column: str) -> float:
            m = by_key.get((row, column))
            return 100 * share(m, limits) if m and m.samples else math.nan

        parts += [
            f"## {thread_text}: share of the machine's limit, %",
            _limits_text(limits),
            _table(rows, columns, reached, _percent, best_of=max),
        ]
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
