# SPDX-License-Identifier: Apache-2.0
"""Compiles the demo's network in a process that has compiled nothing before, and times it.

``python -m demo.cold_start torch`` (or ``numpy``) prints one JSON object of milliseconds; the
weights are random, as compiling does not look at them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from demo.progress import with_progress

_ROOT = Path(__file__).parent.parent
_PROCESSES = 3


def _torch_network() -> tuple[Any, Any]:
    import torch

    from bench.workloads.digits import network_weights, torch_network

    torch.set_grad_enabled(False)
    weights = {
        name: torch.from_numpy(value.astype(np.float32))
        for name, value in network_weights(np.random.default_rng(0), {}).items()
    }
    return torch_network(weights).eval().requires_grad_(False), torch.zeros(1, 1, 8, 8)


def _numpy_network() -> tuple[Any, Any]:
    from demo.numpy_training import classifier, initial_weights

    return classifier(initial_weights()), np.zeros((1, 1, 8, 8), dtype=np.float32)


# What the first call imports, so that its time can be told apart from that of the imports.
_LOADED_LAZILY = {
    "torch": ("torshjit._compiler", "torshjit.compiled", "torshjit.capture.torch_capture"),
    "numpy": ("torshjit._compiler", "torshjit.compiled", "torshjit.capture.numpy_trace"),
}
_NETWORKS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "torch": _torch_network,
    "numpy": _numpy_network,
}


def _timed(action: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = action()
    return result, (time.perf_counter() - started) * 1e3


def measure_here(framework: str) -> dict[str, float]:
    """Milliseconds in this process: two imports, then the first call, with what it consists of."""
    network, image = _NETWORKS[framework]()
    torshjit, import_ms = _timed(lambda: import_module("torshjit"))
    _, load_ms = _timed(lambda: [import_module(name) for name in _LOADED_LAZILY[framework]])

    def first_call() -> Any:
        compiled = torshjit.compile(network, strict=True, enable_caching=False)
        compiled(image)
        return compiled

    compiled, first_call_ms = _timed(first_call)
    (specialization,) = compiled.explain(structured=True)["specializations"]
    return {
        "import": import_ms,
        "load": load_ms,
        "first_call": first_call_ms,
        "capture": specialization["capture_ms"],
        "compile": specialization["compile_ms"],
    }


def measure(framework: str) -> dict[str, float]:
    """Medians over fresh processes; RuntimeError where one of them fails."""
    runs = []
    for _ in with_progress(range(_PROCESSES), "compiling in fresh processes", "process"):
        process = subprocess.run(
            [sys.executable, "-m", "demo.cold_start", framework],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode != 0:
            raise RuntimeError(f"demo: a fresh process could not compile:\n{process.stderr}")
        runs.append(json.loads(process.stdout.splitlines()[-1]))
    return {key: median(run[key] for run in runs) for key in runs[0]}


if __name__ == "__main__":
    print(json.dumps(measure_here(sys.argv[1])))
