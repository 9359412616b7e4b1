# SPDX-License-Identifier: Apache-2.0
"""Workloads as torch modules: the workload's own builder, or its function over torch's names."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import torch

from bench.namespaces import torch_namespace
from bench.workload import Case


def to_tensor(array: np.ndarray) -> torch.Tensor:
    """A tensor with the array's values; torch does not know NumPy's bfloat16 by name."""
    array = np.ascontiguousarray(array)
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.uint16).copy()).view(torch.bfloat16)
    return torch.from_numpy(array.copy())


def to_arrays(result: Any) -> list[np.ndarray]:
    """The results of a module, one or several, in float32."""
    tensors = result if isinstance(result, tuple | list) else [result]
    return [tensor.detach().float().numpy() for tensor in tensors]


class _FunctionModule(torch.nn.Module):
    def __init__(self, function: Any, weights: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self._function = function
        self._namespace = torch_namespace()
        self._weights = {}
        for name, value in weights.items():
            parameter = torch.nn.Parameter(value, requires_grad=False)
            self.register_parameter(name.replace(".", "_"), parameter)
            self._weights[name] = parameter

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self._function(self._namespace, inputs, self._weights)


def make_module(case: Case) -> torch.nn.Module:
    """The workload as a module, in eval mode and without gradients unless it trains."""
    weights = {name: to_tensor(value) for name, value in case.weights.items()}
    if case.workload.module is None:
        module: torch.nn.Module = _FunctionModule(case.workload.function, weights)
    else:
        module = case.workload.module(weights)
    if case.workload.trains:
        return module.train().requires_grad_(True)
    return module.eval().requires_grad_(False)


class TrainingStep:
    """Forward, backward and SGD; calling it returns the loss and the gradients.

    The rate is too small to change any parameter, so that every call computes the same.
    """

    def __init__(self, loss: Any, parameters: Any) -> None:
        self._loss = loss
        self._parameters = list(parameters)
        self._optimizer = torch.optim.SGD(self._parameters, lr=1e-30)

    def __call__(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        self._optimizer.zero_grad(set_to_none=True)
        loss = self._loss(*inputs)
        loss.backward()
        self._optimizer.step()
        return (loss, *[parameter.grad for parameter in self._parameters])
