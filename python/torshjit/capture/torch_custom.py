# SPDX-License-Identifier: Apache-2.0
"""Custom operations in torch: as operators of `torch.library`, and in captured programs."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from torshjit.capture.custom_calls import add_custom_call
from torshjit.capture.numpy_dtypes import dialect_dtype, numpy_dtype
from torshjit.capture.torch_lowering import dialect_dtype as torch_dialect_dtype
from torshjit.capture.torch_lowering import torch_dtype
from torshjit.custom_operations import CustomOp, custom_op, find_custom_op
from torshjit.errors import ConfigError
from torshjit.specialization import as_numpy, as_torch

__all__ = ["call_torch_op", "lower_custom_op"]

_lock = threading.Lock()
#: Name -> the operation that was registered, its library and its overload.
_registered: dict[str, tuple[CustomOp, Any, Any]] = {}

_SCALARS = {bool: "bool", int: "int", float: "float", str: "str"}


def call_torch_op(op: CustomOp, operands: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Calls the torch operator of a custom operation, which autograd and captures know.

    Raises:
        ConfigError: an argument is of a type that torch operators cannot have.
    """
    tensors = [
        operand if isinstance(operand, torch.Tensor) else as_torch(np.asarray(operand))
        for operand in operands
    ]
    result = _overload(op, len(tensors), options)(*tensors, **options)
    if isinstance(result, tuple) or not _types(op, tensors, options)[1]:
        return result
    return (result,)


def _overload(op: CustomOp, count: int, options: Mapping[str, Any]) -> Any:
    with _lock:
        known = _registered.get(op.name)
        if known is not None and known[0] is op:
            return known[2]
        if known is not None:
            # Its name was given to another operation: the old operator goes.
            known[1]._destroy()
            del _registered[op.name]
        library, overload = _define(op, count, options)
        _registered[op.name] = (op, library, overload)
        return overload


def _define(op: CustomOp, count: int, options: Mapping[str, Any]) -> tuple[Any, Any]:
    namespace, _, name = op.name.partition("::")
    parameters = op.parameters or [f"x{number}" for number in range(count)]
    arguments = [f"Tensor {parameter}" for parameter in parameters]
    if options:
        arguments.append("*")
    for key, value in options.items():
        kind = _SCALARS.get(type(value))
        if kind is None:
            raise ConfigError(
                f"{op.name}: the argument {key} is of type {type(value).__name__}, which operators "
                "of torch cannot take; they take bool, int, float and str"
            )
        default = op.options[key]
        text = "" if default is inspect.Parameter.empty else f"={_default(default)}"
        arguments.append(f"{kind} {key}{text}")
    shapes = [(2,) * 2] * len(parameters)
    library = torch.library.Library(namespace, "FRAGMENT")
    results = _result_schema(op, shapes, options)
    library.define(f"{name}({', '.join(arguments)}) -> {results}")
    overload = getattr(getattr(torch.ops, namespace), name).default

    def run(*tensors: Any, **given: Any) -> Any:
        result = op.run([as_numpy(tensor) for tensor in tensors], given)
        parts = result if isinstance(result, (tuple, list)) else (result,)
        made = tuple(_fresh(part).to(tensors[0].device if tensors else "cpu") for part in parts)
        return made if len(made) != 1 else made[0]

    def fake(*tensors: Any, **given: Any) -> Any:
        types, _ = _types(op, tensors, given)
        made = tuple(
            tensors[0].new_empty(shape, dtype=torch_dtype(dialect_dtype(dtype)))
            for dtype, shape in types
        )
        return made if len(made) != 1 else made[0]

    library.impl(name, run, "CompositeExplicitAutograd")
    torch.library.register_fake(op.name, fake, lib=library)
    if op.vjp is not None:
        _register_gradient(op, library)
    return library, overload


