# SPDX-License-Identifier: Apache-2.0
"""The state around a torch program: its tensors' names, and guards that it is as captured.

Walked are the modules of a module tree, the globals, closures and defaults that the Python
functions among them name, and containers there. Everything found that a program may read
(tensors, submodules, numbers, strings, flags) is guarded, so that a later change captures the
program again. Not walked are installed packages, imported modules and plain objects. A tensor
that the walk does not find has no guard and is refused.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any, Protocol

import torch
from torch import nn

from torshjit.capture import guards
from torshjit.capture.graph_function import AttributeGuard, IdentityGuard
from torshjit.capture.source_location import PACKAGE_FOLDER, installed_folders
from torshjit.errors import CaptureError

__all__ = ["ProgramState", "ReachableState"]

#: Methods that a call does not run.
_NOT_CALLED = frozenset({"__init__", "__repr__", "extra_repr", "__getstate__", "__setstate__"})
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_GUARDED_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device)
#: Installed packages, whose functions are not walked: their globals are caches and constants.
_LIBRARIES = (
    os.path.dirname(os.path.abspath(torch.__file__)) + os.sep,
    PACKAGE_FOLDER,
    *installed_folders(),
)


class ReachableState(Protocol):
    """The tensors besides its arguments that a program may read.

    Attributes:
        guards: conditions for the captured program to stay valid.
    """

    guards: list[IdentityGuard | AttributeGuard]

    def name(self, tensor: torch.Tensor) -> str | None:
        """What messages call a tensor; None if the program must not read it."""

    def include_kind(self, kind: type) -> None:
        """Guards the class of an argument, whose methods the program may call."""

    def check_unchanged(self) -> None:
        """Raises CaptureError if the program changed its own state while it was traced."""


class ProgramState:
    """What a module or function can reach.

    Attributes:
        guards: conditions for the captured program to stay valid.
    """

    def __init__(self, program: Any) -> None:
        self.guards: list[IdentityGuard | AttributeGuard] = []
        self._names: dict[int, tuple[torch.Tensor, str]] = {}
        self._seen: dict[int, Any] = {}
        self._namespaces: list[tuple[str, dict, dict]] = []
        self._check_global_hooks()
        self._visit(program, "")

    def name(self, tensor: torch.Tensor) -> str | None:
        """The user's name of a tensor that the walk found, such as ``encoder.fc.weight``."""
        found = self._names.get(id(tensor))
        return found[1] if found is not None else None

    def tensors(self) -> Iterator[torch.Tensor]:
        """Every tensor that the walk found."""
        return (tensor for tensor, _ in self._names.values())

    def include_kind(self, kind: type) -> None:
        """Walks the class of an argument, whose methods the program may call."""
        self._visit_methods(kind)

    def check_unchanged(self) -> None:
        """Undoes what the traced program changed in its own state, and refuses it.

        Raises:
            CaptureError: it assigned to an attribute, a global or an item of a container.
        """
        changed = None
        for owner, namespace, before in self._namespaces:
            if _same_items(namespace, before):
                continue
            names = [
                name
                for name in {**namespace, **before}
                if namespace.get(name, _MISSING) is not before.get(name, _MISSING)
            ]
            changed = changed or (f"{owner}.{names[0]}" if owner else str(names[0]))
            for name in names:
                if name in before:
                    namespace[name] = before[name]
                else:
                    del namespace[name]
        broken = [guard for guard in self.guards if not guard.holds()]
        for guard in broken:
            _restore(guard)
        if changed is not None:
            raise CaptureError(f"the program assigns to {changed}, which would be lost")
        if broken:
            raise CaptureError("the program changes a global, closure or container it reads")

    # The walk.

    def _visit(self, value: Any, name: str) -> None:
        """Registers what can be reached from `value`, which the caller guards."""
        if id(value) in self._seen or isinstance(value, _PLAIN):
            return
        self._seen[id(value)] = value
        if isinstance(value, torch.Tensor):
            self._names[id(value)] = (value, name)
        elif isinstance(value, nn.Module):
            self._visit_module(value, name)
        elif isinstance(value, FunctionType):
            self._visit_function(value)
        elif isinstance(value, MethodType):
            self._visit(value.__self__, name)
            self._visit(value.__func__, name)
        elif isinstance(value, partial):
            self._visit(value.func, name)
            self._visit(value.args, name)
            self._visit(value.keywords, name)
        elif type(value) in (tuple, frozenset):
            for position, item in enumerate(value):
                self._visit(item, f"{name}[{position}]")
        elif isinstance(value, (list, set, dict)):
            self._visit_container(value, name)
        elif hasattr(value, "__torshjit_function__"):
            # A compiled callable; a capture traces through it.
            self._visit(value.__torshjit_function__, name)
        elif callable(value) and not isinstance(value, type):
            self._visit_object(value, name)

    def _visit_module(self, module: nn.Module, name: str) -> None:
        for hooks in _HOOKS:
            if getattr(module, hooks, None):
                raise CaptureError(f"module {name or type(module).__name__} has hooks")
        self.guards += [AttributeGuard(module, hooks, OrderedDict()) for hooks in _GUARDED_HOOKS]
        namespace = module.__dict__
        self._namespaces.append((name, namespace, dict(namespace)))
        self.guards.append(IdentityGuard(namespace, "training", module.training))
        # Hooks that the program itself registers must not be there when it runs again.
        for hooks in _HOOKS:
            if namespace.get(hooks) is not None:
                self._namespaces.append((name, namespace[hooks], {}))
        for inner in (module._parameters, module._buffers, module._modules):
            self._namespaces.append((name, inner, dict(inner)))
            for key, value in inner.items():
                self.guards.append(IdentityGuard(inner, key, value))
                self._visit(value, f"{name}.{key}" if name else key)
        for key, value in namespace.items():
            if isinstance(value, torch.ScriptObject):  # Packed weights, which are never written.
                self.guards.append(IdentityGuard(namespace, key, value))
            elif not key.startswith("_") and key != "training":
                self._guard_item(namespace, key, value, f"{name}.{key}" if name else key)
        self._visit_methods(type(module))

    def _visit_methods(self, kind: type) -> None:
        for base in kind.__mro__:
            if base is object or base.__module__.split(".")[0] == "torch":
                continue
            for name, member in vars(base).items():
                function = getattr(member, "__func__", getattr(member, "fget", member))
                if name in _NOT_CALLED:
                    continue
                if isinstance(function, FunctionType):
                    self._visit(function, name)
                elif isinstance(member, torch.Tensor):
                    self._require("AttributeCondition", base, name)
                    self._visit(member, f"{base.__name__}.{name}")
                elif isinstance(member, _PLAIN) and not name.startswith("__"):
                    self.guards.append(AttributeGuard(base, name, member))

    def _visit_object(self, value: Any, name: str) -> None:
        """A callable object of the user's own class."""
        namespace = getattr(value, "__dict__", None)
        if namespace is None or type(value).__module__.split(".")[0] in ("torch", "builtins"):
            return
        if isinstance(namespace, dict):
            self._namespaces.append((name, namespace, dict(namespace)))
            for key, item in namespace.items():
                self._guard_item(namespace, key, item, f"{name}.{key}" if name else key)
        self._visit_methods(type(value))

    def _visit_function(self, function: FunctionType) -> None:
        code = function.__code__
        # A decorator made with functools.wraps leads to the function that it wraps.
        self._visit(getattr(function, "__wrapped__", None), code.co_name)
        if code.co_filename.startswith(_LIBRARIES):
            return
        for free, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            if free == "__class__":  # The cell of zero-argument super().
                continue
            try:
                value = cell.cell_contents
            except ValueError:
                continue
            self._require("CellCondition", cell, free)
            self._visit(value, free)
        for key in _names_of(code):
            if key in function.__globals__:
                value = function.__globals__[key]
                self._guard_item(function.__globals__, key, value, key)
        self._visit(function.__defaults__ or (), code.co_name)
        self._visit(function.__kwdefaults__ or {}, code.co_name)

    def _visit_container(self, value: Any, name: str) -> None:
        if len(value) > 4096:
            return
        if isinstance(value, (list, dict, set)) and type(value) in (list, dict, set):
            self._require("ContainerCondition", value, name)
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            self._visit(item, f"{name}[{key!r}]")

    def _guard_item(self, namespace: dict, key: str, value: Any, name: str) -> None:
        is_walked = isinstance(
            value,
            (
                torch.Tensor,
                nn.Module,
                FunctionType,
                MethodType,
                partial,
                tuple,
                list,
                dict,
                set,
                *_PLAIN,
            ),
        )
        if is_walked or (callable(value) and not isinstance(value, type)):
            self.guards.append(IdentityGuard(namespace, key, value))
            self._visit(value, name)

    def _require(self, condition: str, *subject: Any) -> None:
        self.guards.append(guards.condition_guard(getattr(guards, condition)(*subject)))

    @staticmethod
    def _check_global_hooks() -> None:
        for hooks in ("_global_forward_hooks", "_global_forward_pre_hooks"):
            if getattr(nn.modules.module, hooks, None):
                raise CaptureError("hooks for all modules are registered")


def _restore(guard: IdentityGuard | AttributeGuard) -> None:
    """Puts guarded state back, so that the program can run again."""
    if isinstance(guard, IdentityGuard):
        guard.mapping[guard.key] = guard.expected
    elif hasattr(guard.owner, "restore"):
        guard.owner.restore()


_MISSING = object()


def _same_items(now: Mapping, before: Mapping) -> bool:
    return len(now) == len(before) and all(
        now.get(key, _MISSING) is value for key, value in before.items()
    )


def _names_of(code: CodeType) -> Iterator[str]:
    """Names that a function and the functions in its body look up."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_of(constant)
