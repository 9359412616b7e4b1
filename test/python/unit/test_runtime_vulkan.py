# SPDX-License-Identifier: Apache-2.0
"""The Vulkan device on hand-written SPIR-V; lavapipe serves where there is no GPU."""

import base64
import gc
import json
import threading

import numpy as np
import pytest
from runtime_dispatcher import Counting
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
from vulkan_kernels import (
    THREADS,
    add,
    add_bundle,
    assemble,
    bundle,
    fill,
    have_assembler,
    kernel,
    reversed_in_groups,
    variant,
)
from vulkan_shim import shim_library

from torshjit import _runtime
from torshjit.errors import DeviceError, TorshError


def _load(source, binary, constants=()):
    return _runtime.Executable(
        json.dumps({**source, "target": "vulkan"}), None, binary, list(constants)
    )


def _why_not():
    if not have_assembler():
        return "spirv-as (spirv-tools) is not installed"
    try:
        _load(add_program([1]), add_bundle())
    except DeviceError as error:
        return str(error)
    return None


_MISSING = _why_not()
pytestmark = pytest.mark.skipif(_MISSING is not None, reason=_MISSING or "")


def f32(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000, 0, 100_001])
def test_dynamic_extents(n):
    x, y = f32(n), f32(n, seed=1)
    run = _load(dynamic_add_program(), add_bundle())
    for _ in range(2):
        (z,) = run.run([x, y])
        np.testing.assert_array_equal(z, x + y)


def test_more_blocks_than_a_grid_has_are_looped_over():
    n = 65535 * THREADS + 12345
    x = np.arange(n, dtype=np.int32)
    row = kernel([("i32", "write")], 2, [variant("fill", 0, [[THREADS, -1]])])
    source = program([], [output([n], "i32")], [launch("fill", [0], [n, 7])], [0])
    (z,) = _load(source, bundle({"fill": row}, [fill("fill")])).run([])
    assert z.shape == x.shape
    assert (z == 7).all()


@pytest.mark.parametrize(
    ("dtype", "numpy_dtype"),
    [
        ("i8", np.int8),
        ("i16", np.int16),
        ("i32", np.int32),
        ("i64", np.int64),
        ("f16", np.float16),
        ("f32", np.float32),
        ("f64", np.float64),
    ],
)
def test_element_types(dtype, numpy_dtype):
    x = np.random.default_rng(0).integers(-100, 100, 77).astype(numpy_dtype)
    y = (x[::-1] * np.asarray(0.5, np.float64)).astype(numpy_dtype)
    row = tensor([77], dtype)
    source = program([row, row], [output([77], dtype)], [launch("add", [0, 1, 2], [77])], [2])
    (z,) = _load(source, add_bundle(dtype)).run([x, y])
    assert z.dtype == x.dtype
    np.testing.assert_array_equal(z, x + y)


def test_workgroup_memory():
    n = 10 * THREADS
    x = np.arange(n, dtype=np.int32)
    row = kernel(
        [("i32", "read"), ("i32", "write")],
        0,
        [variant("reverse", 0, [[THREADS, n]], shared_bytes=4 * THREADS)],
    )
    source = program([tensor([n], "i32")], [output([n], "i32")], [launch("reverse", [0, 1])], [1])
    (z,) = _load(source, bundle({"reverse": row}, [reversed_in_groups()])).run([x])
    np.testing.assert_array_equal(z, x.reshape(-1, THREADS)[:, ::-1].reshape(-1))


def test_each_step_sees_what_the_one_before_wrote():
    """A chain through two temporaries that take turns: any missing barrier shows."""
    n, steps = 5000, 41
    chain = [launch("add", [0, 0, 1], [n])]
    for i in range(steps):
        chain.append(launch("add", [1 + i % 2, 0, 2 - i % 2], [n]))
    chain.append(launch("add", [1 + steps % 2, 0, 3], [n]))
    source = program([tensor([n])], [temporary([n]), temporary([n]), output([n])], chain, [3])
    x = np.arange(n, dtype=np.float32)
    run = _load(source, add_bundle())
    for _ in range(5):
        np.testing.assert_array_equal(run.run([x])[0], (steps + 3) * x)


def test_copies_and_results_that_no_kernel_writes():
    constant = np.arange(3, dtype=np.float32)
    source = program(
        [tensor([3])],
        [temporary([3]), temporary([3]), output([3]), alias(4, [3, 1])],
        [launch("add", [0, 1, 2], [3]), {"copy": [2, 3]}, launch("add", [3, 2, 4], [3])],
        [0, 1, 4, 5],
        constants=[tensor([3])],
    )
    x = f32(3)
    run = _load(source, add_bundle(), [constant])
    expected = 2 * (x + constant)
    for _ in range(2):
        for result, wanted in zip(
            run.run([x]), [x, constant, expected, expected[:, None]], strict=True
        ):
            np.testing.assert_array_equal(result, wanted)


