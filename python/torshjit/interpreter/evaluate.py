# SPDX-License-Identifier: Apache-2.0
"""Evaluation of a graph, operation by operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from torshjit.errors import DTypeError, ShapeError
from torshjit.interpreter.element_types import converted, numpy_dtype, storage_dtype, widened
from torshjit.interpreter.registry import Call, Location, TensorType, lookup

_INDEX = "index"


class OpRecord(Protocol):
    """One operation of a graph; values are numbered, the graph's inputs first."""

    @property
    def name(self) -> str: ...
    @property
    def operands(self) -> Sequence[int]: ...
    @property
    def results(self) -> Sequence[int]: ...
    @property
    def result_types(self) -> Sequence[TensorType]: ...
    @property
    def attributes(self) -> Mapping[str, Any]: ...
    @property
    def location(self) -> Location | None: ...


class Graph(Protocol):
    """A program as `torshjit._compiler.Module.graph` gives it."""

    @property
    def inputs(self) -> Sequence[TensorType]: ...
    @property
    def outputs(self) -> Sequence[int]: ...
    @property
    def ops(self) -> Sequence[OpRecord]: ...


Around = Callable[[Call, Callable[[Call], np.ndarray]], np.ndarray]


def evaluate(
    graph: Graph,
    inputs: Sequence[np.ndarray],
    compute_dtype: str | None = None,
    around: Around | None = None,
    host_functions: Mapping[str, Any] | None = None,
) -> list[np.ndarray]:
    """The outputs of `graph` for `inputs`, by the reference meaning of every operation.

    Args:
        graph: the program.
        inputs: one array per input of the graph, of its element type (bool for i1, ml_dtypes'
            bfloat16 for bf16), its rank and its static extents; any memory layout. Not modified.
        compute_dtype: None evaluates in the program's own types, rounding f16 and bf16 once per
            operation. "f64" (or another float type) computes and keeps every float tensor in
            that type, casts between float types included, and returns float outputs in it.
        around: called as `around(call, function)` in place of `function(call)` for every `torsh`
            operation, to watch or to change what it is given and what it gives.
        host_functions: the functions that the program calls, by name; those that are missing
            are looked up (`torshjit.host_functions.find_function`).

    Returns:
        One new C-contiguous array per output, 0-d tensors as 0-d arrays.

    Raises:
        DTypeError: an input's dtype is not the graph's.
        ShapeError: an input's shape does not fit, or extents differ that have to be equal.
        UnsupportedOpError: an operation has no reference function.
    """
    _check_inputs(graph, inputs)
    values: dict[int, np.ndarray] = {}
    types: dict[int, TensorType] = dict(enumerate(graph.inputs))
    for value, (array, type_) in enumerate(zip(inputs, graph.inputs, strict=True)):
        values[value] = converted(np.asarray(array), storage_dtype(type_.dtype, compute_dtype))
    last_uses = _last_uses(graph)
    with np.errstate(all="ignore"):
        for position, op in enumerate(graph.ops):
            results = _evaluate_operation(
                op, values, types, compute_dtype, around, host_functions or {}
            )
            values.update(zip(op.results, results, strict=True))
            types.update(zip(op.results, op.result_types, strict=True))
            for value in {*op.operands, *op.results}:
                if last_uses.get(value, position) <= position:
                    del values[value]
    return [np.array(values[value], order="C", copy=True) for value in graph.outputs]


def _evaluate_operation(
    op: OpRecord,
    values: Mapping[int, np.ndarray],
    types: Mapping[int, TensorType],
    compute_dtype: str | None,
    around: Around | None,
    host_functions: Mapping[str, Any],
) -> list[np.ndarray]:
    function = lookup(op.name, op.location)
    result_type = op.result_types[0] if op.result_types else None
    call = Call(
        name=op.name,
        groups=_grouped(op, [widened(values[i]) for i in op.operands]),
        types=_grouped(op, [types[i] for i in op.operands]),
        attributes=op.attributes,
        result_type=result_type,
        result_dtype=_result_dtype(result_type, compute_dtype),
        location=op.location,
        result_types=op.result_types,
        host_functions=host_functions,
    )
    if around is not None and op.name.startswith("torsh."):
        result = around(call, function)
    else:
        result = function(call)
    return [
        _stored(call, part, type_, compute_dtype)
        for part, type_ in zip(
            result if isinstance(result, tuple) else (result,), op.result_types, strict=True
        )
    ]


def _result_dtype(type_: TensorType | None, compute_dtype: str | None) -> np.dtype:
    if type_ is None or type_.dtype == _INDEX:
        return np.dtype(np.int64)
    return storage_dtype(type_.dtype, compute_dtype)


def _stored(call: Call, result: Any, type_: TensorType, compute_dtype: str | None) -> np.ndarray:
    """The result in its storage type, checked against the type that the program gives it."""
    array = converted(np.asarray(result), _result_dtype(type_, compute_dtype))
    if not _fits(array.shape, type_.shape):
        raise call.shape_error(
            f"the result has shape {tuple(array.shape)}, its type says {tuple(type_.shape)}"
        )
    return array


def _grouped(op: OpRecord, operands: list[Any]) -> tuple[tuple[Any, ...], ...]:
    """`operands` split by ODS operand group."""
    groups, begin = [], 0
    for size in op.attributes["operand_segments"]:
        groups.append(tuple(operands[begin : begin + size]))
        begin += size
    return tuple(groups)


def _last_uses(graph: Graph) -> dict[int, int]:
    """The position of the last operation to use each value, past the end for outputs."""
    uses = {value: position for position, op in enumerate(graph.ops) for value in op.operands}
    uses.update((value, len(graph.ops)) for value in graph.outputs)
    return uses


def _fits(shape: Sequence[int], expected: Sequence[int]) -> bool:
    return len(shape) == len(expected) and all(
        extent == wanted or wanted == -1 for extent, wanted in zip(shape, expected, strict=True)
    )


def _check_inputs(graph: Graph, inputs: Sequence[np.ndarray]) -> None:
    if len(inputs) != len(graph.inputs):
        raise ShapeError(f"the program has {len(graph.inputs)} inputs, {len(inputs)} were given")
    for position, (array, type_) in enumerate(zip(inputs, graph.inputs, strict=True)):
        array = np.asarray(array)
        if array.dtype != numpy_dtype(type_.dtype):
            raise DTypeError(f"input {position} is {array.dtype}, the program takes {type_.dtype}")
        if not _fits(array.shape, type_.shape):
            raise ShapeError(
                f"input {position} has shape {tuple(array.shape)}, the program takes "
                f"{tuple(type_.shape)} (-1: any extent)"
            )
