# SPDX-License-Identifier: Apache-2.0
"""Metal through PyObjC (`pyobjc-framework-Metal`): the framework itself, for NumPy programs."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

from torshjit.errors import DeviceError
from torshjit.targets.metal.address_space import Place
from torshjit.targets.metal.metal_device import HostVisibleMetalDevice

__all__ = ["PyObjCDevice"]


class _Function(NamedTuple):
    """A library's function with the pipeline that runs it."""

    name: str
    pipeline: Any


class PyObjCDevice(HostVisibleMetalDevice):
    """Memory is shared buffers; launches gather in a command buffer until someone waits.

    Args:
        metal: the module Metal.
        objc: the module objc.

    Raises:
        DeviceError: Metal finds no GPU.
    """

    def __init__(self, metal: Any, objc: Any) -> None:
        super().__init__()
        self._metal = metal
        # Command buffers and encoders are autoreleased: without a pool they stay until the exit.
        self._pool = objc.autorelease_pool
        self._device = metal.MTLCreateSystemDefaultDevice()
        if self._device is None:
            raise DeviceError("Metal finds no GPU on this machine")
        self._queue = self._device.newCommandQueue()
        self._command_buffer: Any = None
        self._encoder: Any = None

    def new_memory(self, size: int) -> Any:
        buffer = self._device.newBufferWithLength_options_(
            size, self._metal.MTLResourceStorageModeShared
        )
        if buffer is None:
            raise MemoryError(f"Metal has no buffer of {size} bytes")
        return buffer

    def compile(self, text: str) -> Any:
        options = self._metal.MTLCompileOptions.new()
        # Metal's default loses NaN and infinity. The mathMode is of macOS 15.
        if hasattr(self._metal, "MTLMathModeSafe"):
            options.setMathMode_(self._metal.MTLMathModeSafe)
        else:
            options.setFastMathEnabled_(False)
        library, error = self._device.newLibraryWithSource_options_error_(text, options, None)
        if library is None:
            raise DeviceError(f"Metal cannot compile a kernel: {_describe(error)}")
        return library

    def function(self, library: Any, entry: str) -> _Function:
        function = library.newFunctionWithName_(entry)
        if function is None:
            raise DeviceError(f"the MSL text has no kernel {entry}")
        pipeline, error = self._device.newComputePipelineStateWithFunction_error_(function, None)
        if pipeline is None:
            raise DeviceError(f"Metal cannot make a pipeline of kernel {entry}: {_describe(error)}")
        return _Function(entry, pipeline)

    def max_threads(self, function: _Function) -> int:
        return function.pipeline.maxTotalThreadsPerThreadgroup()

    def dispatch(
        self,
        function: _Function,
        operands: Sequence[Place],
        sizes: tuple[int, ...],
        groups: int,
        threads: int,
    ) -> None:
        with self._pool():
            encoder = self._compute_encoder()
            encoder.setComputePipelineState_(function.pipeline)
            for index, place in enumerate(operands):
                encoder.setBuffer_offset_atIndex_(place.memory, place.offset, index)
            if sizes:
                data = struct.pack(f"={len(sizes)}i", *sizes)
                encoder.setBytes_length_atIndex_(data, len(data), len(operands))
            # Dispatches of an encoder run in order: it is a serial one.
            encoder.dispatchThreadgroups_threadsPerThreadgroup_(
                self._metal.MTLSizeMake(groups, 1, 1), self._metal.MTLSizeMake(threads, 1, 1)
            )

    def synchronize(self) -> None:
        if self._command_buffer is None:
            return
        commands, self._command_buffer = self._command_buffer, None
        encoder, self._encoder = self._encoder, None
        with self._pool():
            encoder.endEncoding()
            commands.commit()
            commands.waitUntilCompleted()
            error = commands.error()
            if error is not None:
                raise DeviceError(f"Metal could not run the kernels: {_describe(error)}")

    def abandon(self) -> None:
        """Drops what has not been committed."""
        with self.lock:
            if self._command_buffer is not None:
                # An encoder must be ended before it is released.
                self._encoder.endEncoding()
                self._command_buffer = self._encoder = None

    def _compute_encoder(self) -> Any:
        if self._command_buffer is None:
            self._command_buffer = self._queue.commandBuffer()
            self._encoder = self._command_buffer.computeCommandEncoder()
        return self._encoder

    def view(self, place: Place, size: int) -> memoryview:
        content = memoryview(place.memory.contents().as_buffer(place.size)).cast("B")
        return content[place.offset : place.offset + size]


def _describe(error: Any) -> str:
    return "no reason given" if error is None else str(error.localizedDescription())