def test_empty_temporaries_and_constants():
    source = program(
        [tensor([0])],
        [temporary([0]), output([0])],
        [launch("add", [0, 1, 2], [0]), launch("add", [2, 2, 3], [0])],
        [3],
        constants=[tensor([0])],
    )
    (z,) = _load(source, add_bundle(), [np.zeros(0, np.float32)]).run([f32(0)])
    assert z.shape == (0,)


def test_an_empty_operand_of_a_launch_that_runs():
    """Nothing reads it, but its descriptor must still be one."""
    row = kernel(
        [("i32", "read"), ("i32", "read"), ("i32", "write")],
        1,
        [variant("add", 0, [[1, 1]])],
    )
    source = program(
        [tensor([0], "i32")],
        [temporary([0], "i32"), output([0], "i32")],
        [launch("add", [0, 0, 1], [0]), launch("add", [0, 1, 2], [0])],
        [2],
    )
    (z,) = _load(source, bundle({"add": row}, [add("i32")])).run([np.zeros(0, np.int32)])
    assert z.shape == (0,)


def test_the_variant_that_fits_runs():
    row = kernel(
        [("i32", "write")],
        1,
        [
            variant("first", 0, [[THREADS, -1]], divisible=[[0, 4]], alignment=16),
            variant("second", 1, [[THREADS, -1]], divisible=[[0, 2]]),
            variant("third", 2, [[THREADS, -1]]),
        ],
    )
    binary = bundle({"fill": row}, [fill("first", 1), fill("second", 2), fill("third", 3)])
    source = program(
        [tensor([-1])],
        [output([-1], "i32")],
        [launch("fill", [1], [-1])],
        [1],
        dims=[{"op": "input", "input": 0, "axis": 0}],
    )
    run = _load(source, binary)
    for n, expected in ((8, 1), (6, 2), (7, 3), (4, 1)):
        np.testing.assert_array_equal(run.run([f32(n)])[0], np.full(n, expected, np.int32))


def test_more_launches_than_a_descriptor_pool_holds():
    n, steps = 100, 700
    source = program(
        [tensor([n])],
        [output([n]) for _ in range(steps)],
        [launch("add", [0, 0, 1 + i], [n]) for i in range(steps)],
        [1 + i for i in range(steps)],
    )
    x = f32(n)
    run = _load(source, add_bundle())
    for _ in range(2):
        for z in run.run([x]):
            np.testing.assert_array_equal(z, 2 * x)


def test_memory_is_reused():
    """Small and large constants of executables that come and go."""
    rng = np.random.default_rng(0)
    alive = []
    for i in range(60):
        n = int(rng.integers(1, 3000)) if i % 5 else 700_000 + i
        constant = f32(n, seed=i)
        source = program(
            [tensor([n])],
            [output([n])],
            [launch("add", [0, 1, 2], [n])],
            [2],
            constants=[tensor([n])],
        )
        alive.append((_load(source, add_bundle(), [constant]), constant))
        if i % 3 == 2:
            alive.pop(int(rng.integers(len(alive))))
        gc.collect()
    for run, constant in alive:
        x = f32(len(constant), seed=99)
        np.testing.assert_array_equal(run.run([x])[0], x + constant)


def test_threads():
    run = _load(dynamic_add_program(), add_bundle())
    failures = []

    def work(seed):
        for i in range(30):
            x = f32(17 * (seed + 1) + i, seed=seed)
            if not np.array_equal(run.run([x, x])[0], 2 * x):
                failures.append(seed)

    for _ in range(2):  # the second round takes over the queues of the first
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


def test_torch_tensors_and_bound_objects_of_the_host():
    torch = pytest.importorskip("torch")
    _runtime.register_torch(torch)
    weight = torch.ones(4)
    call = Counting()
    call.add_specialization(
        ((("array", "torch", "f32", (4,)),), {}),
        _load(add_program([4]), add_bundle()),
        [("arg", 0), ("object", weight)],
        ("tuple", [("leaf", 0, "torch"), ("argument", 0)]),
    )
    x = torch.arange(8, dtype=torch.float32)[::2]
    for value in (1, 5):
        weight.fill_(value)
        result, same = call(x)
        assert torch.equal(result, x + value)
        assert same is x


def test_profiling():
    run = _load(dynamic_add_program(), add_bundle())
    run.set_profiling(True)
    run.run([f32(5), f32(5)])
    assert run.stats()["kernels"]["add"]["calls"] == 1


