# SPDX-License-Identifier: Apache-2.0
"""Names of what a program can be compiled for, such as ``cpu`` or ``cuda:sm_90a``."""

from __future__ import annotations

import re

from torshjit.errors import ConfigError, DeviceError
from torshjit.record import Record

__all__ = ["AVAILABLE", "KINDS", "Target"]

#: Every kind of target that a string may name.
KINDS = ("cpu", "interpreter", "cuda", "metal", "vulkan")

#: The kinds that this version compiles for.
AVAILABLE = ("cpu", "interpreter")

_ARCHITECTURE = re.compile(r"[A-Za-z0-9_.+-]+\Z")


class Target(Record):
    """A kind of target and, after a colon, the architecture of its device."""

    __slots__ = ("architecture", "kind")

    def __init__(self, kind: str, architecture: str | None = None) -> None:
        self.kind = kind
        self.architecture = architecture

    @staticmethod
    def parse(text: str) -> Target:
        """Parses ``kind`` or ``kind:architecture``.

        Raises:
            ConfigError: the kind is unknown or the architecture malformed.
        """
        if not isinstance(text, str):
            raise ConfigError(f"target_device must be a string, not {type(text).__name__}")
        kind, colon, architecture = text.partition(":")
        if kind not in KINDS:
            raise ConfigError(f"unknown target {text!r}; known targets: {', '.join(KINDS)}")
        if colon and not _ARCHITECTURE.match(architecture):
            raise ConfigError(f"malformed architecture in target {text!r}; write it as cuda:sm_90a")
        if architecture and kind in ("cpu", "interpreter"):
            raise ConfigError(
                f"target {text!r}: {kind} takes no architecture, it is the machine's own"
            )
        return Target(kind, architecture or None)

    def require_available(self) -> None:
        """Raises DeviceError unless this version compiles for the target."""
        if self.kind not in AVAILABLE:
            raise DeviceError(
                f"target {str(self)!r} is not available in this version of torshjit; "
                f"available targets: {', '.join(AVAILABLE)}"
            )

    def __str__(self) -> str:
        return f"{self.kind}:{self.architecture}" if self.architecture else self.kind
