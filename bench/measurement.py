# SPDX-License-Identifier: Apache-2.0
"""Timing of one callable, and the memory high-water mark of this process."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Below this a single call is too short for the clock, so calls are timed by the batch.
_BATCH_SECONDS = 50e-6
_MAX_SAMPLES = 2000


def sample(call: Callable[[], Any], seconds: float) -> list[float]:
    """Seconds per call, one entry per sample, for about ``seconds`` and at least three samples."""
    # What other processes did since the last turn has emptied the caches.
    call()
    started = time.perf_counter()
    call()
    once = time.perf_counter() - started
    batch = max(1, round(_BATCH_SECONDS / max(once, 1e-9))) if once < _BATCH_SECONDS else 1
    samples: list[float] = []
    end = time.perf_counter() + seconds
    while len(samples) < 3 or (time.perf_counter() < end and len(samples) < _MAX_SAMPLES):
        begin = time.perf_counter()
        for _ in range(batch):
            call()
        samples.append((time.perf_counter() - begin) / batch)
    return samples


def _status_bytes(field: str) -> int:
    match = re.search(rf"^{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(match.group(1)) * 1024 if match else 0


class MemoryPeak:
    """How far this process's resident memory rose above where it stood when this was made."""

    def __init__(self) -> None:
        self._base = _status_bytes("VmRSS")
        self.restart()

    def restart(self) -> None:
        """Forgets the height reached so far, not the ground it is measured from."""
        # Writing 5 sets the kernel's high-water mark back to the present size.
        Path("/proc/self/clear_refs").write_text("5")

    def bytes(self) -> int:
        return max(0, _status_bytes("VmHWM") - self._base)
