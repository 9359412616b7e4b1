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
from functools import partial
from typing import Any

import numpy as np
import torch
from torch._ops import HigherOrderOperator
from torch.utils._python_dispatch import TorchDispatchMode

import torshjit._runtime as _runtime  # type: ignore[import-not-found]
from torshjit.capture.graph_function import TRACED
from torshjit.capture.source_location import user_location
from torshjit.capture.torch_aliasing import AliasGroup, Traced
from torshjit.capture.torch_device import CaptureDevice
from torshjit.capture.torch_handlers import choose_handler
from torshjit.capture.torch_higher_order import call_higher_order
from torshjit.capture.torch_host_fallback import (
    COMPLEX_VIEWS,
    call_in_eager,
    takes_complex_numbers,
    view_of_pairs,
)
from torshjit.capture.torch_lowering import Lowering, Unavailable, dialect_dtype, torch_dtype
from torshjit.capture.torch_random import Seeds
from torshjit.errors import CaptureError, DTypeError, ShapeError, TorshError, UnsupportedOpError

__all__ = ["TORCH_FOLDER", "TorchTrace"]

TORCH_FOLDER = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep

_CPU = torch.device("cpu")
#: How a tensor made of Python numbers enters a program, or one that a graph holds.
_LIFTS = (torch.ops.aten.lift_fresh.default, torch.ops.aten.lift_fresh_copy.default)
_META = torch.device("meta")


def _autocast_depth() -> int:
    """How many `torch.autocast` blocks are open; whether they are enabled is hidden in a call."""
    depth = torch.autocast_increment_nesting()
    torch.autocast_decrement_nesting()
    return depth


class _CaptureMode(TorchDispatchMode):
    """Hands every ATen call to the trace."""

    supports_higher_order_operators = True

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


