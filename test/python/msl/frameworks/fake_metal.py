# SPDX-License-Identifier: Apache-2.0
"""What the Metal runtime uses of PyObjC's module Metal; it checks that calls are in order.

Work is done when a command buffer is waited for, so that whoever reads earlier reads old bytes.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from msl.compiler import Compiler, MSLCompileError
from msl.kernel_run import Kernel

__all__ = ["FakeMetal"]


class FakeMetal:
    """In the place of the module Metal; `log` has the calls that matter.

    Args:
        has_math_mode: whether it is that of macOS 15.
        failure: what command buffers fail with.
    """

    MTLResourceStorageModeShared = 0

    def __init__(
        self, compiler: Compiler, has_math_mode: bool = True, failure: str | None = None
    ) -> None:
        self.compiler = compiler
        self.failure = failure
        self.max_threads = 1024
        self.log: list[tuple] = []
        self.open_pools = 0
        #: In the place of the module objc.
        self.objc = SimpleNamespace(autorelease_pool=self._autorelease_pool)
        if has_math_mode:
            self.MTLMathModeSafe = 0

    @contextlib.contextmanager
    def _autorelease_pool(self) -> Iterator[None]:
        self.open_pools += 1
        try:
            yield
        finally:
            self.open_pools -= 1

    def MTLCreateSystemDefaultDevice(self) -> Any:
        return _Device(self)

    @staticmethod
    def MTLSizeMake(width: int, height: int, depth: int) -> tuple[int, int, int]:
        return (width, height, depth)

    @property
    def MTLCompileOptions(self) -> Any:
        return SimpleNamespace(new=lambda: _CompileOptions(self))


def _error(text: str) -> Any:
    return SimpleNamespace(localizedDescription=lambda: text)


class _CompileOptions:
    def __init__(self, metal: FakeMetal) -> None:
        self._metal = metal

    def setMathMode_(self, mode: int) -> None:
        self._metal.log.append(("mathMode", mode))

    def setFastMathEnabled_(self, enabled: bool) -> None:
        self._metal.log.append(("fastMathEnabled", enabled))


class _Device:
    def __init__(self, metal: FakeMetal) -> None:
        self._metal = metal

    def newCommandQueue(self) -> Any:
        return SimpleNamespace(commandBuffer=lambda: _CommandBuffer(self._metal))

    def newBufferWithLength_options_(self, length: int, options: int) -> Any:
        assert options == FakeMetal.MTLResourceStorageModeShared
        return _Buffer(length) if length < 1 << 40 else None

    def newLibraryWithSource_options_error_(self, source: str, options: Any, error: Any) -> Any:
        assert isinstance(options, _CompileOptions)
        assert error is None
        if "syntax error" in source:
            return None, _error("program_source:1: syntax error")
        self._metal.log.append(("library",))
        return _Library(self._metal, source), None

    def newComputePipelineStateWithFunction_error_(self, function: Any, error: Any) -> Any:
        assert error is None
        limit = self._metal.max_threads
        return SimpleNamespace(
            kernel=function, maxTotalThreadsPerThreadgroup=lambda: limit
        ), None  # fmt: skip


class _Library:
    def __init__(self, metal: FakeMetal, source: str) -> None:
        self._metal = metal
        self._source = source

    def newFunctionWithName_(self, name: str) -> Kernel | None:
        try:
            return Kernel(self._metal.compiler, self._source, name)
        except (MSLCompileError, ValueError):
            return None


class _Buffer:
    def __init__(self, length: int) -> None:
        self._memory = ctypes.create_string_buffer(b"\xa5" * length, length)
        self.address = ctypes.addressof(self._memory)
        self._length = length

    def length(self) -> int:
        return self._length

    def contents(self) -> Any:
        return SimpleNamespace(as_buffer=lambda size: memoryview(self._memory)[:size])


class _CommandBuffer:
    def __init__(self, metal: FakeMetal) -> None:
        self.metal = metal
        self.open_encoders = 0
        self.launches: list[Any] = []
        self._committed = False
        assert metal.open_pools, "a command buffer that nothing releases"
        metal.log.append(("commandBuffer",))

    def computeCommandEncoder(self) -> Any:
        assert not self._committed
        self.open_encoders += 1
        return _Encoder(self)

    def commit(self) -> None:
        assert not self.open_encoders, "a command buffer with an open encoder was committed"
        assert not self._committed
        self._committed = True
        self.metal.log.append(("commit",))

    def waitUntilCompleted(self) -> None:
        assert self._committed
        if self.metal.failure is None:
            for launch in self.launches:
                launch()
        self.metal.log.append(("waitUntilCompleted",))

    def error(self) -> Any:
        return None if self.metal.failure is None else _error(self.metal.failure)


class _Encoder:
    def __init__(self, commands: _CommandBuffer) -> None:
        self._commands = commands
        self._metal = commands.metal
        self._pipeline: Any = None
        self._bindings: dict[int, Any] = {}
        self._open = True

    def setComputePipelineState_(self, pipeline: Any) -> None:
        assert self._open
        self._pipeline = pipeline
        self._metal.log.append(("pipeline", pipeline.kernel.name))

    def setBuffer_offset_atIndex_(self, buffer: _Buffer, offset: int, index: int) -> None:
        assert self._open
        assert offset % 256 == 0
        # The buffer is kept until the launch is done, as Metal keeps it.
        self._bindings[index] = (buffer, buffer.address + offset, buffer.length() - offset)
        self._metal.log.append(("buffer", index, offset))

    def setBytes_length_atIndex_(self, data: bytes, length: int, index: int) -> None:
        assert self._open
        copied = ctypes.create_string_buffer(data[:length], length)
        self._bindings[index] = (copied, ctypes.addressof(copied), length)
        self._metal.log.append(("bytes", index, data))

    def dispatchThreadgroups_threadsPerThreadgroup_(self, groups: Any, threads: Any) -> None:
        assert self._open
        kernel, bindings = self._pipeline.kernel, dict(self._bindings)
        places = [bindings[index][1:] for index in range(kernel.bindings)]

        def launch(kept: Any = bindings) -> None:
            kernel.launch(places, groups[0], threads[0])

        self._commands.launches.append(launch)
        self._metal.log.append(("dispatch", groups, threads))

    def endEncoding(self) -> None:
        assert self._open
        self._open = False
        self._commands.open_encoders -= 1
        self._metal.log.append(("endEncoding",))
