# SPDX-License-Identifier: Apache-2.0
"""The trace of a torch program: every ATen call becomes torsh operations.

The program runs on meta tensors under `torch.inference_mode`, which makes composite
operations such as `linear` and `scaled_dot_product_attention` arrive whole. Grad mode is on,
as it is by default, whatever it is for the caller: one program serves both. Real tensors
that the program meets (parameters, buffers, globals) are replaced at the call by meta twins,
so that the user's module is never touched and other threads may run it meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from torshjit.capture import (
    torch_activation,
    torch_attention,
    torch_contraction,
    torch_elementwise,
    torch_loss,
    torch_movement,
    torch_normalization,
    torch_reduction,
    torch_selection,
    torch_unary,
    torch_window,
)
from torshjit.capture.source_location import user_location
from torshjit.capture.torch_aliasing import AliasGroup, Traced
from torshjit.capture.torch_lowering import (
    RULES,
    Lowering,
    Unavailable,
    dialect_dtype,
    torch_dtype,
)
from torshjit.capture.torch_views import AMBIGUOUS_VIEWS, VIEWS
from torshjit.errors import (
    CaptureError,
    DeviceError,
    ShapeError,
    TorshError,
    UnsupportedOpError,
)

__all__ = ["TORCH_FOLDER", "TorchTrace"]

#: The modules whose import fills RULES.
RULE_FAMILIES = (
    torch_activation,
    torch_attention,
    torch_contraction,
    torch_elementwise,
    torch_loss,
    torch_movement,
    torch_normalization,
    torch_reduction,
    torch_selection,
    torch_unary,
    torch_window,
)

TORCH_FOLDER = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep

_RECORD = "_torshjit_traced"
_COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd
_CPU = torch.device("cpu")
_META = torch.device("meta")

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


def _autocast_depth() -> int:
    """How many `torch.autocast` blocks are open; whether they are enabled is hidden in a call."""
    depth = torch.autocast_increment_nesting()
    torch.autocast_decrement_nesting()
    return depth


Handler = Callable[["TorchTrace", Any, Sequence[Any], dict[str, Any]], Any]


class _CaptureMode(TorchDispatchMode):
    """Hands every ATen call to the trace."""

    def __init__(self, trace: TorchTrace) -> None:
        super().__init__()
        self._trace = trace

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # Skipping imports torch._dynamo, which takes a second.

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return self._trace.call(func, args, kwargs or {})


class TorchTrace:
    """One capture in progress.

    An error raised while tracing is remembered in `first_error`: if the program swallows it,
    its control flow was not that of a normal call and the capture is void.

    `bind` is called with each real tensor that the program meets, once, and returns
    ``(Value, name)`` of the program input that stands for it, or raises CaptureError.
    """

    def __init__(
        self, compiler: Any, context: Any, bind: Callable[[torch.Tensor], tuple[Any, str]]
    ) -> None:
        self.g = Lowering(compiler, context, self.read)
        self.mode = _CaptureMode(self)
        self.first_error: TorshError | None = None
        self._bind = bind
        self._autocast_depth = _autocast_depth()
        self._records: list[Traced] = []
        # Views of parameters, which are no inference tensors, must not be such either.
        self._normal = torch.inference_mode(False)
        self._twins: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def close(self) -> None:
        """Lets go of the graph, which traced tensors that the program kept would keep alive."""
        for record in self._records:
            record.forget()
        self._records.clear()
        self._twins.clear()
        self.first_error = None  # Its traceback refers to this trace.
        self.g.close()

    # Traced tensors.

    def new_tensor(self, shape: Sequence[int], dtype: torch.dtype, record: Traced) -> torch.Tensor:
        """A meta tensor that stands for `record`."""
        with self._normal:
            tensor = torch.empty(tuple(shape), dtype=dtype, device=_META)
        record.trace = self
        self._records.append(record)
        setattr(tensor, _RECORD, record)
        record.group.add_member(tensor)
        return tensor

    def external(self, shape: Sequence[int], dtype: torch.dtype, value: Any, owner: str) -> Any:
        """A meta tensor for memory of the caller, which the program must not write."""
        return self.new_tensor(shape, dtype, Traced(AliasGroup(value, owner=owner)))

    @staticmethod
    def is_traced(tensor: torch.Tensor) -> bool:
        """Whether a tensor was made by a trace, rather than met by it."""
        return hasattr(tensor, _RECORD)

    def record(self, tensor: torch.Tensor) -> Traced:
        """What a traced tensor stands for."""
        return getattr(tensor, _RECORD)

    def read(self, tensor: torch.Tensor) -> Any:
        """The Value of a traced tensor.

        Raises:
            UnsupportedOpError: it is a result that the capture cannot compute.
        """
        value = self.record(tensor).read(self.g)
        if isinstance(value, Unavailable):
            raise UnsupportedOpError(value.reason, op=self.g.op, location=self.g.location)
        return value

    def adopt(self, tensor: torch.Tensor) -> torch.Tensor:
        """The traced tensor for any tensor met: itself, or the meta twin of a real one."""
        record = getattr(tensor, _RECORD, None)
        if record is not None:
            if record.trace is self:
                return tensor
            raise CaptureError(
                "a tensor was kept from an earlier capture", op=self.g.op, location=self.g.location
            )
        known = self._twins.get(id(tensor))
        if known is None:
            if tensor.is_meta:
                raise CaptureError(
                    "a tensor was made on the meta device, where it has no contents",
                    op=self.g.op,
                    location=self.g.location,
                )
            value, name = self._bind(tensor)
            twin = self.external(tensor.shape, tensor.dtype, value, name)
            known = self._twins[id(tensor)] = (tensor, twin)
        return known[1]

    def _adopt_all(self, argument: Any) -> Any:
        if isinstance(argument, torch.Tensor):
            return self.adopt(argument)
        if isinstance(argument, (list, tuple)):
            return [self._adopt_all(item) for item in argument]
        return argument

    # Calls.

    def call(self, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """One ATen call on traced and real tensors; returns traced ones.

        Raises:
            TorshError: the call cannot be captured; the error names it and the user's line.
        """
        location = user_location((TORCH_FOLDER,))
        try:
            self.g.location, self.g.op = location, str(func)
            if _autocast_depth() != self._autocast_depth:
                raise CaptureError("torch.autocast is not captured")
            if func is torch.ops.aten.lift_fresh.default and not hasattr(args[0], _RECORD):
                return self._lift(args[0])
            return self.dispatch(
                func,
                [self._adopt_all(argument) for argument in args],
                {name: self._adopt_all(argument) for name, argument in kwargs.items()},
            )
        except TorshError as error:
            failure = error
            if isinstance(error, ShapeError) and _torch_accepts(func, args, kwargs):
                # Not the program's mistake, then, but a form that the rule does not cover.
                failure = UnsupportedOpError(error.message, op=error.op)
            failure.location = failure.location or location
            failure.op = failure.op or str(func)
            self.first_error = self.first_error or failure
            if failure is error:
                raise
            raise failure from error

    def dispatch(self, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """`call` on traced tensors only."""
        outer_op, self.g.op = self.g.op, str(func)
        handler = _HANDLERS.get(func)
        if handler is None:
            handler = _HANDLERS[func] = _choose_handler(func)
        result = handler(self, func, args, kwargs)
        self.g.op = outer_op
        return result

    def wrap(self, result: Any) -> Any:
        """Traced tensors for what a rule returned."""
        if result is None:
            return None
        if isinstance(result, (tuple, list)):
            return tuple(self.wrap(item) for item in result)
        return self.new_tensor(result.shape, torch_dtype(result.dtype), Traced(AliasGroup(result)))

    def wrap_constant(self, real: Any) -> Any:
        """Traced tensors for real ones whose contents are known; other objects unchanged."""
        if isinstance(real, (tuple, list)):
            return tuple(self.wrap_constant(item) for item in real)
        if not isinstance(real, torch.Tensor):
            return real
        dialect_dtype(real.dtype)
        return self.new_tensor(real.shape, real.dtype, Traced(AliasGroup(constant=real)))

    def constants(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """The call's arguments with real tensors, or None if some contents are not known."""
        for tensor in _tensors((*args, *kwargs.values())):
            if self.record(tensor).constant is None:
                return None
        return self._real(list(args)), {name: self._real(arg) for name, arg in kwargs.items()}

    def _real(self, argument: Any) -> Any:
        if isinstance(argument, torch.Tensor):
            return self.record(argument).constant
        if isinstance(argument, (list, tuple)):
            return [self._real(item) for item in argument]
        return _CPU if isinstance(argument, torch.device) else argument

    def _lift(self, tensor: torch.Tensor) -> torch.Tensor:
        if tensor.is_meta:
            return self.adopt(tensor)
        return self.wrap_constant(tensor.detach().clone())


