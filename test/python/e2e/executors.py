# SPDX-License-Identifier: Apache-2.0
"""What runs the end-to-end programs: every target that this machine can execute.

`msl-emulated` is the target `metal` with a device of the tests: the Metal Shading Language text
is compiled for the processor, against headers that stand in for Metal's.
"""

from __future__ import annotations

import fcntl
import functools
import os
from collections.abc import Iterable, Sequence
from typing import Any

import torshjit
from torshjit import targets

#: The names of all executors; each is a target_device. TORSH_EXECUTORS adds some, such as
#: "cpu:x86-64 cpu:x86-64-v3", the code for older processors.
EXECUTORS = (
    *("interpreter", "cpu", "cuda-emulated", "vulkan", "msl-emulated"),
    *os.environ.get("TORSH_EXECUTORS", "").split(),
)

#: Those whose programs are made by the compiler.
COMPILED = EXECUTORS[1:]


class EmulatedMetalKind(targets.TargetKind):
    """Metal's code on the processor."""

    name = "msl-emulated"
    sentence = "Metal Shading Language compiled for the processor; for tests"

    @property
    def compiler_name(self) -> str:
        return "metal"

    def open_device(self, architecture: str | None = None) -> None:
        _emulator()


@functools.cache
def _emulator() -> Any:
    """The device, registered for the programs of the target metal."""
    from msl.emulator import MSLEmulator

    from torshjit import _runtime

    emulator = MSLEmulator()
    _runtime.register_device("metal", emulator)
    return emulator


targets.register(EmulatedMetalKind())


@functools.cache
def missing(executor: str) -> str | None:
    """Why an executor cannot run here, or None if it can."""
    from torshjit import _compiler

    kind = _kind(executor)
    if kind.compiler_name not in dict(_compiler.targets()):
        return f"this compiler has no target {kind.compiler_name}"
    return kind.device_problem()


def _kind(executor: str) -> targets.TargetKind:
    return targets.Target.parse(executor).kind


def prefetch(executor: str, modules: Iterable[Any], **options: Any) -> None:
    """Prepares an executor for programs that are about to run, all at once where that is faster."""
    if _kind(executor).compiler_name != "metal":
        return
    from msl.compiler import CACHE

    from torshjit import _compiler

    settings = torshjit.JitConfig(target_device=executor, **options).compiler_options()
    binaries = []
    for module in modules:
        try:
            binaries.append(_compiler.compile(module, settings).binary())
        except _compiler.MLIRError:
            continue  # The program's own test says so.
    CACHE.mkdir(parents=True, exist_ok=True)
    # Of several processes that run the suite, one compiles and the others find what it made.
    with open(CACHE / "prefetch.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _emulator().prefetch(binaries)


#: By the compiler's target, what it says of f64 in kernels: Metal has no such type.
_REFUSALS = {"metal": r"f64"}


def refusal(executor: str, dtypes: Sequence[str]) -> str | None:
    """The pattern of the error with which kernels over these types may be refused, if they may."""
    return _REFUSALS.get(_kind(executor).compiler_name) if "f64" in dtypes else None
