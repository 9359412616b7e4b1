# SPDX-License-Identifier: Apache-2.0
"""Functions of Python that compiled programs call between their kernels.

In a program such a function is a name, the `callee` of a ``torsh.host_call``. A name says what
is called:

``my::softsign``
    a function that was registered under this name, such as a custom operation.
``numpy.linalg.inv``, ``numpy.linalg.norm{"args":[{"array":0},2]}``
    a function of a library, found by its path, and its arguments: arrays by their number among
    the operands, and plain values. Without arguments it is given the operands.
``f#3``
    a function of this process, which the captured program holds.

Programs that call functions of the first two kinds can be saved.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torshjit.errors import TorshError
from torshjit.process_statistics import TOTALS

__all__ = [
    "HostFunction",
    "applied",
    "called_functions",
    "find_function",
    "host_calls",
    "is_found_by_name",
    "is_library_function",
    "op_of",
    "register_function",
    "register_library",
    "unique_name",
]


class HostFunction:
    """What a program calls by a name.

    Attributes:
        name: the name.
        function: takes read-only NumPy arrays, returns an array or a tuple of them. Or the
            address of a C function (docs/howto/AddACustomOp.md).
        is_fallback: whether it stands in for an operation that the compiler lacks.
        takes_views: whether it reads the program's memory itself, which is valid only during
            the call, instead of copies.
        owner: what has to live as long as the function, such as the library of a C function.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any] | int,
        *,
        is_fallback: bool = True,
        takes_views: bool = False,
        owner: object = None,
    ) -> None:
        self.name = name
        self.function = function
        self.is_fallback = is_fallback
        self.takes_views = takes_views
        self.owner = owner

    def __call__(self, *arrays: Any) -> Any:
        """Called by the runtime, for a function of Python."""
        if self.is_fallback:
            TOTALS.add_fallback(op_of(self.name))
        return self.function(*arrays)  # type: ignore[operator]

    def call(self, arrays: Sequence[Any], results: Sequence[tuple[Any, tuple[int, ...]]]) -> Any:
        """Calls it on NumPy arrays; `results` has the NumPy dtype and shape of each result."""
        if not isinstance(self.function, int):
            return self(*arrays)
        from torshjit.c_functions import call_address

        return call_address(self.name, self.function, arrays, results)

    @property
    def entry(self) -> Any:
        """What the runtime calls: this object, or the address of the C function."""
        return self.function if isinstance(self.function, int) else self


_lock = threading.Lock()
_registered: dict[str, HostFunction] = {}
#: First part of a path -> ``find(path) -> function``.
_libraries: dict[str, Callable[[str], Callable[..., Any]]] = {}
_numbers = itertools.count(1)


def register_function(function: HostFunction) -> None:
    """Makes a function known by its name, in the place of an earlier one."""
    with _lock:
        _registered[function.name] = function


def register_library(prefix: str, find: Callable[[str], Callable[..., Any]]) -> None:
    """Has functions whose path begins with `prefix` and a dot found by ``find(path)``.

    `find` raises AttributeError or ImportError where there is no such function.
    """
    _libraries[prefix] = find


def unique_name(op: str) -> str:
    """Returns a name that no other function has had, for a function of this process."""
    return f"{op}#{next(_numbers)}"


def is_found_by_name(name: str) -> bool:
    """Whether another process finds the function too, given the same registrations."""
    return "#" not in name.partition("{")[0]


def op_of(name: str) -> str:
    """Returns the operation that a name is of, as the user knows it: ``numpy.linalg.inv``."""
    return name.partition("{")[0].partition("#")[0]


def find_function(name: str, location: tuple[str, int] | None = None) -> HostFunction:
    """Returns the function of a name.

    Raises:
        TorshError: none is registered under it, and no library has it.
    """
    with _lock:
        found = _registered.get(name)
    if found is not None:
        return found
    path, brace, rest = name.partition("{")
    with _lock:
        plain = _registered.get(path)
    if plain is not None and not isinstance(plain.function, int):
        return HostFunction(
            name,
            _read(plain.function, json.loads(brace + rest)),
            is_fallback=plain.is_fallback,
            takes_views=plain.takes_views,
        )
    find = _libraries.get(path.partition(".")[0]) if "#" not in path else None
    if find is not None:
        try:
            function = find(path)
            if brace:
                return HostFunction(name, _read(function, json.loads(brace + rest)))
            return HostFunction(name, lambda *arrays: _stored(function(*arrays)))
        except (AttributeError, ImportError, ValueError, KeyError, TypeError) as error:
            raise TorshError(
                f"the program calls {name} on the host, which cannot be found here: {error}",
                op=op_of(name),
                location=location,
            ) from error
    raise TorshError(
        f"the program calls {name} on the host, which is not known here; register it first, by "
        f"torshjit.custom_op({name!r}, ...)",
        op=op_of(name),
        location=location,
    )


