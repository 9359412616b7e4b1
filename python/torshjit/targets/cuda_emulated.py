# SPDX-License-Identifier: Apache-2.0
"""The CUDA target's kernels on this machine's processor, one fiber for each thread."""

from __future__ import annotations

from torshjit.targets.cuda import CUDAKind

__all__ = ["KIND", "EmulatedCUDAKind"]


class EmulatedCUDAKind(CUDAKind):
    """The CUDA kernels as they are before PTX; for tests of them, not for speed."""

    name = "cuda-emulated"
    sentence = "the CUDA kernels run on the processor with checks for races; slow, for tests"
    tensor_devices: tuple[str, ...] = ("cpu",)


KIND = EmulatedCUDAKind()
