# SPDX-License-Identifier: Apache-2.0
"""Runs tasks in a process of their own, so that a crash or a hang costs only the one."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

__all__ = ["CaseProcess", "run_seeds"]

Task = Callable[[Any], Any]


def _serve(pipe: Connection, task: Task) -> None:
    while (number := pipe.recv()) is not None:
        pipe.send(task(number))


class CaseProcess:
    """Calls ``task(case)`` in a forked process, which is started again where it is lost.

    The process that makes it must not have loaded the compiler, whose threads forking would lose.
    """

    def __init__(self, task: Task, most_seconds: float) -> None:
        self._task = task
        self._most_seconds = most_seconds
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, self._task), daemon=True)
        self._process.start()
        other.close()

    def run(self, number: Any) -> tuple[Any, str]:
        """Returns the task's result and "", or None and how the process was lost."""
        try:
            self._pipe.send(number)
            if self._pipe.poll(self._most_seconds):
                return self._pipe.recv(), ""
            lost = f"it takes longer than {self._most_seconds:.0f} s"
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self._process.join()
            lost = f"the process crashed (exit code {self._process.exitcode})"
        self._process.kill()
        self._process.join()
        self._start()
        return None, lost

    def close(self) -> None:
        """Ends the process."""
        self._pipe.send(None)
        self._process.join()


def run_seeds(process: CaseProcess, seeds: Sequence[int], what: str) -> int:
    """Counts what becomes of damaged programs, prints it, and ends the process.

    Args:
        process: gives "right", "exception" or what is "wrong" for each seed.
        what: the programs as the printed line calls them.

    Returns:
        How many failed: the result was wrong, or the process lost.
    """
    counts: Counter[str] = Counter()
    for seed in seeds:
        result, lost = process.run(seed)
        outcome = lost or result
        if lost or outcome.startswith("wrong"):
            print(f"seed {seed}: {outcome}")
            outcome = "failed"
        counts[outcome] += 1
    process.close()
    listed = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    print(f"{len(seeds)} {what}: {listed}")
    return counts["failed"]
