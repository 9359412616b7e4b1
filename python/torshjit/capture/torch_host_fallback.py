# SPDX-License-Identifier: Apache-2.0
"""ATen calls that cannot be lowered: the compiled program calls eager torch between its kernels.

Complex numbers exist in a program only between such calls, as pairs along a last axis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from torshjit.capture.torch_aliasing import AliasGroup, Traced
from torshjit.capture.torch_lowering import dialect_dtype
from torshjit.capture.torch_strided import STRIDED
from torshjit.errors import DTypeError, ShapeError, TorshError
from torshjit.host_arguments import ArrayArgument, call_name
from torshjit.host_functions import HostFunction, applied, unique_name
from torshjit.torch_eager_calls import eager_call, written

if TYPE_CHECKING:
    from torshjit.capture.torch_dispatch import TorchTrace

__all__ = ["COMPLEX_VIEWS", "call_in_eager", "takes_complex_numbers", "view_of_pairs"]

_META = torch.device("meta")
_REAL = {torch.complex64: torch.float32, torch.complex128: torch.float64}
_NUMPY_NAMES = {torch.complex64: "complex64", torch.complex128: "complex128"}


def takes_complex_numbers(args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Whether a tensor among a call's arguments is one of complex numbers."""
    return any(tensor.dtype in _REAL for tensor in _tensors((*args, *kwargs.values())))


#: Their results on the CPU have other shapes than torch says for the meta device.
_OTHER_ON_META = frozenset({"aten::_embedding_bag", "aten::_embedding_bag_forward_only"})

#: Complex numbers as pairs, and pairs as complex numbers: the program has pairs either way.
COMPLEX_VIEWS = (torch.ops.aten.view_as_real.default, torch.ops.aten.view_as_complex.default)


def view_of_pairs(trace: TorchTrace, func: Any, tensor: torch.Tensor) -> torch.Tensor:
    """What `func`, of COMPLEX_VIEWS, makes of a traced tensor."""
    if func is COMPLEX_VIEWS[0]:
        shape, dtype = (*tensor.shape, 2), tensor.dtype.to_real()
    else:
        if tensor.ndim == 0 or tensor.shape[-1] != 2:
            raise ShapeError(f"{func}: the last axis of shape {tuple(tensor.shape)} is not of 2")
        shape, dtype = tuple(tensor.shape[:-1]), tensor.dtype.to_complex()
    group = AliasGroup(trace.read(tensor))
    group.relate(trace.record(tensor).group)
    return trace.new_tensor(shape, dtype, Traced(group))


def call_in_eager(
    trace: TorchTrace, func: Any, args: Sequence[Any], kwargs: dict[str, Any], cause: TorshError
) -> Any:
    """Adds a call of eager torch to the program and returns its traced results.

    Raises:
        TorshError: `cause`, where the shapes of the results are not known before the call, the
            call writes to its arguments, or depends on their strides.
    """
    is_mutable = func._schema.is_mutable
    if is_mutable or torch.Tag.data_dependent_output in func.tags or str(func) in STRIDED:
        raise cause
    samples = _results(func, args, kwargs)
    if samples is None:
        raise cause
    operands: list[torch.Tensor] = []

    def enter(argument: Any) -> Any:
        if isinstance(argument, torch.Tensor):
            number = next((n for n, each in enumerate(operands) if each is argument), len(operands))
            if number == len(operands):
                operands.append(argument)
            return ArrayArgument(number, _NUMPY_NAMES.get(argument.dtype))
        if isinstance(argument, (list, tuple)):
            return [enter(item) for item in argument]
        return written(argument)

    entered = [enter(argument) for argument in args]
    named = {name: enter(argument) for name, argument in kwargs.items()}
    is_random = torch.Tag.nondeterministic_seeded in func.tags
    function = applied(eager_call(func), entered, named)
    path = str(func)
    name = call_name(path, entered, named, _number_of) if func.namespace == "aten" else None
    host = HostFunction(name or unique_name(path), function, takes_views=True)
    tensors = [each for each in samples if isinstance(each, torch.Tensor)]
    try:
        types = [_stored_type(each) for each in tensors]
        values = trace.g.host_calls.add(
            host,
            [trace.read(tensor) for tensor in operands],
            types,
            # A check has no results, only the error that it raises.
            is_pure=bool(tensors) and not is_random,
            location=trace.g.location,
        )
    except DTypeError:
        raise cause from None
    remaining = iter(values)
    results = []
    for sample in samples:
        if not isinstance(sample, torch.Tensor):
            results.append(sample)
            continue
        group = AliasGroup(next(remaining))
        if _may_be_view(func):
            for tensor in operands:
                group.relate(trace.record(tensor).group)
        results.append(trace.new_tensor(sample.shape, sample.dtype, Traced(group)))
    return _as_returned(func, results)


