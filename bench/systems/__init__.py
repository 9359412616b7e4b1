# SPDX-License-Identifier: Apache-2.0
"""The systems that run workloads, by name. A new system is a file and a row here.

A system's module is imported only in its own worker process, so that no peer's libraries are in
the process that measures another.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from bench.workload import Case

SYSTEMS: dict[str, tuple[str, str]] = {
    "torshjit": ("bench.systems.torshjit_system", "TorshJit"),
    "torshjit-numpy": ("bench.systems.torshjit_system", "TorshJitFromNumpy"),
    "torch-eager": ("bench.systems.torch_system", "TorchEager"),
    "torch-compile": ("bench.systems.torch_system", "TorchCompile"),
    "jax": ("bench.systems.jax_system", "Jax"),
    "onnxruntime": ("bench.systems.onnxruntime_system", "OnnxRuntime"),
    "openvino": ("bench.systems.openvino_system", "OpenVino"),
    "numpy": ("bench.systems.numpy_system", "Numpy"),
}


class System(Protocol):
    """Turns a case into something to call.

    The constructor imports the system (ImportError where it is absent) and fixes its thread count.
    load moves the arguments to where the system wants them; build returns the callable, which
    blocks until its result is there. What build and the first call cost is the compile time.
    to_numpy gives the results, one or several, as float32 arrays.
    """

    version: str

    def __init__(self, threads: int) -> None: ...

    def load(self, case: Case) -> None: ...

    def build(self) -> Callable[[], Any]: ...

    def to_numpy(self, result: Any) -> list[np.ndarray]: ...


def make_system(name: str, threads: int) -> System:
    """Raises ImportError, with what is missing, where the system is not installed."""
    module, attribute = SYSTEMS[name]
    system: System = getattr(import_module(module), attribute)(threads)
    return system
