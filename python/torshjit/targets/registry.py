# SPDX-License-Identifier: Apache-2.0
"""The kinds of targets by name; those of this package are imported when they are first named."""

from __future__ import annotations

import importlib
import os
import threading
from typing import Any

from torshjit.errors import ConfigError
from torshjit.record import Record
from torshjit.targets.target_kind import TargetKind

__all__ = ["Target", "find", "load_library", "names", "register"]

#: Where the targets of this package are: each module has the target's KIND.
_MODULES = {
    "cpu": "torshjit.targets.cpu",
    "interpreter": "torshjit.targets.interpreter",
    "cuda": "torshjit.targets.cuda",
    "metal": "torshjit.targets.metal_target",
    "vulkan": "torshjit.targets.vulkan",
    "cuda-emulated": "torshjit.targets.cuda_emulated",
}

_kinds: dict[str, TargetKind] = {}
_lock = threading.Lock()


def names() -> list[str]:
    """The names of all targets: of this package, then of those that were registered."""
    return [*_MODULES, *(name for name in _kinds if name not in _MODULES)]


def find(name: str) -> TargetKind:
    """Returns the kind of target called `name`.

    Raises:
        ConfigError: there is none.
    """
    kind = _kinds.get(name)
    if kind is None:
        if name not in _MODULES:
            raise ConfigError(f"unknown target {name!r}; known targets: {', '.join(names())}")
        kind = importlib.import_module(_MODULES[name]).KIND
        _kinds[name] = kind
    return kind


def register(kind: TargetKind) -> None:
    """Adds a kind of target, for `JitConfig(target_device=kind.name)`.

    Raises:
        ConfigError: its name is taken or malformed.
    """
    if not kind.name or ":" in kind.name:
        raise ConfigError(f"a target cannot be named {kind.name!r}")
    with _lock:
        if kind.name in _MODULES or kind.name in _kinds:
            raise ConfigError(f"there is a target {kind.name!r} already")
        _kinds[kind.name] = kind


def load_library(path: Any) -> None:
    """Loads a shared library that brings targets to the compiler (docs/howto/AddATarget.md).

    Not to be called while another thread compiles.

    Raises:
        ConfigError: the library does not load, or brings a target that is there already.
        CompileError: the compiler extension is not installed.
    """
    from torshjit.compiler_cache import load_target_library

    load_target_library(os.fspath(path))


class Target(Record):
    """A kind of target and, after a colon, the architecture of its device."""

    __slots__ = ("architecture", "name")

    def __init__(self, name: str, architecture: str | None = None) -> None:
        self.name = name
        self.architecture = architecture

    @staticmethod
    def parse(text: str) -> Target:
        """Parses ``name`` or ``name:architecture``.

        Raises:
            ConfigError: the target is unknown or the architecture malformed.
        """
        if not isinstance(text, str):
            raise ConfigError(f"target_device must be a string, not {type(text).__name__}")
        name, colon, architecture = text.partition(":")
        kind = find(name)
        if colon:
            kind.check_architecture(architecture)
        return Target(name, architecture or None)

    @property
    def kind(self) -> TargetKind:
        """What is registered under its name."""
        return find(self.name)

    def __str__(self) -> str:
        return f"{self.name}:{self.architecture}" if self.architecture else self.name
