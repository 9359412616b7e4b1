# SPDX-License-Identifier: Apache-2.0
"""Calls that run as plain Python: why, how often, and the warning about it."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torshjit.capture.source_location import PACKAGE_FOLDER
from torshjit.errors import CaptureError, CompileError, DeviceError, DTypeError
from torshjit.signatures import Signature, differing_arguments, format_signature

if TYPE_CHECKING:
    from torshjit.torch_backend.partitioned_program import PartitionedProgram

__all__ = [
    "REASONS_TO_FALL_BACK",
    "Fallback",
    "FallbackWarning",
    "TooManySignatures",
    "too_many_signatures",
    "warn_of_host_calls",
    "warn_of_parts",
]

#: A ShapeError is not among them: the plain program would fail as well, and say less.
REASONS_TO_FALL_BACK = (CaptureError, CompileError, DTypeError, DeviceError)


class FallbackWarning(UserWarning):
    """A program, or some of its calls, runs as plain Python instead of compiled code."""


class Fallback:
    """A signature that runs as plain Python, or in parts, and why."""

    def __init__(
        self,
        signature: Signature,
        op: str,
        reason: str,
        location: tuple[str, int] | None,
        warning: str,
        parts: PartitionedProgram | None = None,
    ) -> None:
        self.signature = signature
        self.op = op
        self.reason = reason
        self.location = location
        self.warning = warning
        self.parts = parts
        self.calls = 0
        self.time_us = 0.0

    def warn(self, name: str) -> None:
        """Warns the caller of the program `name`."""
        how = "as plain Python"
        if self.parts is not None and self.parts.programs:
            how = "in parts, with eager torch between them,"
        warnings.warn(
            f"{name} runs {how} for the arguments {format_signature(self.signature)}: "
            f"{self.warning}",
            FallbackWarning,
            stacklevel=_caller_level(),
        )


def warn_of_host_calls(
    name: str, host_calls: Sequence[tuple[str, tuple[str, int] | None, bool]]
) -> None:
    """Warns the caller of `name` of what it calls in Python between kernels, if anything."""
    lines = []
    for op, location, is_fallback in host_calls:
        line = f"{op} ({location[0]}:{location[1]})" if location else op
        if is_fallback and line not in lines:
            lines.append(line)
    if lines:
        warnings.warn(
            f"{name} calls Python between its compiled kernels, for what the compiler lacks: "
            + ", ".join(lines),
            FallbackWarning,
            stacklevel=_caller_level(),
        )


def warn_of_parts(name: str, parts: PartitionedProgram) -> None:
    """Warns the caller of `name` of what its training graphs leave to eager torch."""
    lines = [f"{cut.reason} {cut.location or ''}".strip() for cut in parts.breaks]
    for program in parts.programs:
        lines += program.stats()["fallback_ops"]
    if lines or not parts.programs:
        warnings.warn(
            f"{name} trains in parts, with eager torch between them: "
            + (", ".join(dict.fromkeys(lines)) or "nothing of it was compiled"),
            FallbackWarning,
            stacklevel=_caller_level(),
        )


class TooManySignatures(CaptureError):
    """A program was compiled for as many signatures as the configuration allows."""


def too_many_signatures(
    known: Sequence[Signature], changed: Sequence[str], signature: Signature
) -> TooManySignatures:
    """Returns the error for one signature more than `max_specializations`.

    `changed` names the state outside the arguments that is no longer what it was.
    """
    causes = [differing_arguments([*known, signature])]
    if changed:
        causes.append(f"{', '.join(sorted(set(changed)))} kept changing")
    return TooManySignatures(
        f"compiled for {len(known)} signatures already, the limit of max_specializations: "
        + "; ".join(filter(None, causes))
    )


def _caller_level() -> int:
    """The stack level of the user's call, for a warning raised by the function that asks."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE_FOLDER):
        level, frame = level + 1, frame.f_back
    return level
