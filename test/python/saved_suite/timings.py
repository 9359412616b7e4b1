# SPDX-License-Identifier: Apache-2.0
"""Times saved workloads beside torch eager and torch.compile, in one process, on one device."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import torshjit
from saved_suite.archive import Reader
from saved_suite.workloads import WORKLOADS, Workload, example_inputs

__all__ = ["Row", "measure", "page"]

#: Rounds in which the systems take turns; each turn is at least so many seconds of calls.
_ROUNDS = 5
_TURN = 0.05

#: Results may differ by so many roundings of the element type, relative to the largest.
_ROUNDINGS = 64


@dataclass(frozen=True)
class Row:
    """Milliseconds per call by system; a system that failed has the reason instead."""

    name: str
    dtype: str
    shapes: tuple[tuple[int, ...], ...]
    times: dict[str, float | str]
    terabytes_per_second: float
    teraflops: float


def measure(path: Path, device: str, with_compile: bool = True) -> list[Row]:
    """Times the archive's workloads.

    Raises:
        AssertionError: a result differs from torch's.
    """
    reader = Reader(path)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "executable"
        for number, executable in enumerate(reader.timed_executables()):
            workload = WORKLOADS[number]
            file.write_bytes(executable)
            rows.append(_row(workload, torshjit.load(file), reader.factor, device, with_compile))
    return rows


def _row(workload: Workload, ours: Any, factor: int, device: str, with_compile: bool) -> Row:
    inputs = example_inputs(workload, factor, device)
    systems: dict[str, Callable[..., Any]] = {"torshjit": ours, "torch eager": workload.function}
    if with_compile:
        systems["torch.compile"] = torch.compile(workload.function)
    times: dict[str, float | str] = {}
    with torch.no_grad():
        expected = workload.function(*inputs)
        _compare(ours(*inputs), expected, workload)
        for name, call in list(systems.items()):
            try:
                call(*inputs)
            except Exception as error:
                times[name] = type(error).__name__
                del systems[name]
        samples: dict[str, list[float]] = {name: [] for name in systems}
        for _ in range(_ROUNDS):
            for name, call in systems.items():
                samples[name].append(_milliseconds(call, inputs, device))
    times |= {name: statistics.median(values) for name, values in samples.items()}
    best = times["torshjit"]
    assert isinstance(best, float)
    return Row(
        workload.name,
        str(workload.dtype).removeprefix("torch."),
        tuple(tuple(tensor.shape) for tensor in inputs),
        times,
        workload.moved_bytes(inputs, expected) / best / 1e9,
        workload.flops(inputs) / best / 1e9,
    )


def _compare(actual: Any, expected: Any, workload: Workload) -> None:
    assert actual.device == expected.device
    assert actual.dtype == expected.dtype
    wide, wanted = actual.double(), expected.double()
    allowed = _ROUNDINGS * torch.finfo(workload.dtype).eps * wanted.abs().max()
    error = (wide - wanted).abs().max()
    assert error <= allowed, f"{workload.name}: off by {error}, allowed {allowed}"


def _milliseconds(call: Callable[..., Any], inputs: Sequence[Any], device: str) -> float:
    """The time of a call when many follow each other."""
    calls = max(1, int(_TURN / max(_elapsed(call, inputs, device, 2) / 2, 1e-7)))
    return _elapsed(call, inputs, device, calls) / calls * 1e3


def _elapsed(call: Callable[..., Any], inputs: Sequence[Any], device: str, calls: int) -> float:
    if device != "cuda":
        started = time.perf_counter()
        for _ in range(calls):
            call(*inputs)
        return time.perf_counter() - started
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(calls):
        call(*inputs)
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3


def page(rows: Sequence[Row], device: str) -> str:
    """The rows as a table of Markdown, below what was measured on."""
    name = torch.cuda.get_device_name() if device == "cuda" else "this machine's processor"
    systems = list(dict.fromkeys(system for row in rows for system in row.times))
    lines = [
        f"- Device: {name}; torch {torch.__version__}, torshjit {torshjit.__version__}",
        f"- Medians of {_ROUNDS} alternating turns in one process, ms per call of many; TB/s and "
        "TFLOP/s are torshjit's, of the arguments and results.",
        "",
        f"| workload | shapes | {' | '.join(systems)} | TB/s | TFLOP/s |",
        "|---|---|" + "---|" * (len(systems) + 2),
    ]
    for row in rows:
        shapes = ", ".join("×".join(map(str, shape)) for shape in row.shapes)
        cells = [
            f"{value:.3g}" if isinstance(value, float) else value
            for value in (row.times.get(system, "–") for system in systems)
        ]
        flops = f"{row.teraflops:.3g}" if row.teraflops else "–"
        lines.append(
            f"| {row.name}, {row.dtype} | {shapes} | {' | '.join(cells)} "
            f"| {row.terabytes_per_second:.3g} | {flops} |"
        )
    return "\n".join(lines) + "\n"
