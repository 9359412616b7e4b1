# SPDX-License-Identifier: Apache-2.0
"""Apple's GPUs."""

from __future__ import annotations

from torshjit.targets.target_kind import TargetKind

__all__ = ["KIND", "MetalKind"]


class MetalKind(TargetKind):
    """Metal Shading Language, which the Mac that runs it compiles."""

    name = "metal"
    sentence = "Metal Shading Language for Apple's GPUs, run through torch.mps, MLX or PyObjC"
    tensor_devices: tuple[str, ...] = ("cpu", "mps")


KIND = MetalKind()