class TracedTensor(torch.Tensor):
    """A meta tensor that says it is where the tensor is that it stands for.

    Programs make new tensors on the device of those they are given, and made on the meta device
    these would have no contents. For the same reason lists among indices become tensors here.
    """

    __torch_function__ = torch._C._disabled_torch_function_impl

    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(_with_tensors(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(_with_tensors(index), value)

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """The device of the call's tensors."""
        return getattr(self, TRACED).trace.device.current

    def _is_on(self, kind: str) -> bool:
        return self.device.type == kind

    @property
    def is_meta(self) -> bool:  # type: ignore[override]
        """Whether the call's tensors are on the meta device."""
        return self._is_on("meta")

    @property
    def is_cpu(self) -> bool:  # type: ignore[override]
        """Whether the call's tensors are on the CPU."""
        return self._is_on("cpu")

    @property
    def is_cuda(self) -> bool:  # type: ignore[override]
        """Whether the call's tensors are on a GPU of NVIDIA's."""
        return self._is_on("cuda")


_runtime.register_traced_tensor(TracedTensor)


def _with_tensors(index: Any) -> Any:
    """An index whose lists and arrays are tensors on the CPU."""
    if isinstance(index, tuple):
        return tuple(map(_with_tensors, index))
    if isinstance(index, np.ndarray) or (isinstance(index, list) and _holds_numbers(index)):
        return torch.as_tensor(index, device=_CPU)
    return index


def _holds_numbers(items: list) -> bool:
    return all(_holds_numbers(i) if isinstance(i, list) else isinstance(i, int) for i in items)


class TorchTrace:
    """One capture in progress.

    An error raised while tracing is remembered in `first_error`: if the program swallows it,
    its control flow was not that of a normal call and the capture is void.

    `bind` is called with each real tensor that the program meets, once, and returns
    ``(Value, name)`` of the program input that stands for it, or raises CaptureError; with
    a name as well, for a tensor that the capture makes of other state.
    Unless `is_strict`, calls that cannot be lowered become calls of eager torch.
    With `may_write` the program may write to memory of the caller; `written` lists what it has
    written, in the order of the first writes. `strided` are the places of the inputs whose
    storage it addresses by strides.
    `locate` says which line of the user an ATen call is due to, by default the innermost one.
    """

    def __init__(
        self,
        compiler: Any,
        context: Any,
        bind: Callable[..., tuple[Any, str]],
        device: CaptureDevice,
        locate: Callable[[], tuple[str, int] | None] | None = None,
        is_strict: bool = True,
        may_write: bool = False,
    ) -> None:
        self.g = Lowering(compiler, context, self.read, self.write)
        self.mode = _CaptureMode(self)
        self.first_error: TorshError | None = None
        self.device = device
        self.seeds = Seeds()
        self.is_strict = is_strict
        self.written: list[AliasGroup] = []
        self.strided: set[int] = set()
        #: The operations whose decompositions are being traced, outermost first.
        self.decomposing: list[Any] = []
        self._bind = bind
        self._may_write = may_write
        self._locate = locate or partial(user_location, (TORCH_FOLDER,))
        self._autocast_depth = _autocast_depth()
        self._records: list[Traced] = []
        self._inputs: list[AliasGroup] = []
        self._held = 0
        # Views of parameters, which are no inference tensors, must not be such either.
        self._normal = torch.inference_mode(False)
        self._twins: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def close(self) -> None:
        """Lets go of the graph, which traced tensors that the program kept would keep alive."""
        for record in self._records:
            record.forget()
        self._records.clear()
        self._twins.clear()
        self.written.clear()
        self._inputs.clear()
        self.first_error = None  # Its traceback refers to this trace.
        self.g.close()

    # Traced tensors.

    def new_tensor(
        self,
        shape: Sequence[int],
        dtype: torch.dtype,
        record: Traced,
        strides: Sequence[int] | None = None,
    ) -> torch.Tensor:
        """A meta tensor that stands for `record`; contiguous if no strides are given."""
        with self._normal:
            if strides is None:
                tensor = torch.empty(tuple(shape), dtype=dtype, device=_META)
            else:
                tensor = torch.empty_strided(tuple(shape), strides, dtype=dtype, device=_META)
        tensor.__class__ = TracedTensor
        record.trace = self
        self._records.append(record)
        setattr(tensor, TRACED, record)
        record.group.add_member(tensor)
        return tensor

    def external(self, shape: Sequence[int], dtype: torch.dtype, value: Any, owner: str) -> Any:
        """A meta tensor for a tensor of the caller."""
        group = AliasGroup(value, owner=owner, is_protected=not self._may_write)
        self._inputs.append(group)
        return self.new_tensor(shape, dtype, Traced(group, is_owned=True))

    def address_storage(self, tensor: torch.Tensor) -> None:
        """Notes that the program addresses a tensor's storage by strides.

        Raises:
            CaptureError: it is no tensor of the caller, whose storage can be looked at in a call.
        """
        group = self.record(tensor).group
        if group.owner is None:
            raise CaptureError(f"{self.g.op} depends on how its tensor lies in memory")
        self.strided.add(self._inputs.index(group))

    @staticmethod
    def is_traced(tensor: torch.Tensor) -> bool:
        """Whether a tensor was made by a trace, rather than met by it."""
        return hasattr(tensor, TRACED)

    def record(self, tensor: torch.Tensor) -> Traced:
        """What a traced tensor stands for."""
        return getattr(tensor, TRACED)

    def read(self, tensor: torch.Tensor) -> Any:
        """The Value of a traced tensor.

        Raises:
            UnsupportedOpError: it is a result that the capture cannot compute.
        """
        value = self.record(tensor).read(self.g)
        if isinstance(value, Unavailable):
            raise UnsupportedOpError(value.reason, op=self.g.op, location=self.g.location)
        return value

    def write(self, tensor: torch.Tensor, value: Any) -> None:
        """Replaces the elements of a traced tensor by a Value that is cast and broadcast to it.

        Raises:
            CaptureError: the memory must not be written, or is that of another tensor, too.
        """
        value = self.g.cast(value, dialect_dtype(tensor.dtype))
        self.record(tensor).write(self.g, self.g.broadcast(value, tensor.shape))

    def met_tensor(self, group: AliasGroup) -> torch.Tensor | None:
        """The real tensor that the program met and whose memory a group is; None if there is none.

        Arguments are met as traced tensors.
        """
        for real, twin in self._twins.values():
            if self.record(twin).group is group:
                return real
        return None

    def adopt(self, tensor: torch.Tensor) -> torch.Tensor:
        """The traced tensor for any tensor met: itself, or the meta twin of a real one."""
        record = getattr(tensor, TRACED, None)
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

    def hold(self, tensor: torch.Tensor, name: str) -> Any:
        """The Value of a program input for a tensor that the capture made, of guarded state."""
        self._held += 1
        value, _ = self._bind(tensor, f"{name}.{self._held}")
        return value

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
        location = self._locate()
        try:
            self.g.location, self.g.op = location, str(func)
            if isinstance(func, HigherOrderOperator):
                return call_higher_order(self, func, args, kwargs)
            if _autocast_depth() != self._autocast_depth:
                raise CaptureError("torch.autocast is not captured")
            if func in _LIFTS and not hasattr(args[0], TRACED):
                return self._lift(args[0])
            result = self.dispatch(
                func,
                [self._adopt_all(argument) for argument in args],
                {name: self._adopt_all(argument) for name, argument in kwargs.items()},
            )
            return self._met_itself(result) if func._schema.is_mutable else result
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

    def _met_itself(self, result: Any) -> Any:
        """For the twin of a real tensor the tensor itself, which writing to it returns."""
        if isinstance(result, (list, tuple)):
            return type(result)(map(self._met_itself, result))
        for real, twin in self._twins.values():
            if result is twin:
                return real
        return result

    def dispatch(self, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """`call` on traced tensors only."""
        outer_op, self.g.op = self.g.op, str(func)
        first_error = self.first_error
        try:
            if func in COMPLEX_VIEWS:
                return view_of_pairs(self, func, args[0])
            if takes_complex_numbers(args, kwargs) and func is not torch.ops.aten.detach_.default:
                raise DTypeError(f"{func}: complex numbers are not supported")
            result = choose_handler(func)(self, func, args, kwargs)
        except (CaptureError, DTypeError, ShapeError) as error:
            if self.is_strict:
                raise
            self.g.op = str(func)
            result = call_in_eager(self, func, args, kwargs, error)
            # An operation that this one is made of may have failed before.
            self.first_error = first_error
        self.g.op = outer_op
        return result

    def wrap(self, result: Any, operands: Sequence[Any] = ()) -> Any:
        """Traced tensors for what a rule returned.

        Among the operands, one that has the result's shape and is not contiguous gives the
        result its strides, as in eager: `contiguous` returns a contiguous tensor itself without
        dispatch, which must not happen where eager makes a copy.
        """
        if result is None:
            return None
        if isinstance(result, (tuple, list)):
            return tuple(self.wrap(item, operands) for item in result)
        strides = None
        for operand in operands:
            if not isinstance(operand, torch.Tensor) or operand.is_contiguous():
                continue
            if tuple(operand.shape) == tuple(result.shape):
                strides = operand.stride()
                break
        record = Traced(AliasGroup(result))
        return self.new_tensor(result.shape, torch_dtype(result.dtype), record, strides)

    def wrap_constant(self, real: Any) -> Any:
        """Traced tensors for real ones whose contents are known; other objects unchanged."""
        if isinstance(real, (tuple, list)):
            return tuple(self.wrap_constant(item) for item in real)
        if not isinstance(real, torch.Tensor):
            return real
        if real.is_complex() and not self.is_strict:
            value = self.g.constant(torch.view_as_real(real.resolve_conj()))
            return self.new_tensor(real.shape, real.dtype, Traced(AliasGroup(value)))
        dialect_dtype(real.dtype)
        return self.new_tensor(real.shape, real.dtype, Traced(AliasGroup(constant=real)))

    def constants(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """The call's arguments with real tensors, or None if some contents are not known."""
        for tensor in _tensors((*args, *kwargs.values())):
            if self.record(tensor).constant is None:
                return None
        return self.real(list(args)), {name: self.real(arg) for name, arg in kwargs.items()}

    def real(self, argument: Any) -> Any:
        """An argument with the real tensors of those whose contents are known."""
        if isinstance(argument, torch.Tensor):
            return self.record(argument).constant
        if isinstance(argument, (list, tuple)):
            return [self.real(item) for item in argument]
        return _CPU if isinstance(argument, torch.device) else argument

    def _lift(self, tensor: torch.Tensor) -> torch.Tensor:
        if tensor.is_meta:
            return self.adopt(tensor)
        return self.wrap_constant(tensor.detach().cpu().clone())


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
