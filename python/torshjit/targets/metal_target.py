# SPDX-License-Identifier: Apache-2.0
"""Apple's GPUs."""

from __future__ import annotations

import threading

from torshjit.targets.target_kind import TargetKind

__all__ = ["KIND", "MetalKind"]


class MetalKind(TargetKind):
    """Metal Shading Language, which the Mac that runs it compiles."""

    name = "metal"
    sentence = "Metal Shading Language for Apple's GPUs, run through torch.mps, MLX or PyObjC"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_open = False

    def open_device(self, architecture: str | None = None) -> None:
        from torshjit import _runtime
        from torshjit.targets.metal import open_device

        with self._lock:
            if not self._is_open:
                _runtime.register_device(self.name, open_device())
                self._is_open = True


KIND = MetalKind()
