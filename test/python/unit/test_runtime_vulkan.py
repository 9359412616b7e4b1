# SPDX-License-Identifier: Apache-2.0
"""The Vulkan device on hand-written SPIR-V; lavapipe serves where there is no GPU."""

import gc
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
    temporary,
    tensor,
)
from vulkan_kernels import (
    THREADS,
    add,
    add_bundle,
    bundle,
    fill,
    kernel,
    reversed_in_groups,
    variant,
)
from vulkan_programs import f32, load, why_absent

from torshjit import _runtime

_MISSING = why_absent()
pytestmark = pytest.mark.skipif(_MISSING is not None, reason=_MISSING or "")


@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000, 0, 100_001])
def test_dynamic_extents(n):
    x, y = f32(n), f32(n, seed=1)
    run = load(dynamic_add_program(), add_bundle())
    for _ in range(2):
        (z,) = run.run([x, y])
        np.testing.assert_array_equal(z, x + y)


def test_more_blocks_than_a_grid_has_are_looped_over():
    n = 65535 * THREADS + 12345
    x = np.arange(n, dtype=np.int32)
    row = kernel([("i32", "write")], 2, [variant("fill", 0, [[THREADS, -1]])])
    source = program([], [output([n], "i32")], [launch("fill", [0], [n, 7])], [0])
    (z,) = load(source, bundle({"fill": row}, [fill("fill")])).run([])
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
    (z,) = load(source, add_bundle(dtype)).run([x, y])
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
    (z,) = load(source, bundle({"reverse": row}, [reversed_in_groups()])).run([x])
    np.testing.assert_array_equal(z, x.reshape(-1, THREADS)[:, ::-1].reshape(-1))


def test_each_step_sees_what_the_one_before_wrote():
    """A chain through two temporaries that take turns."""
    n, steps = 5000, 41
    chain = [launch("add", [0, 0, 1], [n])]
    for i in range(steps):
        chain.append(launch("add", [1 + i % 2, 0, 2 - i % 2], [n]))
    chain.append(launch("add", [1 + steps % 2, 0, 3], [n]))
    source = program([tensor([n])], [temporary([n]), temporary([n]), output([n])], chain, [3])
    x = np.arange(n, dtype=np.float32)
    run = load(source, add_bundle())
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
    run = load(source, add_bundle(), [constant])
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
    (z,) = load(source, add_bundle(), [np.zeros(0, np.float32)]).run([f32(0)])
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
    (z,) = load(source, bundle({"add": row}, [add("i32")])).run([np.zeros(0, np.int32)])
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
    run = load(source, binary)
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
    run = load(source, add_bundle())
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
        alive.append((load(source, add_bundle(), [constant]), constant))
        if i % 3 == 2:
            alive.pop(int(rng.integers(len(alive))))
        gc.collect()
    for run, constant in alive:
        x = f32(len(constant), seed=99)
        np.testing.assert_array_equal(run.run([x])[0], x + constant)


def test_threads():
    run = load(dynamic_add_program(), add_bundle())
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


def test_a_program_without_results_leaves_the_queues_of_other_threads_alone():
    """Nobody waits for a result of it, but a thread's queue is that thread's all the same."""
    nothing = load(program([tensor([3])], [], [], []), add_bundle())
    run = load(dynamic_add_program(), add_bundle())
    failures = []

    def work(seed):
        x = f32(1000, seed=seed)
        for _ in range(100):
            assert nothing.run([x[:3]]) == []
            if not np.array_equal(run.run([x, x])[0], 2 * x):
                failures.append(seed)

    for _ in range(3):
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
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
        load(add_program([4]), add_bundle()),
        [("arg", 0), ("object", weight)],
        ("tuple", [("leaf", 0, "torch"), ("argument", 0)]),
    )
    x = torch.arange(8, dtype=torch.float32)[::2]
    for value in (1, 5):
        weight.fill_(value)
        result, same = call(x)
        assert torch.equal(result, x + value)
        assert same is x


def test_sizes_beyond_32_bits_are_refused_and_the_queue_recovers():
    source = program(
        [tensor([4])],
        [output([4], "i32"), output([4], "i32")],
        [launch("fill", [1], [4, 3]), launch("fill", [2], [4, 2**31])],
        [1, 2],
    )
    row = kernel([("i32", "write")], 2, [variant("fill", 0, [[THREADS, -1]])])
    binary = bundle({"fill": row}, [fill("fill")])
    run = load(source, binary)
    with pytest.raises(ValueError, match='kernel "fill": size 1 is 2147483648'):
        run.run([f32(4)])
    source["steps"][1]["sizes"][1] = 5
    results = load(source, binary).run([f32(4)])
    np.testing.assert_array_equal(results, [[3] * 4, [5] * 4])


def test_profiling():
    run = load(dynamic_add_program(), add_bundle())
    run.set_profiling(True)
    run.run([f32(5), f32(5)])
    assert run.stats()["kernels"]["add"]["calls"] == 1
