# SPDX-License-Identifier: Apache-2.0
"""One capture in progress: the graph under construction and what it has bound."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from torshjit.capture.graph_function import ArgumentBinding, ObjectBinding, ValueLeaf
from torshjit.capture.host_calls import HostCalls
from torshjit.capture.numpy_dtypes import dialect_dtype, is_supported
from torshjit.capture.source_location import user_location
from torshjit.errors import CaptureError, CompileError, ShapeError, TorshError, UnsupportedOpError

if TYPE_CHECKING:
    from torshjit.capture.numpy_trace.tracer import Tracer

__all__ = ["TraceSession"]

_NUMPY_FOLDER = os.path.dirname(os.path.abspath(np.__file__)) + os.sep


class TraceSession:
    """Builds the graph of one function call.

    An error raised while tracing is remembered: if the traced function swallows it in a
    ``try`` block, its control flow was not that of a normal call and the capture is void.
    """

    def __init__(self, compiler: Any, context: Any, is_strict: bool = False) -> None:
        self._mlir_error = compiler.MLIRError
        self._builder = compiler.GraphBuilder(context)
        #: Whether what has no lowering is an error rather than a call of the host.
        self.is_strict = is_strict
        self.host_calls = HostCalls(self._builder)
        #: How many assertions the program makes.
        self.num_required = 0
        self.bindings: list[ArgumentBinding | ObjectBinding] = []
        self.names: list[str] = []
        self.first_error: TorshError | None = None
        self._bound: dict[int, Tracer] = {}
        self._snapshots: list[tuple[np.ndarray, np.ndarray, str]] = []
        self._constants: dict[tuple[np.dtype, bytes], Any] = {}
        self._tracers: list[weakref.ref[Tracer]] = []

    def location(self) -> tuple[str, int] | None:
        """The user's line that is running now."""
        return user_location((_NUMPY_FOLDER,))

    def fail(self, error: TorshError) -> NoReturn:
        """Raises `error` with the user's location, and remembers that it was raised."""
        if error.location is None:
            error.location = self.location()
        if self.first_error is None:
            self.first_error = error
        raise error

    def refuse(self, reason: str, op: str | None = None) -> NoReturn:
        """Raises a CaptureError."""
        self.fail(CaptureError(reason, op=op))

    def unsupported(self, op: str, detail: str = "") -> NoReturn:
        """Raises an UnsupportedOpError for `op`."""
        message = f"{op} is not supported in a compiled function"
        self.fail(UnsupportedOpError(f"{message}: {detail}" if detail else message, op=op))

    # Building the graph.

    def create(
        self,
        op: str,
        operands: Sequence[Any],
        attributes: dict[str, Any] | None = None,
        result_type: tuple[str, Sequence[int]] | None = None,
    ) -> Any:
        """Adds an operation of the dialect and returns its result.

        Raises:
            ShapeError: the operands do not fit the operation.
        """
        if self._builder is None:
            self.refuse("an array of a finished capture is used; it must not outlive its call")
        try:
            return self._builder.create(
                op, operands, attributes or {}, loc=self.location(), result_type=result_type
            )
        except self._mlir_error as error:
            message = str(error.args[0]) if error.args else str(error)
            self.fail(ShapeError(message, op=f"torsh.{op}"))

    @property
    def builder(self) -> Any:
        """The `_compiler.GraphBuilder`."""
        if self._builder is None:
            self.refuse("an array of a finished capture is used; it must not outlive its call")
        return self._builder

    def constant(self, array: np.ndarray) -> Any:
        """Adds a constant; equal scalars share one."""
        array = np.ascontiguousarray(array) if array.ndim else array
        if array.ndim:
            return self._builder.constant(array, loc=self.location())
        key = (array.dtype, array.tobytes())
        value = self._constants.get(key)
        if value is None:
            value = self._builder.constant(array, loc=self.location())
            self._constants[key] = value
        return value

    def finish(self, outputs: Sequence[Any]) -> Any:
        """Returns the module, verified."""
        try:
            return self._builder.finish(list(outputs))
        except self._mlir_error as error:
            raise CompileError(f"the captured program is malformed: {error}") from error

    # Inputs of the graph.

    def add_input(self, dtype: np.dtype, shape: tuple[int, ...], binding: Any, name: str) -> Any:
        """Adds an input of the program and returns its value."""
        value = self._builder.input(dialect_dtype(dtype), list(shape), name)
        self.bindings.append(binding)
        self.names.append(name)
        return value

    def bind_object(self, array: np.ndarray, name: str = "") -> Tracer:
        """Returns the tracer of a concrete array, whose memory is read at each call.

        The array becomes an input of the program only when the tracer is used.
        """
        from torshjit.capture.numpy_trace.tracer import Storage, Tracer

        tracer = self._bound.get(id(array))
        if tracer is None:
            refuse = getattr(type(array), "refuse", None)
            if refuse is not None:
                # Elements that a traced mask chose.
                refuse(array)
            if type(array) not in (np.ndarray, np.memmap):
                self.refuse(f"an array of type {type(array).__name__} is not a plain ndarray")
            if not is_supported(array.dtype):
                self.refuse(f"array {name or 'constant'} has dtype {array.dtype}, not supported")
            native = array.dtype.newbyteorder("=")

            def add_input() -> Any:
                # A traced function that writes to the array is found by its changed contents.
                self._snapshots.append((array, array.copy(), name))
                return self.add_input(native, array.shape, ObjectBinding(array), name)

            tracer = Tracer(self, add_input, native, array.shape, Storage(external=True))
            self._bound[id(array)] = tracer
            tracer.keep_alive(array)
            if name:
                tracer.origin = ValueLeaf(array)
        return tracer

    def watch(self, tracer: Tracer) -> None:
        """Remembers a tracer, without keeping it alive, until `close`."""
        self._tracers.append(weakref.ref(tracer))

    def close(self) -> None:
        """Lets go of the graph.

        A tracer may outlive its call: the user may have kept it, and some of NumPy's own
        error paths leak a reference. It must not keep the graph and the compiler alive.
        """
        for reference in self._tracers:
            tracer = reference()
            if tracer is not None:
                tracer.release()
        self._tracers.clear()
        self._constants.clear()
        self._bound.clear()
        self._snapshots.clear()
        self._builder = None
        self.host_calls.close()
        self.first_error = None

    def check_bound_arrays(self) -> None:
        """Raises CaptureError if the traced function wrote to an array it read."""
        for array, snapshot, name in self._snapshots:
            if array.tobytes() != snapshot.tobytes():
                raise CaptureError(
                    f"the function writes to the array {name or 'that it created'} in place"
                )
