# SPDX-License-Identifier: Apache-2.0
"""A copy of a function, and of all it reads, in which every outside array is traced.

A plain call of the function would compute with its globals' arrays before the graph sees
them, and later changes to their memory would be lost. So the function is run as a copy whose
globals, closure cells, defaults and the plain Python functions and objects they reach are
stand-ins; arrays among them become inputs of the program, bound by reference. What the
function found on the way is guarded.
"""

from __future__ import annotations

import enum
import functools
import inspect
import random
from types import (
    BuiltinFunctionType,
    CellType,
    FunctionType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any, cast

import numpy as np

from torshjit.capture.graph_function import AttributeGuard, IdentityGuard
from torshjit.capture.guards import (
    AttributeCondition,
    CellCondition,
    ContainerCondition,
    MemberCondition,
    NamesCondition,
    condition_guard,
)
from torshjit.capture.numpy_trace.function_names import FunctionNames, names_of
from torshjit.capture.numpy_trace.libraries import Library, is_foreign
from torshjit.capture.numpy_trace.numpy_shadow import numpy_shadow
from torshjit.capture.numpy_trace.session import TraceSession
from torshjit.capture.numpy_trace.values import is_tracer
from torshjit.errors import CaptureError

__all__ = ["Shadow"]

#: Largest container whose items are looked at.
_MOST_ITEMS = 10_000

_RANDOM_SOURCES = (np.random.Generator, np.random.RandomState, random.Random)

#: Builtins through which a function reaches names that its bytecode does not show.
_REFLECTION = frozenset({"globals", "locals", "vars", "eval", "exec", "open", "input"})


def _random_state() -> tuple:
    """The state of the global generators, which a traced function must leave alone."""
    kind, keys, *rest = cast(tuple, np.random.get_state())  # noqa: NPY002  (it is the legacy one that is global)
    return kind, keys.tobytes(), rest, random.getstate()


class Shadow:
    """Makes stand-ins and collects guards; one per capture."""

    def __init__(self, session: TraceSession, function: Any) -> None:
        self._session = session
        self._library = Library(getattr(function, "__module__", None))
        self.guards: list[IdentityGuard | AttributeGuard] = []
        self._made: dict[int, tuple[Any, Any]] = {}
        self._copies: list[tuple[Any, ContainerCondition, str]] = []
        self._numpy = numpy_shadow(session)
        self._random_state = _random_state()

    def check(self) -> None:
        """Raises CaptureError if the traced function changed any state that it reached."""
        for _, condition, name in self._copies:
            if not condition.holds:
                raise CaptureError(f"the function changes {name}, which a compiled call would not")
        if _random_state() != self._random_state:
            raise CaptureError("the function draws random numbers, which would be the same again")

    def of(self, value: Any, name: str, names: FunctionNames) -> Any:
        """Returns the stand-in for `value`, or the value itself where it needs none.

        `name` is how messages call it; `names` those of the code that reads it.

        Raises:
            CaptureError: the value's state can be neither traced nor guarded.
        """
        if value is None or isinstance(value, (bool, int, float, str, bytes, complex, np.generic)):
            return value
        if is_tracer(value):
            self._session.refuse(f"{name} holds an array of another capture, kept past its call")
        made = self._made.get(id(value))
        if made is None or isinstance(value, ModuleType):
            made = (value, self._make(value, name, names))
            self._made[id(value)] = made
        return made[1]

    def _make(self, value: Any, name: str, names: FunctionNames) -> Any:
        kind = type(value)
        if kind in (np.ndarray, np.memmap):
            return self._session.bind_object(value, name)
        if kind is FunctionType:
            return value if self._library.contains(value.__module__) else self._function(value)
        if kind is MethodType:
            owner = self.of(value.__self__, name, names)
            return MethodType(self.of(value.__func__, name, names_of_callable(value)), owner)
        if kind is functools.partial:
            return functools.partial(
                self.of(value.func, name, names),
                *(self.of(item, name, names) for item in value.args),
                **{key: self.of(item, name, names) for key, item in value.keywords.items()},
            )
        if kind is ModuleType:
            return self._module(value, names)
        if kind in (list, dict, set, tuple):
            return self._container(value, name, names)
        if isinstance(value, _RANDOM_SOURCES):
            self._session.refuse(f"{name} is a random generator")
        return self._object(value, name, names)

    # Functions.

    def _function(self, function: FunctionType) -> FunctionType:
        code = function.__code__
        names = names_of(code)
        label = function.__qualname__
        if names.stored:
            self._session.refuse(f"{label} assigns the outer variable {names.stored[0]!r}")
        cells = tuple(CellType() for _ in function.__closure__ or ())
        namespace: dict[str, Any] = {
            "__builtins__": function.__globals__.get("__builtins__", __builtins__),
            "__name__": function.__module__,
        }
        copy = FunctionType(code, namespace, function.__name__, None, cells or None)
        copy.__qualname__ = label
        # Registered first: a function may refer to itself.
        self._made[id(function)] = (function, copy)
        copy.__dict__.update(function.__dict__)
        if function.__defaults__:
            self.guards.append(condition_guard(AttributeCondition(function, "__defaults__")))
            copy.__defaults__ = self.of(function.__defaults__, f"a default of {label}", names)
        if function.__kwdefaults__:
            copy.__kwdefaults__ = self.of(function.__kwdefaults__, f"a default of {label}", names)
        self._globals(function, names, namespace)
        for cell_name, cell, new in zip(
            code.co_freevars, function.__closure__ or (), cells, strict=True
        ):
            self._cell(cell_name, cell, new, names)
        return copy

    def _globals(
        self, function: FunctionType, names: FunctionNames, namespace: dict[str, Any]
    ) -> None:
        missing = []
        for name in names.globals:
            if name not in function.__globals__:
                missing.append(name)
                if name in _REFLECTION:
                    self._session.refuse(f"{function.__qualname__} calls {name}()")
                continue
            value = function.__globals__[name]
            self.guards.append(IdentityGuard(function.__globals__, name, value))
            namespace[name] = self.of(value, name, names)
        if missing:
            condition = NamesCondition(function.__globals__, missing)
            self.guards.append(condition_guard(condition))

    def _cell(self, name: str, cell: CellType, new: CellType, names: FunctionNames) -> None:
        try:
            value = cell.cell_contents
        except ValueError:
            # Not yet assigned; reading it raises NameError, as it would in a plain call.
            return
        if name == "__class__" and isinstance(value, type):
            new.cell_contents = self._class(value)
            return
        self.guards.append(condition_guard(CellCondition(cell, name)))
        new.cell_contents = self.of(value, name, names)

    # What functions reach.

    def _module(self, module: ModuleType, names: FunctionNames) -> ModuleType:
        if module is np:
            return self._numpy
        if module.__name__ == "numpy.random" or module.__name__ == "random":
            self._session.refuse(f"the module {module.__name__} is used")
        if self._library.contains(module.__name__):
            return module
        copy = ModuleType(module.__name__)
        copy.__dict__.update(module.__dict__)
        self._made[id(module)] = (module, copy)
        for name in sorted(names.attributes & module.__dict__.keys()):
            value = module.__dict__[name]
            self.guards.append(IdentityGuard(module.__dict__, name, value))
            setattr(copy, name, self.of(value, f"{module.__name__}.{name}", names))
        return copy

    def _container(self, value: Any, name: str, names: FunctionNames) -> Any:
        if len(value) > _MOST_ITEMS:
            self._session.refuse(f"{name} has more than {_MOST_ITEMS} items")
        if type(value) is tuple:
            items = tuple(self.of(item, f"{name}[{i}]", names) for i, item in enumerate(value))
            unchanged = all(new is old for new, old in zip(items, value, strict=True))
            return value if unchanged else items
        self.guards.append(condition_guard(ContainerCondition(value, name)))
        copy: Any
        if type(value) is set:
            copy = set(value)
        elif type(value) is list:
            copy = []
            self._made[id(value)] = (value, copy)
            copy.extend(self.of(item, f"{name}[{i}]", names) for i, item in enumerate(value))
        else:
            copy = {}
            self._made[id(value)] = (value, copy)
            for key, item in value.items():
                copy[key] = self.of(item, f"{name}[{key!r}]", names)
        self._copies.append((copy, ContainerCondition(copy, name), name))
        return copy

    def _object(self, value: Any, name: str, names: FunctionNames) -> Any:
        """The stand-in for an instance of a user's class; other objects are used as they are."""
        traced = getattr(value, "__torshjit_function__", None)
        if traced is not None:
            return self.of(traced, name, names)
        kind = type(value)
        if isinstance(value, (BuiltinFunctionType, np.ufunc, np.dtype, enum.Enum)):
            return value
        if isinstance(value, type):
            as_is = self._library.contains(value.__module__) or not self._is_traceable(value)
            return value if as_is else self._class(value)
        if kind is SimpleNamespace:
            return self._instance(value, SimpleNamespace(), name, names)
        if is_foreign(kind.__module__) or not hasattr(value, "__dict__"):
            if hasattr(kind, "__next__") or hasattr(kind, "append") or hasattr(kind, "__setitem__"):
                self._session.refuse(f"{name} is a {kind.__name__}, whose state is not guarded")
            return value
        if not self._is_traceable(kind):
            if self._library.contains(kind.__module__):
                return value
            self._session.refuse(f"{name} is a {kind.__name__}, which cannot be traced")
        return self._instance(value, object.__new__(self._class(kind)), name, names)

    def _instance(self, value: Any, copy: Any, name: str, names: FunctionNames) -> Any:
        self._made[id(value)] = (value, copy)
        attributes = value.__dict__
        self.guards.append(condition_guard(ContainerCondition(attributes, name)))
        for key, item in attributes.items():
            copy.__dict__[key] = self.of(item, f"{name}.{key}", names)
        self._copies.append((copy.__dict__, ContainerCondition(copy.__dict__, name), name))
        return copy

    def _class(self, kind: type) -> type:
        """A subclass whose methods are stand-ins, so that their globals are traced too.

        Its other bases are the stand-ins of the class's bases, so that super() finds those.
        """
        made = self._made.get(id(kind))
        if made is not None:
            return made[1]
        if self._library.contains(kind.__module__):
            return kind
        if not self._is_traceable(kind):
            self._session.refuse(f"the class {kind.__name__} cannot be traced")
        bases = [
            self._class(base)
            for base in kind.__bases__
            if not self._library.contains(base.__module__)
        ]
        body = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
        copy = type(kind.__name__, (*bases, kind), body)
        self._made[id(kind)] = (kind, copy)
        for name, member in kind.__dict__.items():
            replacement = self._member(member, f"{kind.__name__}.{name}")
            if replacement is not member:
                self.guards.append(condition_guard(MemberCondition(kind, name)))
                setattr(copy, name, replacement)
        return copy

    @staticmethod
    def _is_traceable(kind: type) -> bool:
        """Whether the class's instances are no more than their `__dict__`."""
        return (
            type(kind) is type
            and not hasattr(kind, "__slots__")
            and not issubclass(kind, BaseException)
            and getattr(kind, "__new__", None) is object.__new__
        )

    def _member(self, member: Any, name: str) -> Any:
        """The stand-in for an attribute of a class."""
        kind = type(member)
        if kind in (FunctionType, np.ndarray, list, dict, set, tuple):
            return self.of(member, name, FunctionNames())
        if kind in (staticmethod, classmethod):
            return kind(self.of(member.__func__, name, FunctionNames()))
        if kind is property:
            parts = (member.fget, member.fset, member.fdel)
            return property(*(self.of(part, name, FunctionNames()) for part in parts))
        return member


def names_of_callable(function: Any) -> FunctionNames:
    """The outside names of a function or method, none for what has no bytecode."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return names_of(code) if code is not None else FunctionNames()
