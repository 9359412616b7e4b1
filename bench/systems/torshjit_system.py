# SPDX-License-Identifier: Apache-2.0
"""torshjit, from the torch module (where torch is installed) or from the NumPy function."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

import torshjit
from bench.namespaces import numpy_namespace
from bench.workload import Case, as_list


class TorshJitFromNumpy:
    version = torshjit.__version__

    def __init__(self, threads: int) -> None:
        # strict: a fallback to NumPy or torch must not pass for compiled code.
        self._options: dict[str, Any] = {
            "num_threads": threads,
            "strict": True,
            "enable_caching": False,
        }
        self._config = torshjit.JitConfig(**self._options)

    def load(self, case: Case) -> None:
        self._inputs: list[Any] = case.inputs
        namespace = numpy_namespace()
        function, weights = case.workload.function, case.weights
        self._program: Any = lambda *inputs: function(namespace, inputs, weights)

    def build(self) -> Callable[[], Any]:
        compiled, inputs = torshjit.compile(self._program, config=self._config), self._inputs
        return lambda: compiled(*inputs)

    def to_numpy(self, result: Any) -> list[np.ndarray]:
        return [np.asarray(array) for array in as_list(result)]


class TorshJit(TorshJitFromNumpy):
    def load(self, case: Case) -> None:
        self._from_torch = find_spec("torch") is not None
        if not self._from_torch:
            super().load(case)
            return
        import torch

        from bench.torch_modules import make_module, to_tensor

        self._trains = case.workload.trains
        torch.set_grad_enabled(self._trains)
        self._program = make_module(case)
        self._inputs = [to_tensor(array) for array in case.inputs]

    def build(self) -> Callable[[], Any]:
        if not self._from_torch:
            return super().build()
        if not self._trains:
            # As ONNX Runtime and OpenVINO, which convert weights to constants.
            self._config = self._config.replace(freeze=True)
            return super().build()
        import torch

        from bench.torch_modules import TrainingStep

        compiled = torch.compile(
            self._program, backend="torshjit", dynamic=False, options=self._options
        )
        step, inputs = TrainingStep(compiled, self._program.parameters()), self._inputs
        return lambda: step(*inputs)

    def to_numpy(self, result: Any) -> list[np.ndarray]:
        if not self._from_torch:
            return super().to_numpy(result)
        from bench.torch_modules import to_arrays

        return to_arrays(result)
