# SPDX-License-Identifier: Apache-2.0
"""Steps that the host executes itself: assertions and calls, on each kind of device memory."""

import ctypes
import gc
import json
import threading
import weakref

import checked_device
import numpy as np
import pytest
from runtime_program import (
    compile_c,
    launch,
    output,
    program,
    run_python,
    shared_object,
    temporary,
    tensor,
)

from torshjit import _runtime
from torshjit.errors import DataError, DTypeError, ShapeError, TorshError


def call(name, operands, outputs=1, **fields):
    return {"call": name, "operands": list(operands), "outputs": outputs, **fields}


def load(source, functions=None):
    return _runtime.Executable(json.dumps(source), None, shared_object(), [], None, functions)


def call_program(dtype="f32", shape=(4,), **fields):
    """f(x0)."""
    row = tensor(shape, dtype)
    return program([row], [output(shape, dtype)], [call("f", [0, 1], **fields)], [1])


def test_a_call_lies_between_two_kernels():
    steps = [launch("add", [0, 0, 1], [4]), call("f", [1, 2]), launch("add", [2, 1, 3], [4])]
    source = program([tensor([4])], [temporary([4]), temporary([4]), output([4])], steps, [3])
    x = np.arange(4, dtype=np.float32)
    (result,) = load(source, {"f": np.sqrt}).run([x])
    np.testing.assert_array_equal(result, np.sqrt(2 * x) + 2 * x)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_a_call_is_given_the_extents_of_the_call(n):
    source = program(
        [tensor([-1, 3])],
        [output([-1, 3])],
        [call("f", [0, 1])],
        [1],
        dims=[{"op": "input", "input": 0, "axis": 0}],
    )
    x = np.arange(3 * n, dtype=np.float32).reshape(n, 3)
    shapes = []

    def f(array):
        shapes.append(array.shape)
        return array[:, ::-1]

    (result,) = load(source, {"f": f}).run([x])
    np.testing.assert_array_equal(result, x[:, ::-1])
    assert shapes == [(n, 3)]


def test_a_call_of_rank_0_takes_any_scalar_of_the_dtype():
    (result,) = load(call_program("f64", ()), {"f": lambda x: x[()] + 1}).run([np.array(1.5)])
    assert result.dtype == np.float64
    assert result == 2.5


def test_a_function_with_no_and_with_two_results():
    source = program(
        [tensor([2])],
        [output([2]), output([], "i64")],
        [call("nothing", [0], 0), call("two", [0, 1, 2], 2)],
        [1, 2],
    )
    seen = []
    functions = {"nothing": lambda x: seen.append(x), "two": lambda x: (x + 1, np.int64(7))}
    first, second = load(source, functions).run([np.zeros(2, np.float32)])
    np.testing.assert_array_equal(first, [1, 1])
    assert second == 7
    assert len(seen) == 1


def test_what_a_function_keeps_stays_valid_and_is_read_only():
    kept = []

    def f(array):
        kept.append(array)
        return array + 1

    run = load(call_program(shape=(1 << 16,)), {"f": f})
    for value in (1, 2):
        run.run([np.full(1 << 16, value, np.float32)])
    assert [float(array[0]) for array in kept] == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        kept[0][0] = 3


def test_a_function_that_takes_views_reads_the_memory_itself():
    class Function:
        takes_views = True

        def __call__(self, array):
            self.address = array.ctypes.data
            return array

    f, x = Function(), np.zeros(4, np.float32)
    load(call_program(), {"f": f}).run([x])
    assert f.address == x.ctypes.data


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.zeros(4), DTypeError, "f: result 0 is a float64 array of shape .4,., the program "),
        (np.zeros(3, np.float32), ShapeError, r"expects f32 of shape \(4,\)"),
        ((np.zeros(4),) * 2, TorshError, "returned 2 results, the program expects 1"),
        (None, TorshError, "float|object|dtype"),
    ],
)
def test_results_are_checked(value, error, message):
    run = load(call_program(location=["user.py", 12]), {"f": lambda x: value})
    with pytest.raises(error, match=message) as caught:
        run.run([np.zeros(4, np.float32)])
    assert 'File "user.py", line 12' in str(caught.value)


