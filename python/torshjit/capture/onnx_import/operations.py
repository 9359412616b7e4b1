# SPDX-License-Identifier: Apache-2.0
"""Builds torsh operations for the ONNX import: constants, casts, shapes, small programs."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from torshjit.capture.custom_calls import add_custom_call
from torshjit.capture.graph_function import ArgumentBinding, ObjectBinding
from torshjit.capture.host_calls import HostCalls
from torshjit.capture.numpy_dtypes import dialect_dtype, numpy_dtype
from torshjit.capture.onnx_import.narrow_types import Narrow, bits_of
from torshjit.custom_operations import CustomOp
from torshjit.errors import DTypeError, ShapeError, UnsupportedOpError

__all__ = ["Operations", "is_float", "wider"]

#: Arrays of more elements are read where they lie instead of being part of the program.
_LARGEST_CONSTANT = 64


def is_float(dtype: str) -> bool:
    """Whether the dialect's name is that of a float type."""
    return dtype[0] in "fb"


def wider(dtype: str) -> str:
    """The type in which several steps on elements of `dtype` are computed."""
    return "f32" if dtype in ("f16", "bf16") else dtype


class Operations:
    """Adds torsh operations to the graph under construction.

    Attributes:
        host_calls: the calls of the host.
        bindings: where each input of the graph comes from, in order.
        names: the model's name of each.
        draws: the random numbers of the call, once one is drawn.
    """

    def __init__(self, compiler: Any, context: Any) -> None:
        self._builder = compiler.GraphBuilder(context)
        self.host_calls = HostCalls(self._builder)
        self._mlir_error = compiler.MLIRError
        self._bound: dict[int, tuple[np.ndarray, Any]] = {}
        self._bits: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._scalars: dict[tuple[str, bytes], Any] = {}
        self._initializer_names: dict[int, str] = {}
        self.draws: Any = None
        self._conditions: list[Any] = []
        self.bindings: list[ArgumentBinding | ObjectBinding] = []
        self.names: list[str] = []
        self.op = "onnx"

    def add_custom_op(self, op: CustomOp, operands: list[Any], options: dict[str, Any]) -> Any:
        """Adds an operation of the user's; returns its result, or a tuple."""
        values = [self.value(operand) for operand in operands]
        typed = [(each, numpy_dtype(each.dtype), tuple(each.shape)) for each in values]
        types, _ = op.result_types(
            [shape for _, _, shape in typed], [dtype for _, dtype, _ in typed], options
        )
        return add_custom_call(op, self._builder, self.host_calls, typed, types, options, None)

    # Inputs and constants.

    def add_argument(self, leaf: int, dtype: str, shape: Sequence[int], name: str) -> Any:
        """Adds an input that is array leaf number `leaf` of the call."""
        self.bindings.append(ArgumentBinding(leaf))
        self.names.append(name)
        return self._builder.input(dtype, list(shape), name)

    def name_initializer(self, array: np.ndarray, name: str) -> None:
        """Says what messages call an array of the model."""
        self._initializer_names[id(array)] = name

    def value(self, operand: Any) -> Any:
        """The Value of an operand; a large array becomes an input that is read by reference.

        Raises:
            DTypeError: the dialect lacks the array's element type.
        """
        if isinstance(operand, Narrow):
            raise DTypeError(
                f"{self.op}: elements of type {operand.dtype} are moved and converted only; "
                "put a Cast before it",
                op=self.op,
            )
        if isinstance(operand, list):
            raise UnsupportedOpError(f"{self.op}: an operand is a sequence", op=self.op)
        if not isinstance(operand, np.ndarray):
            return operand
        dtype = dialect_dtype(operand.dtype)
        if operand.size <= _LARGEST_CONSTANT:
            return self._constant(operand, dtype)
        found = self._bound.get(id(operand))
        if found is None:
            array = np.ascontiguousarray(operand)
            name = self._initializer_names.get(id(operand), "")
            value = self._builder.input(dtype, list(array.shape), name)
            self.bindings.append(ObjectBinding(array, is_constant=True))
            self.names.append(name)
            # The array is kept, so that its id stays its own.
            found = self._bound[id(operand)] = (operand, value)
        return found[1]

    def narrow(self, operand: Any) -> Narrow:
        """An operand of a narrow element type, an array among them."""
        if isinstance(operand, Narrow):
            return operand
        bits = self._bits.get(id(operand))
        if bits is None:
            # Both are kept, so that the ids stay theirs.
            bits = self._bits[id(operand)] = (operand, bits_of(operand))
        return Narrow(self.value(bits[1]), operand.dtype)

    def _constant(self, array: np.ndarray, dtype: str) -> Any:
        if array.ndim:
            return self._builder.constant(np.ascontiguousarray(array))
        key = (dtype, array.tobytes())
        value = self._scalars.get(key)
        if value is None:
            value = self._scalars[key] = self._builder.constant(array)
        return value

    def scalar(self, number: Any, dtype: str) -> Any:
        """A constant without axes."""
        return self._constant(np.asarray(number).astype(numpy_dtype(dtype)), dtype)

    def filled(self, number: Any, dtype: str, shape: Sequence[int]) -> Any:
        """A constant of one repeated element."""
        return self.broadcast(self.scalar(number, dtype), shape)

    def finish(self, outputs: Sequence[Any]) -> Any:
        """Ends the graph and returns its `_compiler.Module`."""
        return self._builder.finish(list(outputs))

    # Operations.

    def emit(self, op: str, *operands: Any, **attributes: Any) -> Any:
        """Adds an operation whose result type is inferred."""
        return self.create(op, operands, attributes)

    def create(
        self,
        op: str,
        operands: Sequence[Any],
        attributes: dict[str, Any],
        result_type: tuple[str, Sequence[int]] | None = None,
    ) -> Any:
        """Adds an operation and returns its result.

        Raises:
            ShapeError: the operands do not fit the operation.
        """
        try:
            return self._builder.create(op, operands, attributes, result_type=result_type)
        except self._mlir_error as error:
            message = str(error.args[0]) if error.args else str(error)
            raise ShapeError(f"{self.op}: {message}", op=self.op) from error

    # Casts and shapes; each is left out where it changes nothing.

    def cast(self, value: Any, dtype: str) -> Any:
        """`value` with element type `dtype`."""
        return value if value.dtype == dtype else self.emit("cast", value, dtype=dtype)

    def reshape(self, value: Any, shape: Sequence[int]) -> Any:
        """`value` under another shape of as many elements."""
        shape = tuple(int(extent) for extent in shape)
        if tuple(value.shape) == shape:
            return value
        # One open extent stays one: its product with the others is compared with a sign.
        is_open = sum(extent < 0 for extent in shape) != sum(n < 0 for n in value.shape)
        if math.prod(shape) != math.prod(value.shape) or is_open:
            raise ShapeError(
                f"{self.op}: shape {tuple(value.shape)} cannot become {shape}", op=self.op
            )
        return self.create("reshape", (value,), {}, (value.dtype, shape))

    def broadcast(self, value: Any, shape: Sequence[int]) -> Any:
        """`value` repeated to `shape`."""
        shape = tuple(int(extent) for extent in shape)
        if tuple(value.shape) == shape:
            return value
        return self.create("broadcast", (value,), {}, (value.dtype, shape))

    def permute(self, value: Any, permutation: Sequence[int]) -> Any:
        """`value` with axis ``permutation[i]`` as axis ``i``."""
        order = [int(axis) for axis in permutation]
        if order == list(range(len(order))):
            return value
        return self.emit("permute", value, permutation=order)

    def swap_last(self, value: Any) -> Any:
        """`value` with its last two axes exchanged."""
        rank = len(value.shape)
        return self.permute(value, [*range(rank - 2), rank - 1, rank - 2])

    def slice(self, value: Any, axis: int, start: int, stop: int, step: int = 1) -> Any:
        """``value[start:stop:step]`` along one axis, bounds as `slice.indices` gives them."""
        ranges = [(0, extent, 1) for extent in value.shape]
        ranges[axis] = (start, stop, step)
        return self.slices(value, ranges)

    def slices(self, value: Any, ranges: Sequence[tuple[int, int, int]]) -> Any:
        """A slice along every axis."""
        # An empty range in the one form that is within the bounds of any axis.
        ranges = [each if len(range(*each)) else (0, 0, 1) for each in ranges]
        if ranges == [(0, extent, 1) for extent in value.shape]:
            return value
        starts, stops, strides = (list(part) for part in zip(*ranges, strict=True))
        return self.emit("slice", value, start=starts, stop=stops, stride=strides)

    def flip(self, value: Any, axis: int) -> Any:
        """`value` with an axis reversed."""
        extent = value.shape[axis]
        return self.slice(value, axis, extent - 1, -1, -1) if extent else value

    def concat(self, values: Sequence[Any], axis: int) -> Any:
        """The values one after the other along `axis`."""
        return values[0] if len(values) == 1 else self.emit("concat", list(values), axis=axis)

    def pad(self, value: Any, low: Sequence[int], high: Sequence[int], fill: Any = 0) -> Any:
        """`value` with a margin of one number, or of a Value without axes."""
        if not any(low) and not any(high):
            return value
        if isinstance(fill, (int, float)):
            fill = self.scalar(fill, value.dtype)
        return self.emit("pad", value, fill, low=list(low), high=list(high))

    def iota(self, shape: Sequence[int], axis: int, dtype: str) -> Any:
        """Positions along `axis`."""
        return self.create("iota", ([],), {"axis": axis}, (dtype, tuple(shape)))

    # Small programs that several families use.

    def compare(self, predicate: str, left: Any, right: Any) -> Any:
        """A comparison; the right operand may be a number."""
        if isinstance(right, (int, float)):
            right = self.scalar(right, left.dtype)
        return self.emit("compare", left, right, predicate=predicate)

    def math(self, op: str, left: Any, right: Any) -> Any:
        """A binary operation; one operand may be a number."""
        if isinstance(right, (int, float)):
            right = self.scalar(right, left.dtype)
        if isinstance(left, (int, float)):
            left = self.scalar(left, right.dtype)
        return self.emit(op, left, right)

    def where(self, condition: Any, left: Any, right: Any) -> Any:
        """A selection of three operands; one of the latter two may be a number."""
        if isinstance(right, (int, float)):
            right = self.scalar(right, left.dtype)
        if isinstance(left, (int, float)):
            left = self.scalar(left, right.dtype)
        return self.emit("select", condition, left, right)

    def reduce(self, op: str, value: Any, axes: Sequence[int], keepdims: bool = False) -> Any:
        """A reduction over axes; over none of them it is the value itself."""
        if not axes:
            return value
        return self.emit(op, value, axes=sorted(axes), keepdims=keepdims)

    @contextlib.contextmanager
    def only_where(self, condition: Any) -> Iterator[None]:
        """What is required meanwhile is so only where a Value of i1 without axes is true."""
        self._conditions.append(condition)
        try:
            yield
        finally:
            self._conditions.pop()

    def only_if_run(self, condition: Any) -> Any:
        """Whether a Value of i1 without axes is true, and so are all of `only_where`."""
        for each in self._conditions:
            condition = self.emit("and", condition, each)
        return condition

    def require_inside(self, positions: Any, extent: int, message: str) -> None:
        """Makes the program fail with `message` where a position is not of an axis of `extent`."""
        inside = self.compare("lt", positions, extent)
        if positions.dtype[0] == "i":
            inside = self.emit("and", inside, self.compare("ge", positions, -extent))
        inside = self.reduce("all", inside, list(range(len(positions.shape))))
        for condition in self._conditions:
            inside = self.emit("or", inside, self.emit("not", condition))
        self._builder.create("assert", (inside,), {"message": message})
