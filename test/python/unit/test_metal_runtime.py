# SPDX-License-Identifier: Apache-2.0
"""The runtimes for Metal against modules that stand in for torch, PyObjC and MLX.

The modules run the kernels through the MSL emulator, so that results are checked as well as calls.
"""

import json
import zipfile

import numpy as np
import pytest
from msl.compiler import Compiler
from msl.emulator import MSLEmulator
from msl.frameworks.devices import DEVICES
from msl.kernel_run import EmulationError
from msl.sample_bundle import bundle
from runtime_program import launch, output, program, temporary, tensor

import torshjit
from torshjit import _runtime
from torshjit.errors import DeviceError

pytestmark = pytest.mark.skipif(not Compiler.is_available(), reason="needs clang++-22")


@pytest.fixture(scope="module")
def compiler():
    return Compiler()


@pytest.fixture(params=DEVICES)
def device(request, compiler):
    return DEVICES[request.param](compiler)


def load(device, source, texts=None):
    _runtime.register_device("metal-test", device)
    return _runtime.Executable(
        json.dumps({**source, "target": "metal-test"}), None, bundle(texts), []
    )


def dims(*rows):
    """Dims of the program format: (input, axis) of each."""
    return [{"op": "input", "input": i, "axis": axis} for i, axis in rows]


def softmax_of_product():
    """softmax(x0 * tanh(x1)) over rows, of any shape; the product is a temporary."""
    shape = [-1, -2]
    return program(
        [tensor(shape), tensor(shape)],
        [temporary(shape), output(shape)],
        [launch("elementwise", [0, 1, 2], [-3]), launch("softmax", [2, 3], [-1, -2])],
        [3],
        dims=[*dims((0, 0), (0, 1)), {"op": "mul", "lhs": 0, "rhs": 1}],
    )


def expected_softmax(x, y):
    z = x * np.tanh(y)
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def test_a_program_of_any_shape(device):
    run = load(device, softmax_of_product())
    rng = np.random.default_rng(0)
    for shape in ((3, 50), (1, 1), (5, 131), (3, 50)):
        x, y = rng.standard_normal((2, *shape), np.float32)
        (z,) = run.run([x, y])
        np.testing.assert_allclose(z, expected_softmax(x, y), rtol=2e-5)


def test_nothing_is_launched_for_no_elements(device):
    x = np.zeros((0, 7), np.float32)
    (z,) = load(device, softmax_of_product()).run([x, x])
    assert z.shape == (0, 7)


def test_half_precision_and_a_kernel_without_sizes(device):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((9, 20)), rng.standard_normal((20, 11))
    a, b = a.astype(np.float16), b.astype(np.float16)
    source = program(
        [tensor([9, 20], "f16"), tensor([20, 11], "f16")],
        [output([9, 11], "f16")],
        [launch("matmul", [0, 1, 2], [9, 20, 11])],
        [2],
    )
    (c,) = load(device, source).run([a, b])
    expected = a.astype(np.float32) @ b.astype(np.float32)
    np.testing.assert_allclose(c, expected, rtol=2e-3, atol=2e-3)

    mask = rng.integers(0, 2, 37).astype(bool)
    x = rng.standard_normal(37).astype(np.float32).view(np.uint16)[1::2].repeat(2)[:37]
    x = np.ascontiguousarray(x)
    source = program(
        [tensor([37], "i1"), tensor([37], "f16")],
        [output([37], "f16")],
        [launch("mask", [0, 1, 2])],
        [2],
    )
    (y,) = load(device, source).run([mask, x.view(np.float16)])
    np.testing.assert_array_equal(y.view(np.uint16), np.where(mask, x, x ^ 0x8000))


def test_copies_are_in_order(device):
    """A copy between two launches: the second launch reads what it wrote."""
    source = program(
        [tensor([100])],
        [temporary([100]), temporary([100]), output([100])],
        [
            launch("elementwise", [0, 0, 1], [100]),
            {"copy": [1, 2]},
            launch("elementwise", [1, 2, 3], [100]),
        ],
        [3],
    )
    x = np.linspace(-2, 2, 100, dtype=np.float32)
    (z,) = load(device, source).run([x])
    first = x * np.tanh(x)
    np.testing.assert_allclose(z, first * np.tanh(first), rtol=1e-5, atol=1e-7)


def test_memory_is_found_by_address(device):
    address = device.allocate(1000)
    assert address % device.alignment == 0
    device.upload(address + 256, memoryview(b"abc"))
    back = bytearray(3)
    device.download(address + 256, memoryview(back))
    assert back == b"abc"
    other = device.allocate(10)
    device.copy(other, address + 256, 3)
    device.download(other, memoryview(back))
    assert back == b"abc"
    for wild in (0, address - 1, address + 1024, other + 300):
        with pytest.raises(DeviceError, match="not memory of the device"):
            device.upload(wild, memoryview(b"x"))
    with pytest.raises(DeviceError, match="not memory of the device"):
        device.upload(address + 1020, memoryview(b"12345"))
    device.deallocate(other, 10)
    with pytest.raises(DeviceError, match="not memory"):
        device.upload(other, memoryview(b"x"))
    with pytest.raises(DeviceError, match="no memory of the device begins"):
        device.deallocate(other, 10)


def test_sizes_beyond_32_bits_are_refused(device):
    kernel, _, _ = device.load(bundle()).find("softmax")
    address = device.allocate(4)
    with pytest.raises(DeviceError, match=r"kernel softmax: an extent of 2147483648"):
        device.launch(kernel, [address, address], [1, 1 << 31])


def test_unknown_kernel(device):
    with pytest.raises(Exception, match="nothing"):
        device.load(bundle()).find("nothing")


def test_modules_without_msl_are_refused(device):
    description = json.loads(bundle())
    description["modules"] = [{"spirv": "AAAA"} for _ in description["modules"]]
    with pytest.raises(DeviceError, match="no code in MSL"):
        device.load(json.dumps(description).encode()).find("mask")


def test_the_emulator_knows_where_operands_end(compiler):
    """In an arena another operand's memory lies behind: no end of an allocation guards it."""
    source = program(
        [tensor([100])],
        [temporary([100]), temporary([100]), output([100])],
        [
            launch("elementwise", [0, 0, 1], [100]),
            launch("elementwise", [1, 1, 2], [101]),
            launch("elementwise", [1, 2, 3], [100]),
        ],
        [3],
    )
    run = load(MSLEmulator(compiler), source)
    with pytest.raises(EmulationError, match=r"element 100 of buffer\(\d\), which has 100"):
        run.run([np.ones(100, np.float32)])


def test_a_compiled_program(device, tmp_path):
    """Several kernels of the compiler's own."""

    def attend(q, k, v):
        scores = q @ k.T
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return (e / e.sum(axis=1, keepdims=True)) @ v

    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((rows, 16)).astype(np.float32) for rows in (21, 33, 33))
    config = torshjit.JitConfig(target_device="metal", strict=True)
    torshjit.trace(attend, (q, k, v), config=config).save(tmp_path / "executable")
    with zipfile.ZipFile(tmp_path / "executable") as archive:
        source = json.loads(archive.read("0/program.json"))
        kernels = archive.read("0/kernels.json")
    _runtime.register_device("metal-test", device)
    source["target"] = "metal-test"
    run = _runtime.Executable(json.dumps(source), None, kernels, [])
    for _ in range(2):
        np.testing.assert_allclose(run.run([q, k, v])[0], attend(q, k, v), rtol=2e-5, atol=1e-6)
