# SPDX-License-Identifier: Apache-2.0
"""What each runtime for Metal calls in its framework, what it refuses, and which one is taken."""

import struct
import sys

import numpy as np
import pytest
from msl.compiler import Compiler
from msl.frameworks.devices import DEVICES, fake_torch, pyobjc_device
from msl.frameworks.fake_metal import FakeMetal
from msl.frameworks.fake_mlx import FakeMLX
from msl.sample_bundle import bundle, text

from torshjit import _runtime
from torshjit.errors import DeviceError
from torshjit.targets.metal.frameworks import FRAMEWORKS, open_device
from torshjit.targets.metal.mlx_metal import MLXDevice
from torshjit.targets.metal.pyobjc_metal import PyObjCDevice
from torshjit.targets.metal.torch_mps import TorchMPSDevice
from torshjit.targets.metal_target import MetalKind

pytestmark = pytest.mark.skipif(not Compiler.is_available(), reason="needs clang++-22")


@pytest.fixture(scope="module")
def compiler():
    return Compiler()


def elementwise(device, count=100):
    """Launches the kernel once, the operands one behind the other in a block."""
    kernel, _, _ = device.load(bundle()).find("elementwise")
    stride = 1024
    address = device.allocate(3 * stride)
    x = np.linspace(-2, 2, count, dtype=np.float32)
    for index in range(2):
        device.upload(address + index * stride, memoryview(x).cast("B"))
    device.launch(kernel, [address + index * stride for index in range(3)], [count])
    result = np.empty_like(x)
    device.download(address + 2 * stride, memoryview(result).cast("B"))
    np.testing.assert_allclose(result, x * np.tanh(x), rtol=1e-5, atol=1e-7)


def test_calls_of_torch(compiler):
    torch = fake_torch(compiler)
    device = TorchMPSDevice(torch)
    elementwise(device)
    assert torch.log == [
        ("compile_shader", text("elementwise")),
        ("synchronize",),
        ("synchronize",),
        ("tensor", (100,)),
        ("torsh_kernel_elementwise", (0, 1024, 2048, 0), 128, 64),
    ]
    elementwise(device)
    assert torch.log.count(("tensor", (100,))) == 1


@pytest.mark.parametrize("has_math_mode", [True, False])
def test_calls_of_pyobjc(compiler, has_math_mode):
    metal = FakeMetal(compiler, has_math_mode)
    elementwise(pyobjc_device(metal))
    assert metal.log == [
        ("mathMode", 0) if has_math_mode else ("fastMathEnabled", False),
        ("library",),
        ("commandBuffer",),
        ("pipeline", "torsh_kernel_elementwise"),
        ("buffer", 0, 0),
        ("buffer", 1, 1024),
        ("buffer", 2, 2048),
        ("bytes", 3, struct.pack("=i", 100)),
        ("dispatch", (2, 1, 1), (64, 1, 1)),
        ("endEncoding",),
        ("commit",),
        ("waitUntilCompleted",),
    ]


def test_calls_of_mlx(compiler):
    mx = FakeMLX(compiler)
    elementwise(MLXDevice(mx))
    (_, name, inputs), launched = mx.log
    assert name.startswith("torsh_kernel_elementwise_")
    assert inputs == ("operand0", "operand1", "operand2", "operand3", "places", "after")
    assert launched == ("launch", name, (128, 1, 1), (64, 1, 1))


def test_kernels_of_one_name_and_other_texts_are_apart(compiler):
    """MLX keeps one library for each name."""
    mx = FakeMLX(compiler)
    device = MLXDevice(mx)
    changed = text("mask").replace("37u", "36u")
    for texts in (None, {"mask": changed}):
        device.load(bundle(texts)).find("mask")
    assert len({entry[1] for entry in mx.log}) == 2


@pytest.mark.parametrize("name", ["torch.mps", "pyobjc"])
def test_text_that_does_not_compile(compiler, name):
    device = DEVICES[name](compiler)
    library = device.load(bundle({"mask": "syntax error"}))
    with pytest.raises(DeviceError, match=r"cannot compile a kernel"):
        library.find("mask")
    library.find("softmax")


def test_an_entry_that_is_not_there(compiler):
    for name in ("torch.mps", "pyobjc", "mlx"):
        device = DEVICES[name](compiler)
        library = device.load(bundle({"mask": text("softmax")}))
        with pytest.raises(DeviceError, match=r"(no|of) kernel torsh_kernel_mask"):
            library.find("mask")


