# SPDX-License-Identifier: Apache-2.0
"""Devices written in Python: the calls they get, staging, exceptions, threads, exit."""

import json
import threading

import numpy as np
import pytest
from checked_device import Device
from runtime_program import (
    add_program,
    alias,
    dynamic_add_program,
    launch,
    output,
    program,
    run_python,
    temporary,
    tensor,
)

from torshjit import _runtime
from torshjit.errors import DeviceError, TorshError


def load(device, source, constants=(), name="python-test"):
    _runtime.register_device(name, device)
    return _runtime.Executable(
        json.dumps({**source, "target": name}), None, b"add fill", list(constants)
    )


def f32(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_host_arrays_are_staged():
    device = Device()
    run = load(device, add_program([3, 4]))
    x, y = f32(3, 4), f32(3, 4, seed=1)
    for _ in range(2):
        device.log.clear()
        (z,) = run.run([x, y])
        np.testing.assert_array_equal(z, x + y)
        assert device.log == [
            ("upload", 48),
            ("upload", 48),
            ("launch", "_add", (12,)),
            ("download", 48),
        ]


def test_host_memory_is_used_in_place():
    device = Device(is_host_memory=True)
    x, y = f32(3, 4), f32(3, 4, seed=1)
    (z,) = load(device, add_program([3, 4])).run([x, y])
    np.testing.assert_array_equal(z, x + y)
    assert device.log == [("launch", "_add", (12,))]


@pytest.mark.parametrize("is_host_memory", [False, True])
def test_results_that_no_kernel_writes_are_copies(is_host_memory):
    """An argument, a constant, and one output twice: four results, four memories."""
    constant = np.arange(3, dtype=np.float32)
    source = program(
        [tensor([3])],
        [output([3]), alias(2, [3, 1])],
        [launch("add", [0, 1, 2], [3])],
        [0, 1, 2, 3],
        constants=[tensor([3])],
    )
    x = f32(3)
    run = load(Device(is_host_memory), source, [constant])
    for _ in range(2):
        results = run.run([x])
        for result, expected in zip(
            results, [x, constant, x + constant, (x + constant)[:, None]], strict=True
        ):
            np.testing.assert_array_equal(result, expected)
        for i, a in enumerate([*results, x]):
            assert not any(np.shares_memory(a, b) for b in results[i + 1 :])


def test_temporaries_lie_apart_and_copies_are_in_order():
    source = program(
        [tensor([5])],
        [temporary([5]), temporary([5]), output([5])],
        [launch("add", [0, 0, 1], [5]), {"copy": [1, 2]}, launch("add", [1, 2, 3], [5])],
        [3],
    )
    device = Device()
    x = f32(5)
    (z,) = load(device, source).run([x])
    np.testing.assert_array_equal(z, 4 * x)
    assert [entry[0] for entry in device.log] == ["upload", "launch", "copy", "launch", "download"]


def test_shapes_change_from_call_to_call():
    device = Device()
    run = load(device, dynamic_add_program())
    for n in (7, 100, 0, 7, 1000, 1):
        x, y = f32(n), f32(n, seed=1)
        np.testing.assert_array_equal(run.run([x, y])[0], x + y)
    held = run.stats()["arena_bytes"]
    assert held >= 3 * 4000
    del run
    assert device.blocks == {}


def test_empty_tensors_move_no_bytes():
    device = Device()
    (z,) = load(device, dynamic_add_program()).run([f32(0), f32(0)])
    assert z.shape == (0,)
    assert device.log == [("launch", "_add", (0,))]


def test_inputs_that_nothing_reads_are_not_sent():
    source = program(
        [tensor([2]), tensor([4])],
        [output([2])],
        [launch("add", [0, 0, 1], [2])],
        [1],
    )
    source["buffers"] = [b for b in source["buffers"] if b != source["buffers"][1]]
    device = Device()
    x = f32(2)
    np.testing.assert_array_equal(load(device, source).run([x, f32(4)])[0], 2 * x)
    assert device.log[0] == ("upload", 8)
    assert device.log[1][0] == "launch"


def test_exceptions_reach_the_caller_and_drop_what_was_recorded():
    class Failing(Device):
        fail = False

        def launch(self, kernel, addresses, sizes):
            super().launch(kernel, addresses, sizes)
            if self.fail:
                raise ArithmeticError("the launch failed")

    device = Failing()
    run = load(device, add_program([4]))
    device.fail = True
    with pytest.raises(ArithmeticError, match="the launch failed"):
        run.run([f32(4), f32(4)])
    assert device.log[-1] == ("abandon",)
    device.fail = False
    x = f32(4)
    np.testing.assert_array_equal(run.run([x, x])[0], 2 * x)


@pytest.mark.parametrize("method", ["allocate", "upload", "download", "synchronize", "load"])
def test_every_method_may_raise(method):
    device = Device()

    def fail(*_):
        raise ArithmeticError(method)

    if method in ("load", "allocate"):
        setattr(device, method, fail)
        with pytest.raises(ArithmeticError, match=method):
            load(device, add_program([4])).run([f32(4), f32(4)])
        return
    run = load(device, add_program([4]))
    setattr(device, method, fail)
    with pytest.raises(ArithmeticError, match=method):
        run.run([f32(4), f32(4)])
    delattr(device, method)
    x = f32(4)
    np.testing.assert_array_equal(run.run([x, x])[0], 2 * x)


def test_a_missing_kernel():
    source = add_program([4])
    source["steps"][0]["kernel"] = "gone"
    with pytest.raises(LookupError, match="no kernel gone"):
        load(Device(), source)


def test_devices_are_held_to_the_protocol():
    class Misaligned(Device):
        def allocate(self, size):
            return super().allocate(size) + 4

        def deallocate(self, address, size):
            super().deallocate(address - 4, size)

    with pytest.raises(DeviceError, match="not aligned to 256 bytes"):
        load(Misaligned(), add_program([4])).run([f32(4), f32(4)])

    class Keeping(Device):
        def upload(self, address, view):
            self.kept = view

    keeping = Keeping()
    load(keeping, add_program([4])).run([f32(4), f32(4)])
    with pytest.raises(ValueError, match="released memoryview"):
        bytes(keeping.kept)

    odd = Device()
    odd.alignment = 100
    with pytest.raises(ValueError, match="power of two"):
        _runtime.register_device("python-odd", odd)
    with pytest.raises(AttributeError, match="is_host_memory"):
        _runtime.register_device("python-odd", object())
    with pytest.raises(TypeError):
        load(Device(), add_program([4])).run([f32(4), np.zeros(4)])


def test_buffers_above_the_limit_are_refused():
    device = Device()
    device.max_buffer_bytes = 64
    load(device, add_program([16]))
    with pytest.raises(ValueError, match="takes 68 bytes, the device's buffers hold at most 64"):
        load(device, add_program([17]))


def test_a_new_device_of_the_same_name_serves_new_executables():
    first, second = Device(), Device()
    old = load(first, add_program([4]))
    new = load(second, add_program([4]))
    old.run([f32(4), f32(4)])
    assert second.log == []
    new.run([f32(4), f32(4)])
    assert second.log == first.log


def test_targets_with_an_architecture_find_the_device():
    _runtime.register_device("python-arch", Device())
    source = {**add_program([4]), "target": "python-arch:v2"}
    x = f32(4)
    run = _runtime.Executable(json.dumps(source), None, b"add", [])
    np.testing.assert_array_equal(run.run([x, x])[0], 2 * x)
    with pytest.raises(DeviceError, match=r'no device for target "abacus:v2".*needs none'):
        _runtime.Executable(json.dumps({**source, "target": "abacus:v2"}), None, b"add", [])


def test_profiling_times_each_kernel():
    run = load(Device(), add_program([4]))
    run.set_profiling(True)
    run.run([f32(4), f32(4)])
    assert run.stats()["kernels"]["add"]["calls"] == 1


def test_threads_run_at_the_same_time():
    """Both launches are inside the device at once: the GIL is released between them."""
    barrier = threading.Barrier(2, timeout=30)

    class Meeting(Device):
        def synchronize(self):
            barrier.wait()
            super().synchronize()

    run = load(Meeting(), dynamic_add_program())
    results = {}

    def work(n):
        x = f32(n, seed=n)
        results[n] = all(np.array_equal(run.run([x, x])[0], 2 * x) for _ in range(20))

    threads = [threading.Thread(target=work, args=(n,)) for n in (5, 900)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {5: True, 900: True}


def test_exit_with_live_executables_is_clean():
    code = """
import numpy as np
import json
from checked_device import Device
from runtime_program import add_program
from torshjit import _runtime
_runtime.register_device("python-test", Device())
source = {**add_program([4]), "target": "python-test"}
run = _runtime.Executable(json.dumps(source), None, b"add", [])
run.run([np.ones(4, np.float32)] * 2)
import builtins
builtins.kept = run          # still there when modules are torn down
print("ran")
"""
    result = run_python(code)
    assert (result.returncode, result.stdout, result.stderr) == (0, "ran\n", "")


def test_kernels_by_address_are_for_devices_that_have_them():
    _runtime.register_device("python-address", Device())
    source = json.dumps({**add_program([4]), "target": "python-address"})
    run = _runtime.Executable(source, {"add": 4096}, None, [])
    with pytest.raises(TorshError, match="loads its kernels and has none at address 4096"):
        run.run([f32(4), f32(4)])
