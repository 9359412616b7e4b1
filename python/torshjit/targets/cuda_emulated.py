# SPDX-License-Identifier: Apache-2.0
"""The CUDA target's kernels on this machine's processor, one fiber for each thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torshjit.targets import cpu
from torshjit.targets.cuda import CUDAKind

__all__ = ["KIND", "EmulatedCUDAKind"]


class EmulatedCUDAKind(CUDAKind):
    """The CUDA kernels as they are before PTX; for tests of them, not for speed."""

    name = "cuda-emulated"
    sentence = "the CUDA kernels run on the processor with checks for races; slow, for tests"
    tensor_devices: tuple[str, ...] = ("cpu",)

    # The kernels are code of the processor, made with the features of the one that compiled them.

    def requirements(self, architecture: str | None = None) -> dict[str, Any]:
        return cpu.KIND.requirements()

    def check_requirements(self, requirements: Mapping[str, Any]) -> None:
        cpu.KIND.check_requirements(requirements)


KIND = EmulatedCUDAKind()
