# SPDX-License-Identifier: Apache-2.0
"""torch eager, and torch.compile with its default back end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from bench.torch_modules import make_module, to_array, to_tensor
from bench.workload import Case


class TorchEager:
    version = torch.__version__

    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)
        # Inference: every system here computes no gradients.
        torch.set_grad_enabled(False)

    def load(self, case: Case) -> None:
        self._module = make_module(case)
        self._inputs = [to_tensor(array) for array in case.inputs]

    def build(self) -> Callable[[], Any]:
        module, inputs = self._module, self._inputs
        return lambda: module(*inputs)

    def to_numpy(self, result: Any) -> np.ndarray:
        return to_array(result)


class TorchCompile(TorchEager):
    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        import torch._inductor.config

        # The first call is to show a cold compile, not what an earlier run left on the disk.
        torch._inductor.config.force_disable_caches = True

    def build(self) -> Callable[[], Any]:
        compiled, inputs = torch.compile(self._module, dynamic=False), self._inputs
        return lambda: compiled(*inputs)
