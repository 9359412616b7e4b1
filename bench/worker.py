# SPDX-License-Identifier: Apache-2.0
"""The process that runs one system: ``python -m bench.worker SYSTEM THREADS``.

It answers requests, one JSON object per line, on its standard output:
  {"do": "start"}                                  -> {"version", "import_ms"} or {"absent": reason}
  {"do": "build", "workload", "quick"}             -> {"first_call_ms", "compile_peak_bytes"}
  {"do": "turn", "seconds"}                        -> {"samples"}
  {"do": "check", "reference"}                     -> {"error", "steady_peak_bytes"}
A request that raised is answered with {"failed": what}.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.measurement import MemoryPeak, sample
from bench.systems import System, make_system
from bench.workload import make_case, relative_error
from bench.workloads import WORKLOADS


def _read_arrays(path: str) -> list[np.ndarray]:
    with np.load(path) as archive:
        return [archive[name] for name in archive]


class Worker:
    """Answers the runner's requests; each method is one of them."""

    def __init__(self, system_name: str, threads: int) -> None:
        self._system_name = system_name
        self._threads = threads
        self._system: System
        self._call: Callable[[], Any]
        self._memory: MemoryPeak

    def start(self) -> dict[str, Any]:
        started = time.perf_counter()
        try:
            self._system = make_system(self._system_name, self._threads)
        except ImportError as error:
            return {"absent": str(error)}
        import_ms = (time.perf_counter() - started) * 1e3
        return {"version": self._system.version, "import_ms": import_ms}

    def build(self, workload: str, quick: bool) -> dict[str, Any]:
        self._system.load(make_case(WORKLOADS[workload], quick))
        self._memory = MemoryPeak()
        started = time.perf_counter()
        self._call = self._system.build()
        self._call()
        first_call_ms = (time.perf_counter() - started) * 1e3
        compile_peak = self._memory.bytes()
        self._memory.restart()
        return {"first_call_ms": first_call_ms, "compile_peak_bytes": compile_peak}

    def turn(self, seconds: float) -> dict[str, Any]:
        return {"samples": sample(self._call, seconds)}

    def check(self, reference: str) -> dict[str, Any]:
        peak = self._memory.bytes()
        result = self._system.to_numpy(self._call())
        return {"error": relative_error(result, _read_arrays(reference)), "steady_peak_bytes": peak}


def _describe(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    # Libraries explain themselves over many lines, in colours.
    first = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first} ({os.path.basename(last.filename)}:{last.lineno})"


def main() -> None:
    # Systems print to standard output as they like; the answers keep a descriptor of their own.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    worker = Worker(sys.argv[1], int(sys.argv[2]))
    handlers: dict[str, Callable[..., dict[str, Any]]] = {
        "start": worker.start,
        "build": worker.build,
        "turn": worker.turn,
        "check": worker.check,
    }
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = handlers[request.pop("do")](**request)
        except Exception as error:
            traceback.print_exc()
            answer = {"failed": _describe(error)}
        print(json.dumps(answer), file=answers)
    with contextlib.suppress(BrokenPipeError):
        answers.close()


if __name__ == "__main__":
    main()
