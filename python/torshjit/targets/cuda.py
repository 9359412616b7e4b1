# SPDX-License-Identifier: Apache-2.0
"""NVIDIA GPUs."""

from __future__ import annotations

import re

from torshjit.errors import ConfigError
from torshjit.targets.target_kind import TargetKind

__all__ = ["KIND", "CUDAKind"]

_COMPUTE_CAPABILITY = re.compile(r"sm_[0-9]+[a-z]?\Z")


class CUDAKind(TargetKind):
    """PTX, which the driver assembles for its GPU when a program is loaded."""

    name = "cuda"
    sentence = "PTX for NVIDIA GPUs, which the driver assembles; the runtime opens libcuda"
    architecture_example = "sm_90a"
    tensor_devices: tuple[str, ...] = ("cpu", "cuda")

    def check_architecture(self, architecture: str) -> None:
        super().check_architecture(architecture)
        if not _COMPUTE_CAPABILITY.match(architecture):
            raise ConfigError(
                f"malformed architecture in target {self.name}:{architecture}; write a compute "
                f"capability, as {self.name}:{self.architecture_example}"
            )


KIND = CUDAKind()
