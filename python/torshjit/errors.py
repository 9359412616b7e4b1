# SPDX-License-Identifier: Apache-2.0
"""The exceptions that torshjit raises, each naming the operation and the user's line."""

from __future__ import annotations

import linecache

__all__ = [
    "CaptureError",
    "CompileError",
    "ConfigError",
    "DTypeError",
    "DataError",
    "DeviceError",
    "LoadError",
    "ShapeError",
    "TorshError",
    "UnsupportedOpError",
]

Location = tuple[str, int]


class TorshError(Exception):
    """Base class of every error that torshjit raises.

    Attributes:
        message: what went wrong, without the location.
        op: the operation concerned, as the user knows it (``numpy.fft.fft``) or as the
            dialect does (``torsh.matmul``); None where no single operation is at fault.
        location: the user's ``(file, line)``, or None.
        reproduce: a shell command that shows the same failure, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        op: str | None = None,
        location: Location | None = None,
        reproduce: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.op = op
        self.location = location
        self.reproduce = reproduce

    def __str__(self) -> str:
        lines = [self.message]
        if self.location is not None:
            file, line = self.location
            lines.append(f'  File "{file}", line {line}')
            source = linecache.getline(file, line).strip()
            if source:
                lines.append(f"    {source}")
        if self.reproduce:
            lines.append(f"  reproduce with: {self.reproduce}")
        return "\n".join(lines)


class ConfigError(TorshError, ValueError):
    """An option or environment variable has a value that is not allowed."""


class CaptureError(TorshError):
    """A program cannot be captured: it asks for a value, or mutates an argument."""


class UnsupportedOpError(CaptureError, NotImplementedError):
    """A program uses an operation that the compiler does not cover."""


class ShapeError(TorshError, ValueError):
    """Shapes do not fit each other, an operation, or a compiled signature."""


class DTypeError(TorshError, TypeError):
    """An element type does not fit an operation or a compiled signature."""


class DataError(TorshError, IndexError, ValueError):
    """The contents of an array do not fit an operation: an index is out of range."""


class DeviceError(TorshError, RuntimeError):
    """A device or target is unknown, or not available in this build or on this machine."""


class CompileError(TorshError, RuntimeError):
    """The compiler rejected a program, or failed on it."""


class LoadError(TorshError, OSError):
    """A saved executable is damaged, or was made for another version or machine."""

    # OSError.__str__ would otherwise win over TorshError's for some argument counts.
    __str__ = TorshError.__str__
