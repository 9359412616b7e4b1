# SPDX-License-Identifier: Apache-2.0
"""CUDA tensors of torch and of other DLPack libraries, over a fake driver and a fake torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_cuda import (
    Driver,
    add_program,
    add_twice_program,
    bundle,
    cuda_program,
    executable,
    library,
    operand,
    ptx,
    variant,
    with_fake_cuda,
)
from fake_torch import Torch
from runtime_program import launch, output, run_python, tensor

import torshjit
from torshjit import _runtime

VALUES = np.arange(6, dtype=np.float32)
WAITS = ("cuStreamSynchronize", "cuMemcpyDtoHAsync", "cuMemcpyHtoDAsync")


class Module(_runtime.Dispatcher):
    def _specialize(self, args: Any, kwargs: Any) -> None:
        return None


def module(run: Any, *leaves: tuple, bindings: Any = None, result: str = "torch") -> Module:
    call = Module()
    numbers = range(len(leaves))
    call.add_specialization(
        (leaves, {}), run, bindings or [("arg", i) for i in numbers], ("leaf", 0, result)
    )
    return call


def array(kind: str, shape: tuple = (6,), dtype: str = "f32") -> tuple:
    return ("array", kind, dtype, shape)


def registered_torch(driver: Driver) -> Torch:
    torch = Torch(driver)
    _runtime.register_torch(torch)
    return torch


def adder(kind: str = "torch", twice: bool = False) -> Module:
    run = executable((add_twice_program if twice else add_program)(6))
    return module(run, array(kind), array(kind), result=kind)


def scaler() -> Module:
    """x * k of an f64 tensor and a number."""
    kernel = {
        "operands": [operand("f64"), operand("f64"), operand("f64", "write")],
        "sizes": 1,
        "variants": [variant("fake_scale_f64")],
    }
    source = cuda_program(
        [tensor([6], "f64"), tensor([], "f64")],
        [output([6], "f64")],
        [launch("scale", [0, 1, 2], [6])],
        [2],
    )
    run = executable(source, bundle({"scale": kernel}, [ptx(("fake_scale_f64", 4))]))
    return module(run, array("torch", dtype="f64"), array("number", (), "f64"))


# Torch.


@with_fake_cuda()
def test_tensors_stay_on_the_device_and_nobody_waits():
    driver = Driver()
    torch = registered_torch(driver)
    call = adder(twice=True)
    x, y = torch.tensor(VALUES), torch.tensor(2 * VALUES)
    driver.calls()
    z = call(x, y)
    assert z.device == torch.device("cuda", 0)
    calls = driver.calls()
    assert not any(line.startswith(WAITS) for line in calls)
    assert [line for line in calls if "Launch" in line] == [
        "cuLaunchKernel fake_add grid 1 block 32 shared 0 stream default"
    ] * 2
    assert not z.array.any()  # the fake's streams work when somebody waits
    driver.synchronize(0)
    assert np.array_equal(z.array, 5 * VALUES)


@with_fake_cuda()
def test_the_callers_stream_is_used_and_left_again():
    driver = Driver()
    torch = registered_torch(driver)
    call = adder(twice=True)
    x = torch.tensor(VALUES)
    torch.stream = driver.stream()
    results = [call(x, x)]
    driver.synchronize(torch.stream)
    assert np.array_equal(results[0].array, 3 * VALUES)
    assert "stream other" in "".join(driver.calls())
    # Calls in flight on two streams share no memory, and end in either order.
    other = driver.stream()
    first = call(x, x)
    before, torch.stream = torch.stream, other
    y = torch.tensor(10 * VALUES)
    second = call(y, y)
    driver.synchronize(other)
    driver.synchronize(before)
    assert np.array_equal(first.array, 3 * VALUES)
    assert np.array_equal(second.array, 30 * VALUES)
    # NumPy arrays go through the default stream.
    driver.calls()
    assert np.array_equal(
        module(executable(add_program(6)), array("numpy"), array("numpy"), result="numpy")(
            VALUES, VALUES
        ),
        2 * VALUES,
    )
    assert "stream default" in "".join(driver.calls())


@with_fake_cuda()
def test_a_call_is_captured_into_a_graph_and_replayed():
    driver = Driver()
    torch = registered_torch(driver)
    call, scale = adder(twice=True), scaler()
    x, y = torch.tensor(VALUES), torch.tensor(VALUES.astype(np.float64))
    torch.stream = driver.stream()
    driver.begin_capture(torch.stream)
    z, scaled = call(x, x), scale(y, 2.5)
    # A first call may load its program meanwhile.
    other = adder()
    driver.end_capture(torch.stream)
    assert not z.array.any()
    for factor in (1, 4):
        x.array[...] = factor * VALUES
        y.array[...] = factor * VALUES
        assert driver.replay(torch.stream) == 0
        assert np.array_equal(z.array, 3 * factor * VALUES)
        assert np.array_equal(scaled.array, 2.5 * factor * VALUES)
    del other


@with_fake_cuda()
def test_numbers_go_with_tensors_on_the_device():
    driver = Driver()
    torch = registered_torch(driver)
    scale = scaler()
    x = torch.tensor(VALUES.astype(np.float64))
    driver.calls()
    half, twice = scale(x, 0.5), scale(x, 2.0)
    assert not any(line.startswith(WAITS) for line in driver.calls())
    driver.synchronize(0)
    assert np.array_equal(half.array, 0.5 * VALUES)
    assert np.array_equal(twice.array, 2 * VALUES)


@with_fake_cuda()
def test_tensors_on_the_host_are_staged():
    driver = Driver()
    torch = registered_torch(driver)
    x = torch.tensor(VALUES, "cpu")
    z = adder()(x, x)
    assert z.is_cpu
    assert np.array_equal(z.array, 2 * VALUES)


@with_fake_cuda()
def test_strided_tensors_are_copied_on_the_device():
    driver = Driver()
    torch = registered_torch(driver)
    x = torch.tensor(np.arange(12, dtype=np.float32))
    x.array = x.array[::2]
    z = adder()(x, x)
    driver.synchronize(0)
    assert np.array_equal(z.array, 2 * np.arange(0, 12, 2))


@with_fake_cuda()
def test_unaligned_tensors_take_the_plain_variant():
    driver = Driver()
    torch = registered_torch(driver)
    call = module(executable(add_program(4)), array("torch", (4,)), array("torch", (4,)))
    x = torch.tensor(VALUES)
    x.array = x.array[1:5]
    call(x, x)
    assert "cuLaunchKernel fake_add grid" in "".join(driver.calls())


@with_fake_cuda()
def test_tensors_elsewhere_are_refused_by_name():
    torch = registered_torch(Driver())
    call = adder()
    here = torch.tensor(VALUES)
    for other, message in [
        (
            torch.tensor(VALUES, "cpu"),
            "argument 1: expected it on the device as argument 0 is, got a .* on cpu",
        ),
        (torch.tensor(VALUES, "cuda", 1), "argument 1: expected .*, got a .* on cuda:1"),
        (torch.tensor(VALUES, "meta"), "argument 1: expected .*, got a .* on meta"),
    ]:
        with pytest.raises(torshjit.DeviceError, match=message):
            call(here, other)
    with pytest.raises(torshjit.DeviceError, match="argument 1: expected it in the host's memory"):
        call(torch.tensor(VALUES, "cpu"), here)


@with_fake_cuda()
def test_parameters_are_read_where_they_live():
    driver = Driver()
    torch = registered_torch(driver)
    weight = torch.tensor(VALUES)
    call = module(
        executable(add_program(6)), array("torch"), bindings=[("arg", 0), ("object", weight)]
    )
    x = torch.tensor(VALUES)
    weight.array *= 3
    z = call(x)
    driver.synchronize(0)
    assert np.array_equal(z.array, 4 * VALUES)
    weight.device = torch.device("cpu")
    with pytest.raises(torshjit.DeviceError, match='bound object for input "x1"'):
        call(x)


@with_fake_cuda()
def test_constant_bindings_are_sent_once_and_go_with_any_arguments():
    driver = Driver()
    torch = registered_torch(driver)
    weight = np.arange(12, dtype=np.float32)[::2]

    def adds(kind: str) -> Module:
        return module(
            executable(add_program(6)),
            array(kind),
            bindings=[("arg", 0), ("constant", weight)],
            result=kind,
        )

    on_tensors, on_arrays = adds("torch"), adds("numpy")
    before = driver.live_bytes()
    driver.calls()
    z = on_tensors(torch.tensor(VALUES))
    assert not any(line.startswith(WAITS) for line in driver.calls())
    driver.synchronize(0)
    assert np.array_equal(z.array, VALUES + weight)
    for _ in range(2):
        driver.calls()
        assert np.array_equal(on_arrays(VALUES), VALUES + weight)
        uploads = [line for line in driver.calls() if line.startswith("cuMemcpyHtoD")]
        assert uploads == ["cuMemcpyHtoDAsync 24"]  # the argument
    del z
    del on_tensors, on_arrays
    driver.synchronize(0)
    assert driver.live_bytes() < before
    with pytest.raises(ValueError, match="neither an array nor a tensor"):
        module(executable(add_program(6)), array("numpy"), bindings=[("arg", 0), ("constant", 3)])
    with pytest.raises(torshjit.ShapeError, match='bound object for input "x1"'):
        module(
            executable(add_program(6)),
            array("numpy"),
            bindings=[("arg", 0), ("constant", weight[:3])],
        )


@with_fake_cuda()
def test_empty_tensors():
    driver = Driver()
    torch = registered_torch(driver)
    call = module(executable(add_program(-1)), array("torch", (-1,)), array("torch", (-1,)))
    empty = torch.tensor(np.empty(0, np.float32))
    assert call(empty, empty).shape == (0,)


@with_fake_cuda(FAKE_CUDA_MEMORY="6000")
def test_a_failed_call_leaves_the_stream_as_it_was():
    driver = Driver()
    torch = registered_torch(driver)
    call = module(
        executable(add_twice_program(600)), array("torch", (600,)), array("torch", (600,))
    )
    small = executable(add_program(4))
    x = torch.tensor(np.empty(600, np.float32))
    torch.stream = driver.stream()
    with pytest.raises(MemoryError):
        call(x, x)
    driver.calls()
    four = np.ones(4, np.float32)
    assert np.array_equal(small.run([four, four])[0], four + four)
    assert "stream other" not in "".join(driver.calls())


# DLPack.


class Producer:
    """A tensor of another library: `lent` counts those that are in use."""

    lent = 0

    def __init__(self, values: np.ndarray, device: tuple[int, int] = (2, 0)) -> None:
        self.values, self.device = values, device
        self.streams: list[Any] = []

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device

    def __dlpack__(self, stream: Any = None) -> Any:
        self.streams.append(stream)
        return lend(self.values, self.device)


def lend(values: np.ndarray, device: tuple[int, int]) -> Any:
    """A capsule, made as C libraries make theirs, over an array's memory."""
    import ctypes

    class Tensor(ctypes.Structure):
        _fields_ = [
            ("data", ctypes.c_void_p),
            ("device_type", ctypes.c_int32),
            ("device_id", ctypes.c_int32),
            ("ndim", ctypes.c_int32),
            ("code", ctypes.c_uint8),
            ("bits", ctypes.c_uint8),
            ("lanes", ctypes.c_uint16),
            ("shape", ctypes.c_void_p),
            ("strides", ctypes.c_void_p),
            ("byte_offset", ctypes.c_uint64),
            ("context", ctypes.c_void_p),
            ("deleter", ctypes.c_void_p),
        ]

    rank = values.ndim
    item = values.itemsize
    shape = (ctypes.c_int64 * max(rank, 1))(*values.shape)
    strides = (ctypes.c_int64 * max(rank, 1))(*(s // item for s in values.strides))
    code = {"f": 2, "i": 0, "b": 6, "u": 1, "c": 5}[values.dtype.kind]
    bits = 8 * item
    address = values.__array_interface__["data"][0]
    # 64 bytes of the address as an offset, which a reader must add.
    lent = Tensor(
        address - 64, *device, rank, code, bits, 1,
        ctypes.addressof(shape), ctypes.addressof(strides), 64, None, None,
    )  # fmt: skip
    destroy = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

    def destroyed(_: Any) -> None:
        Producer.lent -= 1
        ALIVE.pop(key)

    callback = destroy(destroyed)
    make = ctypes.pythonapi.PyCapsule_New
    make.restype = ctypes.py_object
    make.argtypes = [ctypes.c_void_p, ctypes.c_char_p, destroy]
    key = object()
    ALIVE[key] = (lent, shape, strides, values, callback)
    Producer.lent += 1
    return make(ctypes.addressof(lent), b"dltensor", callback)


#: What the capsules point to.
ALIVE: dict[object, Any] = {}


@with_fake_cuda()
def test_tensors_of_any_dlpack_library():
    driver = Driver()
    call = adder("dlpack")
    x, y = (Producer(driver.device_array(n * VALUES)) for n in (1, 2))
    driver.calls()
    z = call(x, y)
    assert x.streams == [1]  # the protocol's number of the default stream
    assert not any(line.startswith(WAITS) for line in driver.calls())
    assert (z.shape, z.dtype) == ((6,), "f32")
    assert z.__dlpack_device__() == (2, 0)
    assert repr(z) == "<torshjit.DeviceArray f32 of shape (6,) on cuda:0>"
    assert np.array_equal(z.numpy(), 3 * VALUES)
    # A result is an argument of the next call.
    assert np.array_equal(call(z, x).numpy(), 4 * VALUES)
    (simple,) = executable(add_program(6)).run([x, z], results="dlpack")
    assert np.array_equal(simple.numpy(), 4 * VALUES)


@with_fake_cuda()
def test_arguments_are_kept_while_their_work_is_under_way():
    driver = Driver()
    call = adder("dlpack")
    x = Producer(driver.device_array(VALUES))
    call(x, x)
    assert Producer.lent == 2
    call(x, x)
    assert Producer.lent == 4
    driver.synchronize(0)
    call(x, x)
    assert Producer.lent == 2


def test_nothing_is_left_at_the_end_of_the_process():
    code = """
from fake_cuda import *
from fake_cuda import Driver
import numpy as np, sys
sys.path.insert(0, UNIT)
from test_runtime_cuda_tensors import Producer, adder
call = adder("dlpack")
x = Producer(Driver().device_array(np.ones(6, np.float32)))
y = call(x, x)
call(y, y)
""".replace("UNIT", repr(str(Path(__file__).parent)))
    done = run_python(code, TORSHJIT_LIBCUDA=library())
    assert (done.returncode, done.stderr) == (0, "")


@with_fake_cuda()
def test_a_reader_on_another_stream_waits_for_the_result():
    driver = Driver()
    call = adder("dlpack")
    x = Producer(driver.device_array(VALUES))
    z = call(x, x)
    reader = driver.stream()
    driver.calls()
    capsule = z.__dlpack__(stream=reader)
    assert [line for line in driver.calls() if "Event" in line] == [
        "cuEventCreate",
        "cuEventRecord",
        "cuStreamWaitEvent",
    ]
    del capsule
    z.__dlpack__(stream=1), z.__dlpack__(), z.__dlpack__(stream=-1, max_version=(1, 0))
    assert driver.calls() == []
    with pytest.raises(ValueError, match="0 is ambiguous"):
        z.__dlpack__(stream=0)
    # Waiting for the reader's stream does the work that it was ordered behind.
    driver.synchronize(reader)
    assert np.array_equal(z.numpy(), 2 * VALUES)


@with_fake_cuda()
def test_lent_memory_outlives_the_result():
    driver = Driver()
    call = adder("dlpack")
    x = Producer(driver.device_array(VALUES))
    z = call(x, x)
    driver.synchronize(0)
    call(x, x)  # lets go of the first call's arguments
    driver.synchronize(0)
    capsule = z.__dlpack__()
    before = driver.live_bytes()
    del z
    assert driver.live_bytes() == before
    del capsule
    assert driver.live_bytes() < before


@with_fake_cuda()
def test_dlpack_tensors_on_the_host_are_staged():
    call = adder("dlpack")
    z = call(Producer(VALUES, (1, 0)), Producer(VALUES, (3, 0)))
    assert type(z) is np.ndarray
    assert np.array_equal(z, 2 * VALUES)


@with_fake_cuda()
def test_dlpack_tensors_that_do_not_fit():
    driver = Driver()
    call = adder("dlpack")
    here = Producer(driver.device_array(VALUES))
    strided = driver.device_array(np.arange(12, dtype=np.float32))[::2]
    for other, error, message in [
        (Producer(VALUES, (1, 0)), torshjit.DeviceError, "expected it on the device as argument 0"),
        (Producer(VALUES, (2, 1)), torshjit.DeviceError, "expected a f32 DLPack tensor"),
        (Producer(VALUES, (8, 0)), torshjit.DeviceError, "expected a f32 DLPack tensor"),
        (Producer(VALUES.astype(np.int32)), torshjit.DTypeError, "f32"),
        (Producer(VALUES.astype(np.complex64)), torshjit.DTypeError, "f32"),
        (Producer(VALUES[:5]), torshjit.ShapeError, "of shape \\(6\\)"),
        (Producer(strided), torshjit.ShapeError, "expected a contiguous tensor"),
        (object(), torshjit.DTypeError, "got a object of type object"),
    ]:
        with pytest.raises(error, match=f"argument 1: .*{message}"):
            call(here, other)


@with_fake_cuda()
def test_results_without_torch_on_the_device_can_be_asked_for_on_the_host():
    driver = Driver()
    x = Producer(driver.device_array(VALUES))
    (y,) = executable(add_twice_program(6)).run([x, x])
    assert type(y) is np.ndarray
    assert np.array_equal(y, 3 * VALUES)
