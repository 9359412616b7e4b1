# SPDX-License-Identifier: Apache-2.0
"""The limits of this machine, measured in the same run: arithmetic, caches, memory.

The time that a program cannot go below (`least_seconds`) is the longer of its products at the
arithmetic's peak and its bytes at the bandwidth of where they fit.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bench.limit_kernels import (
    LimitKernel,
    bfloat16_dot,
    fused_multiply_add,
    nontemporal_write,
    read,
    triad,
)
from bench.workload import Cost

_LARGE = 256 * 2**20
_TIMEOUT = 120.0


class LimitsError(Exception):
    """The limits cannot be measured; the text says why."""


@dataclass(frozen=True)
class Limits:
    """GFLOP/s and GB/s of a number of threads together. 0 where the processor lacks it."""

    threads: int
    fma_f32: float
    dot_bf16: float
    l2_read: float
    l3_read: float
    dram_read: float
    dram_triad: float
    dram_write: float
    l2_bytes: int
    l3_bytes: int


def least_seconds(limits: Limits, needed: Cost, dtype: str) -> float:
    """The time that the machine needs for a cost, however good the program."""
    peak = limits.dot_bf16 if dtype == "bfloat16" and limits.dot_bf16 else limits.fma_f32
    moved = needed.read + needed.written
    if moved <= limits.l2_bytes / 2:
        memory = moved / limits.l2_read
    elif moved <= limits.l3_bytes / 2:
        memory = moved / limits.l3_read
    else:
        memory = needed.read / limits.dram_read + needed.written / limits.dram_write
    return max(needed.flops / peak, memory) * 1e-9


def torsh_run() -> str:
    """The tool beside the package under test, or on the path."""
    spec = find_spec("torshjit")
    if spec and spec.origin:
        built = Path(spec.origin).parents[2] / "bin" / "torsh-run"
        if built.exists():
            return str(built)
    found = shutil.which("torsh-run")
    if not found:
        raise LimitsError("torsh-run is neither in the build of the package nor on the path")
    return found


def _per_second(kernel: LimitKernel, threads: int, repeat: int) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".mlir") as file:
        file.write(kernel.text)
        file.flush()
        command = [torsh_run(), file.name, f"--threads={threads}", f"--repeat={repeat}", "--json"]
        processors = sorted(os.sched_getaffinity(0))
        try:
            result = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT,
                check=True,
                preexec_fn=lambda: os.sched_setaffinity(0, processors[:threads]),
            )
        except subprocess.CalledProcessError as error:
            raise LimitsError(f"torsh-run failed: {error.stderr.strip()}") from None
        except subprocess.TimeoutExpired:
            raise LimitsError(f"torsh-run took over {_TIMEOUT:.0f} s") from None
    return kernel.work / (json.loads(result.stdout)["min_us"] * 1e-6)


def _cache_bytes(level: int) -> int:
    """The size of one cache of a level, 0 where it is not known."""
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        if int((index / "level").read_text()) != level:
            continue
        if (index / "type").read_text().strip() == "Instruction":
            continue
        size = re.fullmatch(r"(\d+)([KM]?)\s*", (index / "size").read_text())
        if size:
            return int(size[1]) * {"": 1, "K": 2**10, "M": 2**20}[size[2]]
    return 0


def _processor_flags() -> set[str]:
    return set(Path("/proc/cpuinfo").read_text().split())


def _vector_bits(flags: set[str]) -> int:
    return 512 if "avx512f" in flags else 256 if "avx2" in flags else 128


def measure_limits(threads: int, *, quick: bool = False) -> Limits:
    """Some seconds; ``quick`` takes few samples. Raises LimitsError."""
    flags = _processor_flags()
    bits, repeat = _vector_bits(flags), 3 if quick else 15
    # Those of most machines, where this one does not say.
    l2 = _cache_bytes(2) or 2**20
    l3 = _cache_bytes(3) or 16 * 2**20

    def measured(kernel: Callable[..., LimitKernel], *arguments: int) -> float:
        return _per_second(kernel(threads, *arguments), threads, repeat)

    return Limits(
        threads,
        fma_f32=measured(fused_multiply_add, bits),
        dot_bf16=measured(bfloat16_dot) if "avx512_bf16" in flags else 0.0,
        l2_read=measured(read, l2 // 2, 200, bits),
        l3_read=measured(read, l3 // 2 // threads, 10, bits),
        dram_read=measured(read, _LARGE // threads, 1, bits),
        dram_triad=measured(triad, _LARGE // threads, bits),
        dram_write=measured(nontemporal_write, _LARGE // threads, bits),
        l2_bytes=l2 * threads,
        l3_bytes=l3,
    )