def _read(function: Callable[..., Any], call: Mapping[str, Any]) -> Callable[..., Any]:
    from torshjit.host_arguments import decode

    args = [decode(each) for each in call.get("args", [])]
    return applied(
        function, args, {key: decode(each) for key, each in call.get("kwargs", {}).items()}
    )


def applied(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    stores: bool = True,
) -> Callable[..., Any]:
    """Returns what calls `function` with these arguments, its operands in their places.

    Arguments are nested lists, tuples and dicts of plain values and `ArrayArgument`. Unless
    `stores` is false, complex results become pairs along a last axis, and tuples are flat.
    """
    from torshjit.capture.graph_function import tree_map
    from torshjit.host_arguments import ArrayArgument

    tree = (list(args), dict(kwargs))

    def call(*arrays: Any) -> Any:
        def enter(argument: Any) -> Any:
            return argument.of(arrays) if type(argument) is ArrayArgument else argument

        positional, named = tree_map(enter, tree)
        result = function(*positional, **named)
        return _stored(result) if stores else result

    return call


def _stored(result: Any) -> Any:
    """A function's result as the program has it."""
    if isinstance(result, (tuple, list)):
        flat: list[Any] = []
        for part in map(_stored, result):
            flat.extend(part if isinstance(part, list) else [part])
        return flat
    import numpy as np

    array = np.asarray(result)
    if array.dtype.kind != "c":
        return result
    real = np.ascontiguousarray(array).view(array.real.dtype)
    return real.reshape((*array.shape, 2))


def is_library_function(path: str, function: object) -> bool:
    """Whether the function is what a library has under this path."""
    find = _libraries.get(path.partition(".")[0])
    try:
        return find is not None and find(path) == function
    except (AttributeError, ImportError):
        return False


def host_calls(program: str) -> list[tuple[str, tuple[str, int] | None]]:
    """Returns name and user's line of every call of the host in a program of the runtime."""
    if '"call"' not in program:
        return []
    steps = json.loads(program)["steps"]
    calls = [step for step in steps if "call" in step]
    return [
        (step["call"], tuple(step["location"]) if "location" in step else None) for step in calls
    ]


def called_functions(
    program: str, given: Mapping[str, HostFunction] | None = None
) -> dict[str, HostFunction]:
    """Returns the functions that a program of the runtime calls, by name: given ones first.

    Raises:
        TorshError: a function is neither given nor found.
    """
    functions: dict[str, HostFunction] = {}
    for name, location in host_calls(program):
        if name not in functions:
            known = given.get(name) if given is not None else None
            functions[name] = known or find_function(name, location)
    return functions


def _numpy_function(path: str) -> Callable[..., Any]:
    import numpy

    found: Any = numpy
    for part in path.split(".")[1:]:
        if part.startswith("_"):
            raise AttributeError(f"{path} is private")
        found = getattr(found, part)
    if not callable(found):
        raise AttributeError(f"{path} is not a function")
    return found


def _aten_function(path: str) -> Callable[..., Any]:
    from torshjit.torch_eager_calls import find_overload

    return find_overload(path)


def _onnx_node(path: str) -> Callable[..., Any]:
    from torshjit.capture.onnx_import.host_nodes import host_node

    return host_node(path)


def _scipy_function(path: str) -> Callable[..., Any]:
    import importlib

    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _operator(path: str) -> Callable[..., Any]:
    import operator

    if path != "operator.getitem":
        raise AttributeError(f"{path} is no function that programs call")
    return operator.getitem


register_library("numpy", _numpy_function)
register_library("operator", _operator)
register_library("scipy", _scipy_function)
register_library("aten", _aten_function)
register_library("onnx", _onnx_node)