def _broken(change):
    binary = json.loads(add_bundle())
    change(binary)
    return json.dumps(binary).encode()


def _spirv(data):
    return lambda b: b["modules"][0].update(spirv=base64.b64encode(data).decode())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b.update(target="cuda"), 'for target "cuda" does not run on vulkan'),
        (lambda b: b["modules"][0].clear(), r'modules\[0\]: missing "spirv"'),
        (lambda b: b["modules"][0].update(spirv="*"), "base64"),
        (lambda b: b["modules"][0].update(spirv="AAA*"), "base64"),
        (_spirv(b""), "not a number of words"),
        (_spirv(bytes(19)), "not a number of words"),
        (_spirv(bytes(20)), "no SPIR-V module"),
        (lambda b: _spirv(assemble(add("f32"))[:-12])(b), "an instruction exceeds the module"),
        (
            lambda b: b["kernels"]["add"]["variants"][0].update(shared_bytes=2**24),
            'kernel "add" needs 16777216 bytes of workgroup memory',
        ),
        (
            lambda b: (
                b["kernels"]["add"].update(operands=[{"dtype": "f32", "access": "read"}])
                or b["kernels"]["add"]["operands"].extend(b["kernels"]["add"]["operands"] * 2**20)
            ),
            'kernel "add" needs .* storage buffers',
        ),
        (lambda b: b.update(kernels={}), 'no kernel "add"'),
    ],
)
def test_bundles_that_cannot_run_are_refused(change, message):
    with pytest.raises(TorshError, match=message):
        _load(dynamic_add_program(), _broken(change))


def test_sizes_beyond_32_bits_are_refused_and_the_queue_recovers():
    source = program(
        [tensor([4])],
        [output([4], "i32"), output([4], "i32")],
        [launch("fill", [1], [4, 3]), launch("fill", [2], [4, 2**31])],
        [1, 2],
    )
    row = kernel([("i32", "write")], 2, [variant("fill", 0, [[THREADS, -1]])])
    binary = bundle({"fill": row}, [fill("fill")])
    run = _load(source, binary)
    with pytest.raises(ValueError, match='kernel "fill": size 1 is 2147483648'):
        run.run([f32(4)])
    source["steps"][1]["sizes"][1] = 5
    results = _load(source, binary).run([f32(4)])
    np.testing.assert_array_equal(results, [[3] * 4, [5] * 4])


_PRELUDE = """
import json, sys
import numpy as np
from runtime_program import add_program
from vulkan_kernels import add_bundle
from torshjit import _runtime
def load():
    return _runtime.Executable(json.dumps({**add_program([4]), "target": "vulkan"}), None,
                               add_bundle(), [])
x = np.ones(4, np.float32)
"""


def test_exit_with_live_executables_is_clean():
    code = (
        _PRELUDE
        + """
import builtins, threading
builtins.kept = load()
kept.run([x, x])
thread = threading.Thread(target=lambda: print(kept.run([x, x])[0]))
thread.start()
thread.join()
"""
    )
    result = run_python(code)
    assert (result.returncode, result.stdout, result.stderr) == (0, "[2. 2. 2. 2.]\n", "")


def test_a_forked_child_is_told_and_the_parent_goes_on():
    code = (
        _PRELUDE
        + """
import os
run = load()
run.run([x, x])
child = os.fork()
if not child:
    try:
        run.run([x, x])
    except RuntimeError as error:
        print(type(error).__name__, error, flush=True)
    del run
    sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
print(run.run([x, x])[0])
"""
    )
    result = run_python(code)
    assert (result.returncode, result.stderr) == (0, "")
    first, second = result.stdout.splitlines()
    assert first.startswith("DeviceError the vulkan device was opened before this process was")
    assert second == "[2. 2. 2. 2.]"


def test_together_with_the_compiler():
    """Its LLVM and the driver's are two in one process."""
    pytest.importorskip("torshjit._compiler")
    code = (
        _PRELUDE
        + """
import torshjit
@torshjit.compile
def twice(a): return np.exp(a)
twice(x)
run = load()
print(run.run([x, x])[0], twice(x)[0].round(3))
"""
    )
    result = run_python(code)
    assert (result.returncode, result.stdout, result.stderr) == (0, "[2. 2. 2. 2.] 2.718\n", "")


