# SPDX-License-Identifier: Apache-2.0
"""What the Metal runtime uses of torch, with `mps` tensors in the processor's memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from msl.compiler import Compiler, MSLCompileError
from msl.kernel_run import Kernel

__all__ = ["FakeTorch"]


class FakeTorch:
    """In the place of the module torch on a Mac; `log` has the calls to torch.mps."""

    uint8, int32 = torch.uint8, torch.int32
    frombuffer = staticmethod(torch.frombuffer)

    def __init__(self, compiler: Compiler, max_threads: int = 1024) -> None:
        self.compiler = compiler
        self.max_threads = max_threads
        self.log: list[tuple] = []
        self.mps = SimpleNamespace(
            compile_shader=self._compile_shader,
            synchronize=lambda: self.log.append(("synchronize",)),
        )
        self.backends = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: True))

    def empty(self, size: int, *, dtype: Any, device: str) -> torch.Tensor:
        assert device == "mps"
        return torch.full((size,), 0xA5, dtype=dtype)

    def tensor(self, values: Any, *, dtype: Any, device: str) -> torch.Tensor:
        assert device == "mps"
        self.log.append(("tensor", values))
        return torch.tensor(values, dtype=dtype)

    def _compile_shader(self, source: str) -> Any:
        self.log.append(("compile_shader", source))
        return _Library(self, source)


class _Library:
    def __init__(self, owner: FakeTorch, source: str) -> None:
        self._owner = owner
        self._source = source
        if "syntax error" in source:
            raise SyntaxError("failed to create metal library")

    def __getattr__(self, name: str) -> Any:
        try:
            return _Function(self._owner, self._source, name)
        except (MSLCompileError, ValueError) as error:
            raise RuntimeError(f"Failed to create function state object for: {name}") from error


class _Function:
    def __init__(self, owner: FakeTorch, source: str, name: str) -> None:
        self._owner = owner
        self._name = name
        self._kernel = Kernel(owner.compiler, source, name)
        self.max_threads_per_threadgroup = owner.max_threads

    def __call__(self, *tensors: torch.Tensor, threads: int, group_size: int) -> None:
        offsets = tuple(tensor.storage_offset() for tensor in tensors)
        self._owner.log.append((self._name, offsets, threads, group_size))
        assert threads % group_size == 0
        bindings = [(tensor.data_ptr(), tensor.nbytes) for tensor in tensors]
        groups = threads // group_size
        self._kernel.launch(bindings[: self._kernel.bindings], groups, group_size)
