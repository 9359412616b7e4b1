# SPDX-License-Identifier: Apache-2.0
"""Steps that are executed once, and inputs that are given once, on each kind of device memory."""

import gc
import json
import threading

import checked_device
import numpy as np
import pytest
from runtime_program import (
    launch,
    output,
    program,
    run_python,
    shared_object,
    temporary,
    tensor,
)

from torshjit import _runtime
from torshjit.errors import DTypeError, ShapeError, TorshError


def once(*args):
    return {**launch(*args), "once": True}


def frozen_program():
    """4 * x0 + x1, of which 4 * x0 is computed once: buffer 3, by way of buffer 2."""
    return program(
        [{**tensor([4]), "frozen": True}, tensor([4])],
        [temporary([4]), temporary([4]), output([4])],
        [
            once("add", [0, 0, 2], [4]),
            once("add", [2, 2, 3], [4]),
            launch("add", [1, 3, 4], [4]),
        ],
        [4],
    )


@pytest.fixture(params=["cpu", "host memory", "own memory"])
def load(request):
    """Loads programs for a device, which `load.device` is unless it is the CPU."""
    device = None
    if request.param != "cpu":
        device = checked_device.Device(is_host_memory=request.param == "host memory")
        _runtime.register_device("once-test", device)

    def load(source, constants=()):
        if device is None:
            return _runtime.Executable(json.dumps(source), None, shared_object(), list(constants))
        source = {**source, "target": "once-test"}
        return _runtime.Executable(json.dumps(source), None, b"add fill", list(constants))

    load.device = device
    return load


W = np.arange(4, dtype=np.float32)
X = np.full(4, 10, np.float32)


def test_frozen_inputs_are_read_once(load):
    executable = load(frozen_program())
    weights = W.copy()
    executable.freeze([weights, None])
    weights[:] = 0
    for _ in range(2):
        np.testing.assert_array_equal(executable.run([None, X])[0], 4 * W + X)
    stats = executable.stats()
    assert stats["once_launches"] == 2
    assert stats["once_us"] > 0
    assert executable.held_inputs == [False, False]


def test_frozen_inputs_that_calls_read_are_kept(load):
    source = program(
        [{**tensor([4]), "frozen": True}, tensor([4])],
        [output([4])],
        [launch("add", [0, 1, 2], [4])],
        [2],
    )
    executable = load(source)
    assert executable.held_inputs == [True, False]
    executable.freeze([W.copy(), None])
    gc.collect()
    np.testing.assert_array_equal(executable.run([None, X])[0], W + X)
    assert executable.stats()["once_launches"] == 0


def test_constants_need_no_call(load):
    source = program(
        [tensor([4])],
        [temporary([4]), output([4])],
        [once("add", [1, 1, 2], [4]), launch("add", [0, 2, 3], [4])],
        [3],
        constants=[tensor([4])],
    )
    executable = load(source, [W])
    assert executable.stats()["once_launches"] == 1
    np.testing.assert_array_equal(executable.run([X])[0], 2 * W + X)


def test_a_result_that_was_computed_once_is_copied(load):
    source = program(
        [],
        [temporary([4])],
        [once("add", [0, 0, 1], [4])],
        [1, 1],
        constants=[tensor([4])],
    )
    executable = load(source, [W])
    for _ in range(2):
        first, second = executable.run([])
        np.testing.assert_array_equal(first, 2 * W)
        first[:] = 0
        np.testing.assert_array_equal(second, 2 * W)


def test_memory_is_held_for_calls_alone_and_released_at_the_end(load):
    before = _runtime.stats()["constant_bytes"]
    executable = load(frozen_program())
    executable.freeze([W, None])
    executable.run([None, X])
    held = executable.stats()["constant_bytes"]
    assert 16 <= held <= 2 * 256
    assert _runtime.stats()["constant_bytes"] == before + held
    del executable
    gc.collect()
    assert _runtime.stats()["constant_bytes"] == before
    if load.device is not None:
        assert not load.device.blocks


def test_calls_before_the_weights_are_given_are_errors(load):
    executable = load(frozen_program())
    with pytest.raises(TorshError, match="frozen inputs have not been given"):
        executable.run([None, X])
    executable.freeze([W, None])
    with pytest.raises(TorshError, match="given already"):
        executable.freeze([W, None])


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        ([W], TorshError, "2 inputs, got 1"),
        ([None, None], TypeError, 'frozen input "x0": expected a NumPy array'),
        ([W.astype(np.float64), None], DTypeError, 'frozen input "x0": the program expects f32'),
        ([W[:3], None], ShapeError, "another shape"),
    ],
)
def test_other_arrays_than_the_program_says_are_refused(load, arrays, error, message):
    with pytest.raises(error, match=message):
        load(frozen_program()).freeze(arrays)


def test_strided_weights_are_copied(load):
    executable = load(frozen_program())
    executable.freeze([np.repeat(W, 2)[::2], None])
    np.testing.assert_array_equal(executable.run([None, X])[0], 4 * W + X)


def test_threads_share_what_was_computed_once(load):
    executable = load(frozen_program())
    executable.freeze([W, None])
    results = []

    def call():
        results.extend(executable.run([None, X])[0] for _ in range(20))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(results) == 80
    for result in results:
        np.testing.assert_array_equal(result, 4 * W + X)


def test_a_forked_child_has_what_its_parent_computed():
    done = run_python(
        "import json, os\n"
        "import numpy as np\n"
        "import sys; sys.path.insert(0, os.path.join(os.environ['PYTHONPATH'].split(os.pathsep)[1],"
        " 'unit'))\n"
        "import test_runtime_once as t\n"
        "from torshjit import _runtime\n"
        "e = _runtime.Executable(json.dumps(t.frozen_program()), None, t.shared_object())\n"
        "e.freeze([t.W.copy(), None])\n"
        "child = os.fork()\n"
        "ok = (e.run([None, t.X])[0] == 4 * t.W + t.X).all()\n"
        "if child == 0: os._exit(0 if ok else 1)\n"
        "assert ok and os.waitpid(child, 0)[1] == 0\n"
    )
    assert done.returncode == 0, done.stderr


def _with(**changes):
    return {**frozen_program(), **changes}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            _with(steps=[once("add", [1, 1, 2], [4]), launch("add", [2, 1, 4], [4])]),
            "buffer 1: step 0 is executed once, but reads what calls give",
        ),
        (
            _with(steps=[launch("add", [1, 1, 2], [4]), once("add", [2, 0, 3], [4])]),
            "buffer 2: step 1 is executed once, but reads what calls give or compute",
        ),
        (
            _with(steps=[once("add", [0, 0, 4], [4])]),
            "step 0 is executed once, but writes a result",
        ),
        (
            _with(
                steps=[
                    once("add", [0, 0, 2], [4]),
                    launch("add", [1, 1, 2], [4]),
                    launch("add", [2, 1, 4], [4]),
                ]
            ),
            "buffer 2: written once and by calls",
        ),
        (
            program(
                [{**tensor([-1]), "frozen": True}],
                [output([-1])],
                [launch("add", [0, 0, 1], [-1])],
                [1],
                dims=[{"op": "input", "input": 0, "axis": 0}],
            ),
            'input "x0" is frozen, but has extents of a call',
        ),
    ],
)
def test_malformed_programs_are_refused(source, message):
    with pytest.raises(TorshError, match=message):
        _runtime.Executable(json.dumps(source), None, shared_object())