def test_exceptions_of_the_function_are_the_callers():
    class Own(Exception):
        pass

    failing = True

    def f(array):
        if failing:
            raise Own("no")
        return array

    run = load(call_program(), {"f": f})
    with pytest.raises(Own, match="no"):
        run.run([np.zeros(4, np.float32)])
    failing = False
    run.run([np.zeros(4, np.float32)])


def test_a_function_may_call_its_own_program():
    depth = 0

    def f(array):
        nonlocal depth
        depth += 1
        return run.run([array])[0] + 1 if depth < 3 else array

    run = load(call_program(), {"f": f})
    (result,) = run.run([np.zeros(4, np.float32)])
    np.testing.assert_array_equal(result, [2] * 4)


def test_calls_from_several_threads_that_gave_up_the_lock():
    """Above the traffic from which a call releases the GIL."""
    n = 1 << 15
    barrier = threading.Barrier(4, timeout=30)

    def f(array):
        barrier.wait()
        return array * 2

    run = load(call_program(shape=(n,)), {"f": f})
    results = [None] * 4

    def work(i):
        results[i] = run.run([np.full(n, i, np.float32)])[0]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [float(result[-1]) for result in results] == [0, 2, 4, 6]


def test_a_function_nobody_gave():
    with pytest.raises(TorshError, match='calls the host\'s function "f", which nobody'):
        load(call_program())
    with pytest.raises(TypeError, match="expected callables or addresses"):
        load(call_program(), {"f": "text"})


def test_functions_live_as_long_as_the_executable_and_no_longer():
    class Function:
        def __call__(self, array):
            return array

    function = Function()
    alive = weakref.ref(function)
    run = load(call_program(), {"f": function, "unused": Function()})
    function.executable = run  # a cycle
    del function
    run.run([np.zeros(4, np.float32)])
    assert alive() is not None
    del run
    gc.collect()
    assert alive() is None


C_FUNCTIONS = r"""
#include "HostFunctionABI.h"
int32_t scaled(const TorshHostTensor *in, int32_t n, const TorshHostTensor *out, int32_t m) {
  if (n != 1 || m != 1 || in[0].element_type != TORSH_F64 || in[0].rank != 2) return 3;
  const double *x = in[0].data;
  double *y = out[0].data;
  for (int64_t i = 0; i < in[0].shape[0] * in[0].shape[1]; ++i) y[i] = 3 * x[i];
  return 0;
}
"""


def test_c_functions(tmp_path):
    path = tmp_path / "functions.so"
    path.write_bytes(compile_c(C_FUNCTIONS))
    library = ctypes.CDLL(str(path))
    address = ctypes.cast(library.scaled, ctypes.c_void_p).value
    x = np.arange(6.0).reshape(2, 3)
    (result,) = load(call_program("f64", (2, 3)), {"f": address}).run([x])
    np.testing.assert_array_equal(result, 3 * x)
    run = load(call_program("f64", (6,), location=["user.py", 3]), {"f": address})
    with pytest.raises(TorshError, match=r'(?s)C function of "f" returned 3.*user.py", line 3'):
        run.run([np.zeros(6)])
    with pytest.raises(ValueError, match="address of a C function is 0"):
        load(call_program(), {"f": 0})


def assert_program(**fields):
    return program(
        [tensor([], "i1"), tensor([4])],
        [output([4])],
        [{"assert": 0, "message": "index out of range", **fields}, {"copy": [1, 2]}],
        [2],
    )


