# SPDX-License-Identifier: Apache-2.0
"""Workloads as torch modules: the workload's own builder, or its function over torch's names."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import torch

from bench.workload import Case


def to_tensor(array: np.ndarray) -> torch.Tensor:
    """A tensor with the array's values; torch does not know NumPy's bfloat16 by name."""
    array = np.ascontiguousarray(array)
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.uint16).copy()).view(torch.bfloat16)
    return torch.from_numpy(array.copy())


def to_array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().float().numpy()


class _FunctionModule(torch.nn.Module):
    def __init__(self, function: Any, weights: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self._function = function
        for name, value in weights.items():
            self.register_parameter(name, torch.nn.Parameter(value, requires_grad=False))

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self._function(torch, inputs, self._parameters)


def make_module(case: Case) -> torch.nn.Module:
    """The workload as a module in eval mode whose parameters need no gradient."""
    weights = {name: to_tensor(value) for name, value in case.weights.items()}
    if case.workload.module is None:
        module: torch.nn.Module = _FunctionModule(case.workload.function, weights)
    else:
        module = case.workload.module(weights)
    return module.eval().requires_grad_(False)
