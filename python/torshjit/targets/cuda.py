# SPDX-License-Identifier: Apache-2.0
"""NVIDIA GPUs."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from torshjit import environment
from torshjit.errors import ConfigError
from torshjit.targets.target_kind import TargetKind

__all__ = ["KIND", "CUDAKind", "find_libdevice"]

_COMPUTE_CAPABILITY = re.compile(r"sm_[0-9]+[a-z]?\Z")


def find_libdevice() -> str:
    """Returns the path of libdevice.10.bc, NVIDIA's library of mathematics for kernels.

    What TORSHJIT_LIBDEVICE names, or in the Python package nvidia-nvvm; empty where it is in
    neither: the compiler then looks in the CUDA toolkit.
    """
    if path := environment.read("TORSHJIT_LIBDEVICE"):
        return path
    package = importlib.util.find_spec("nvidia")
    for folder in (package.submodule_search_locations or ()) if package else ():
        for path in sorted(Path(folder).glob("*/nvvm/libdevice/libdevice.10.bc")):
            return str(path)
    return ""


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

    def compiler_options(self) -> dict[str, object]:
        return {"device_library": find_libdevice()}


KIND = CUDAKind()
