# SPDX-License-Identifier: Apache-2.0
"""Programs that ask for a tensor's value with ``item()``, captured by torch.export.

torch.export traces such a value as an unknown number. In the compiled program it stays a tensor
without axes, which arithmetic treats as torch treats a number; what it cannot stand for (an
extent, a branch, a number among the results) is refused.
"""

from __future__ import annotations

import contextlib
import logging
import operator
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import fx, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from torshjit.capture.graph_function import CapturedProgram
from torshjit.capture.torch_capture import capture_module
from torshjit.capture.torch_state import ProgramState
from torshjit.compiler_cache import compiler_context, load_compiler
from torshjit.config import JitConfig
from torshjit.errors import CaptureError
from torshjit.torch_backend.graph_source import user_line

__all__ = ["capture_exported"]

_ITEMS = (torch.ops.aten.item.default, torch.ops.aten._local_scalar_dense.default)
_WIDE = {True: torch.float64, False: torch.int64}
#: What Python does with a traced number.
_ARITHMETIC = frozenset(
    getattr(operator, name)
    for name in ("add", "sub", "mul", "truediv", "neg", "lt", "le", "gt", "ge", "eq", "ne")
)


def capture_exported(
    function: Callable[..., Any], args: tuple, kwargs: dict[str, Any], config: JitConfig
) -> CapturedProgram:
    """Captures a module or function through torch.export.

    Raises:
        CaptureError: torch.export refuses it, or it writes to its state or arguments, or uses a
            value as more than an operand.
    """
    state = ProgramState(function)
    module = function if isinstance(function, nn.Module) else _Call(function)
    try:
        with _quiet(), torch.no_grad():
            exported = torch.export.export(module, args, kwargs, strict=False)
    except Exception as error:
        raise CaptureError(f"torch.export refuses it: {str(error).strip()[:200]}") from error
    program = _ExportedCall(exported)
    captured = capture_module(
        program,
        args,
        kwargs,
        load_compiler(),
        compiler_context(),
        config.target.kind.tensor_devices,
        state=state,
        locate=lambda: program.location,
        is_strict=config.strict,
    )
    # The backward pass runs the program itself again.
    again = captured.call_with_grad
    assert isinstance(again, partial)
    captured.call_with_grad = partial(again.func, function, *again.args[1:], **again.keywords)
    return captured


class _Call(nn.Module):
    """A function as the module that torch.export wants."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self._function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Holds back what torch logs about a program that it refuses; the error says it as well."""
    before = logging.root.manager.disable
    # torch's loggers have levels and handlers of their own.
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


class _ExportedCall(fx.Interpreter):
    """Runs an exported program like the program that it was made from."""

    def __init__(self, exported: Any) -> None:
        super().__init__(exported.graph_module)
        self.extra_traceback = False
        self.location: tuple[str, int] | None = None
        self._exported = exported
        kinds = {spec.kind.name for spec in exported.graph_signature.output_specs}
        if kinds != {"USER_OUTPUT"}:
            raise CaptureError("the program writes to its state or its arguments")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        spec = self._exported.call_spec
        given, structure = tree_flatten((args, kwargs))
        if structure != spec.in_spec:
            raise CaptureError("torch.export takes other arguments than the program")
        remaining = iter(given)
        held = {**self._exported.constants, **self._exported.state_dict}
        inputs = [
            next(remaining) if each.kind.name == "USER_INPUT" else held[each.target]
            for each in self._exported.graph_signature.input_specs
        ]
        results = self.run(*inputs, enable_io_processing=False)
        return tree_unflatten(list(results), spec.out_spec)

    def run_node(self, n: fx.Node) -> Any:
        self.location = user_line(n) or self.location
        if n.op == "call_function" and n.target in _ITEMS:
            return self._value_of(self.fetch_args_kwargs_from_env(n)[0][0])
        if n.op == "call_function" and n.target is torch.ops.aten._assert_tensor_metadata.default:
            return None  # It holds: the shapes and dtypes are those of the signature.
        unknown = [each for each in n.all_input_nodes if _is_number(each)]
        if not unknown:
            return super().run_node(n)
        if n.op == "output":
            raise CaptureError("a value that the program asks for is among its results")
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        target: Any = n.target
        if isinstance(target, torch._ops.OpOverload):
            result = _for_tensors(target, args, kwargs)(*args, **kwargs)
        elif target in _ARITHMETIC:
            result = target(*args, **kwargs)
        else:
            raise CaptureError(f"a value that the program asks for is used by {target}")
        expected = n.meta.get("val")
        if isinstance(expected, torch.Tensor) and result.dtype != expected.dtype:
            result = result.to(expected.dtype)
        return result

    @staticmethod
    def _value_of(tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor.detach()
        if tensor.dtype == torch.bool:
            return tensor.reshape(())
        return tensor.reshape(()).to(_WIDE[tensor.is_floating_point()])


def _for_tensors(overload: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """The form of an operation that takes tensors where this call has them.

    Raises:
        CaptureError: there is none.
    """
    packet = overload.overloadpacket
    for name in (overload._overloadname, *packet.overloads()):
        form = getattr(packet, name)
        parameters = {each.name: each for each in form._schema.arguments}
        if len(args) > len(parameters) or not set(kwargs) <= set(parameters):
            continue
        named = {**dict(zip(parameters, args, strict=False)), **kwargs}
        if all(
            value is None or isinstance(value, torch.Tensor) == _takes_tensor(parameters[key])
            for key, value in named.items()
        ):
            return form
    raise CaptureError(f"a value that the program asks for is used by {overload}")


def _takes_tensor(parameter: Any) -> bool:
    return str(parameter.type) in ("Tensor", "Optional[Tensor]")


def _is_number(node: fx.Node) -> bool:
    """Whether a node stands for a number that is not known while tracing."""
    value = node.meta.get("val")
    return isinstance(value, (torch.SymInt, torch.SymFloat, torch.SymBool))
