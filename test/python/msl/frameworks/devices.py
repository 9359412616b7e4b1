# SPDX-License-Identifier: Apache-2.0
"""The runtimes for Metal over modules that stand in for the frameworks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from msl.compiler import Compiler
from msl.emulator import MSLEmulator
from msl.frameworks.fake_metal import FakeMetal
from msl.frameworks.fake_mlx import FakeMLX

from torshjit.targets.metal.metal_device import MetalDevice
from torshjit.targets.metal.mlx_metal import MLXDevice
from torshjit.targets.metal.pyobjc_metal import PyObjCDevice
from torshjit.targets.metal.torch_mps import TorchMPSDevice

__all__ = ["DEVICES", "fake_torch", "pyobjc_device"]


def fake_torch(compiler: Compiler, **options: Any) -> Any:
    """A FakeTorch; the test is skipped where there is no torch, whose tensors it uses."""
    pytest.importorskip("torch")
    from msl.frameworks.fake_torch import FakeTorch

    return FakeTorch(compiler, **options)


def pyobjc_device(metal: FakeMetal) -> PyObjCDevice:
    """The device over a stand-in for the module Metal."""
    return PyObjCDevice(metal, metal.objc)


#: The emulator is a runtime too, whose framework is the processor.
DEVICES: Mapping[str, Callable[[Compiler], MetalDevice]] = {
    "torch.mps": lambda compiler: TorchMPSDevice(fake_torch(compiler)),
    "pyobjc": lambda compiler: pyobjc_device(FakeMetal(compiler)),
    "mlx": lambda compiler: MLXDevice(FakeMLX(compiler)),
    "emulator": MSLEmulator,
}