@pytest.mark.parametrize(
    ("environment", "error", "message"),
    [
        ({"TORSHJIT_LIBVULKAN": "libnothing.so"}, "DeviceError", "the library cannot be opened"),
        ({"TORSHJIT_LIBVULKAN": "libc.so.6"}, "DeviceError", "no function vkGetInstanceProcAddr"),
        (
            {"VK_ICD_FILENAMES": "/nowhere.json", "VK_DRIVER_FILES": "/nowhere.json"},
            "DeviceError",
            "install one, mesa-vulkan-drivers for example",
        ),
        (
            {"TORSHJIT_VULKAN_DEVICE": "abacus"},
            "ConfigError",
            'TORSHJIT_VULKAN_DEVICE is "abacus", which is no device',
        ),
    ],
)
def test_absent_devices_are_one_clear_error(environment, error, message):
    code = (
        _PRELUDE
        + """
for _ in range(2):
    try:
        load()
    except Exception as error:
        print(type(error).__name__, error)
"""
    )
    result = run_python(code, **environment)
    assert (result.returncode, result.stderr) == (0, "")
    first, second = result.stdout.splitlines()
    assert first == second
    assert first.startswith(error)
    assert message in first
    if error == "DeviceError":
        assert first.startswith("DeviceError there is no vulkan device here: ")
        assert "compiling for it needs none" in first


def _on_a_lesser_device(code, **limits):
    result = run_python(_PRELUDE + code, TORSHJIT_LIBVULKAN=shim_library(), **limits)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.splitlines()


def test_capabilities_that_the_device_lacks_are_named():
    lines = _on_a_lesser_device(
        """
print(load().run([x, x])[0])
for dtype in ("f16", "i8", "i16", "i64", "f64"):
    try:
        _runtime.Executable(json.dumps({**add_program([4]), "target": "vulkan"}), None,
                            add_bundle(dtype), [])
    except RuntimeError as error:
        print(type(error).__name__, error)
""",
        SHIM_NO_FEATURES="1",
    )
    assert lines[0] == "[2. 2. 2. 2.]"
    for line, capability in zip(
        lines[1:], ["Float16", "Int8", "Int16", "Int64", "Float64"], strict=True
    ):
        assert line.startswith("DeviceError vulkan: ")
        assert line.endswith(f" lacks {capability}, which a kernel of the program needs")


def test_limits_of_alignment_and_grid_are_kept():
    lines = _on_a_lesser_device(
        """
from runtime_program import launch, output, program, temporary, tensor
n = 1001
row = tensor([n])
chain = [launch("add", [0, 1, 2], [n]), launch("add", [2, 1, 3], [n]), {"copy": [3, 4]},
         launch("add", [4, 0, 5], [n])]
buffers = [temporary([n]), temporary([n]), temporary([n]), output([n])]
source = program([row], buffers, chain, [5, 0], constants=[row])
rng = np.random.default_rng(0)
a, k = (rng.standard_normal(n).astype(np.float32) for _ in range(2))
run = _runtime.Executable(json.dumps({**source, "target": "vulkan"}), None, add_bundle(), [k])
for _ in range(2):
    result, same = run.run([a])
    print((result == a + k + k + a).all(), (same == a).all())
""",
        SHIM_ALIGNMENT="256",
        SHIM_GRID="3",
    )
    assert lines == ["True True"] * 2


def test_buffers_and_memory_that_are_too_large():
    lines = _on_a_lesser_device(
        """
from runtime_program import dynamic_add_program
source = {**dynamic_add_program(), "target": "vulkan"}
run = _runtime.Executable(json.dumps(source), None, add_bundle(), [])
for n in (1000, 20_000_000, 30_000_000, 1000):
    try:
        print(run.run([np.ones(n, np.float32)] * 2)[0].sum())
    except (ValueError, MemoryError) as error:
        print(type(error).__name__, error)
""",
        SHIM_RANGE="100000000",
        SHIM_MEMORY="50000000",
    )
    assert lines == [
        "2000.0",
        "MemoryError std::bad_alloc",
        "ShapeError buffer 0 takes 120000000 bytes, the device's buffers hold at most 100000000",
        "2000.0",
    ]


def test_a_lost_device_is_an_error_of_each_call():
    lines = _on_a_lesser_device(
        """
run = load()
for _ in range(4):
    try:
        print(run.run([x, x])[0])
    except RuntimeError as error:
        print(type(error).__name__, error)
""",
        SHIM_SUBMITS="2",
    )
    lost = "DeviceError vulkan: submitting commands: the device is lost"
    assert lines == ["[2. 2. 2. 2.]"] * 2 + [lost] * 2


def test_a_device_may_be_named():
    result = run_python(_PRELUDE + "load()\nprint(1)", TORSHJIT_VULKAN_DEVICE="0")
    assert (result.returncode, result.stdout, result.stderr) == (0, "1\n", "")
