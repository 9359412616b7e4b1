# SPDX-License-Identifier: Apache-2.0
"""How each kind of ATen call is treated by the trace: lowered, viewed, written, run, refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from torshjit.capture import (
    torch_activation,
    torch_attention,
    torch_backward_activation,
    torch_backward_contraction,
    torch_backward_indexing,
    torch_backward_movement,
    torch_backward_normalization,
    torch_backward_window,
    torch_batch_norm,
    torch_bessel,
    torch_bits,
    torch_contraction,
    torch_counting,
    torch_distance,
    torch_elementwise,
    torch_indexing,
    torch_interpolation,
    torch_linalg,
    torch_loss,
    torch_movement,
    torch_normalization,
    torch_polynomials,
    torch_quantized,
    torch_random,
    torch_reduction,
    torch_scan,
    torch_scatter,
    torch_searching,
    torch_selection,
    torch_sorting,
    torch_special,
    torch_unary,
    torch_window,
)
from torshjit.capture.torch_aliasing import AliasGroup, Traced
from torshjit.capture.torch_decomposition import decomposition_of
from torshjit.capture.torch_lowering import RULES, dialect_dtype
from torshjit.capture.torch_quantized import PACKED_PRODUCTS
from torshjit.capture.torch_strided import STRIDED, take_strided
from torshjit.capture.torch_view_steps import joined_steps
from torshjit.capture.torch_views import AMBIGUOUS_VIEWS, VIEWS
from torshjit.capture.torch_writes import is_in_place, write_in_place
from torshjit.custom_operations import find_custom_op
from torshjit.errors import CaptureError, UnsupportedOpError

if TYPE_CHECKING:
    from torshjit.capture.torch_dispatch import TorchTrace

__all__ = ["RULE_FAMILIES", "choose_handler"]

#: The modules whose import fills RULES.
RULE_FAMILIES = (
    torch_activation,
    torch_attention,
    torch_backward_activation,
    torch_backward_contraction,
    torch_backward_indexing,
    torch_backward_movement,
    torch_backward_normalization,
    torch_backward_window,
    torch_batch_norm,
    torch_bessel,
    torch_bits,
    torch_contraction,
    torch_counting,
    torch_distance,
    torch_elementwise,
    torch_indexing,
    torch_interpolation,
    torch_linalg,
    torch_loss,
    torch_movement,
    torch_normalization,
    torch_polynomials,
    torch_quantized,
    torch_random,
    torch_reduction,
    torch_scan,
    torch_scatter,
    torch_searching,
    torch_selection,
    torch_sorting,
    torch_special,
    torch_unary,
    torch_window,
)

_COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd
_CPU = torch.device("cpu")

_VALUE_QUERIES = frozenset(
    {
        "aten.item.default",
        "aten._local_scalar_dense.default",
        "aten.is_nonzero.default",
        "aten.equal.default",
        "aten.allclose.default",
    }
)
_LIKE = frozenset(
    {
        "zeros_like",
        "ones_like",
        "full_like",
        "empty_like",
        "new_zeros",
        "new_ones",
        "new_full",
        "new_empty",
        "new_empty_strided",
    }
)
_CONVERSIONS = frozenset(
    {
        "aten.to.device",
        "aten.to.dtype",
        "aten.to.dtype_layout",
        "aten.to.other",
        "aten._to_copy.default",
        "aten.type_as.default",
    }
)

Handler = Callable[["TorchTrace", Any, Sequence[Any], dict[str, Any]], Any]

_HANDLERS: dict[Any, Handler] = {}


def choose_handler(func: Any) -> Handler:
    """The handler of an ATen overload, called with the trace, the overload and its arguments."""
    handler = _HANDLERS.get(func)
    if handler is None:
        handler = _HANDLERS[func] = _new_handler(func)
    return handler


def _new_handler(func: Any) -> Handler:
    name = str(func)
    if name in _VALUE_QUERIES:
        return _ask_value
    if name in _CONVERSIONS:
        return _convert
    if name == "aten._nested_tensor_from_mask_left_aligned.default":
        return _decline_nested_tensors
    if func._schema.is_mutable and name not in RULES:
        return _handle_write
    if func._schema.name.removeprefix("aten::") in _LIKE:
        return _create_like
    if name in STRIDED:
        return _with_constants(take_strided)
    if name in VIEWS:
        take = _with_constants(_take_view)
        return _flatten_with(take) if name == "aten.flatten.using_ints" else take
    if name in PACKED_PRODUCTS:
        return PACKED_PRODUCTS[name]
    if not name.startswith("aten.") and find_custom_op(func._schema.name) is not None:
        return _call_custom_op
    lowering = _choose_lowering(func, name)
    # Numbers that are drawn are new at each call, however well known the operands are.
    is_random = torch.Tag.nondeterministic_seeded in func.tags
    return _after_seeding(lowering) if is_random else _with_constants(lowering)


def _choose_lowering(func: Any, name: str) -> Handler:
    rule = RULES.get(name)
    if rule is not None:
        return lambda trace, func, args, kwargs: trace.wrap(rule(trace.g, *args, **kwargs), args)
    if torch.Tag.nondeterministic_seeded in func.tags and not _is_composite(func):
        return _refuse_random
    program = decomposition_of(func)
    if program is not None:
        return _decompose_into(program)
    if torch.Tag.data_dependent_output in func.tags or torch.Tag.dynamic_output_shape in func.tags:
        return _refuse_data_dependence
    return _refuse_uncovered


def _call_custom_op(
    trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
    from torshjit.capture.torch_custom import lower_custom_op

    op = find_custom_op(func._schema.name)
    if op is None:
        raise UnsupportedOpError(f"{trace.g.op} is not registered any more", op=trace.g.op)
    return trace.wrap(lower_custom_op(trace.g, op, args, kwargs))


def _with_constants(otherwise: Handler) -> Handler:
    """Runs the call for real where every tensor's contents are known; factories are among these."""

    def handle(trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        real = trace.constants(args, kwargs)
        if real is None:
            return otherwise(trace, func, args, kwargs)
        real_args, real_kwargs = real
        if any(argument.name == "device" for argument in func._schema.arguments):
            trace.device.check_destination(kwargs.get("device"))
            real_kwargs["device"] = _CPU
        result = func(*real_args, **real_kwargs)
        if "empty" in func._schema.name:
            result.zero_()
        if otherwise is _take_view and str(func) not in AMBIGUOUS_VIEWS:
            return _take_view(trace, func, args, kwargs, result)
        wrapped = trace.wrap_constant(result)
        if otherwise is _take_view:
            trace.record(wrapped).group.relate(trace.record(args[0]).group)
        return wrapped

    return handle


def _after_seeding(lowering: Handler) -> Handler:
    """Draws numbers after what the program has seeded torch's generator with, if it has."""

    def handle(trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        trace.seeds.follow(trace.g)
        return lowering(trace, func, args, kwargs)

    return handle


def _flatten_with(take: Handler) -> Handler:
    """Flattening of one axis gives the tensor itself, not a view of it."""

    def handle(trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        result = take(trace, func, args, kwargs)
        return args[0] if result.ndim == args[0].ndim and result.ndim else result

    return handle


def _take_view(
    trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any], real: Any = None
) -> Any:
    source, name = args[0], str(func)
    record = trace.record(source)
    steps = VIEWS[name](tuple(source.shape), *args[1:], **kwargs)
    if isinstance(steps, tuple):
        reals = real if real is not None else [None] * len(steps)
        return tuple(
            _view_of(trace, source, record, each, constant)
            for each, constant in zip(steps, reals, strict=True)
        )
    if name in AMBIGUOUS_VIEWS:
        value = trace.read(source)
        for step in steps:
            value = step.read(trace.g, value)
        group = AliasGroup(value)
        group.relate(record.group)
        return trace.new_tensor(value.shape, source.dtype, Traced(group))
    return _view_of(trace, source, record, steps, real)


def _view_of(
    trace: TorchTrace, source: torch.Tensor, record: Traced, steps: list[Any], real: Any
) -> torch.Tensor:
    shape, strides = source.shape, source.stride()
    for step in steps:
        # Once a step has none, the view is taken for contiguous, and so are views of it.
        found = step.strides(strides)
        record.group.is_loose |= step.kind == "reshape" and found is None
        strides = found or _contiguous_strides(step.after)
        shape = step.after
    view = Traced(record.group, joined_steps(record.steps, steps), real)
    return trace.new_tensor(shape, source.dtype, view, strides)


def _contiguous_strides(shape: Sequence[int]) -> Sequence[int]:
    return torch.empty(tuple(shape), device="meta").stride()


def _handle_write(trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    program = None
    if not is_in_place(func) and _is_composite(func):
        program = decomposition_of(func)
    handle = write_in_place if program is None else _decompose_into(program)
    return handle(trace, func, args, kwargs)


def _convert(trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """`to` and its kin: the tensor itself if nothing changes, else a copy."""
    named = dict(kwargs)
    for argument, value in zip(func._schema.arguments, args, strict=False):
        named[argument.name] = value
    source, other = named["self"], named.get("other")
    dtype = other.dtype if other is not None else named.get("dtype") or source.dtype
    trace.device.check_destination(named.get("device"))
    copies = named.get("copy", False) or str(func) == "aten._to_copy.default"
    if dtype == source.dtype and not copies:
        return source
    real = trace.record(source).constant
    if real is not None:
        return trace.wrap_constant(real.to(dtype, copy=True))
    return trace.wrap(trace.g.operand(source, dialect_dtype(dtype)))


def _create_like(trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Factories that take only shape and dtype from their tensor."""
    trace.device.check_destination(kwargs.get("device"))
    pattern = torch.empty((), dtype=args[0].dtype).expand(args[0].shape)
    others = [trace.real(argument) for argument in args[1:]]
    real = func(pattern, *others, **{**kwargs, "device": _CPU}).contiguous()
    if "empty" in func._schema.name:
        real.zero_()
    return trace.wrap_constant(real)


def _is_composite(func: Any) -> bool:
    return torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), _COMPOSITE)


def _decompose_into(program: Callable[..., Any]) -> Handler:
    """An operation without a rule: the program of simpler ones, traced in turn."""

    def handle(trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        # Some of torch's references come back to the operation that they are the reference of.
        if func in trace.decomposing:
            return _refuse_uncovered(trace, func, args, kwargs)
        location, op = trace.g.location, trace.g.op
        trace.decomposing.append(func)
        try:
            with trace.mode:
                return program(*args, **kwargs)
        finally:
            trace.decomposing.pop()
            trace.g.location, trace.g.op = location, op

    return handle


def _ask_value(trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    real = trace.constants(args, kwargs)
    if real is None:
        raise CaptureError(
            f"the program asks for the value of a tensor ({trace.g.op}), which is not known "
            "while it is captured"
        )
    return func(*real[0], **real[1])


def _decline_nested_tensors(
    trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> bool:
    """Tells `nn.TransformerEncoder` to take its path without nested tensors."""
    return False


def _refuse_random(
    trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
    raise UnsupportedOpError(f"{trace.g.op} draws random numbers, which is not captured")


def _refuse_data_dependence(
    trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
    raise CaptureError(f"the result of {trace.g.op} has a shape that depends on the data")


def _refuse_uncovered(
    trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
    raise UnsupportedOpError(f"{trace.g.op} is not supported in a compiled program")
