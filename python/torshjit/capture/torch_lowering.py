# SPDX-License-Identifier: Apache-2.0
"""Builds torsh operations for the torch capture: element types, constants, casts, broadcasts.

A rule turns one ATen call into torsh operations. It is called as ``rule(g, *args, **kwargs)``
with the arguments of the ATen call, tensors as the meta tensors that the trace runs on, and
returns a Value, or a tuple of them where the ATen operation has several results. Shapes and
element types of results are those of the Values returned: no meta kernel of torch is run,
because many of them are written in Python and importing them costs a second.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch

from torshjit.capture.host_calls import HostCalls
from torshjit.capture.numpy_dtypes import numpy_dtype
from torshjit.errors import CaptureError, DTypeError, ShapeError, TorshError, UnsupportedOpError

__all__ = [
    "RULES",
    "Deferred",
    "Lowering",
    "Unavailable",
    "accumulation_dtype",
    "axes_of",
    "axis_of",
    "dialect_dtype",
    "is_float",
    "lowers",
    "torch_dtype",
]

_DIALECT = {
    torch.bool: "i1",
    torch.int8: "i8",
    torch.int16: "i16",
    torch.int32: "i32",
    torch.int64: "i64",
    torch.uint8: "ui8",
    torch.uint16: "ui16",
    torch.uint32: "ui32",
    torch.uint64: "ui64",
    torch.float16: "f16",
    torch.bfloat16: "bf16",
    torch.float32: "f32",
    torch.float64: "f64",
}
_TORCH = {name: dtype for dtype, name in _DIALECT.items()}

Rule = Callable[..., Any]

#: The rule of each ATen overload, by its full name: ``aten.add.Tensor``.
RULES: dict[str, Rule] = {}


def lowers(*overloads: str) -> Callable[[Rule], Rule]:
    """Registers the decorated function as the rule of ATen overloads."""

    def register(rule: Rule) -> Rule:
        for overload in overloads:
            RULES[overload] = rule
        return rule

    return register


class Unavailable:
    """Stands for a result that a rule cannot compute; an error only if it is used."""

    def __init__(self, reason: str, dtype: str, shape: Sequence[int]) -> None:
        self.reason = reason
        self.dtype = dtype
        self.shape = tuple(shape)


class Deferred:
    """Stands for a second result that few programs use: computed where it is first read.

    `compute` must not read a tensor, which may have been written to by then, only Values.
    """

    def __init__(self, compute: Callable[[], Any], dtype: str, shape: Sequence[int]) -> None:
        self.compute = compute
        self.dtype = dtype
        self.shape = tuple(shape)


def dialect_dtype(dtype: torch.dtype) -> str:
    """Returns the dialect's name of a torch dtype.

    Raises:
        DTypeError: the dialect lacks the element type.
    """
    name = _DIALECT.get(dtype)
    if name is None:
        raise DTypeError(f"{dtype} is not supported in a compiled program")
    return name


def torch_dtype(name: str) -> torch.dtype:
    """Returns the torch dtype of the dialect's name."""
    return _TORCH[name]


def is_float(dtype: str) -> bool:
    """Whether the dialect's name is that of a float type."""
    return dtype[0] in "fb"


def accumulation_dtype(dtype: str) -> str:
    """The type in which torch computes several steps on elements of `dtype`."""
    return "f32" if dtype in ("f16", "bf16") else dtype


def axis_of(axis: int, rank: int) -> int:
    """Returns `axis` counted from the front; a tensor without axes has axis 0 and -1 as in torch.

    Raises:
        ShapeError: the axis is out of range.
    """
    extent = max(rank, 1)
    if not -extent <= axis < extent:
        raise ShapeError(f"axis {axis} is out of range for a tensor of rank {rank}")
    return axis % extent


def axes_of(axes: int | Iterable[int] | None, rank: int) -> list[int]:
    """Returns sorted axes counted from the front; None or none at all means every axis."""
    if axes is None:
        return list(range(rank))
    if isinstance(axes, int):
        axes = (axes,)
    result = sorted({axis_of(axis, rank) for axis in axes})
    if rank == 0:
        return []
    return result or list(range(rank))


