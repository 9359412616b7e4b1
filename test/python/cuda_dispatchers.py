# SPDX-License-Identifier: Apache-2.0
"""Dispatchers over programs of the fake CUDA driver, and tensors of another library for them."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from fake_cuda import add_program, add_twice_program, executable

from torshjit import _runtime

VALUES = np.arange(6, dtype=np.float32)
WAITS = ("cuStreamSynchronize", "cuMemcpyDtoHAsync", "cuMemcpyHtoDAsync")


class Module(_runtime.Dispatcher):
    def _specialize(self, args: Any, kwargs: Any) -> None:
        return None


def module(run: Any, *leaves: tuple, bindings: Any = None, result: str = "torch") -> Module:
    call = Module()
    numbers = range(len(leaves))
    call.add_specialization(
        (leaves, {}), run, bindings or [("arg", i) for i in numbers], ("leaf", 0, result)
    )
    return call


def array(kind: str, shape: tuple = (6,), dtype: str = "f32") -> tuple:
    return ("array", kind, dtype, shape)


def adder(kind: str = "torch", twice: bool = False) -> Module:
    run = executable((add_twice_program if twice else add_program)(6))
    return module(run, array(kind), array(kind), result=kind)


class Producer:
    """A tensor of another library: `lent` counts those that are in use."""

    lent = 0

    def __init__(self, values: np.ndarray, device: tuple[int, int] = (2, 0)) -> None:
        self.values, self.device = values, device
        self.streams: list[Any] = []

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device

    def __dlpack__(self, stream: Any = None) -> Any:
        self.streams.append(stream)
        return lend(self.values, self.device)


def lend(values: np.ndarray, device: tuple[int, int]) -> Any:
    """A capsule, made as C libraries make theirs, over an array's memory."""

    class Tensor(ctypes.Structure):
        _fields_ = [
            ("data", ctypes.c_void_p),
            ("device_type", ctypes.c_int32),
            ("device_id", ctypes.c_int32),
            ("ndim", ctypes.c_int32),
            ("code", ctypes.c_uint8),
            ("bits", ctypes.c_uint8),
            ("lanes", ctypes.c_uint16),
            ("shape", ctypes.c_void_p),
            ("strides", ctypes.c_void_p),
            ("byte_offset", ctypes.c_uint64),
            ("context", ctypes.c_void_p),
            ("deleter", ctypes.c_void_p),
        ]

    rank = values.ndim
    item = values.itemsize
    shape = (ctypes.c_int64 * max(rank, 1))(*values.shape)
    strides = (ctypes.c_int64 * max(rank, 1))(*(s // item for s in values.strides))
    code = {"f": 2, "i": 0, "b": 6, "u": 1, "c": 5}[values.dtype.kind]
    bits = 8 * item
    address = values.__array_interface__["data"][0]
    # 64 bytes of the address as an offset, which a reader must add.
    lent = Tensor(
        address - 64, *device, rank, code, bits, 1,
        ctypes.addressof(shape), ctypes.addressof(strides), 64, None, None,
    )  # fmt: skip
    destroy = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

    def destroyed(_: Any) -> None:
        Producer.lent -= 1
        ALIVE.pop(key)

    callback = destroy(destroyed)
    make = ctypes.pythonapi.PyCapsule_New
    make.restype = ctypes.py_object
    make.argtypes = [ctypes.c_void_p, ctypes.c_char_p, destroy]
    key = object()
    ALIVE[key] = (lent, shape, strides, values, callback)
    Producer.lent += 1
    return make(ctypes.addressof(lent), b"dltensor", callback)


#: What the capsules point to.
ALIVE: dict[object, Any] = {}
