# SPDX-License-Identifier: Apache-2.0
"""Turns a call of an ONNX model into a captured program."""

from __future__ import annotations

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
from torshjit.capture.onnx_import.dynamic_axes import StaticExtentsNeeded, open_axis
from torshjit.capture.onnx_import.graph_import import GraphImport
from torshjit.capture.onnx_import.model import OnnxModel, load_onnx
from torshjit.errors import CaptureError, CompileError, DTypeError, ShapeError

__all__ = ["array_of", "bound_arguments", "capture_model", "check_argument"]


def declared_dtype(declaration: Any) -> np.dtype | None:
    """The element type of a `ValueInfoProto`; None for what is not a tensor."""
    onnx = load_onnx()
    if declaration.type.WhichOneof("value") != "tensor_type":
        return None
    element = declaration.type.tensor_type.elem_type
    try:
        return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(element))
    except (KeyError, TypeError):
        return None


def array_of(value: Any, declaration: Any) -> np.ndarray:
    """An argument as an array; a list or a number takes the declared element type."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, np.generic):
        return np.asarray(value)
    if isinstance(value, (bool, int, float, list)):
        return np.array(value, declared_dtype(declaration))
    from torshjit.specialization import as_numpy

    return as_numpy(value)


def bound_arguments(model: OnnxModel, args: tuple, kwargs: dict) -> dict[str, Any]:
    """The arguments of a call by the names of the graph's inputs.

    Raises:
        ShapeError: an argument is missing, unknown or given twice.
    """
    known = [each.name for each in (*model.inputs, *model.defaults)]
    if len(args) > len(known):
        raise ShapeError(f"{model.name} takes {len(known)} arguments, got {len(args)}")
    bound = dict(zip(known, args, strict=False))
    for name, value in kwargs.items():
        if name not in known:
            raise ShapeError(f"{model.name} has no input {name!r}; inputs: {', '.join(known)}")
        if name in bound:
            raise ShapeError(f"{model.name} got input {name!r} twice")
        bound[name] = value
    missing = [
        each.name
        for each in model.inputs
        if each.name not in bound and each.type.WhichOneof("value") != "optional_type"
    ]
    if missing:
        raise ShapeError(f"{model.name} needs the input {', '.join(map(repr, missing))}")
    return bound


def check_argument(declaration: Any, dtype: np.dtype, shape: tuple[int, ...]) -> dict[str, int]:
    """Compares an array with its declaration; returns the extents of its named axes.

    Raises:
        DTypeError: the element types differ.
        ShapeError: the ranks or the known extents differ.
    """
    expected = declared_dtype(declaration)
    is_text = dtype.kind in "OSU"
    if expected is not None and not is_text and dtype.newbyteorder("=") != expected:
        raise DTypeError(f"onnx input {declaration.name!r} is declared as {expected}, got {dtype}")
    tensor = declaration.type.tensor_type
    if not tensor.HasField("shape"):
        return {}
    named = {}
    fits = len(tensor.shape.dim) == len(shape)
    for dim, extent in zip(tensor.shape.dim, shape, strict=False):
        if dim.HasField("dim_value"):
            fits = fits and dim.dim_value == extent
        elif dim.dim_param:
            named[dim.dim_param] = extent
    if not fits:
        extents = [
            str(dim.dim_value) if dim.HasField("dim_value") else dim.dim_param or "?"
            for dim in tensor.shape.dim
        ]
        raise ShapeError(
            f"onnx input {declaration.name!r} is declared with shape ({', '.join(extents)}), "
            f"got {shape}"
        )
    return named


def capture_model(
    model: OnnxModel, args: tuple, kwargs: dict, compiler: Any, context: Any
) -> CapturedProgram:
    """Imports a model for arguments of given types.

    Arguments that are lists or numbers are known: the program is for their values. A model's only
    named axis has any extent where its nodes allow, else that of the call.

    Raises:
        UnsupportedOpError: an operator or a form of it has no lowering; it names the node.
        DTypeError: an element type is not the declared one, or one that the dialect lacks.
        ShapeError: an argument or the shapes in the model do not fit.
    """
    axis = open_axis(model)
    if axis is not None:
        try:
            return _import(model, args, kwargs, compiler, context, axis)
        except StaticExtentsNeeded:
            pass
    return _import(model, args, kwargs, compiler, context, None)


def _import(
    model: OnnxModel, args: tuple, kwargs: dict, compiler: Any, context: Any, axis: str | None
) -> CapturedProgram:
    """As `capture_model`, with the axis of that name left open."""
    started = time.perf_counter()
    bound = bound_arguments(model, args, kwargs)
    declarations = {each.name: each for each in (*model.inputs, *model.defaults)}
    g = GraphImport(model, compiler, context)
    scope: dict[str, Any] = dict(model.initializers)
    extents: dict[str, int] = {}
    kinds: list[str] = []

    def enter(name: str) -> Any:
        value, declaration = bound[name], declarations[name]
        if isinstance(value, (bool, int, float, list)):
            array = array_of(value, declaration)
            check_argument(declaration, array.dtype, array.shape)
            scope[name] = array
            return tree_map(ValueLeaf, value)
        if declaration.type.WhichOneof("value") != "tensor_type":
            raise CaptureError(f"onnx input {name!r} is not a tensor", op="onnx.graph")
        dtype, shape, kind = _described(value, name)
        for named, extent in check_argument(declaration, dtype, shape).items():
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
        leaf = ArrayLeaf(kind, dialect_dtype(dtype), shape)
        scope[name] = g.add_argument(len(kinds), leaf.dtype, shape, name)
        kinds.append(kind)
        return leaf

    names = list(bound)
    args_tree = (
        tuple(enter(name) for name in names[: len(args)]),
        {name: enter(name) for name in names[len(args) :]},
    )
    g.run(model.proto.graph.node, scope, model.opsets, {})
    outputs = []
    for name in model.outputs:
        result = scope.get(name)
        if result is None:
            raise CompileError(f"the ONNX model is malformed: output {name!r} is not defined")
        outputs.append(g.value(result))
    module = g.finish(outputs)
    leaves = [ResultLeaf(index) for index in range(len(outputs))]
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
