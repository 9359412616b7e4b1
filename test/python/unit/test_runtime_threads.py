# SPDX-License-Identifier: Apache-2.0
"""parallel_for, scratch, many callers, fork, exit, and how many threads there are."""

import ctypes
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from runtime_program import executable, launch, output, program, run_python

from torshjit import _runtime


@pytest.fixture
def threads():
    before = _runtime.num_threads()
    yield _runtime.set_num_threads
    _runtime.set_num_threads(before)


def _kernel(name, count, dtype, sizes):
    return executable(program([], [output([count], dtype)], [launch(name, [0], sizes)], [0]))


@pytest.mark.parametrize("count", [1, 7, 1000, 100_003])
@pytest.mark.parametrize("num_threads", [1, 2, 7])
def test_each_index_is_visited_once(threads, count, num_threads):
    threads(num_threads)
    for grain in (-1, 1, 3, 64, count):
        run = _kernel("visit_each", count, "i32", [count, grain] if grain >= 0 else [count, 0])
        for _ in range(20):
            np.testing.assert_array_equal(run.run([])[0], np.ones(count, np.int32))


@pytest.mark.parametrize(("count", "grain"), [(100, 100), (100, 60), (1000, 7), (1001, 10)])
def test_chunks_have_at_least_grain(threads, count, grain):
    threads(4)
    lengths = _kernel("chunk_lengths", count, "i64", [count, grain]).run([])[0]
    assert lengths.min() >= grain
    if count < 2 * grain:
        assert lengths.max() == count
    else:
        assert lengths.max() < count


def test_one_thread_is_serial(threads):
    threads(1)
    assert _kernel("chunk_lengths", 1000, "i64", [1000, 1]).run([])[0].min() == 1000


def test_nested_loops_are_serial(threads):
    threads(3)
    np.testing.assert_array_equal(_kernel("nested", 64, "i64", [64]).run([])[0], np.full(64, 1000))


@pytest.fixture
def team():
    """A team of Python's threads in place of OpenMP's; the numbers of threads it was asked for."""
    asked = []

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
    def run(function, context, count, _flags):
        asked.append(count)
        share = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(function)
        members = [threading.Thread(target=share, args=(context,)) for _ in range(count - 1)]
        for member in members:
            member.start()
        share(context)
        for member in members:
            member.join()

    _runtime.run_in_team(ctypes.cast(run, ctypes.c_void_p).value)
    yield asked
    _runtime.run_in_team(0)


@pytest.mark.parametrize("num_threads", [1, 2, 5])
def test_another_library_lends_its_threads(threads, team, num_threads):
    threads(num_threads)
    run = _kernel("visit_each", 1000, "i32", [1000, 1])
    for _ in range(20):
        np.testing.assert_array_equal(run.run([])[0], np.ones(1000, np.int32))
    assert team == ([num_threads] * 20 if num_threads > 1 else [])
    np.testing.assert_array_equal(_kernel("nested", 64, "i64", [64]).run([])[0], np.full(64, 1000))
    _runtime.run_in_team(0)
    before = len(team)
    np.testing.assert_array_equal(run.run([])[0], np.ones(1000, np.int32))
    assert len(team) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_threads_of_its_own():
    pytest.importorskip("torch")
    code = (
        _LOOP
        + """
import os
from torshjit import _runtime
from torshjit.torch_backend.openmp_team import join_torch_threads
_runtime.set_num_threads(3)
join_torch_threads()
for _ in range(10): check()
child = os.fork()
if child == 0:
    for _ in range(10): check()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
check()
print("done")
"""
    )
    result = run_python(code)
    assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")


def test_scratch_is_aligned_and_private(threads):
    threads(4)
    run = _kernel("scratch_each", 200, "i64", [200])
    for _ in range(5):
        assert not run.run([])[0].any()


def test_scratch_is_released_when_the_kernel_returns():
    run = executable(
        program(
            [],
            [output([1], "i64"), output([1], "i64")],
            [launch("scratch_address", [0], [5000]), launch("scratch_address", [1], [5000])],
            [0, 1],
        )
    )
    first, second = run.run([])
    assert first == second
    assert first[0] % 64 == 0


def test_many_python_threads_at_once(threads):
    threads(3)
    count = 50_000
    run = _kernel("visit_each", count, "i32", [count, 16])

    def work(_):
        return all((run.run([])[0] == 1).all() for _ in range(30))

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(6)))


