# SPDX-License-Identifier: Apache-2.0
"""Sums over the process, behind `torshjit.stats` and `torshjit.reset_stats`."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

__all__ = ["TOTALS", "ProcessTotals"]


class ProcessTotals:
    """What Python counts; calls of native code are counted by the runtime."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._compiled = {"kernels": 0, "compiled_ops": 0, "fused_groups": 0}
        self._times = {"capture_ms": 0.0, "compile_ms": 0.0}
        self._cache: Counter[str] = Counter()
        self._fallback_ops: Counter[str] = Counter()
        self._python_calls = 0
        self._python_time_us = 0.0
        self._peaks = {"peak_bytes": 0, "naive_peak_bytes": 0}

    def reset(self) -> None:
        """Sets every sum to zero, those of the runtime included."""
        import torshjit._runtime as _runtime  # type: ignore[import-not-found]

        with self._lock:
            self._clear()
        _runtime.reset_stats()

    def add_compilation(self, row: dict[str, Any]) -> None:
        """Adds one specialization's numbers."""
        with self._lock:
            for name in self._compiled:
                self._compiled[name] += row.get(name, 0)
            for name in self._times:
                self._times[name] += row.get(name, 0.0)
            for name in self._peaks:
                self._peaks[name] = max(self._peaks[name], row.get(name, 0))
            if row.get("cache"):
                self._cache[row["cache"]] += 1

    def add_python_call(self, microseconds: float, fallback_op: str | None = None) -> None:
        """Counts a call that ran as plain Python or through the interpreter."""
        with self._lock:
            self._python_calls += 1
            self._python_time_us += microseconds
            if fallback_op is not None:
                self._fallback_ops[fallback_op] += 1

    def add_fallback(self, op: str) -> None:
        """Counts an operation that ran in Python within a call that is counted otherwise."""
        with self._lock:
            self._fallback_ops[op] += 1

    def snapshot(self) -> dict[str, Any]:
        """Returns the sums."""
        import torshjit._runtime as _runtime  # type: ignore[import-not-found]

        native = _runtime.stats()
        with self._lock:
            return {
                "calls": native["calls"] + self._python_calls,
                "total_time_us": native["total_time_us"] + self._python_time_us,
                **self._times,
                **self._compiled,
                "fallback_ops": dict(self._fallback_ops),
                **self._peaks,
                "cache": {name: self._cache[name] for name in ("memory", "disk", "miss")},
                "arena_bytes": native.get("arena_bytes", 0),
                "num_threads": native.get("num_threads", 0),
            }


#: The process's sums.
TOTALS = ProcessTotals()
