# SPDX-License-Identifier: Apache-2.0
"""The memory planner, the arena and recycled results."""

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runtime_program import BIG, add_program, executable, launch, output, program, temporary, tensor

from torshjit import _runtime
from torshjit.errors import TorshError


def _aligned(size):
    return (size + 63) // 64 * 64


_LIFETIMES = st.tuples(st.integers(0, 20), st.integers(0, 20)).map(lambda t: (min(t), max(t)))


@given(st.lists(st.tuples(st.integers(0, 5000), _LIFETIMES), max_size=40))
def test_plans_do_not_overlap_and_are_bounded(buffers):
    sizes = [size for size, _ in buffers]
    lifetimes = [lifetime for _, lifetime in buffers]
    offsets, peak, naive = _runtime.plan_memory(sizes, lifetimes)

    assert all(offset % 64 == 0 for offset in offsets)
    assert naive == sum(map(_aligned, sizes))
    ends = [offset + _aligned(size) for offset, size in zip(offsets, sizes, strict=True)]
    assert peak == max((e for e, size in zip(ends, sizes, strict=True) if size), default=0)
    live_at = [
        sum(_aligned(s) for s, (first, last) in buffers if first <= t <= last) for t in range(21)
    ]
    assert max(live_at) <= peak <= naive
    for i in range(len(buffers)):
        for j in range(i):
            (a, b), (c, d) = lifetimes[i], lifetimes[j]
            if a <= d and c <= b and sizes[i] and sizes[j]:
                assert ends[i] <= offsets[j] or ends[j] <= offsets[i]


def test_a_chain_takes_two_buffers():
    _, peak, naive = _runtime.plan_memory([640] * 10, [(i, i + 1) for i in range(10)])
    assert (peak, naive) == (2 * 640, 10 * 640)


def test_planner_refuses_nonsense():
    with pytest.raises(ValueError, match="ends before it begins"):
        _runtime.plan_memory([1], [(2, 1)])
    with pytest.raises(ValueError, match="overflows"):
        _runtime.plan_memory([2**64 - 1], [(0, 1)])
    with pytest.raises(TorshError, match="as many lifetimes"):
        _runtime.plan_memory([1], [])


def _chain(n, length):
    """x doubled `length` times through temporaries."""
    buffers = [temporary([n]) for _ in range(length - 1)]
    steps = [launch("add", [i, i, i + 1], [n]) for i in range(length)]
    return program([tensor([n])], [*buffers, output([n])], steps, [length])


def test_arena_is_planned_reused_and_reported():
    n, length = 1000, 8
    run = executable(_chain(n, length))
    x = np.ones(n, np.float32)
    for _ in range(3):
        np.testing.assert_array_equal(run.run([x])[0], x * 2**length)
    stats = run.stats()
    assert stats["calls"] == 3
    assert stats["total_time_us"] > 0
    assert stats["peak_bytes"] == stats["arena_bytes"] == 2 * _aligned(4 * n)
    assert stats["naive_peak_bytes"] == (length - 1) * _aligned(4 * n)
    run.reset_stats()
    assert run.stats()["calls"] == 0
    assert run.stats()["peak_bytes"] == stats["peak_bytes"]


def test_huge_arena_is_correct():
    n = 3_000_000
    x = np.arange(n, dtype=np.float32)
    np.testing.assert_array_equal(executable(_chain(n, 4)).run([x])[0], x * 16)


def test_process_statistics():
    before = _runtime.stats()
    run = executable(_chain(100, 3))
    run.run([np.ones(100, np.float32)])
    after = _runtime.stats()
    assert after["calls"] == before["calls"] + 1
    assert after["executables"] == before["executables"] + 1
    assert after["arena_bytes"] == before["arena_bytes"] + run.stats()["arena_bytes"]
    del run
    gc.collect()
    assert _runtime.stats()["arena_bytes"] == before["arena_bytes"]
    _runtime.reset_stats()
    assert _runtime.stats()["calls"] == 0


def test_profile_counts_kernels():
    run = executable(_chain(100, 3))
    x = np.ones(100, np.float32)
    run.run([x])
    assert run.stats()["kernels"] == {}
    run.set_profiling(True)
    run.run([x])
    assert run.stats()["kernels"]["add"]["calls"] == 3
    assert run.stats()["kernels"]["add"]["ns"] > 0


def test_many_shapes_use_a_bounded_number_of_plans():
    dims = [{"op": "input", "input": 0, "axis": 0}]
    source = program(
        [tensor([-1])],
        [temporary([-1]), output([-1])],
        [launch("add", [0, 0, 1], [-1]), launch("add", [1, 1, 2], [-1])],
        [2],
        dims=dims,
    )
    run = executable(source)
    for n in [*range(1, 100), *range(99, 0, -1)]:
        x = np.arange(n, dtype=np.float32)
        np.testing.assert_array_equal(run.run([x])[0], 4 * x)
    assert run.stats()["arena_bytes"] == _aligned(4 * 99)
    # 32 plans are kept, so the way back finds the most recent ones.
    assert run.stats()["shape_plans"] == 99 + 99 - 32


def test_large_results_are_recycled_but_never_while_alive():
    run = executable(add_program([BIG]))
    x = np.ones(BIG, np.float32)
    alive = [run.run([x * i, x])[0] for i in range(5)]
    for i, a in enumerate(alive):
        assert a.flags.writeable
        assert not any(np.shares_memory(a, b) for b in alive[:i])
        np.testing.assert_array_equal(a, np.full(BIG, i + 1, np.float32))

    view = alive[2][10:20]
    address = alive[0].ctypes.data
    kept = alive[1].copy()
    reused = _runtime.stats()["output_pool_reused"]
    del alive[2], alive[0], a
    later = [run.run([x * 50, x])[0] for _ in range(4)]
    assert _runtime.stats()["output_pool_reused"] > reused
    assert any(b.ctypes.data == address for b in later)
    np.testing.assert_array_equal(view, np.full(10, 3, np.float32))
    np.testing.assert_array_equal(alive[0], kept)


def test_output_pool_is_bounded():
    run = executable(add_program([BIG]))
    x = np.ones(BIG, np.float32)
    try:
        _runtime.set_output_pool_limit(3 << 20)
        many = [run.run([x, x])[0] for _ in range(8)]
        del many
        assert 0 < _runtime.stats()["output_pool_cached_bytes"] <= 3 << 20
        _runtime.set_output_pool_limit(0)
        assert _runtime.stats()["output_pool_cached_bytes"] == 0
        np.testing.assert_array_equal(run.run([x, x])[0], x + x)
        assert _runtime.stats()["output_pool_cached_bytes"] == 0
    finally:
        _runtime.set_output_pool_limit(256 << 20)


def test_concurrent_calls_have_their_own_arenas():
    n, length = 20_000, 6
    run = executable(_chain(n, length))

    def work(seed):
        x = np.full(n, seed, np.float32)
        return all(np.array_equal(run.run([x])[0], x * 2**length) for _ in range(50))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    assert run.stats()["calls"] == 400
