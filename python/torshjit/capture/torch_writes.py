# SPDX-License-Identifier: Apache-2.0
"""ATen calls that write to tensors: the operation without the write, then the write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from torshjit.capture.torch_views import VIEWS
from torshjit.errors import CaptureError

if TYPE_CHECKING:
    from torshjit.capture.torch_dispatch import TorchTrace

__all__ = ["is_in_place", "write_in_place"]

#: What is new where the overload that writes has another name.
_FUNCTIONAL_NAMES = {
    "aten.normal_.default": ("normal_functional", "default"),
    "aten.bernoulli_.float": ("bernoulli", "p"),
}
#: Writes that take any source that can be cast and broadcast.
_ASSIGNMENTS = frozenset({"copy_", "fill_", "zero_"})
#: They give a tensor other memory, or another size.
_REPLACEMENTS = frozenset({"set_", "resize_", "resize_as_", "rename_"})


def _base_name(func: Any) -> str:
    return func._schema.name.removeprefix("aten::")


def is_in_place(func: Any) -> bool:
    """Whether an overload writes to its first argument alone, under a name that says so."""
    written = [
        position
        for position, argument in enumerate(func._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    base = _base_name(func)
    return written == [0] and base.endswith("_") and not base.startswith("__")


def write_in_place(
    trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> Any:
    """The handler of overloads that write to their arguments.

    Raises:
        CaptureError: the memory must not be written, or eager torch has to say what happens.
    """
    g, base = trace.g, _base_name(func)
    if base == "detach_":
        return args[0]
    outs = [argument.name for argument in func._schema.arguments if argument.is_out]
    if outs:
        return _write_results(trace, func, args, kwargs, outs)
    if not is_in_place(func) or base in _REPLACEMENTS or not isinstance(args[0], torch.Tensor):
        raise CaptureError(f"{g.op} writes to its arguments and is not captured")
    overload = func._schema.overload_name or "default"
    as_view = VIEWS.get(f"aten.{base[:-1]}.{overload}", VIEWS.get(f"aten.{base[:-1]}.int"))
    if as_view is not None:
        return _become_view(trace, func, args, kwargs, as_view)
    target = args[0]
    record = trace.record(target)
    record.group.check_writable(g)
    real = trace.constants(args, kwargs)
    if real is not None and torch.Tag.nondeterministic_seeded not in func.tags:
        func(*real[0], **real[1])
        record.group.version += 1
        return target
    if base == "copy_":
        trace.write(target, trace.read(args[1]))
        return target
    name, form = _FUNCTIONAL_NAMES.get(str(func), (base[:-1], overload))
    packet = getattr(torch.ops.aten, name, None)
    functional = getattr(packet, form, None) if packet is not None else None
    if functional is None:
        raise CaptureError(f"{g.op} is not captured")
    result = trace.dispatch(functional, args, kwargs)
    if base not in _ASSIGNMENTS:
        _check_result(g.op, result, target)
    trace.write(target, trace.read(result))
    return target


def _check_result(op: str | None, result: torch.Tensor, target: torch.Tensor) -> None:
    """Raises CaptureError for what eager torch does not let be written; it says why."""
    if tuple(result.shape) != tuple(target.shape):
        raise CaptureError(f"{op}: the result has shape {tuple(result.shape)}, not its tensor's")
    if not torch.can_cast(result.dtype, target.dtype):
        raise CaptureError(f"{op}: the result is of {result.dtype}, its tensor of {target.dtype}")


def _become_view(
    trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any], as_view: Any
) -> Any:
    """`transpose_` and its kin: the tensor becomes a view of what it was."""
    target = args[0]
    record = trace.record(target)
    if record.is_owned:
        raise CaptureError(f"{trace.g.op} changes the shape of {record.group.owner}")
    steps = as_view(tuple(target.shape), *args[1:], **kwargs)
    real = record.constant
    record.extend(steps, None if real is None else func(real, *args[1:], **kwargs))
    return func(*args, **kwargs)


def _write_results(
    trace: TorchTrace,
    func: Any,
    args: Sequence[Any],
    kwargs: dict[str, Any],
    names: Sequence[str],
) -> Any:
    """``out=``: the results of the operation, written to tensors of their dtypes and shapes."""
    functional = _without_out(func)
    if functional is None:
        raise CaptureError(f"{trace.g.op} writes to its arguments and is not captured")
    targets = [kwargs[name] for name in names]
    rest = {name: value for name, value in kwargs.items() if name not in names}
    results = trace.dispatch(functional, args, rest)
    results = results if isinstance(results, (tuple, list)) else (results,)
    for result, target in zip(results, targets, strict=True):
        # Eager torch resizes, and computes some reductions in the dtype of the target.
        if (result.dtype, tuple(result.shape)) != (target.dtype, tuple(target.shape)):
            raise CaptureError(f"{trace.g.op}: the result has another dtype or shape than `out`")
    values = [trace.read(result) for result in results]
    for value, target in zip(values, targets, strict=True):
        trace.write(target, value)
    return targets[0] if len(targets) == 1 else tuple(targets)


def _without_out(func: Any) -> Any:
    """The overload that takes what `func` takes besides `out`, and returns new tensors."""
    wanted = [(each.name, str(each.type)) for each in func._schema.arguments if not each.is_out]
    packet = func.overloadpacket
    for name in packet.overloads():
        overload = getattr(packet, name)
        given = [
            (each.name, str(each.type))
            for each in overload._schema.arguments
            if each.name not in ("dtype", "layout", "device", "pin_memory")
            or (each.name, str(each.type)) in wanted
        ]
        if given == wanted and not overload._schema.is_mutable:
            return overload
    return None
