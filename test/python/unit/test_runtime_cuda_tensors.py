# SPDX-License-Identifier: Apache-2.0
"""CUDA tensors of torch, over a fake driver and a fake torch."""

from __future__ import annotations

import numpy as np
import pytest
from cuda_dispatchers import VALUES, WAITS, Module, adder, array, module
from fake_cuda import (
    Driver,
    add_program,
    add_twice_program,
    bundle,
    cuda_program,
    executable,
    operand,
    ptx,
    variant,
    with_fake_cuda,
)
from fake_torch import Torch
from runtime_program import launch, output, tensor

import torshjit
from torshjit import _runtime


def registered_torch(driver: Driver) -> Torch:
    torch = Torch(driver)
    _runtime.register_torch(torch)
    return torch


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
