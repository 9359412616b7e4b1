# SPDX-License-Identifier: Apache-2.0
"""The CUDA device over a fake driver: loading, launches, streams, memory and errors.

Each test with the fake driver runs in an interpreter of its own (see fake_cuda.py).
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from fake_cuda import (
    Driver,
    add_kernel,
    add_program,
    bundle,
    cuda_program,
    executable,
    library,
    operand,
    ptx,
    variant,
    with_fake_cuda,
)
from runtime_program import launch, output, run_python, tensor

import torshjit

LOAD = "from fake_cuda import *\nexecutable(add_program(4))"


def launches(calls: list[str]) -> list[str]:
    return [call.removeprefix("cuLaunchKernel ") for call in calls if "cuLaunchKernel" in call]


# Drivers that are not there or do not work.


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"TORSHJIT_LIBCUDA": "/nowhere/libcuda.so.1"}, "/nowhere/libcuda.so.1: cannot open"),
        ({"FAKE_CUDA_DEVICES": "0"}, "the driver sees no GPU"),
        ({"FAKE_CUDA_INIT": "100"}, "cuInit says CUDA_ERROR_NO_DEVICE"),
    ],
)
def test_a_missing_driver_is_one_exception_that_says_what_to_do(environment, reason):
    done = run_python(LOAD, **{"TORSHJIT_LIBCUDA": library(), **environment})
    assert f"DeviceError: there is no cuda device here: {reason}" in done.stderr
    assert "compiling for it needs none" in done.stderr


def test_a_library_that_is_no_driver():
    done = run_python(LOAD, TORSHJIT_LIBCUDA="libm.so.6")
    assert "the driver has no cuGetErrorName; driver 525 (CUDA 12.0) or newer" in done.stderr


@pytest.mark.parametrize(
    ("number", "error"),
    [
        ("2", "DeviceError: TORSHJIT_CUDA_DEVICE is 2, but the driver shows 2 GPUs"),
        ("x", 'ConfigError: TORSHJIT_CUDA_DEVICE: expected the number of a GPU, got "x"'),
        ("-1", "ConfigError"),
    ],
)
def test_a_wrong_device_number(number, error):
    done = run_python(LOAD, TORSHJIT_LIBCUDA=library(), TORSHJIT_CUDA_DEVICE=number)
    assert error in done.stderr


@with_fake_cuda(TORSHJIT_CUDA_DEVICE="1")
def test_the_device_can_be_chosen():
    executable(add_program(4))
    assert "cuDevicePrimaryCtxRetain 1" in Driver().calls()


@with_fake_cuda()
def test_a_forked_process_is_told():
    run = executable(add_program(4))
    x = np.ones(4, np.float32)
    child = os.fork()
    if child == 0:
        for action in (lambda: run.run([x, x]), lambda: executable(add_program(4))):
            try:
                action()
            except torshjit.DeviceError as error:
                if "forked" not in str(error):
                    os._exit(1)
            else:
                os._exit(2)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert np.array_equal(run.run([x, x])[0], x + x)


# Loading.


@with_fake_cuda()
def test_code_that_does_not_load_shows_the_drivers_log():
    broken = bundle({"add": add_kernel()}, ["no ptx"])
    with pytest.raises(torshjit.TorshError, match="cannot load the kernels") as caught:
        executable(add_program(4), broken)
    assert "CUDA_ERROR_INVALID_PTX" in str(caught.value)
    assert "Missing .version" in str(caught.value)


@with_fake_cuda()
def test_a_failed_load_unloads_what_was_loaded():
    driver = Driver()
    second = {**add_kernel(), "variants": [variant("fake_missing", module=1)]}
    code = [ptx(("fake_add", 4), ("fake_add_by_four", 4)), ptx(("fake_other", 4))]
    with pytest.raises(torshjit.DeviceError, match="CUDA_ERROR_NOT_FOUND") as caught:
        executable(add_program(4), bundle({"add": add_kernel(), "b": second}, code))
    assert 'kernel "b", entry fake_missing' in str(caught.value)
    calls = driver.calls()
    assert calls.count("cuModuleLoadDataEx") == calls.count("cuModuleUnload") == 2


@with_fake_cuda()
def test_a_destroyed_executable_gives_everything_back():
    driver = Driver()
    run = executable(add_program(4), constants=[])
    before = driver.live_bytes()
    x = np.ones(4, np.float32)
    run.run([x, x])
    driver.synchronize(0)
    assert driver.live_bytes() == before
    del run
    assert driver.calls()[-2:] == ["cuMemFree", "cuModuleUnload"]
    assert driver.live_bytes() == 0


@pytest.mark.parametrize(
    ("capability", "architecture", "fits"),
    [
        ("90", "sm_90a", True),
        ("90", "sm_80", True),
        ("100", "sm_90a", False),
        ("100", "sm_90", True),
        ("103", "sm_100f", True),
        ("120", "sm_100f", False),
        ("80", "sm_90", False),
        ("90", "gfx90", False),
    ],
)
def test_architectures(capability, architecture, fits):
    run_on(capability, architecture, fits)


def run_on(capability: str, architecture: str, fits: bool) -> None:
    code = f"""
