# SPDX-License-Identifier: Apache-2.0
"""Programs that assert about data and call functions of the host, on every executor."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from e2e.executors import EXECUTORS, missing

import torshjit
from torshjit.errors import DataError, DTypeError, ShapeError, TorshError
from torshjit.host_functions import HostFunction, register_function

pytest.importorskip("torshjit._compiler")

_numbers = itertools.count()


@pytest.fixture(params=EXECUTORS)
def executor(request):
    """Each executor that can run here."""
    if reason := missing(request.param):
        pytest.skip(reason)
    return request.param


@pytest.fixture
def host():
    """Registers a function under a name of its own, which it returns."""

    def register(function):
        name = f"test::f{next(_numbers)}"
        register_function(HostFunction(name, function, is_fallback=False))
        return name

    return register


BETWEEN = """
func.func @main(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?xi32>) {{
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %0 = torsh.exp %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1:2 = torsh.host_call "{name}"(%0, %x) sizes(%n, %n) {{pure}}
    : (tensor<?x4xf32>, tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?xi32>)
  %2 = torsh.add %1#0, %0 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %2, %1#1 : tensor<?x4xf32>, tensor<?xi32>
}}
"""


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_a_call_between_kernels(executor, host, rows):
    name = host(lambda a, x: (a[:, ::-1] * x, np.argmax(a, axis=1).astype(np.int32)))
    run = torshjit.compile(BETWEEN.format(name=name), target_device=executor)
    x = np.random.default_rng(0).standard_normal((rows, 4)).astype(np.float32)
    first, second = run(x)
    a = np.exp(x)
    np.testing.assert_allclose(first, a[:, ::-1] * x + a, rtol=2e-6, atol=1e-6)
    np.testing.assert_array_equal(second, np.argmax(a, axis=1))


PLAIN = """
func.func @main(%x: tensor<{shape}x{dtype}>) -> tensor<{shape}x{dtype}> {{
  %0 = torsh.host_call "{name}"(%x) : (tensor<{shape}x{dtype}>) -> tensor<{shape}x{dtype}>
  return %0 : tensor<{shape}x{dtype}>
}}
"""


@pytest.mark.parametrize("dtype", ["i1", "i8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64"])
def test_a_call_on_each_dtype(executor, host, dtype):
    from torshjit.capture.numpy_dtypes import numpy_dtype

    x = np.array([[1, 0, 3], [0, 5, 1]]).astype(numpy_dtype(dtype))
    seen = []

    def f(array):
        seen.append((array.dtype, array.shape, array.flags.writeable))
        return array[::-1]

    run = torshjit.compile(
        PLAIN.format(name=host(f), shape="2x3", dtype=dtype), target_device=executor
    )
    result = run(x)
    assert result.dtype == x.dtype
    np.testing.assert_array_equal(result, x[::-1])
    assert seen == [(x.dtype, (2, 3), False)]


@pytest.mark.parametrize(
    ("value", "error"),
    [(np.zeros((2, 3)), DTypeError), (np.zeros((3, 2), np.float32), ShapeError)],
)
def test_results_of_other_types_are_errors(executor, host, value, error):
    name = host(lambda x: value)
    run = torshjit.compile(
        PLAIN.format(name=name, shape="2x3", dtype="f32"), target_device=executor
    )
    with pytest.raises(error, match=name):
        run(np.zeros((2, 3), np.float32))


def test_exceptions_travel_and_the_next_call_is_right(executor, host):
    def f(array):
        if array[0, 0] < 0:
            raise ZeroDivisionError("my own")
        return array

    run = torshjit.compile(
        PLAIN.format(name=host(f), shape="2x3", dtype="f32"), target_device=executor
    )
    with pytest.raises(ZeroDivisionError, match="my own"):
        run(np.full((2, 3), -1, np.float32))
    np.testing.assert_array_equal(run(np.ones((2, 3), np.float32)), np.ones((2, 3)))


ORDER = """
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {{
  %0 = torsh.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  torsh.host_call "{first}"(%0) : (tensor<4xf32>) -> ()
  %1 = torsh.host_call "{second}"() : () -> tensor<4xf32>
  %2 = torsh.add %0, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  torsh.host_call "{first}"(%2) : (tensor<4xf32>) -> ()
  return %2 : tensor<4xf32>
}}
"""


def test_impure_calls_keep_their_order(executor, host):
    log = []

    def first(array):
        log.append(("first", array.copy()))

    def second():
        log.append("second")
        return np.ones(4, np.float32)

    run = torshjit.compile(
        ORDER.format(first=host(first), second=host(second)), target_device=executor
    )
    x = np.zeros(4, np.float32)
    np.testing.assert_allclose(run(x), [2] * 4, rtol=1e-6)
    assert [entry if type(entry) is str else entry[0] for entry in log] == [
        "first",
        "second",
        "first",
    ]
    np.testing.assert_allclose(log[2][1], [2] * 4, rtol=1e-6)


ASSERT = """
func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
  %zero = torsh.constant dense<0.0> : tensor<f32>
  %0 = torsh.compare ge, %x, %zero : (tensor<?xf32>, tensor<f32>) -> tensor<?xi1>
  %1 = torsh.all %0 {axes = array<i64: 0>} : (tensor<?xi1>) -> tensor<i1>
  torsh.assert %1, "a negative element" : tensor<i1>
  %2 = torsh.sqrt %x : (tensor<?xf32>) -> tensor<?xf32>
  return %2 : tensor<?xf32>
}
"""


def test_assertions(executor):
    run = torshjit.compile(ASSERT, target_device=executor)
    x = np.arange(5, dtype=np.float32)
    np.testing.assert_allclose(run(x), np.sqrt(x), rtol=1e-6)
    for _ in range(2):
        with pytest.raises(DataError, match="a negative element") as caught:
            run(-x)
        assert isinstance(caught.value, (TorshError, IndexError))
    np.testing.assert_allclose(run(x), np.sqrt(x), rtol=1e-6)
    assert run(np.zeros(0, np.float32)).shape == (0,)


CONSTANT_AND_VIEW = """
func.func @main(%x: tensor<2x3xf32>) -> (tensor<6xf32>, tensor<2x3xf32>) {{
  %c = torsh.constant dense<[[1., 2., 3.], [4., 5., 6.]]> : tensor<2x3xf32>
  %0 = torsh.reshape %x : (tensor<2x3xf32>) -> tensor<6xf32>
  %1 = torsh.host_call "{name}"(%0, %c) : (tensor<6xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = torsh.reshape %1 : (tensor<2x3xf32>) -> tensor<6xf32>
  return %2, %1 : tensor<6xf32>, tensor<2x3xf32>
}}
"""


def test_constants_and_views_as_operands_and_results(executor, host):
    name = host(lambda x, c: x.reshape(2, 3) * c)
    run = torshjit.compile(CONSTANT_AND_VIEW.format(name=name), target_device=executor)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    expected = x * np.arange(1, 7).reshape(2, 3)
    flat, result = run(x)
    np.testing.assert_array_equal(flat, expected.ravel())
    np.testing.assert_array_equal(result, expected)


def test_unknown_functions_are_named():
    text = PLAIN.format(name="nobody::knows", shape="2", dtype="f32")
    with pytest.raises(TorshError, match="nobody::knows on the host, which is not known here"):
        torshjit.compile(text)(np.zeros(2, np.float32))


def test_a_saved_program_finds_its_functions(tmp_path, host):
    name = host(lambda x: x + 1)
    run = torshjit.compile(PLAIN.format(name=name, shape="2", dtype="f32"))
    x = np.zeros(2, np.float32)
    run(x)
    run.save(tmp_path / "saved.torsh")
    loaded = torshjit.load(tmp_path / "saved.torsh")
    np.testing.assert_array_equal(loaded(x), [1, 1])
    assert f"{name}" in loaded.explain()
