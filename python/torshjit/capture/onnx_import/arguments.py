# SPDX-License-Identifier: Apache-2.0
"""Arguments and results of an ONNX model: what its graph declares, and what the program takes.

A program takes narrow elements as their bits (int8), and inputs that shapes depend on as numbers
and lists; a sequence is a list of arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from torshjit.capture.onnx_import.model import OnnxModel, load_onnx
from torshjit.capture.onnx_import.narrow_types import bits_of, is_narrow
from torshjit.errors import DTypeError, ShapeError

__all__ = [
    "array_of",
    "bound_arguments",
    "check_argument",
    "declared_dtype",
    "kind_of",
    "passed_argument",
    "result_of",
]

#: Arrays of more elements are not taken for shapes.
_LARGEST_VALUE = 1024

#: Floats are scales and limits; more of them are data that a condition is computed from.
_LARGEST_FLOATS = 16


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


def kind_of(declaration: Any) -> str:
    """``tensor``, ``sequence``, ``optional`` or another kind of a `ValueInfoProto`."""
    return (declaration.type.WhichOneof("value") or "tensor_type").removesuffix("_type")


def passed_argument(value: Any, declaration: Any, by_value: bool) -> Any:
    """What the program gets of an argument: bits of narrow elements, numbers and lists of values.

    Raises:
        DTypeError: the input's element type is narrow, and the argument's another one.
    """
    dtype = declared_dtype(declaration)
    if is_narrow(dtype):
        array = array_of(value, declaration)
        if array.dtype != dtype:
            raise DTypeError(
                f"onnx input {declaration.name!r} is declared as {dtype}, got {array.dtype}"
            )
        return bits_of(array)
    if not by_value or not isinstance(value, (np.ndarray, np.generic)):
        return value
    if kind_of(declaration) != "tensor":
        return value
    is_integer = value.dtype.kind in "biu"
    if value.size > (_LARGEST_VALUE if is_integer else _LARGEST_FLOATS):
        return value
    if value.dtype.name == "bfloat16":
        value = value.astype(np.float32)
    return value.tolist() if value.dtype.kind in "biuf" else value


def result_of(value: Any, dtype: np.dtype | None) -> Any:
    """A result of the program as the model declares it: `dtype` of what are bits."""
    if is_narrow(dtype) and isinstance(value, (np.ndarray, np.generic)) and value.dtype == np.int8:
        return np.asarray(value).view(dtype)
    return value
