# SPDX-License-Identifier: Apache-2.0
"""Operations that users add: `custom_op`, and the table of them that every front end reads."""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from torshjit.capture.numpy_dtypes import dialect_dtype
from torshjit.errors import ConfigError, TorshError
from torshjit.host_arguments import ArrayArgument, call_name
from torshjit.host_functions import HostFunction, find_function, register_function

__all__ = ["CustomOp", "custom_op", "find_custom_op"]

_NAME = re.compile(r"[A-Za-z_]\w*::[A-Za-z_]\w*\Z")

Shape = tuple[int, ...]

_lock = threading.Lock()
_operations: dict[str, CustomOp] = {}


def find_custom_op(name: str) -> CustomOp | None:
    """Returns the operation of a name like ``my::softsign``, or None."""
    with _lock:
        return _operations.get(name)


class CustomOp:
    """An operation of the user's. Called on arrays it runs; called on what a front end traces it
    becomes one operation of the program.

    Attributes:
        name: ``my::softsign``.
        parameters: the names of the array operands, in order.
        options: the names of the other arguments, and their defaults.
        vjp: ``vjp(operands, results, cotangents) -> cotangents of the operands``, or None.
        lowering: MLIR text of a function, or what makes it from the operands' types, or None.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any] | None,
        address: tuple[int, object] | None,
        shape: Callable[..., Any] | Sequence[int] | None,
        dtype: Any,
        vjp: Callable[..., Any] | None,
        lowering: str | Callable[..., str] | None,
        is_pure: bool,
        takes_views: bool,
        num_operands: int | None,
    ) -> None:
        self.name = name
        self.vjp = vjp
        self.lowering = lowering
        self.is_pure = is_pure
        self._shape = shape
        self._dtype = dtype
        self.parameters: list[str] | None
        self.options: dict[str, Any]
        if function is not None:
            self.parameters, self.options = _parameters(function)
        else:
            assert address is not None
            self.options = {}
            self.parameters = None
            if num_operands is not None:
                self.parameters = [f"x{number}" for number in range(num_operands)]
        if function is not None:
            host = HostFunction(name, function, is_fallback=False, takes_views=takes_views)
        else:
            assert address is not None
            host = HostFunction(name, address[0], is_fallback=False, owner=address[1])
        self.host = host
        self.__name__ = name.partition("::")[2]
        self.__doc__ = getattr(function, "__doc__", None)

    def __repr__(self) -> str:
        return f"<torshjit.custom_op {self.name}>"

    def result_types(
        self, shapes: Sequence[Shape], dtypes: Sequence[np.dtype], options: Mapping[str, Any]
    ) -> tuple[list[tuple[np.dtype, Shape]], bool]:
        """Returns dtype and shape of each result, and whether they are a tuple even if alone.

        Raises:
            ConfigError: the shape or dtype rule returns something else.
        """
        shape: Any = self._shape
        dtype: Any = self._dtype
        if shape is None:
            shape = shapes[0] if shapes else ()
        elif callable(shape):
            shape = shape(*shapes, **_accepted(shape, options))
        if dtype is None:
            dtype = dtypes[0] if dtypes else np.dtype(np.float64)
        elif callable(dtype) and not isinstance(dtype, type):
            dtype = dtype(*dtypes, **_accepted(dtype, options))
        try:
            many = isinstance(shape, list) or (
                isinstance(shape, tuple) and any(isinstance(each, (tuple, list)) for each in shape)
            )
            result_shapes = [tuple(map(int, each)) for each in (shape if many else [shape])]
            several = isinstance(dtype, (list, tuple))
            result_dtypes = [
                np.dtype(each) for each in (dtype if several else [dtype] * len(result_shapes))
            ]
            return list(zip(result_dtypes, result_shapes, strict=True)), many
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"{self.name}: the shape rule gives {shape!r} and the dtype rule {dtype!r}; "
                "expected a shape and a dtype, or a list of each, one for every result"
            ) from error

    def bind(self, args: tuple, kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Returns a call's operands, in order, and its other arguments.

        Raises:
            TypeError: the arguments are not those of the function.
        """
        if self.parameters is None:
            if kwargs:
                raise TypeError(f"{self.name} takes no keyword arguments")
            return list(args), {}
        names = [*self.parameters, *self.options]
        if len(args) > len(names):
            raise TypeError(f"{self.name} takes {len(names)} arguments, got {len(args)}")
        given = dict(zip(names, args, strict=False))
        for key, value in kwargs.items():
            if key not in names or key in given:
                raise TypeError(f"{self.name} got an unexpected argument {key!r}")
            given[key] = value
        missing = [name for name in self.parameters if name not in given]
        if missing:
            raise TypeError(f"{self.name} misses the argument {missing[0]!r}")
        options = {name: given.get(name, default) for name, default in self.options.items()}
        required = [name for name, value in options.items() if value is inspect.Parameter.empty]
        if required:
            raise TypeError(f"{self.name} misses the argument {required[0]!r}")
        return [given[name] for name in self.parameters], options

    def host_function(self, options: Mapping[str, Any], count: int) -> HostFunction:
        """Returns the function to call on `count` operands with these other arguments."""
        changed = {key: value for key, value in options.items() if value != self.options[key]}
        if not changed:
            return self.host
        operands = [ArrayArgument(number) for number in range(count)]
        name = call_name(
            self.name,
            operands,
            changed,
            lambda value: value if type(value) is ArrayArgument else None,
        )
        if name is None:
            raise TorshError(
                f"{self.name}: an argument is neither an array nor a plain value", op=self.name
            )
        return find_function(name)

    def lowering_text(
        self, types: Sequence[tuple[np.dtype, Shape]], options: Mapping[str, Any]
    ) -> str | None:
        """Returns the MLIR text to compile in the place of the operation, or None."""
        if self.lowering is None or isinstance(self.lowering, str):
            return self.lowering
        tensors = ["x".join([*map(str, shape), dialect_dtype(dtype)]) for dtype, shape in types]
        return self.lowering(
            *(f"tensor<{tensor}>" for tensor in tensors), **_accepted(self.lowering, options)
        )

    def run(self, operands: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """Runs the operation on NumPy arrays."""
        arrays = [np.asarray(operand) for operand in operands]
        function = self.host_function(options, len(arrays))
        types, is_tuple = self.result_types(
            [array.shape for array in arrays], [array.dtype for array in arrays], options
        )
        result = function.call(arrays, types)
        if isinstance(function.function, int) and not is_tuple:
            (result,) = result
        return result

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        operands, options = self.bind(args, kwargs)
        for operand in operands:
            kind = type(operand)
            if kind.__module__ == "torshjit.capture.numpy_trace.tracer":
                from torshjit.capture.numpy_trace.custom import call_custom_op

                return call_custom_op(self, operand.session, operands, options)
            if kind.__module__.partition(".")[0] == "torch" or hasattr(kind, "__torch_function__"):
                from torshjit.capture.torch_custom import call_torch_op

                return call_torch_op(self, operands, options)
        return self.run(operands, options)


def _parameters(function: Callable[..., Any]) -> tuple[list[str], dict[str, Any]]:
    """The array operands of a function, and its other arguments with their defaults.

    An argument with a default, a keyword-only one, and one annotated with a Python type is not
    an array.
    """
    operands: list[str] = []
    options: dict[str, Any] = {}
    plain = {int, float, bool, str, "int", "float", "bool", "str"}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ConfigError(
                "the function of a custom operation must name its arguments: "
                f"{parameter} takes any number"
            )
        is_option = (
            parameter.kind is parameter.KEYWORD_ONLY
            or parameter.default is not parameter.empty
            or parameter.annotation in plain
        )
        if is_option:
            options[name] = parameter.default
        elif options:
            raise ConfigError(f"the array {name} follows an argument that is no array")
        else:
            operands.append(name)
    return operands, options


def _accepted(function: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a rule asks for by name."""
    if not options:
        return {}
    parameters = inspect.signature(function).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return dict(options)
    return {key: value for key, value in options.items() if key in parameters}


def custom_op(
    name: str,
    function: Any = None,
    *,
    shape: Callable[..., Any] | Sequence[int] | None = None,
    dtype: Any = None,
    vjp: Callable[..., Any] | None = None,
    lowering: str | Callable[..., str] | None = None,
    pure: bool = True,
    takes_views: bool = False,
    num_operands: int | None = None,
) -> Any:
    """Adds an operation to every front end; without `function` a decorator.

    Called on NumPy arrays or torch tensors, the operation runs. In a program that is compiled it
    is one operation, in an ONNX model the operator of domain and name, in MLIR text
    ``torsh.host_call "my::softsign"``. Defining a name again replaces it.

    Args:
        name: ``namespace::operation``.
        function: takes NumPy arrays, which it must not change, and plain values (arguments with a
            default, keyword-only, or annotated as int, float, bool or str); returns an array, or
            a tuple of them. Or a C function (docs/howto/AddACustomOp.md): its address, a ctypes
            function, or ``(path of a shared library, symbol)``.
        shape: the result's shape, or what computes it from the operands' shapes; a list for
            several results. Without it, the shape of the first operand.
        dtype: the result's dtype, or what computes it from the operands' dtypes; a list for
            several results. Without it, the dtype of the first operand.
        vjp: ``vjp(operands, results, cotangents)`` on tuples of NumPy arrays, and the other
            arguments by name, returns the cotangent of each operand, None where there is none.
            Used by torch's autograd.
        lowering: MLIR text of a function of torsh operations that is compiled in the place of
            the call, or a function that makes it from the operands' types
            (``tensor<4x8xf32>``) and the other arguments.
        pure: whether a call may be left out where its result is not used, or repeated.
        takes_views: whether the function reads the program's memory itself, valid only during
            the call, instead of copies.
        num_operands: how many operands a C function takes; torch needs to know.

    Raises:
        ConfigError: the name or the function is not of this form.
    """
    if not _NAME.match(name):
        raise ConfigError(f"the name {name!r} of a custom operation is not like my::operation")
    if function is None:
        return lambda given: custom_op(
            name,
            given,
            shape=shape,
            dtype=dtype,
            vjp=vjp,
            lowering=lowering,
            pure=pure,
            takes_views=takes_views,
            num_operands=num_operands,
        )
    address = None
    if not inspect.isroutine(function) and not inspect.isfunction(function):
        is_python = callable(function) and not hasattr(function, "_flags_")
        if not is_python:
            from torshjit.c_functions import address_of

            address, function = address_of(function), None
    made = CustomOp(
        name,
        function,
        address,
        shape,
        dtype,
        vjp,
        lowering,
        pure,
        takes_views,
        num_operands,
    )
    with _lock:
        _operations[name] = made
    register_function(made.host)
    return made