class Lowering:
    """Adds torsh operations to the graph under construction.

    `read` gives the Value of a traced tensor, `write` replaces it. `location` is the user's line
    that the operations are attributed to.
    """

    def __init__(
        self,
        compiler: Any,
        context: Any,
        read: Callable[[torch.Tensor], Any],
        write: Callable[[torch.Tensor, Any], None],
    ) -> None:
        self.builder = compiler.GraphBuilder(context)
        self.host_calls = HostCalls(self.builder)
        #: How many conditions on data the program checks.
        self.assertions = 0
        #: The random numbers of the program, where it draws any.
        self.draws: Any = None
        self.location: tuple[str, int] | None = None
        self.op: str | None = None
        self._mlir_error = compiler.MLIRError
        self._read = read
        self._write = write
        self._scalars: dict[tuple[str, str], Any] = {}

    def close(self) -> None:
        """Lets go of the graph, which is finished or given up."""
        self._scalars.clear()
        self.draws = None
        self.host_calls.close()
        del self.builder

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
        self.assertions += op == "assert"
        try:
            return self.builder.create(
                op, operands, attributes, loc=self.location, result_type=result_type
            )
        except self._mlir_error as error:
            message = str(error.args[0]) if error.args else str(error)
            raise ShapeError(
                message, op=self.op or f"torsh.{op}", location=self.location
            ) from error

    def fail(self, reason: str) -> TorshError:
        """The error for an ATen call of a form that is not covered."""
        return UnsupportedOpError(f"{self.op}: {reason}", op=self.op, location=self.location)

    # Values.

    def value(self, tensor: torch.Tensor) -> Any:
        """The Value of a traced tensor."""
        return self._read(tensor)

    def write(self, tensor: torch.Tensor, value: Any) -> None:
        """Replaces the elements of a traced tensor, in all views of them.

        Raises:
            CaptureError: the memory must not be written, or is that of another tensor, too.
        """
        self._write(tensor, value)

    def operand(self, source: Any, dtype: str) -> Any:
        """The Value of a traced tensor or a number, as element type `dtype`."""
        if isinstance(source, torch.Tensor):
            return self.cast(self._read(source), dtype)
        return self.scalar(source, dtype)

    def operands(self, sources: Sequence[Any], dtype: str) -> list[Any]:
        """`operand` of each source."""
        return [self.operand(source, dtype) for source in sources]

    def optional(self, tensor: torch.Tensor | None, dtype: str) -> Any:
        """`operand` of a tensor that may be None."""
        return None if tensor is None else self.operand(tensor, dtype)

    def scalar(self, number: Any, dtype: str) -> Any:
        """A constant without axes; integers wrap around as torch's do."""
        key = (dtype, repr(number))
        value = self._scalars.get(key)
        if value is None:
            if isinstance(number, complex):
                raise DTypeError(f"{self.op}: complex numbers are not supported")
            array = np.asarray(number).astype(numpy_dtype(dtype))
            value = self._scalars[key] = self.builder.constant(array, loc=self.location)
        return value

    def constant(self, tensor: torch.Tensor) -> Any:
        """The contents of a real tensor as a constant; a repeated element is stored once.

        Raises:
            CaptureError: the tensor is too large to be copied into the program.
        """
        dtype = dialect_dtype(tensor.dtype)
        tensor = tensor.detach()
        shape = tuple(tensor.shape)
        if tensor.numel() == 1:
            return self.reshape(self.scalar(tensor.reshape(()).item(), dtype), shape)
        if tensor.numel() > 1:
            first = tensor.reshape(-1)[0]
            if bool((tensor == first).all()):
                return self.broadcast(self.scalar(first.item(), dtype), shape)
        if tensor.numel() > 1 << 22:
            raise CaptureError(
                f"a tensor of {tensor.numel()} elements is created inside the program; "
                "pass it as an argument or make it a buffer",
                op=self.op,
                location=self.location,
            )
        if tensor.dtype is torch.bfloat16:
            array = tensor.to(torch.float32).numpy().astype(numpy_dtype("bf16"))
        else:
            array = tensor.contiguous().numpy()
        return self.builder.constant(np.ascontiguousarray(array), loc=self.location)

    # Casts and shapes; each is left out where it changes nothing.

    def cast(self, value: Any, dtype: str) -> Any:
        """`value` with element type `dtype`."""
        if value.dtype == dtype:
            return value
        return self.create("cast", (value,), {"dtype": dtype})

    def reshape(self, value: Any, shape: Sequence[int]) -> Any:
        """`value` under another static shape of as many elements."""
        shape = tuple(shape)
        if tuple(value.shape) == shape:
            return value
        return self.create("reshape", (value,), {}, (value.dtype, shape))

    def broadcast(self, value: Any, shape: Sequence[int]) -> Any:
        """`value` repeated to `shape`."""
        shape = tuple(shape)
        if tuple(value.shape) == shape:
            return value
        return self.create("broadcast", (value,), {}, (value.dtype, shape))

    def permute(self, value: Any, permutation: Sequence[int]) -> Any:
        """`value` with axis ``permutation[i]`` as axis ``i``."""
        if list(permutation) == list(range(len(permutation))):
            return value
        return self.emit("permute", value, permutation=list(permutation))

    def swap_last(self, value: Any) -> Any:
        """`value` with its last two axes exchanged."""
        rank = len(value.shape)
        return self.permute(value, [*range(rank - 2), rank - 1, rank - 2])

    def slice(self, value: Any, axis: int, start: int, stop: int, step: int = 1) -> Any:
        """``value[start:stop:step]`` along one axis, bounds within the extent."""
        shape = value.shape
        if start == 0 and stop == shape[axis] and step == 1:
            return value
        starts, stops, strides = [0] * len(shape), list(shape), [1] * len(shape)
        starts[axis], stops[axis], strides[axis] = start, stop, step
        return self.emit("slice", value, start=starts, stop=stops, stride=strides)

    def concat(self, values: Sequence[Any], axis: int) -> Any:
        """The values one after the other along `axis`."""
        if len(values) == 1:
            return values[0]
        return self.create("concat", (list(values),), {"axis": axis})

    def iota(self, shape: Sequence[int], axis: int, dtype: str) -> Any:
        """Positions along `axis`."""
        return self.create("iota", ([],), {"axis": axis}, (dtype, tuple(shape)))

    # Elements at positions that are data.

    def gather(self, value: Any, positions: Sequence[Any], axes: Sequence[int]) -> Any:
        """Elements at positions along sorted axes, whose place the axes of the positions take."""
        return self.emit("gather", value, list(positions), axes=list(axes))

    def scatter(
        self,
        value: Any,
        updates: Any,
        positions: Sequence[Any],
        axes: Sequence[int],
        reduction: str = "none",
    ) -> Any:
        """`value` with the elements that `gather` would read replaced or combined."""
        return self.emit(
            "scatter", value, updates, list(positions), axes=list(axes), reduction=reduction
        )

    def take_along(self, value: Any, positions: Any, axis: int) -> Any:
        """One element of a row along `axis` for each position; other extents are equal."""
        return self.emit("take_along_axis", value, positions, axis=axis)

    def scan(self, kind: str, value: Any, axis: int, **options: bool) -> Any:
        """Running sum, product, maximum or minimum."""
        return self.emit("scan", value, kind=kind, axis=axis, **options)

    # Small programs that several families use.

    def compare(self, predicate: str, left: Any, right: Any) -> Any:
        """A comparison of two Values of one element type."""
        return self.emit("compare", left, right, predicate=predicate)

    def is_true(self, value: Any) -> Any:
        """`value` as bool."""
        return self.cast(value, "i1")

    def reduce(self, op: str, value: Any, axes: Sequence[int], keepdims: bool = False) -> Any:
        """A reduction over sorted axes; over none of them it is the value itself."""
        if not axes:
            return value
        return self.emit(op, value, axes=list(axes), keepdims=keepdims)

    def mean(self, value: Any, axes: Sequence[int], keepdims: bool = False) -> Any:
        """The mean of a float Value."""
        return self.reduce("mean", value, axes, keepdims)

    def variance(
        self, value: Any, axes: Sequence[int], correction: float, keepdims: bool = False
    ) -> tuple[Any, Any]:
        """Variance and mean of a float Value, in two passes as torch computes them."""
        mean = self.mean(value, axes, keepdims=True)
        centred = self.emit("sub", value, mean)
        count = math.prod(value.shape[axis] for axis in axes)
        total = self.reduce("sum", self.emit("mul", centred, centred), axes, keepdims)
        divisor = self.scalar(float(max(count - correction, 0)), value.dtype)
        if not keepdims:
            kept = [n for axis, n in enumerate(value.shape) if axis not in set(axes)]
            mean = self.reshape(mean, kept)
        return self.emit("div", total, divisor), mean
