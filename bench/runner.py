# SPDX-License-Identifier: Apache-2.0
"""Runs one workload on several systems: a fresh process each, and turns that alternate."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.worker_process import WorkerError, WorkerProcess
from bench.workload import Workload, cost, make_case, reference

# Thread pools spin for a while after a call; the next system's turn waits until they sleep.
_SETTLE_SECONDS = 0.02
_START_TIMEOUT = 120.0


@dataclass(frozen=True)
class Effort:
    """How much to measure: rounds of turns, seconds a turn, and the patience with one request."""

    rounds: int = 7
    turn_seconds: float = 0.1
    build_timeout: float = 600.0


@dataclass
class Measurement:
    """What one system did with one workload. Times in µs and ms, memory in bytes.

    compile_ms is what the first call cost beyond a steady one; flops, read_bytes and written_bytes
    are what the program cannot do without (`bench.workload.Cost`); note says why figures are
    missing, or that the result is wrong.
    """

    workload: str
    system: str
    threads: int
    version: str = ""
    samples: int = 0
    median_us: float = math.nan
    p10_us: float = math.nan
    p90_us: float = math.nan
    compile_ms: float = math.nan
    import_ms: float = math.nan
    compile_peak_bytes: int = 0
    steady_peak_bytes: int = 0
    flops: float = math.nan
    dtype: str = "float32"
    read_bytes: float = math.nan
    written_bytes: float = math.nan
    error: float = math.nan
    wrong: bool = False
    note: str = ""


@dataclass
class _Contender:
    measurement: Measurement
    worker: WorkerProcess
    first_call_ms: float = math.nan
    samples: list[float] = field(default_factory=list)

    def ask(self, request: dict[str, Any], timeout: float) -> dict[str, Any] | None:
        """The answer, or None where the worker failed; then the note says why."""
        try:
            return self.worker.ask(request, timeout)
        except WorkerError as error:
            self.measurement.note = str(error)
            return None


def _start(contender: _Contender, workload: Workload, quick: bool, effort: Effort) -> bool:
    answer = contender.ask({"do": "start"}, _START_TIMEOUT)
    if answer is None:
        return False
    if "absent" in answer:
        contender.measurement.note = f"skipped: {answer['absent']}"
        return False
    contender.measurement.version = answer["version"]
    contender.measurement.import_ms = answer["import_ms"]
    request = {"do": "build", "workload": workload.name, "quick": quick}
    answer = contender.ask(request, effort.build_timeout)
    if answer is None:
        return False
    contender.first_call_ms = answer["first_call_ms"]
    contender.measurement.compile_peak_bytes = answer["compile_peak_bytes"]
    return True


def _take_turns(contenders: Sequence[_Contender], effort: Effort) -> list[_Contender]:
    """Every contender's turn, round after round; returns those that came through."""
    running = list(contenders)
    for round_number in range(effort.rounds):
        # Another system goes first in each round, so none is always the one after a rest.
        shift = round_number % max(1, len(running))
        for contender in running[shift:] + running[:shift]:
            time.sleep(_SETTLE_SECONDS)
            answer = contender.ask({"do": "turn", "seconds": effort.turn_seconds}, 300.0)
            if answer is None:
                running.remove(contender)
            else:
                contender.samples += answer["samples"]
    return running


def _conclude(contender: _Contender, workload: Workload, expected: Path) -> None:
    measurement = contender.measurement
    microseconds = np.array(contender.samples) * 1e6
    measurement.samples = len(contender.samples)
    measurement.median_us = median(microseconds.tolist())
    measurement.p10_us, measurement.p90_us = np.percentile(microseconds, [10, 90]).tolist()
    measurement.compile_ms = max(0.0, contender.first_call_ms - measurement.median_us / 1e3)
    answer = contender.ask({"do": "check", "reference": str(expected)}, 300.0)
    if answer is None:
        return
    measurement.steady_peak_bytes = answer["steady_peak_bytes"]
    measurement.error = answer["error"]
    if not measurement.error <= workload.tolerance:
        measurement.wrong = True
        measurement.note = f"wrong: error {measurement.error:.2g}, at most {workload.tolerance:.0e}"


def measure(
    workload: Workload, systems: Iterable[str], threads: int, quick: bool, effort: Effort
) -> list[Measurement]:
    """One measurement per system, in the order given; absent systems are there with a note."""
    measurements: list[Measurement] = []
    contenders: list[_Contender] = []
    try:
        for system in systems:
            measurement = Measurement(workload.name, system, threads, dtype=workload.dtype)
            measurements.append(measurement)
            if system in workload.without:
                measurement.note = f"skipped: {workload.without[system]}"
                continue
            contender = _Contender(measurement, WorkerProcess(system, threads))
            contenders.append(contender)
        built = [c for c in contenders if _start(c, workload, quick, effort)]
        finished = _take_turns(built, effort)
        with tempfile.TemporaryDirectory() as folder:
            expected = Path(folder) / "reference.npz"
            if finished:
                case = make_case(workload, quick)
                results = reference(case)
                np.savez(expected, *results)
                needed = cost(case, results)
                for contender in finished:
                    contender.measurement.flops = needed.flops
                    contender.measurement.read_bytes = needed.read
                    contender.measurement.written_bytes = needed.written
            for contender in finished:
                _conclude(contender, workload, expected)
    finally:
        for contender in contenders:
            contender.worker.close()
    return measurements
