# SPDX-License-Identifier: Apache-2.0
"""Turns a call of an ONNX model into a captured program."""

from __future__ import annotations

import functools
import time
from typing import Any

import numpy as np

from torshjit.capture.dlpack_arrays import is_dlpack_array
from torshjit.capture.graph_function import (
    ArrayLeaf,
    CapturedProgram,
    ResultLeaf,
    ValueLeaf,
    tree_map,
)
from torshjit.capture.numpy_dtypes import dialect_dtype
from torshjit.capture.onnx_import.arguments import (
    array_of,
    bound_arguments,
    check_argument,
    declared_dtype,
    kind_of,
)
from torshjit.capture.onnx_import.dynamic_axes import StaticExtentsNeeded, open_axis
from torshjit.capture.onnx_import.graph_import import GraphImport
from torshjit.capture.onnx_import.model import OnnxModel
from torshjit.capture.onnx_import.narrow_types import Narrow, is_narrow
from torshjit.errors import CaptureError, CompileError, ShapeError

__all__ = ["capture_model"]


def capture_model(
    model: OnnxModel,
    args: tuple,
    kwargs: dict,
    compiler: Any,
    context: Any,
    is_strict: bool = True,
) -> CapturedProgram:
    """Imports a model for arguments of given types.

    Arguments that are lists or numbers are known: the program is for their values. A model's only
    named axis has any extent where its nodes allow, else that of the call. Unless `is_strict`, a
    node without a lowering is a call of onnx's reference evaluator where its results have types.

    Raises:
        UnsupportedOpError: an operator or a form of it has no lowering; it names the node.
        DTypeError: an element type is not the declared one, or one that the dialect lacks.
        ShapeError: an argument or the shapes in the model do not fit.
    """
    axis = open_axis(model)
    if axis is not None:
        try:
            return _import(model, args, kwargs, compiler, context, is_strict, axis)
        except StaticExtentsNeeded:
            pass
    return _import(model, args, kwargs, compiler, context, is_strict, None)


def _import(
    model: OnnxModel,
    args: tuple,
    kwargs: dict,
    compiler: Any,
    context: Any,
    is_strict: bool,
    axis: str | None,
) -> CapturedProgram:
    """As `capture_model`, with the axis of that name left open."""
    started = time.perf_counter()
    model.refused = []
    bound = bound_arguments(model, args, kwargs)
    declarations = {each.name: each for each in (*model.inputs, *model.defaults)}
    g = GraphImport(model, compiler, context, is_strict)
    scope: dict[str, Any] = dict(model.initializers)
    extents: dict[str, int] = {}
    kinds: list[str] = []

    def enter(name: str) -> Any:
        value, declaration = bound[name], declarations[name]
        if kind_of(declaration) != "tensor":
            leaf, scope[name] = nested(value, declaration)
            return leaf
        if isinstance(value, (bool, int, float, list)):
            array = array_of(value, declaration)
            check_argument(declaration, array.dtype, array.shape)
            scope[name] = array
            return tree_map(ValueLeaf, value)
        dtype, shape, kind = _described(value, name)
        narrow = declared_dtype(declaration)
        if not is_narrow(narrow):
            narrow = None
        for named, extent in check_argument(declaration, narrow or dtype, shape).items():
            if extents.setdefault(named, extent) != extent:
                raise ShapeError(
                    f"onnx input {name!r}: axis {named!r} has extent {extent}, and "
                    f"{extents[named]} in another input"
                )
        if axis is not None:
            dims = declaration.type.tensor_type.shape.dim
            shape = tuple(
                -1 if dim.dim_param == axis else extent
                for dim, extent in zip(dims, shape, strict=False)
            )
        leaf, argument = add(name, dtype, shape, kind)
        scope[name] = argument if narrow is None else Narrow(argument, narrow)
        return leaf

    def add(name: str, dtype: np.dtype, shape: tuple[int, ...], kind: Any) -> tuple[Any, Any]:
        leaf = ArrayLeaf(kind, dialect_dtype(dtype), shape)
        argument = g.add_argument(len(kinds), leaf.dtype, shape, name)
        kinds.append(kind)
        return leaf, argument

    def nested(value: Any, declaration: Any) -> tuple[Any, Any]:
        """The leaves and operands of a sequence or of what is optional."""
        if value is None:
            return ValueLeaf(None), None
        if isinstance(value, list):
            pairs = [nested(each, declaration) for each in value]
            return [leaf for leaf, _ in pairs], [operand for _, operand in pairs]
        if isinstance(value, (bool, int, float)):
            raise CaptureError(
                f"onnx input {declaration.name!r}: {value!r} is not an array", op="onnx.graph"
            )
        return add(declaration.name, *_described(value, declaration.name))

    names = list(bound)
    args_tree = (
        tuple(enter(name) for name in names[: len(args)]),
        {name: enter(name) for name in names[len(args) :]},
    )
    g.run(model.proto.graph.node, scope, model.opsets, {})
    outputs: list[Any] = []
    leaves: list[Any] = []

    def deliver(declared: np.dtype | None, result: Any) -> ResultLeaf:
        dtype = getattr(result, "dtype", None)
        if is_narrow(dtype) or is_narrow(declared):
            if dtype != declared:
                raise CompileError(
                    f"the ONNX model is malformed: an output of {dtype} is declared as {declared}"
                )
            result = g.narrow(result).bits
        outputs.append(g.value(result))
        return ResultLeaf(len(outputs) - 1)

    for name in model.outputs:
        if name not in scope:
            raise CompileError(f"the ONNX model is malformed: output {name!r} is not defined")
        result = scope[name]
        if result is None:
            raise CaptureError(
                f"onnx output {name!r} is an optional that is empty", op="onnx.graph"
            )
        declared = declared_dtype(model.declared[name])
        leaves.append(tree_map(functools.partial(deliver, declared), result))
    module = g.finish(outputs)
    kind = kinds[0] if kinds else "numpy"
    return CapturedProgram(
        module=module,
        args_tree=args_tree,
        bindings=g.bindings,
        output_tree=leaves[0] if len(leaves) == 1 else tuple(leaves),
        output_kind="numpy" if kind == "scalar" else kind,  # type: ignore[arg-type]
        source_names=g.names,
        host_functions=g.host_calls.functions,
        capture_ms=(time.perf_counter() - started) * 1e3,
    )


def _described(value: Any, name: str) -> tuple[np.dtype, tuple[int, ...], Any]:
    if isinstance(value, np.generic):
        return value.dtype, (), "scalar"
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, "numpy"
    from torshjit.sources import is_torch_tensor

    if is_torch_tensor(value) or is_dlpack_array(value):
        from torshjit.specialization import as_numpy

        kind = "torch" if is_torch_tensor(value) else "dlpack"
        return as_numpy(value).dtype, tuple(value.shape), kind
    raise CaptureError(
        f"onnx input {name!r} is an object of type {type(value).__name__}, not an array",
        op="onnx.graph",
    )
