# SPDX-License-Identifier: Apache-2.0
"""The ways to Metal that this machine has, and the choice among them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from torshjit.errors import DeviceError
from torshjit.targets.metal.metal_device import MetalDevice

__all__ = ["FRAMEWORKS", "open_device"]


def _torch() -> MetalDevice:
    torch = importlib.import_module("torch")
    if not torch.backends.mps.is_available():
        raise ImportError("torch has no mps device here")
    if not hasattr(torch.mps, "compile_shader"):
        raise ImportError("this torch has no torch.mps.compile_shader")
    from torshjit.targets.metal.torch_mps import TorchMPSDevice

    return TorchMPSDevice(torch)


def _pyobjc() -> MetalDevice:
    metal = importlib.import_module("Metal")
    from torshjit.targets.metal.pyobjc_metal import PyObjCDevice

    return PyObjCDevice(metal, importlib.import_module("objc"))


def _mlx() -> MetalDevice:
    mx = importlib.import_module("mlx.core")
    if not mx.metal.is_available():
        raise ImportError("mlx has no Metal here")
    from torshjit.targets.metal.mlx_metal import MLXDevice

    return MLXDevice(mx)


#: How each framework opens a device; ImportError where it is absent.
FRAMEWORKS: Mapping[str, Callable[[], MetalDevice]] = {
    "torch.mps": _torch,
    "pyobjc": _pyobjc,
    "mlx": _mlx,
}


def open_device(framework: str | None = None) -> MetalDevice:
    """A device that runs MSL kernels through `framework`, or through the first one that is there.

    torch is tried first only where the program has imported it: it is slow to import.

    Raises:
        DeviceError: there is none.
    """
    if framework is not None and framework not in FRAMEWORKS:
        raise DeviceError(f"unknown way to metal {framework!r}; known: {', '.join(FRAMEWORKS)}")
    names = [framework] if framework else sorted(FRAMEWORKS, key=_comes_late)
    reasons = []
    for name in names:
        try:
            return FRAMEWORKS[name]()
        except ImportError as error:
            reasons.append(f"{name} ({_sentence(error)})")
    raise DeviceError(
        f"metal needs a Mac with torch, pyobjc-framework-Metal or mlx, and none of them serves "
        f"here: {', '.join(reasons)}; to compile for another machine, take the kernels from "
        'torshjit.trace(...).ir("msl") or save the traced function'
    )


def _comes_late(name: str) -> bool:
    return name == "torch.mps" and "torch" not in sys.modules


def _sentence(error: Any) -> str:
    return str(error).replace("\n", " ")