def _torch_accepts(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Whether torch has a result for a call; asked only on the way to an error."""

    def on_meta(argument: Any) -> Any:
        if isinstance(argument, torch.Tensor):
            return torch.empty_like(argument, device=_META)
        if isinstance(argument, (list, tuple)):
            return [on_meta(item) for item in argument]
        return _META if isinstance(argument, torch.device) else argument

    try:
        func(*map(on_meta, args), **{name: on_meta(arg) for name, arg in kwargs.items()})
    except Exception:
        return False
    return True


def _tensors(arguments: Any) -> Iterator[torch.Tensor]:
    for argument in arguments:
        if isinstance(argument, torch.Tensor):
            yield argument
        elif isinstance(argument, (list, tuple)):
            yield from _tensors(argument)


# Handlers: how one overload is treated, chosen once.

_HANDLERS: dict[Any, Handler] = {}


def _choose_handler(func: Any) -> Handler:
    name = str(func)
    if name in _VALUE_QUERIES:
        return _ask_value
    if name in _CONVERSIONS:
        return _convert
    if name == "aten._nested_tensor_from_mask_left_aligned.default":
        return _decline_nested_tensors
    if func._schema.is_mutable:
        return _write_in_place
    if func._schema.name.removeprefix("aten::") in _LIKE:
        return _create_like
    if name in VIEWS:
        return _with_constants(_take_view)
    lowering = _choose_lowering(func, name)
    return lowering if lowering is _refuse_random else _with_constants(lowering)


def _choose_lowering(func: Any, name: str) -> Handler:
    rule = RULES.get(name)
    if rule is not None:
        return lambda trace, func, args, kwargs: trace.wrap(rule(trace.g, *args, **kwargs))
    if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), _COMPOSITE):
        return _decompose
    if torch.Tag.nondeterministic_seeded in func.tags:
        return _refuse_random
    if torch.Tag.data_dependent_output in func.tags or torch.Tag.dynamic_output_shape in func.tags:
        return _refuse_data_dependence
    return _refuse_uncovered


def _with_constants(otherwise: Handler) -> Handler:
    """Runs the call for real where every tensor's contents are known; factories are among these."""

    def handle(trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        real = trace.constants(args, kwargs)
        if real is None:
            return otherwise(trace, func, args, kwargs)
        real_args, real_kwargs = real
        if any(argument.name == "device" for argument in func._schema.arguments):
            _check_device(kwargs.get("device"))
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
    shape = steps[-1].after if steps else source.shape
    view = Traced(record.group, (*record.steps, *steps), real)
    return trace.new_tensor(shape, source.dtype, view)


def _write_in_place(
    trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
    g, schema = trace.g, func._schema
    written = [
        position
        for position, argument in enumerate(schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    base = schema.name.removeprefix("aten::")
    if base == "detach_":
        return args[0]
    if written != [0] or not base.endswith("_") or base.startswith("__"):
        if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), _COMPOSITE):
            return _decompose(trace, func, args, kwargs)
        raise CaptureError(f"{g.op} writes to its arguments and is not captured")
    target = args[0]
    record = trace.record(target)
    overload = schema.overload_name or "default"
    as_view = VIEWS.get(f"aten.{base[:-1]}.{overload}", VIEWS.get(f"aten.{base[:-1]}.int"))
    if as_view is not None:
        steps = as_view(tuple(target.shape), *args[1:], **kwargs)
        real = record.constant
        record.extend(steps, None if real is None else func(real, *args[1:], **kwargs))
        return func(*args, **kwargs)
    record.group.check_writable(g)
    real = trace.constants(args, kwargs)
    if real is not None:
        func(*real[0], **real[1])
        record.group.version += 1
        return target
    if base == "copy_":
        value = trace.read(args[1])
    else:
        packet = getattr(torch.ops.aten, base[:-1], None)
        functional = getattr(packet, overload, None) if packet is not None else None
        if functional is None:
            raise CaptureError(f"{g.op} is not captured")
        value = trace.read(trace.dispatch(functional, args, kwargs))
    value = g.cast(value, dialect_dtype(target.dtype))
    record.write(g, g.broadcast(value, target.shape))
    return target


def _convert(trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """`to` and its kin: the tensor itself if nothing changes, else a copy."""
    named = dict(kwargs)
    for argument, value in zip(func._schema.arguments, args, strict=False):
        named[argument.name] = value
    source, other = named["self"], named.get("other")
    dtype = other.dtype if other is not None else named.get("dtype") or source.dtype
    _check_device(named.get("device"))
    copies = named.get("copy", False) or str(func) == "aten._to_copy.default"
    if dtype == source.dtype and not copies:
        return source
    real = trace.record(source).constant
    if real is not None:
        return trace.wrap_constant(real.to(dtype, copy=True))
    return trace.wrap(trace.g.operand(source, dialect_dtype(dtype)))


def _create_like(trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Factories that take only shape and dtype from their tensor."""
    _check_device(kwargs.get("device"))
    pattern = torch.empty((), dtype=args[0].dtype).expand(args[0].shape)
    others = [trace._real(argument) for argument in args[1:]]
    real = func(pattern, *others, **{**kwargs, "device": _CPU}).contiguous()
    if "empty" in func._schema.name:
        real.zero_()
    return trace.wrap_constant(real)


def _decompose(trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """A composite operation without a rule: torch's own decomposition, traced in turn."""
    location, op = trace.g.location, trace.g.op
    with trace.mode:
        result = func._op_dk(_COMPOSITE, *args, **kwargs)
    trace.g.location, trace.g.op = location, op
    return result


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
    raise CaptureError(f"{trace.g.op} draws random numbers, which is not captured")


def _refuse_data_dependence(
    trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
    raise CaptureError(f"the result of {trace.g.op} has a shape that depends on the data")


def _refuse_uncovered(
    trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
    raise UnsupportedOpError(f"{trace.g.op} is not supported in a compiled program")


def _check_device(device: Any) -> None:
    if device is not None and torch.device(device).type not in ("cpu", "meta"):
        raise DeviceError(f"the program moves a tensor to device {device}, which is not supported")