def test_assertions():
    run = load(assert_program(location=["user.py", 7]))
    x = np.zeros(4, np.float32)
    run.run([np.array(True), x])
    for _ in range(2):
        with pytest.raises(DataError, match="index out of range") as caught:
            run.run([np.array(False), x])
        assert isinstance(caught.value, IndexError)
        assert 'File "user.py", line 7' in str(caught.value)
    run.run([np.array(True), x])


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([{"assert": 1, "message": "m"}], "asserts buffer 1, which is not an i1 of rank 0"),
        ([{"assert": 9, "message": "m"}], "index 9 is not below"),
        ([{"assert": 0}], 'missing "message"'),
        ([{"assert": 0, "message": "m", "call": "f"}], "a step is one of"),
        ([{}], 'missing "kernel", "copy", "assert" or "call"'),
        ([call("", [1, 2])], "empty name"),
        ([call("f", [1, 2], 3)], "index 3 is not below 3"),
        ([call("f", [0, 1])], "writes an input or a constant"),
        ([call("f", [3, 2])], "buffer 3: read at step 0 before it is written"),
        ([call("f", [1, 2, 2], 2)], "which another operand overlaps"),
        ([call("f", [1, 2], location=["a.py"])], "expected a file and a line"),
        ([call("f", [1, 2], location=[1, 2])], "expected a string"),
    ],
)
def test_malformed_steps(steps, message):
    source = program([tensor([], "i1"), tensor([4])], [output([4]), temporary([4])], steps, [2])
    with pytest.raises(TorshError, match=message):
        load(source, {"f": np.sqrt})


def test_the_memory_of_a_call_is_planned_like_a_kernels():
    """The second temporary may take the place of the first only once the call is over."""
    steps = [
        launch("add", [0, 0, 1], [64]),
        call("f", [1, 2]),
        launch("add", [2, 2, 3], [64]),
        call("f", [3, 4]),
    ]
    source = program(
        [tensor([64])],
        [temporary([64]), temporary([64]), temporary([64]), output([64])],
        steps,
        [4],
    )
    run = load(source, {"f": lambda x: x + 1})
    (result,) = run.run([np.zeros(64, np.float32)])
    np.testing.assert_array_equal(result, [3] * 64)
    stats = run.stats()
    assert stats["peak_bytes"] == 2 * 256
    assert stats["naive_peak_bytes"] == 3 * 256


def test_a_device_with_memory_of_its_own():
    """Operands are brought to the host and results taken back."""
    source = {**call_program(), "target": "host-step-device"}
    source["steps"].insert(0, {"assert": 2, "message": "no"})
    source["inputs"].append({"name": "ok", **tensor([], "i1")})
    source["buffers"].append({"kind": "input", "index": 1, **tensor([], "i1")})
    device = checked_device.Device()
    _runtime.register_device("host-step-device", device)
    run = _runtime.Executable(json.dumps(source), None, None, [], None, {"f": np.sqrt})
    x = np.arange(4, dtype=np.float32)
    (result,) = run.run([x, np.array(True)])
    np.testing.assert_array_equal(result, np.sqrt(x))
    with pytest.raises(DataError, match="no"):
        run.run([x, np.array(False)])


def test_a_program_that_is_running_when_the_interpreter_exits():
    """A daemon thread inside a call must not crash the process."""
    done = run_python(
        "import json, threading, time, numpy as np, runtime_program as r\n"
        "from torshjit import _runtime\n"
        "row = r.tensor([4])\n"
        "source = r.program([row], [r.output([4])], "
        "[{'call': 'f', 'operands': [0, 1], 'outputs': 1}], [1])\n"
        "started = threading.Event()\n"
        "def f(x):\n    started.set()\n    time.sleep(60)\n    return x\n"
        "run = _runtime.Executable(json.dumps(source), None, None, [], None, {'f': f})\n"
        "x = np.zeros(4, np.float32)\n"
        "threading.Thread(target=run.run, args=([x],), daemon=True).start()\n"
        "started.wait()\n"
    )
    assert done.returncode == 0, done.stderr
