# SPDX-License-Identifier: Apache-2.0
"""Tensors of any DLPack library on CUDA devices, over a fake driver."""

from __future__ import annotations

import numpy as np
import pytest
from cuda_dispatchers import VALUES, WAITS, Producer, adder
from fake_cuda import Driver, add_program, add_twice_program, executable, library, with_fake_cuda
from runtime_program import run_python

import torshjit


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
from fake_cuda import Driver
import numpy as np
from cuda_dispatchers import Producer, adder
call = adder("dlpack")
x = Producer(Driver().device_array(np.ones(6, np.float32)))
y = call(x, x)
call(y, y)
"""
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
