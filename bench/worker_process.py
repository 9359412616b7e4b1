# SPDX-License-Identifier: Apache-2.0
"""The runner's end of one worker: starts the process, asks over pipes, notices its death."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parent.parent


class WorkerError(Exception):
    """The worker failed at a request, died or took too long; the text says which and why."""


def _environment(threads: int) -> dict[str, str]:
    count = str(threads)
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "TORSHJIT_NUM_THREADS": count,
        "OMP_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "JAX_PLATFORMS": "cpu",
    }


class WorkerProcess:
    """One system in its own process, kept to ``threads`` processors.

    command is the program that answers, where it is not bench.worker.
    """

    def __init__(self, system: str, threads: int, command: Sequence[str] | None = None) -> None:
        self.system = system
        processors = sorted(os.sched_getaffinity(0))
        if threads > len(processors):
            raise ValueError(f"bench: {threads} threads asked for, {len(processors)} available")
        self._stderr = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115 (closed in close)
        self._process = subprocess.Popen(
            command or [sys.executable, "-m", "bench.worker", system, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=_environment(threads),
            # Before its libraries start, as they count the processors then.
            preexec_fn=lambda: os.sched_setaffinity(0, processors[:threads]),
        )
        self._selector = selectors.DefaultSelector()
        assert self._process.stdout is not None
        self._selector.register(self._process.stdout, selectors.EVENT_READ)

    def ask(self, request: dict[str, Any], timeout: float) -> dict[str, Any]:
        """The worker's answer; WorkerError where it failed, died or let ``timeout`` s pass."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise WorkerError(self._death()) from None
        answer: dict[str, Any] = json.loads(self._read_line(request["do"], timeout))
        if "failed" in answer:
            raise WorkerError(answer["failed"])
        return answer

    def _read_line(self, asked: str, timeout: float) -> bytes:
        assert self._process.stdout is not None
        end = time.monotonic() + timeout
        received = bytearray()
        while not received.endswith(b"\n"):
            if not self._selector.select(max(0.0, end - time.monotonic())):
                self._process.kill()
                raise WorkerError(f"no answer to '{asked}' within {timeout:.0f} s")
            chunk = os.read(self._process.stdout.fileno(), 1 << 20)
            if not chunk:
                raise WorkerError(self._death())
            received += chunk
        return bytes(received)

    def _death(self) -> str:
        code = self._process.wait(timeout=10)
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        self._stderr.seek(0)
        lines = [line.strip() for line in self._stderr if line.strip()]
        return f"the process ended with {how}" + (f": {lines[-1]}" if lines else "")

    def close(self) -> None:
        """Ends the process: by closing its input, by force if that does not do."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._selector.close()
        self._process.stdout.close()
        self._stderr.close()
