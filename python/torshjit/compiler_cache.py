# SPDX-License-Identifier: Apache-2.0
"""The compiler extension, loaded at its first use, and the cache of what it compiled."""

from __future__ import annotations

import functools
import json
import os
import re
import stat
import threading
from collections import OrderedDict
from types import ModuleType
from typing import Any

from torshjit.errors import CompileError, ConfigError

__all__ = [
    "clear_cache",
    "compile_module",
    "compiler_context",
    "compiler_error",
    "load_compiler",
    "load_target_library",
]

#: Most programs whose machine code is kept after their last user has gone.
_MOST_ENTRIES = 256

_lock = threading.Lock()


class _Entry:
    """What was compiled for a key, or will be by the thread that made the entry."""

    __slots__ = ("_done", "_error", "_result")

    def __init__(self) -> None:
        self._done = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None

    def settle(self, result: Any = None, error: BaseException | None = None) -> None:
        self._result, self._error = result, error
        self._done.set()

    def wait(self) -> Any:
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._result


_entries: OrderedDict[str, _Entry] = OrderedDict()


@functools.cache
def load_compiler() -> ModuleType:
    """Returns `torshjit._compiler`.

    Raises:
        CompileError: only the runtime is installed, or the extension does not load.
    """
    try:
        from torshjit import _compiler
    except ImportError as error:
        raise CompileError(
            f"the compiler extension torshjit._compiler cannot be loaded ({error}); saved "
            "executables still run through torshjit.load"
        ) from error
    return _compiler


@functools.cache
def compiler_context() -> Any:
    """Returns the process's MLIR context."""
    return load_compiler().Context()


def load_target_library(path: str) -> None:
    """Adds the targets of a shared library to the compiler.

    Raises:
        ConfigError: the library does not load, or brings a target that is there already.
        CompileError: the compiler extension is not installed.
    """
    try:
        load_compiler().load_targets(path)
    except ValueError as error:
        raise ConfigError(f"cannot load targets from {path}: {error}") from error
    # A context has the dialects of the targets that there were when it was made.
    compiler_context.cache_clear()


def compiler_error(error: Exception, what: str) -> CompileError:
    """Returns a CompileError for an MLIRError, located at its first diagnostic that has a line."""
    message = str(error.args[0]) if error.args else str(error)
    located = [entry for entry in getattr(error, "diagnostics", ()) if entry[2] and entry[3]]
    location = (located[0][2], located[0][3]) if located else None
    # MLIR quotes the operation's name; checks of shapes and types begin with it.
    named = re.search(
        r"custom op '([\w.]+)'|'([\w.]+)' (?:op|cannot be imported)|^([a-z]\w*\.\w+): ", message
    )
    op = next(filter(None, named.groups())) if named else None
    return CompileError(f"{what}: {message}", op=op, location=location)


def _key(module: Any, options: dict[str, Any]) -> str:
    import hashlib

    text = str(module) + "\0" + json.dumps(options, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _compile(module: Any, options: dict[str, Any]) -> Any:
    compiler = load_compiler()
    try:
        return compiler.compile(module, options)
    except compiler.MLIRError as error:
        failure = compiler_error(error, "the program does not compile")
        failure.reproduce = _reproduction(module, options)
        raise failure from error
    except ValueError as error:
        # An option's value that only the compiler can judge: an architecture.
        raise ConfigError(str(error)) from error


def _reproduction(module: Any, options: dict[str, Any]) -> str | None:
    """Writes a module that failed to a file and returns the command that compiles it.

    The file goes to the dump folder, or else to a folder of the user's own in the temporary
    folder, which no other user can read or have prepared.
    """
    import hashlib
    import tempfile

    text = str(module)
    folder = options.get("dump_dir")
    try:
        if folder is None:
            folder = os.path.join(tempfile.gettempdir(), f"torshjit-{os.getuid()}")
            os.makedirs(folder, mode=0o700, exist_ok=True)
            status = os.lstat(folder)
            is_private = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o700
            if not is_private or status.st_uid != os.getuid():
                folder = tempfile.mkdtemp(prefix="torshjit-")
        path = os.path.join(folder, f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.mlir")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
    except OSError:
        return None
    return f"python -m torshjit explain {path}"


def compile_module(module: Any, options: dict[str, Any], *, use_cache: bool) -> tuple[Any, str]:
    """Compiles a module, or finds an equal one compiled before in this process.

    Returns the `_compiler.CompileResult` and where it came from: ``memory`` or ``miss``. Of
    threads that ask for equal programs at once, one compiles and the others wait.

    Raises:
        CompileError: the compiler rejects the module.
        ConfigError: the compiler lacks the target, or the target the architecture.
    """
    if not use_cache or options.get("dump_dir"):
        return _compile(module, options), "miss"
    key = _key(module, options)
    with _lock:
        entry = _entries.get(key)
        is_first = entry is None
        if entry is None:
            entry = _entries[key] = _Entry()
        _entries.move_to_end(key)
        while len(_entries) > _MOST_ENTRIES:
            _entries.popitem(last=False)
    if not is_first:
        return entry.wait(), "memory"
    try:
        result = _compile(module, options)
    except BaseException as error:
        # A failure is told to those who wait, but the next caller tries again.
        with _lock:
            _entries.pop(key, None)
        entry.settle(error=error)
        raise
    entry.settle(result)
    return result, "miss"


def clear_cache() -> None:
    """Forgets every compiled program; those in use stay valid."""
    with _lock:
        _entries.clear()
