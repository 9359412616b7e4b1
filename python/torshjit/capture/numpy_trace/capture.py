# SPDX-License-Identifier: Apache-2.0
"""Captures one call of a Python function over NumPy arrays."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from torshjit.capture.dlpack_arrays import dlpack_dtype, is_dlpack_array
from torshjit.capture.graph_function import (
    ArgumentBinding,
    ArgumentLeaf,
    ArrayLeaf,
    CapturedProgram,
    ResultLeaf,
    ValueLeaf,
    flatten,
    leaf_paths,
    tree_leaves,
    tree_map,
)
from torshjit.capture.numpy_dtypes import dialect_dtype, is_supported
from torshjit.capture.numpy_trace.function_names import FunctionNames
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.shadow import Shadow
from torshjit.capture.numpy_trace.tracer import Storage, Tracer
from torshjit.capture.numpy_trace.values import is_tracer
from torshjit.capture.opened_objects import Opened, Structure
from torshjit.errors import CaptureError, TorshError

__all__ = ["capture_function", "classify_argument"]

#: Types of arguments that are fixed at capture and compared at each call.
_VALUES = (bool, int, float, complex, str, bytes, type(None), slice, type(Ellipsis), np.dtype, type)


def classify_argument(value: Any) -> ArrayLeaf | ValueLeaf:
    """Says what an argument is to a NumPy program.

    Raises:
        CaptureError: it is an array of an unsupported kind, or an object that may hold state.
    """
    kind = type(value)
    if kind in (np.ndarray, np.memmap):
        if not is_supported(value.dtype):
            raise CaptureError(f"an argument has dtype {value.dtype}, which is not supported")
        return ArrayLeaf("numpy", dialect_dtype(value.dtype), value.shape)
    if isinstance(value, np.generic):
        if not is_supported(value.dtype):
            raise CaptureError(f"an argument has dtype {value.dtype}, which is not supported")
        return ArrayLeaf("scalar", dialect_dtype(value.dtype), ())
    if kind in _VALUES or isinstance(value, type):
        return ValueLeaf(value)
    if is_dlpack_array(value):
        return ArrayLeaf("dlpack", dialect_dtype(_dtype_of(value)), tuple(value.shape))
    raise CaptureError(
        f"an argument of type {kind.__name__} is neither an array, a container of arrays nor a "
        "plain value"
    )


def _dtype_of(array: Any) -> np.dtype:
    if isinstance(array, (np.ndarray, np.generic)):
        return array.dtype
    dtype = dlpack_dtype(array)
    assert dtype is not None
    return dtype


def capture_function(
    function: Callable,
    args: tuple,
    kwargs: dict[str, Any],
    compiler: Any,
    context: Any,
    *,
    is_strict: bool = False,
) -> CapturedProgram:
    """Traces ``function(*args, **kwargs)`` and returns its program.

    `compiler` is the module `torshjit._compiler`, `context` one of its contexts. What has no
    lowering is called on the host, unless `is_strict`.

    Raises:
        CaptureError: the function cannot be captured; UnsupportedOpError among them.
        ShapeError: shapes do not fit; it names the operation and the user's line.
        Exception: whatever the function raises itself.
    """
    started = time.perf_counter()
    if any(map(_runs_later, (function, getattr(function, "__call__", None)))):  # noqa: B004
        raise CaptureError("the function is a generator or a coroutine")
    args_tree, arrays = flatten(args, kwargs, classify_argument)
    session = TraceSession(compiler, context, is_strict)
    try:
        program = _trace(session, function, args, kwargs, args_tree, arrays)
    finally:
        session.close()
    program.capture_ms = (time.perf_counter() - started) * 1e3
    return program


def _trace(
    session: TraceSession,
    function: Callable,
    args: tuple,
    kwargs: dict[str, Any],
    args_tree: tuple[tuple, dict],
    arrays: list[Any],
) -> CapturedProgram:
    names = _argument_names(function, args, kwargs)
    paths = [path for path, leaf in leaf_paths(args_tree) if isinstance(leaf, ArrayLeaf)]
    tracers = iter(
        [
            _argument_tracer(session, array, number, names.get(path, path))
            for number, (array, path) in enumerate(zip(arrays, paths, strict=True))
        ]
    )

    def enter(leaf: ArrayLeaf | ValueLeaf) -> Any:
        return next(tracers) if isinstance(leaf, ArrayLeaf) else leaf.value

    entered = tree_map(enter, args_tree)
    before = _structure(entered)
    shadow = Shadow(session, function)
    traced = shadow.of(function, getattr(function, "__name__", "function"), FunctionNames())
    try:
        result = traced(*entered[0], **entered[1])
    except TorshError:
        raise
    except Exception as error:
        # What NumPy or the function made of an error of ours says less than that error.
        if session.first_error is not None:
            raise session.first_error from error
        raise
    if session.first_error is not None:
        raise session.first_error
    if _structure(entered) != before:
        raise CaptureError("the function changes a container that it was given")
    outputs: list[Any] = []
    output_tree = _output_tree(session, result, outputs)
    session.check_bound_arrays()
    shadow.check()
    module = session.finish(outputs)
    kinds = [leaf for leaf in tree_leaves(args_tree) if isinstance(leaf, ArrayLeaf)]
    return CapturedProgram(
        module=module,
        args_tree=args_tree,
        bindings=session.bindings,
        output_tree=output_tree,
        output_kind="dlpack" if any(leaf.kind == "dlpack" for leaf in kinds) else "numpy",
        guards=shadow.guards,
        source_names=session.names,
        host_functions=session.host_calls.functions,
    )


def _runs_later(function: Any) -> bool:
    return inspect.isgeneratorfunction(function) or inspect.iscoroutinefunction(function)


def _structure(entered: Any) -> list[tuple[str, int]]:
    return [(path, id(leaf)) for path, leaf in leaf_paths(entered)]


def _argument_names(function: Callable, args: tuple, kwargs: dict) -> dict[str, str]:
    """The parameter's name for the path of each leaf: ``[0][0]`` is the first argument."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        call = getattr(type(function), "__call__", None)  # noqa: B004  (its code is wanted)
        code = getattr(getattr(function, "__func__", call), "__code__", None)
    parameters = list(code.co_varnames[: code.co_argcount]) if code is not None else []
    if len(parameters) and parameters[0] == "self":
        parameters = parameters[1:]
    names = {}
    for tree, prefix in ((args, "[0]"), (kwargs, "[1]")):
        for path, _ in leaf_paths(tree, prefix):
            rest = path[len(prefix) :]
            head, bracket, tail = rest[1:].partition("]")
            if prefix == "[0]":
                place = int(head)
                name = parameters[place] if place < len(parameters) else f"argument {place}"
            else:
                name = head.strip("'\"")
            names[path] = name + tail if bracket else name
    return names


