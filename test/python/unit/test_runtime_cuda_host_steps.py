# SPDX-License-Identifier: Apache-2.0
"""Assertions and calls of the host between kernels on CUDA's streams, over a fake driver."""

import json

import numpy as np
import pytest
from cuda_dispatchers import Producer
from fake_cuda import Driver, add_kernel, bundle, cuda_program, with_fake_cuda
from runtime_program import launch, output, temporary, tensor

from torshjit import _runtime
from torshjit.errors import DataError


def between(**last):
    """f(x + y) + y, and an assertion that z holds."""
    row = tensor([6])
    steps = [
        launch("add", [0, 1, 3], [6]),
        {"call": "f", "operands": [3, 4], "outputs": 1},
        launch("add", [4, 1, 5], [6]),
        {"assert": 2, "message": "no"},
    ]
    source = cuda_program(
        [row, row, tensor([], "i1")], [temporary([6]), temporary([6]), output([6])], steps, [5]
    )
    binary = bundle({"add": add_kernel()})
    return _runtime.Executable(json.dumps(source), None, binary, [], None, {"f": np.sqrt, **last})


X = np.arange(6, dtype=np.float32)


@with_fake_cuda()
def test_arrays_of_the_host():
    run = between()
    for _ in range(2):
        (result,) = run.run([X, X, np.array(True)])
        np.testing.assert_array_equal(result, np.sqrt(X + X) + X)
        with pytest.raises(DataError, match="no"):
            run.run([X, X, np.array(False)])


@with_fake_cuda()
def test_tensors_on_the_device():
    driver = Driver()
    run = between()
    values = [driver.device_array(each) for each in (X, X + 1)]
    for holds in (True, False, True):
        condition = driver.device_array(np.array(holds))
        tensors = [Producer(each) for each in (*values, condition)]
        if not holds:
            with pytest.raises(DataError, match="no"):
                run.run(tensors, results="dlpack")
            continue
        driver.calls()
        (result,) = run.run(tensors, results="dlpack")
        calls = driver.calls()
        # Waited for before the call, and before the assertion; not after it.
        assert sum("cuStreamSynchronize" in line for line in calls) >= 2
        host = np.empty(6, np.float32)
        assert result.__dlpack_device__() == (2, 0)
        np.testing.assert_array_equal(read(driver, result, host), np.sqrt(2 * X + 1) + X + 1)


def read(driver, result, host):
    """The contents of a result, through a program that copies it to the host."""
    row = tensor([6])
    source = cuda_program([row], [output([6])], [{"copy": [0, 1]}], [1])
    copier = _runtime.Executable(json.dumps(source), None, bundle({}, ()), [])
    (array,) = copier.run([result], results="numpy")
    host[...] = array
    return host


@with_fake_cuda()
def test_an_exception_leaves_the_queue_usable():
    failing = [True]

    def f(array):
        if failing[0]:
            raise ZeroDivisionError("mine")
        return array

    run = between(f=f)
    with pytest.raises(ZeroDivisionError, match="mine"):
        run.run([X, X, np.array(True)])
    failing[0] = False
    (result,) = run.run([X, X, np.array(True)])
    np.testing.assert_array_equal(result, 3 * X)