from fake_cuda import *
executable(add_program(4), bundle({{"add": add_kernel()}}, architecture={architecture!r}))
"""
    done = run_python(code, TORSHJIT_LIBCUDA=library(), FAKE_CUDA_CAPABILITY=capability)
    if fits:
        assert done.returncode == 0, done.stderr
    else:
        assert (
            f"DeviceError: the kernels were compiled for {architecture}, this GPU is "
            f"sm_{capability} (Fake GPU 0)" in done.stderr
        )


@with_fake_cuda()
def test_bundles_for_another_target_are_refused():
    other = bundle({"add": add_kernel()}).replace(b'"cuda"', b'"metal"')
    with pytest.raises(torshjit.TorshError, match='compiled for target "metal", not for cuda'):
        executable(add_program(4), other)


@with_fake_cuda(FAKE_CUDA_MAX_THREADS="512")
def test_blocks_that_the_registers_leave_no_room_for():
    with pytest.raises(torshjit.DeviceError, match=r"has 1024 threads, .* room for 512"):
        executable(add_program(4), bundle({"add": add_kernel(threads=1024)}))


# Launches.


@with_fake_cuda()
def test_results_variants_and_grids():
    driver = Driver()
    run = executable(add_program(-1))
    driver.calls()
    for n, expected in [
        (64, "fake_add_by_four grid 2 block 32 shared 0 stream default"),
        (65, "fake_add grid 3 block 32 shared 0 stream default"),
        (1, "fake_add grid 1 block 32 shared 0 stream default"),
    ]:
        x = np.arange(n, dtype=np.float32)
        (y,) = run.run([x, 2 * x])
        assert np.array_equal(y, 3 * x)
        assert launches(driver.calls()) == [expected]


@with_fake_cuda()
def test_an_empty_launch_is_left_out():
    driver = Driver()
    empty = np.empty(0, np.float32)
    (y,) = executable(add_program(-1)).run([empty, empty])
    assert y.shape == (0,)
    assert launches(driver.calls()) == []


@with_fake_cuda(FAKE_CUDA_MAX_GRID="3")
def test_a_grid_is_cut_to_the_devices_limit():
    x = np.arange(1000, dtype=np.float32)
    (y,) = executable(add_program(1000)).run([x, x])
    assert np.array_equal(y, 2 * x)
    assert launches(Driver().calls()) == [
        "fake_add_by_four grid 3 block 32 shared 0 stream default"
    ]


@pytest.mark.parametrize(
    ("declared", "needed", "dynamic"), [(0, 1024, 1024), (1024, 1024, 0), (0, 100_000, 100_000)]
)
@with_fake_cuda()
def test_shared_memory_that_the_code_does_not_declare_comes_with_the_launch(
    declared, needed, dynamic
):
    driver = Driver()
    code = ptx(("fake_add", 4), ("fake_add_by_four", 4), shared=declared)
    x = np.ones(4, np.float32)
    executable(add_program(4), bundle({"add": add_kernel(shared_bytes=needed)}, [code])).run([x, x])
    calls = driver.calls()
    assert f" shared {dynamic} " in launches(calls)[0]
    asked = f"cuFuncSetAttribute 8 {dynamic}"
    assert (asked in calls) == (dynamic > 48 * 1024)


@with_fake_cuda()
def test_sizes_reach_a_kernel_without_inputs():
    kernel = {
        "operands": [operand("i64", "write")],
        "sizes": 2,
        "variants": [variant("fake_count_threads", threads=64, grid=[[64, -1], [1, -2]])],
    }
    source = cuda_program([], [output([], "i64")], [launch("count", [0], [1000, 3])], [0])
    (count,) = executable(source, bundle({"count": kernel}, [ptx(("fake_count_threads", 3))])).run(
        []
    )
    assert count == 16 * 3 * 64


@with_fake_cuda()
def test_constants_and_numbers():
    kernel = {
        "operands": [operand("f64"), operand("f64"), operand("f64", "write")],
        "sizes": 1,
        "variants": [variant("fake_scale_f64")],
    }
    binary = bundle({"scale": kernel}, [ptx(("fake_scale_f64", 4))])
    source = cuda_program(
        [tensor([], "f64")],
        [output([3], "f64")],
        [launch("scale", [1, 0, 2], [3])],
        [2],
        constants=[tensor([3], "f64")],
    )
    run = executable(source, binary, [np.array([1.0, 2.0, 3.0])])
    (y,) = run.run([np.float64(2.5)])
    assert np.array_equal(y, [2.5, 5.0, 7.5])


@with_fake_cuda()
def test_copies_between_buffers():
    row = tensor([5])
    source = cuda_program([row], [], [], [0])
    x = np.arange(5, dtype=np.float32)
    (y,) = executable(source, bundle({})).run([x])
    assert np.array_equal(y, x)
    assert "cuMemcpyDtoDAsync 20" in Driver().calls()


# Memory.


@pytest.mark.parametrize("pools", ["1", "0"])
def test_each_call_has_an_arena_of_its_own(pools):
    code = """
