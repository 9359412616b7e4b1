# SPDX-License-Identifier: Apache-2.0
"""Processors: this machine's, or one that is named, as ``cpu:x86-64-v3`` or ``cpu:aarch64``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torshjit.cpu_features import host_features, host_machine, instruction_sets
from torshjit.errors import ConfigError, DeviceError, LoadError
from torshjit.targets.target_kind import TargetKind

__all__ = ["KIND", "CPUKind"]


class CPUKind(TargetKind):
    """Machine code for a processor; a saved one runs where no feature is missing."""

    name = "cpu"
    sentence = "machine code of this machine's processor, on all its cores"
    architecture_example = "aarch64"
    binary_name = "kernels.so"

    def open_device(self, architecture: str | None = None) -> None:
        missing = _describe(architecture)["missing_here"] if architecture else ()
        if missing:
            raise DeviceError(
                f"code for {architecture} does not run on this machine, a {host_machine()} without "
                f"{', '.join(missing)}; ir('assembly') shows it, and save() writes it for a "
                "machine that can run it"
            )

    def requirements(self, architecture: str | None = None) -> dict[str, Any]:
        if architecture is None:
            return {"machine": host_machine(), "cpu_features": list(host_features())}
        processor = _describe(architecture)
        return {
            "machine": processor["machine"],
            "cpu_features": list(instruction_sets(processor["features"])),
        }

    def check_requirements(self, requirements: Mapping[str, Any]) -> None:
        if requirements["machine"] != host_machine():
            raise LoadError(
                f"it was made for {requirements['machine']}, this machine is {host_machine()}"
            )
        missing = sorted(set(requirements["cpu_features"]) - set(host_features()))
        if missing:
            raise LoadError(
                f"this processor lacks {', '.join(missing)}, which the file was made for"
            )


def _describe(architecture: str) -> dict[str, Any]:
    """What the compiler knows of a processor.

    Raises:
        ConfigError: it knows none of that name.
    """
    from torshjit.compiler_cache import load_compiler

    try:
        return load_compiler().processor(architecture)
    except ValueError as error:
        raise ConfigError(f"target cpu:{architecture}: {error}") from error


KIND = CPUKind()
