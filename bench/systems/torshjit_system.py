# SPDX-License-Identifier: Apache-2.0
"""torshjit, from the torch module (where torch is installed) or from the NumPy function."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

import torshjit
from bench.workload import Case


class TorshJitFromNumpy:
    version = torshjit.__version__

    def __init__(self, threads: int) -> None:
        # strict: a fallback to NumPy or torch must not pass for compiled code.
        self._config = torshjit.JitConfig(num_threads=threads, strict=True, enable_caching=False)

    def load(self, case: Case) -> None:
        self._inputs: list[Any] = case.inputs
        function, weights = case.workload.function, case.weights
        self._program: Any = lambda *inputs: function(np, inputs, weights)

    def build(self) -> Callable[[], Any]:
        compiled, inputs = torshjit.compile(self._program, config=self._config), self._inputs
        return lambda: compiled(*inputs)

    def to_numpy(self, result: Any) -> np.ndarray:
        return np.asarray(result)


class TorshJit(TorshJitFromNumpy):
    def load(self, case: Case) -> None:
        self._from_torch = find_spec("torch") is not None
        if not self._from_torch:
            super().load(case)
            return
        import torch

        from bench.torch_modules import make_module, to_tensor

        torch.set_grad_enabled(False)
        self._program = make_module(case)
        self._inputs = [to_tensor(array) for array in case.inputs]

    def to_numpy(self, result: Any) -> np.ndarray:
        if not self._from_torch:
            return super().to_numpy(result)
        from bench.torch_modules import to_array

        return to_array(result)