from fake_cuda import *
driver = Driver()
run = executable(add_twice_program(1000))
before = driver.live_bytes()
x = np.arange(1000, dtype=np.float32)
for _ in range(3):
    assert np.array_equal(run.run([x, x])[0], 3 * x)
driver.synchronize(0)
assert driver.live_bytes() == before, driver.live_bytes()
calls = driver.calls()
pooled = sum(call.startswith("cuMemAllocFromPoolAsync") for call in calls)
assert pooled == (6 if POOLS else 0), calls
""".replace("POOLS", pools)
    done = run_python(code, TORSHJIT_LIBCUDA=library(), FAKE_CUDA_POOLS=pools)
    assert done.returncode == 0, done.stderr


@with_fake_cuda(FAKE_CUDA_MEMORY="100000")
def test_exhausted_memory_is_a_memory_error_and_nothing_leaks():
    driver = Driver()
    run = executable(add_program(-1))
    before = driver.live_bytes()
    big = np.zeros(20000, np.float32)
    with pytest.raises(MemoryError):
        run.run([big, big])
    driver.synchronize(0)
    assert driver.live_bytes() == before
    small = np.ones(8, np.float32)
    assert np.array_equal(run.run([small, small])[0], small + small)


@with_fake_cuda()
def test_an_error_of_the_device_is_an_exception_that_names_the_call():
    # The kernel is told of a hundred times the elements that its operands have.
    source = cuda_program([tensor([4])], [output([4])], [launch("add", [0, 0, 1], [400])], [1])
    run = executable(source)
    with pytest.raises(
        torshjit.DeviceError, match="cuStreamSynchronize failed: CUDA_ERROR_ILLEGAL"
    ):
        run.run([np.ones(4, np.float32)])