def _number_of(value: Any) -> ArrayArgument | None:
    return value if type(value) is ArrayArgument else None


def _tensors(arguments: Any) -> Iterator[torch.Tensor]:
    for argument in arguments:
        if isinstance(argument, torch.Tensor):
            yield argument
        elif isinstance(argument, (list, tuple)):
            yield from _tensors(argument)


def _may_be_view(func: Any) -> bool:
    return any(result.alias_info is not None for result in func._schema.returns)


def _as_returned(func: Any, results: list[Any]) -> Any:
    returns = func._schema.returns
    if not returns:
        return None
    if len(returns) == 1 and not isinstance(returns[0].type, torch.ListType):
        return results[0]
    return tuple(results)


def _stored_type(sample: torch.Tensor) -> tuple[str, tuple[int, ...]]:
    """The program's element type and shape of a result."""
    real = _REAL.get(sample.dtype)
    if real is None:
        return dialect_dtype(sample.dtype), tuple(sample.shape)
    return dialect_dtype(real), (*sample.shape, 2)


# What a call returns is found out on the meta device, or where torch cannot say, by calls.


def _results(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any] | None:
    """Tensors of the dtypes and shapes of the results; None if they are not known beforehand."""
    # nonzero_numpy is not tagged, and samples of random numbers have no zero.
    if torch.Tag.dynamic_output_shape in func.tags or func._schema.name == "aten::nonzero_numpy":
        return None
    is_lying = func._schema.name in _OTHER_ON_META
    found = None if is_lying else _attempt(func, args, kwargs, _on_meta)
    if found is None:
        tries = [_attempt(func, args, kwargs, partial(_sampled, v)) for v in range(3)]
        results = [each for each in tries if each is not None]
        # Of other contents other shapes: they depend on the data.
        if not results or any(_types(each) != _types(results[0]) for each in results[1:]):
            return None
        found = results[0]
    # Values other than tensors depend on the data; a result may be undefined for the given flags.
    return found if all(each is None or _is_array(each) for each in found) else None


def _is_array(result: Any) -> bool:
    return isinstance(result, torch.Tensor) and result.layout == torch.strided


def _attempt(
    func: Any, args: Sequence[Any], kwargs: dict[str, Any], make: Callable[[Any], Any]
) -> list[Any] | None:
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            result = func(*map(make, args), **{name: make(kwargs[name]) for name in kwargs})
    except Exception:
        return None
    return list(result) if isinstance(result, (list, tuple)) else [result]


def _types(results: list[Any]) -> list[Any]:
    return [
        (each.dtype, each.shape) if isinstance(each, torch.Tensor) else each for each in results
    ]


def _on_meta(argument: Any) -> Any:
    if isinstance(argument, torch.Tensor):
        return torch.empty_like(argument, device=_META)
    if isinstance(argument, (list, tuple)):
        return [_on_meta(item) for item in argument]
    return _META if isinstance(argument, torch.device) else argument


def _sampled(variant: int, argument: Any) -> Any:
    """An argument with real tensors: well-conditioned matrices, positions that are in range."""
    if isinstance(argument, (list, tuple)):
        return [_sampled(variant, item) for item in argument]
    if not isinstance(argument, torch.Tensor):
        return torch.device("cpu") if isinstance(argument, torch.device) else argument
    shape = tuple(argument.shape)
    if not (argument.is_floating_point() or argument.is_complex()):
        count = torch.arange(argument.numel()).reshape(shape)
        return (count % (variant + 1)).to(argument.dtype)
    sample = torch.full(shape, 0.5, dtype=argument.dtype)
    if variant:
        sample = sample * torch.linspace(0, variant, sample.numel()).reshape(shape)
    if len(shape) >= 2 and shape[-1] == shape[-2]:
        sample = sample + torch.eye(shape[-1], dtype=argument.dtype)
    return sample.to(argument.dtype)
