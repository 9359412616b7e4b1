# SPDX-License-Identifier: Apache-2.0
"""Runs an archive's programs, in processes of their own, and compares. Needs the runtime alone."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

import torshjit
from saved_suite.archive import Program, Reader

#: So many batches may be cut short, by the end of their process or an error of the device, before
#: the rest is given up: something is wrong then that has nothing to do with a single program.
_MAX_CUT_SHORT = 20

__all__ = ["Report", "run", "run_batch"]


class Report:
    """What became of each program."""

    def __init__(self, target: str, refused: dict[str, str]) -> None:
        self.target = target
        self.refused = refused
        self.passed: list[str] = []
        self.failures: dict[str, str] = {}
        self.seconds = 0.0

    def text(self) -> str:
        lines = [f"FAILED {id}: {reason}" for id, reason in self.failures.items()]
        lines.append(
            f"{self.target}: {len(self.passed)} passed, {len(self.failures)} failed, "
            f"{len(self.refused)} refused by the compiler, {self.seconds:.0f} s"
        )
        return "\n".join(lines)


def run(path: Path, jobs: int, tensors: str = "auto", batch: int = 100) -> Report:
    """Runs all programs. One that ends its process takes no other with it.

    Args:
        path: the archive.
        jobs: processes at a time.
        tensors: where the arguments of torch programs lie: "host", "cuda", "none" for NumPy arrays,
            or "auto".
        batch: programs in one process.
    """
    reader = Reader(path)
    if tensors == "auto":
        tensors = _usual_tensors(reader.target)
    report = Report(reader.target, reader.refused)
    started = time.perf_counter()
    ids = [program.id for program in reader.programs]
    queue = _Queue([ids[i : i + batch] for i in range(0, len(ids), batch)], report)

    def work() -> None:
        while programs := queue.take():
            queue.put_back(programs, *_run_in_process(path, programs, tensors))

    with ThreadPoolExecutor(jobs) as pool:
        for future in [pool.submit(work) for _ in range(jobs)]:
            future.result()
    report.seconds = time.perf_counter() - started
    return report


class _Queue:
    """The batches that wait, and what came of the others."""

    def __init__(self, batches: list[list[str]], report: Report) -> None:
        self._waiting = batches[::-1]
        self._report = report
        self._cut_short = 0
        self._lock = threading.Lock()

    def take(self) -> list[str]:
        with self._lock:
            return self._waiting.pop() if self._waiting else []

    def put_back(self, programs: list[str], outcome: dict[str, str | None], tail: str) -> None:
        """Reports a batch's outcome and queues the programs after the one that cut it short."""
        with self._lock:
            report = self._report
            report.passed += [id for id, failure in outcome.items() if failure is None]
            report.failures |= {id: failure for id, failure in outcome.items() if failure}
            rest = [id for id in programs if id not in outcome]
            if not rest:
                return
            last = next(reversed(outcome.values()), None)
            if last is None:  # the process ended in the middle of the next program
                report.failures[rest.pop(0)] = f"the process ended: {tail}"
            self._cut_short += 1
            self._waiting.append(rest)
            if self._cut_short >= _MAX_CUT_SHORT:
                reason = f"not run: {_MAX_CUT_SHORT} batches were cut short before"
                for given_up in self._waiting:
                    report.failures |= dict.fromkeys(given_up, reason)
                self._waiting.clear()


def _usual_tensors(target: str) -> str:
    try:
        import torch
    except ImportError:
        return "none"
    return "cuda" if target.split(":")[0] == "cuda" and torch.cuda.is_available() else "host"


def _run_in_process(
    path: Path, ids: Sequence[str], tensors: str
) -> tuple[dict[str, str | None], str]:
    """The failure, or None, of each program that was run, and the end of the error output."""
    command = [sys.executable, "-m", "saved_suite", "batch", str(path.resolve())]
    done = subprocess.run(
        [*command, "--tensors", tensors],
        input="\n".join(ids),
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    outcome = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            row = json.loads(line)
            outcome[row["id"]] = row["failure"]
    tail = " ".join(done.stderr.split()[-40:])
    return outcome, f"exit status {done.returncode} {tail}"


def run_batch(path: Path, ids: Sequence[str], tensors: str) -> None:
    """Runs programs in this process and prints a line for each; stops after an error of the device.

    A device is of no use after an error such as an illegal address, so that what follows would
    fail for no reason of its own: it is left to another process.
    """
    reader = Reader(path)
    by_id = {program.id: program for program in reader.programs}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "executable"
        for id in ids:
            failure = None
            stop = False
            try:
                _run_program(reader, by_id[id], file, tensors)
            except AssertionError as error:
                failure = " ".join(str(error).split()) or "it differs"
            except Exception as error:
                failure = f"{type(error).__name__}: {error}"
                stop = isinstance(error, torshjit.DeviceError)
            print(json.dumps({"id": id, "failure": failure}), flush=True)
            if stop:
                return


def _run_program(reader: Reader, program: Program, file: Path, tensors: str) -> None:
    file.write_bytes(reader.executable(program))
    loaded = torshjit.load(file)
    arguments = reader.arguments(program)
    if program.kind == "torch" and tensors != "none":
        from saved_suite.torch_tensors import call

        results = call(loaded, arguments, tensors)
    else:
        results = [_as_arrays(loaded(*arguments)) for _ in range(2)]
    first = results[0]
    for again in results[1:]:
        for one, other in zip(first, again, strict=True):
            assert one.tobytes() == other.tobytes(), "two calls gave different results"
    reader.check(program, first)


def _as_arrays(result: Any) -> list[np.ndarray]:
    return [np.asarray(part) for part in (result if isinstance(result, tuple) else (result,))]


assert ml_dtypes.bfloat16  # NumPy knows bfloat16 once it is imported
