# SPDX-License-Identifier: Apache-2.0
"""The processor of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torshjit.cpu_features import host_features, host_machine
from torshjit.errors import LoadError
from torshjit.targets.target_kind import TargetKind

__all__ = ["KIND", "CPUKind"]


class CPUKind(TargetKind):
    """Machine code for this machine's processor; a saved one runs where no feature is missing."""

    name = "cpu"
    sentence = "machine code of this machine's processor, on all its cores"
    binary_name = "kernels.so"

    def requirements(self) -> dict[str, Any]:
        return {"machine": host_machine(), "cpu_features": list(host_features())}

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


KIND = CPUKind()