def _default(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _fresh(result: Any) -> torch.Tensor:
    """A tensor that shares no memory with an operand or with the function's own arrays."""
    return as_torch(np.array(result))


def _types(op: CustomOp, tensors: Sequence[Any], options: Mapping[str, Any]) -> Any:
    return op.result_types(
        [tuple(tensor.shape) for tensor in tensors],
        [numpy_dtype(torch_dialect_dtype(tensor.dtype)) for tensor in tensors],
        options,
    )


def _result_schema(op: CustomOp, shapes: Sequence[Any], options: Mapping[str, Any]) -> str:
    """The results of the operator's schema: their number must not depend on the operands."""
    try:
        types, _ = op.result_types(shapes, [np.dtype(np.float32)] * len(shapes), options)
    except Exception:
        return "Tensor"
    return f"({', '.join(['Tensor'] * len(types))})" if len(types) != 1 else "Tensor"


def _register_gradient(op: CustomOp, library: Any) -> None:
    """Has torch's autograd call the operation's VJP, itself an operation of a compiled program."""
    vjp = op.vjp
    assert vjp is not None

    def keep(ctx: Any, inputs: tuple, keyword_only_inputs: Any = None, output: Any = None) -> None:
        outputs = output if isinstance(output, tuple) else (output,)
        ctx.save_for_backward(*inputs, *outputs)
        ctx.count = len(inputs)
        ctx.options = dict(keyword_only_inputs or {})

    def backward(context: Any, *cotangents: Any) -> Any:
        saved = context.saved_tensors
        operands, outputs = saved[: context.count], saved[context.count :]
        filled = [
            torch.zeros_like(output) if each is None else each
            for each, output in zip(cotangents, outputs, strict=True)
        ]
        gradient = _gradient_op(op, context.count, len(outputs))
        results = gradient(*operands, *outputs, *filled, **context.options)
        results = results if isinstance(results, tuple) else (results,)
        return tuple(
            result if operand.is_floating_point() else None
            for operand, result in zip(operands, results, strict=True)
        )

    torch.library.register_autograd(op.name, backward, setup_context=keep, lib=library)


def _gradient_op(op: CustomOp, num_operands: int, num_results: int) -> CustomOp:
    name = f"{op.name}_vjp"
    known = find_custom_op(name)
    if known is not None and getattr(known, "gradient_of", None) is op:
        return known
    names = [
        *(f"x{number}" for number in range(num_operands)),
        *(f"y{number}" for number in range(num_results)),
        *(f"g{number}" for number in range(num_results)),
    ]
    vjp = op.vjp
    assert vjp is not None

    def gradient(*arrays: Any, **options: Any) -> tuple[Any, ...]:
        operands, rest = arrays[:num_operands], arrays[num_operands:]
        results = vjp(operands, rest[:num_results], rest[num_results:], **options)
        results = results if isinstance(results, (tuple, list)) else (results,)
        return tuple(
            np.zeros(operand.shape, operand.dtype)
            if result is None
            else np.asarray(result).astype(operand.dtype, copy=False).reshape(operand.shape)
            for operand, result in zip(operands, results, strict=True)
        )

    parameters = [inspect.Parameter(each, inspect.Parameter.POSITIONAL_ONLY) for each in names]
    parameters += [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default)
        for key, default in op.options.items()
    ]
    gradient.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    made = custom_op(
        name,
        gradient,
        shape=lambda *shapes, **_: list(shapes[:num_operands]),
        dtype=lambda *dtypes, **_: list(dtypes[:num_operands]),
    )
    made.gradient_of = op
    return made


def lower_custom_op(g: Any, op: CustomOp, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Adds a custom operation to a captured torch program; returns its Value or Values."""
    types, _ = _types(op, args, kwargs)
    values = add_custom_call(
        op,
        g.builder,
        g.host_calls,
        [
            (g.value(tensor), numpy_dtype(torch_dialect_dtype(tensor.dtype)), tuple(tensor.shape))
            for tensor in args
        ],
        types,
        {**op.options, **kwargs},
        g.location,
    )
    return values if len(values) != 1 else values[0]