def test_too_many_threads(compiler):
    metal = FakeMetal(compiler)
    metal.max_threads = 32
    for device in (TorchMPSDevice(fake_torch(compiler, max_threads=32)), pyobjc_device(metal)):
        library = device.load(bundle())
        library.find("mask")
        with pytest.raises(DeviceError, match=r"needs 64 threads in a threadgroup.*at most 32"):
            library.find("softmax")


def test_a_command_buffer_that_fails(compiler):
    metal = FakeMetal(compiler, failure="Caused GPU Timeout Error")
    device = pyobjc_device(metal)
    with pytest.raises(DeviceError, match="Caused GPU Timeout Error"):
        elementwise(device)
    metal.failure = None
    elementwise(device)


def test_abandoned_work_is_dropped(compiler):
    metal = FakeMetal(compiler)
    device = pyobjc_device(metal)
    kernel, _, _ = device.load(bundle()).find("elementwise")
    address = device.allocate(1024)
    device.upload(address, memoryview(bytes(1024)))
    device.launch(kernel, [address, address, address + 512], [10])
    device.abandon()
    device.synchronize()
    assert ("commit",) not in metal.log
    assert metal.log[-1] == ("endEncoding",)


def test_no_memory(compiler):
    with pytest.raises(MemoryError, match="Metal has no buffer"):
        pyobjc_device(FakeMetal(compiler)).allocate(1 << 41)


def test_no_gpu(compiler):
    metal = FakeMetal(compiler)
    metal.MTLCreateSystemDefaultDevice = lambda: None
    with pytest.raises(DeviceError, match="finds no GPU"):
        pyobjc_device(metal)


def test_fast_math_is_refused(compiler, monkeypatch):
    torch = fake_torch(compiler)
    monkeypatch.setenv("PYTORCH_MPS_FAST_MATH", "1")
    with pytest.raises(DeviceError, match="PYTORCH_MPS_FAST_MATH is set"):
        TorchMPSDevice(torch)
    monkeypatch.setenv("PYTORCH_MPS_FAST_MATH", "0")
    TorchMPSDevice(torch)


def test_the_framework_that_is_there_is_taken(compiler, monkeypatch):
    metal = FakeMetal(compiler)
    monkeypatch.setitem(sys.modules, "Metal", metal)
    monkeypatch.setitem(sys.modules, "objc", metal.objc)
    assert isinstance(open_device("pyobjc"), PyObjCDevice)
    mlx = FakeMLX(compiler)
    monkeypatch.setitem(sys.modules, "mlx", mlx)
    monkeypatch.setitem(sys.modules, "mlx.core", mlx)
    assert isinstance(open_device("mlx"), MLXDevice)
    monkeypatch.setitem(sys.modules, "torch", fake_torch(compiler))
    assert isinstance(open_device("torch.mps"), TorchMPSDevice)
    assert isinstance(open_device(), TorchMPSDevice)
    monkeypatch.delitem(sys.modules, "torch")
    assert isinstance(open_device(), PyObjCDevice)


def test_no_framework_is_one_sentence(monkeypatch):
    for name in ("Metal", "mlx", "mlx.core"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DeviceError) as caught:
        open_device()
    message = str(caught.value)
    assert "metal needs a Mac with torch, pyobjc-framework-Metal or mlx" in message
    assert 'torshjit.trace(...).ir("msl")' in message
    assert all(name in message for name in FRAMEWORKS)
    assert "\n" not in message
    with pytest.raises(DeviceError, match="unknown way to metal"):
        open_device("opencl")


def test_the_target_opens_its_device_once(compiler, monkeypatch):
    metal = FakeMetal(compiler)
    monkeypatch.setitem(sys.modules, "Metal", metal)
    monkeypatch.setitem(sys.modules, "objc", metal.objc)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    opened = []
    monkeypatch.setattr(_runtime, "register_device", lambda *row: opened.append(row))
    kind = MetalKind()
    kind.open_device()
    kind.open_device()
    ((name, device),) = opened
    assert name == "metal"
    assert isinstance(device, PyObjCDevice)


def test_calling_on_a_machine_without_metal_says_how_to_compile(monkeypatch):
    for name in ("Metal", "mlx", "mlx.core"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DeviceError, match=r"needs a Mac.*ir\(\"msl\"\)"):
        MetalKind().open_device()


def test_libraries_go_with_their_kernels(compiler):
    """And when the device is gone they say so: an interpreter that exits closes it first."""
    device = pyobjc_device(FakeMetal(compiler))
    library = device.load(bundle())
    kernel, _, _ = library.find("mask")
    other = device.load(bundle())
    del library
    assert len(device.bundles) == 2
    del kernel
    assert len(device.bundles) == 1
    del device
    with pytest.raises(DeviceError, match="the metal device is closed"):
        other.find("mask")