def test_thread_count_changes_while_loops_run(threads):
    run = _kernel("visit_each", 20_000, "i32", [20_000, 8])
    wrong = []

    def work():
        for _ in range(100):
            if not (run.run([])[0] == 1).all():
                wrong.append(1)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for n in [1, 5, 2, 8, 1, 3] * 10:
        threads(n)
    for worker in workers:
        worker.join()
    assert not wrong


def test_other_threads_run_during_a_long_kernel():
    run = executable(program([], [output([100_000])], [launch("slow", [0], [100_000, 3000])], [0]))
    ticks = []
    done = threading.Event()

    def tick():
        while not done.wait(0.001):
            ticks.append(1)

    ticker = threading.Thread(target=tick)
    ticker.start()
    run.run([])
    during = len(ticks)
    done.set()
    ticker.join()
    assert during >= 3


def test_setting_the_number_of_threads(threads):
    threads(5)
    assert _runtime.num_threads() == 5
    for bad in (0, -1, 1025):
        with pytest.raises(ValueError, match="from 1 to 1024"):
            threads(bad)


_LOOP = """
import numpy as np
from runtime_program import *
run = executable(program([], [output([9999], "i32")], [launch("visit_each", [0], [9999, 8])], [0]))
def check():
    assert (run.run([])[0] == 1).all()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_children_call():
    code = (
        _LOOP
        + """
import os, threading
from torshjit import _runtime
_runtime.set_num_threads(4)
check()
stop = False
def busy():
    while not stop:
        check()
callers = [threading.Thread(target=busy) for _ in range(3)]
for caller in callers: caller.start()
for _ in range(30):
    child = os.fork()
    if child == 0:
        for _ in range(3): check()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop = True
for caller in callers: caller.join()
check()
print("done")
"""
    )
    result = run_python(code)
    assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")


@pytest.mark.parametrize(
    "ending", ["", "import sys; sys.exit(3)", "import os; os.kill(os.getpid(), 15)"]
)
def test_exit_with_sleeping_and_spinning_workers(ending):
    result = run_python(_LOOP + "check()\n" + ending, TORSHJIT_NUM_THREADS="4")
    assert result.returncode == (3 if "exit" in ending else -15 if "kill" in ending else 0)
    assert result.stderr == ""


def test_no_thread_before_the_first_parallel_loop():
    code = (
        "import os\ndef count(): return len(os.listdir('/proc/self/task'))\n"
        "import numpy\nbefore = count()\n" + _LOOP + "print(count() - before)\n"
        "check()\nprint(count() - before)\n"
    )
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    result = run_python(code, TORSHJIT_NUM_THREADS="3")
    assert result.stdout.split() == ["0", "2"], result.stderr


def test_environment_sets_the_number_of_threads():
    code = "from torshjit import _runtime; print(_runtime.num_threads())"
    assert run_python(code, TORSHJIT_NUM_THREADS="3").stdout == "3\n"
    bad = run_python(code, TORSHJIT_NUM_THREADS="many")
    assert bad.returncode == 1
    assert 'TORSHJIT_NUM_THREADS: expected an integer from 1 to 1024, got "many"' in bad.stderr


def test_affinity_bounds_the_number_of_threads():
    code = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
        "from torshjit import _runtime; print(_runtime.num_threads())"
    )
    assert run_python(code, TORSHJIT_NUM_THREADS="").stdout == "1\n"


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("cgroup", "files", "expected"),
    [
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "150000 100000\n"}, 1.5),
        ("0::/a\n", {"a/cpu.max": "300000 100000\n", "cpu.max": "200000 100000\n"}, 2.0),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 0.5),
        ("0::/elsewhere\n", {"cpu.max": "400000 100000\n"}, 4.0),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        (
            "3:cpu,cpuacct:/box\n0::/\n",
            {
                "cpu,cpuacct/box/cpu.cfs_quota_us": "250000\n",
                "cpu,cpuacct/box/cpu.cfs_period_us": "100000\n",
            },
            2.5,
        ),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ("2:cpuset:/\nnonsense\n", {}, None),
    ],
)
def test_cgroup_quota(tmp_path, cgroup, files, expected):
    _write(tmp_path / "cgroup", cgroup)
    for name, text in files.items():
        _write(tmp_path / "fs" / name, text)
    quota = _runtime.cgroup_processor_quota(str(tmp_path / "cgroup"), str(tmp_path / "fs"))
    assert quota == expected