def _argument_tracer(session: TraceSession, array: Any, number: int, name: str) -> Tracer:
    dtype = _dtype_of(array).newbyteorder("=")
    shape = tuple(array.shape)
    value = session.add_input(dtype, shape, ArgumentBinding(number), name)
    is_scalar = isinstance(array, np.generic)
    tracer = Tracer(session, value, dtype, shape, Storage(external=True), is_scalar)
    tracer.origin = ArgumentLeaf(number)
    return tracer


class ComplexArray(Structure):
    """An array of complex numbers, put together from pairs along a last axis."""

    __slots__ = ()

    def __init__(self, dtype: np.dtype, is_scalar: bool) -> None:
        super().__init__(np.ndarray, (dtype, is_scalar))

    def make(self, parts: list) -> Any:
        dtype, is_scalar = self.context
        array = parts[0].view(dtype)[..., 0]
        return array[()] if is_scalar else array


def _output_tree(session: TraceSession, result: Any, outputs: list[Any]) -> Any:
    """Describes the result and appends the values of its arrays to `outputs`.

    An array returned twice is one output. Other arrays are outputs of their own, even where
    NumPy would return views of one memory.

    Raises:
        CaptureError: the result holds an object that is neither an array nor a plain value.
    """
    places: dict[int, Any] = {}
    alive = list(tree_leaves(result))

    def leave(value: Any) -> Any:
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            parts = tuple(tree_map(leave, part) for part in value)
            return Opened(Structure(type(value), None), parts)
        if isinstance(value, np.ndarray) and not is_tracer(value):
            # An array made while tracing, or of unknown origin: each call returns a copy.
            value = session.bind_object(value)
        if not is_tracer(value):
            if type(value) in _VALUES or isinstance(value, (np.generic, type)):
                return ValueLeaf(value)
            raise CaptureError(
                f"the function returns an object of type {type(value).__name__}, which is neither "
                "an array, a container of arrays nor a plain value"
            )
        if value.origin is not None:
            return value.origin
        if id(value) not in places:
            is_complex = value.dtype.kind == "c"
            leaf: Any = ResultLeaf(len(outputs), value.is_scalar and not is_complex)
            if is_complex:
                leaf = Opened(ComplexArray(value.dtype, value.is_scalar), (leaf,))
            places[id(value)] = leaf
            outputs.append(value.stored_value)
        return places[id(value)]

    tree = tree_map(leave, result)
    del alive
    return tree
