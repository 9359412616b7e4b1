# SPDX-License-Identifier: Apache-2.0
"""GPUs with a Vulkan driver, and processors with a driver such as lavapipe."""

from __future__ import annotations

from torshjit.targets.target_kind import TargetKind

__all__ = ["KIND", "VulkanKind"]


class VulkanKind(TargetKind):
    """SPIR-V of the kernels that Metal gets too."""

    name = "vulkan"
    sentence = "SPIR-V for whatever has a Vulkan driver; the runtime opens libvulkan"


KIND = VulkanKind()
