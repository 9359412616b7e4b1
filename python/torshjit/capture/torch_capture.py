# SPDX-License-Identifier: Apache-2.0
"""Captures one call of a torch module or function.

The captured program reads parameters and buffers where they lie at each call. Its results
are new contiguous tensors, also where eager would return a view of an argument; an argument
or parameter returned as it is stays the same object.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import _get_current_dispatch_mode

from torshjit.capture.graph_function import (
    ArgumentBinding,
    ArrayLeaf,
    AttributeGuard,
    CapturedProgram,
    ObjectBinding,
    ValueLeaf,
    flatten,
    leaf_paths,
)
from torshjit.capture.opened_objects import Updated, open_objects, opened_sources
from torshjit.capture.source_location import PACKAGE_FOLDER
from torshjit.capture.torch_autograd import call_with_grad
from torshjit.capture.torch_device import CaptureDevice
from torshjit.capture.torch_dispatch import TORCH_FOLDER, TorchTrace
from torshjit.capture.torch_lowering import dialect_dtype
from torshjit.capture.torch_results import EnteredArguments, ResultTree, is_value
from torshjit.capture.torch_state import ProgramState, ReachableState
from torshjit.capture.torch_traced_path import traced_path
from torshjit.errors import CaptureError, CompileError, TorshError

__all__ = ["capture_module"]

_PLAIN_TENSORS = (torch.Tensor, nn.Parameter, nn.Buffer)


def _classify_argument(value: Any, device: CaptureDevice) -> ArrayLeaf | ValueLeaf:
    """Says what an argument is to a torch program.

    Raises:
        CaptureError: it is a tensor of an unsupported kind, or an object that may hold state.
        DTypeError: the dialect lacks its element type.
        DeviceError: it is not where the call's tensors are.
    """
    if isinstance(value, torch.Tensor):
        _check_tensor(value, "an argument", device)
        return ArrayLeaf("torch", dialect_dtype(value.dtype), tuple(value.shape))
    if is_value(value):
        return ValueLeaf(value)
    raise CaptureError(
        f"an argument of type {type(value).__name__} is neither a tensor, a container of tensors "
        "nor a plain value"
    )


def capture_module(
    program: Callable[..., Any],
    args: tuple,
    kwargs: dict[str, Any],
    compiler: Any,
    context: Any,
    devices: Sequence[str] = ("cpu",),
    *,
    state: ReachableState | None = None,
    locate: Callable[[], tuple[str, int] | None] | None = None,
    is_strict: bool = True,
    may_write: bool = False,
) -> CapturedProgram:
    """Traces ``program(*args, **kwargs)``, a torch module or function, and returns its program.

    The module is not touched, and other threads may call it meanwhile. Results are contiguous.

    Args:
        program: an `nn.Module`, or a callable over torch tensors.
        args: positional arguments: tensors on one device, plain values, and nested tuples,
            lists, dicts and objects of them.
        kwargs: keyword arguments, of the same kinds.
        compiler: the module `torshjit._compiler`.
        context: one of its contexts.
        devices: the types of devices whose tensors the program may compute on.
        state: what the program can reach besides its arguments; found by a walk if not given.
        is_strict: whether an operation that cannot be lowered is an error; else eager torch is
            called for it.
        locate: says which line of the user is running; the innermost one if not given.
        may_write: whether the program may write to arguments and to tensors that it reaches
            otherwise: the output tree is then a Written node.

    Raises:
        CaptureError: the program cannot be captured: it asks for a tensor's value, draws random
            numbers, writes where it may not, or has hooks; UnsupportedOpError among them.
        DTypeError: it computes in an element type that the dialect lacks.
        DeviceError: it uses a device that is not among `devices`, or two devices.
        ShapeError: shapes do not fit; it names the operation and the user's line.
    """
    started = time.perf_counter()
    device = CaptureDevice(devices)
    if device.autocast_enabled:
        raise CaptureError("torch.autocast is not captured")
    if _get_current_dispatch_mode() is not None:
        raise CaptureError("another dispatch mode of torch is active, such as an outer capture")
    args, kwargs = open_objects(args), open_objects(kwargs)
    args_tree, tensors = flatten(args, kwargs, lambda value: _classify_argument(value, device))
    state = ProgramState(program) if state is None else state
    for kind in {type(each) for each in opened_sources((args, kwargs))}:
        state.include_kind(kind)
    bindings: list[ArgumentBinding | ObjectBinding] = []
    names: list[str] = []

    def bind(tensor: torch.Tensor, name: str | None = None) -> tuple[Any, str]:
        name = name or state.name(tensor)
        if name is None:
            raise CaptureError(
                "a tensor is neither an argument nor a parameter, buffer, attribute, global or "
                "closure variable that the capture can follow"
            )
        _check_tensor(tensor, name, device)
        value = trace.g.builder.input(dialect_dtype(tensor.dtype), tuple(tensor.shape), name)
        bindings.append(ObjectBinding(tensor))
        names.append(name)
        return value, name

    trace = TorchTrace(compiler, context, bind, device, locate, is_strict, may_write)
    try:
        inside = []
        for number, (tensor, path) in enumerate(
            zip(tensors, _argument_paths(args_tree), strict=True)
        ):
            value = trace.g.builder.input(dialect_dtype(tensor.dtype), tuple(tensor.shape), path)
            bindings.append(ArgumentBinding(number))
            names.append(path)
            inside.append(trace.external(tensor.shape, tensor.dtype, value, f"the argument {path}"))
        entered = EnteredArguments(args_tree, inside)
        result = _run(program, trace, state, entered)
        trace.seeds.follow(trace.g)
        results = ResultTree(trace, entered)
        output_tree = results.describe_call(result)
        writes, strided = bool(trace.written), sorted(trace.strided)
        module = trace.g.builder.finish(results.outputs)
    except compiler.MLIRError as error:
        raise CompileError(f"the captured program is malformed: {error}") from error
    finally:
        trace.close()
    return CapturedProgram(
        module=module,
        args_tree=args_tree,
        bindings=bindings,
        output_tree=output_tree,
        output_kind="torch",
        guards=[
            AttributeGuard(device, "autocast_enabled", False, device.watched),
            *state.guards,
        ],
        grad_sensitive=any(map(_may_need_grad, (*tensors, *_bound(bindings)))),
        writes=writes,
        strided_inputs=strided,
        source_names=names,
        host_functions=trace.g.host_calls.functions,
        draws_numbers=trace.g.host_calls.have_effects,
        capture_ms=(time.perf_counter() - started) * 1e3,
        call_with_grad=partial(
            call_with_grad, program, list(_bound(bindings)), isinstance(output_tree, Updated)
        ),
    )


def _bound(bindings: list[ArgumentBinding | ObjectBinding]) -> list[torch.Tensor]:
    return [binding.value for binding in bindings if isinstance(binding, ObjectBinding)]


def _may_need_grad(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point()


def _check_tensor(tensor: torch.Tensor, name: str, device: CaptureDevice) -> None:
    if type(tensor) not in _PLAIN_TENSORS or torch._C._functorch.is_functorch_wrapped_tensor(
        tensor
    ):
        raise CaptureError(f"{name} is a {type(tensor).__name__}, not a plain tensor")
    device.check(tensor, name)
    if tensor.layout != torch.strided:
        raise CaptureError(f"{name} has layout {tensor.layout}, not torch.strided")


def _argument_paths(args_tree: tuple[tuple, dict]) -> list[str]:
    positional, named = args_tree
    return [
        path
        for tree, prefix in ((positional, "args"), (named, "kwargs"))
        for path, leaf in leaf_paths(tree, prefix)
        if isinstance(leaf, ArrayLeaf)
    ]


def _run(
    program: Callable[..., Any],
    trace: TorchTrace,
    state: ReachableState,
    entered: EnteredArguments,
) -> Any:
    """Runs the program on the traced tensors and returns its result.

    Raises:
        TorshError: the capture failed; also if the program swallowed the error, or failed in
            a way of its own that may be due to the meta tensors it was given.
    """
    failure: BaseException | None = None
    work = _work_of_dynamo()
    try:
        with traced_path(), torch.inference_mode(), torch.enable_grad(), trace.mode:
            result = program(*entered.args, **entered.kwargs)
    except TorshError as error:
        failure = error
    except Exception as error:
        failure = CaptureError(
            f"the program failed while it was captured: {type(error).__name__}: {error}",
            location=_raising_line(error),
        )
        failure.__cause__ = error
    if failure is not None and _work_of_dynamo() != work:
        # A `torch.cond` within the program had torch._dynamo trace the capture itself. It would
        # keep what it made of that for eager calls.
        sys.modules["torch._dynamo"].reset()
    # First of all: nothing of the trace may stay behind in the user's objects.
    state.check_unchanged()
    if trace.first_error is not None:
        raise trace.first_error
    if failure is not None:
        raise failure
    return result


def _work_of_dynamo() -> int:
    """What torch._dynamo has counted so far; without importing it, which takes a second."""
    utils = sys.modules.get("torch._dynamo.utils")
    if utils is None:
        return 0
    return sum(sum(each.values()) for each in list(utils.counters.values()))


def _raising_line(error: BaseException) -> tuple[str, int] | None:
    """The innermost line of the traceback outside torch and this package."""
    found, entry = None, error.__traceback__
    while entry is not None:
        file = entry.tb_frame.f_code.co_filename
        if not file.startswith((TORCH_FOLDER, PACKAGE_FOLDER)):
            found = (file, entry.tb_lineno)
        entry = entry.tb_next
    return found
