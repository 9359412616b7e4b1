# SPDX-License-Identifier: Apache-2.0
"""torch eager, and torch.compile with its default back end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from bench.torch_modules import TrainingStep, make_module, to_arrays, to_tensor
from bench.workload import Case


class TorchEager:
    version = torch.__version__

    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)

    def load(self, case: Case) -> None:
        self._trains = case.workload.trains
        torch.set_grad_enabled(self._trains)
        self._module = make_module(case)
        self._inputs = [to_tensor(array) for array in case.inputs]

    def build(self) -> Callable[[], Any]:
        return self._callable(self._module)

    def _callable(self, module: Any) -> Callable[[], Any]:
        inputs = self._inputs
        if self._trains:
            module = TrainingStep(module, self._module.parameters())
        return lambda: module(*inputs)

    def to_numpy(self, result: Any) -> list[np.ndarray]:
        return to_arrays(result)


class TorchCompile(TorchEager):
    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        import torch._inductor.config

        # The first call is to show a cold compile, not what an earlier run left on the disk.
        torch._inductor.config.force_disable_caches = True

    def build(self) -> Callable[[], Any]:
        return self._callable(torch.compile(self._module, dynamic=False))
