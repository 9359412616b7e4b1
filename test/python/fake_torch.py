# SPDX-License-Identifier: Apache-2.0
"""The part of torch that the runtime uses, with CUDA tensors in the memory of the fake driver.

torch without CUDA has no such tensors, so the path of CUDA tensors through the bindings is tested
with these: they answer the same attributes and methods.
"""

from __future__ import annotations

import types
from typing import Any

import numpy as np
from fake_cuda import Driver

_DTYPES = {
    "bool": np.bool_,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "uint8": np.uint8,
    "uint16": np.uint16,
    "uint32": np.uint32,
    "uint64": np.uint64,
    "float16": np.float16,
    "bfloat16": None,
    "float32": np.float32,
    "float64": np.float64,
}

_NAMES = {name: f"torch.{name}" for name in _DTYPES}


class Device:
    """torch.device"""

    def __init__(self, type: str, index: int | None = None) -> None:
        self.type, self.index = type, index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"


class Tensor:
    """torch.Tensor over an array, which lies where `device` says."""

    def __init__(self, array: np.ndarray, device: Device) -> None:
        self.array, self.device = array, device
        self.requires_grad = False

    @property
    def dtype(self) -> str:
        return _NAMES[self.array.dtype.name]  # the same object each time, as torch's

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def is_cpu(self) -> bool:
        return self.device.type == "cpu"

    def data_ptr(self) -> int:
        return self.array.__array_interface__["data"][0]

    def is_contiguous(self) -> bool:
        return self.array.flags.c_contiguous

    def contiguous(self) -> Tensor:
        if self.is_cpu:
            return Tensor(np.ascontiguousarray(self.array), self.device)
        return Tensor(Torch.driver.device_array(np.ascontiguousarray(self.array)), self.device)

    def is_neg(self) -> bool:
        return False

    def __dlpack_device__(self) -> tuple[int, int]:
        if self.device.type == "meta":
            raise ValueError("no DLPack device")
        return (1, 0) if self.is_cpu else (2, self.device.index or 0)


class Torch(types.ModuleType):
    """The torch module. `stream` is what torch.cuda.current_stream would be."""

    driver: Driver

    def __init__(self, driver: Driver) -> None:
        super().__init__("torch")
        Torch.driver = driver
        self.stream = 0
        self.allocations = 0
        self.Tensor, self.device = Tensor, Device
        self.is_grad_enabled = lambda: False
        self.is_autocast_enabled = lambda device: False
        self._C = types.SimpleNamespace(_cuda_getCurrentRawStream=lambda index: self.stream)
        for name in _DTYPES:
            setattr(self, name, _NAMES[name])

    def tensor(self, values: Any, device: str = "cuda", index: int = 0) -> Tensor:
        array = np.asarray(values)
        if device == "cuda":
            return Tensor(self.driver.device_array(array), Device("cuda", index))
        return Tensor(array, Device(device))

    def empty(self, shape: tuple[int, ...], *, dtype: str, device: Device) -> Tensor:
        self.allocations += 1
        zeros = np.zeros(shape, _DTYPES[dtype.removeprefix("torch.")])
        return self.tensor(zeros, device.type, device.index or 0)

    def empty_like(self, tensor: Tensor) -> Tensor:
        return self.empty(tensor.shape, dtype=tensor.dtype, device=tensor.device)

    def from_numpy(self, array: np.ndarray) -> Tensor:
        return self.tensor(array, "cpu")
