# SPDX-License-Identifier: Apache-2.0
"""Arrays of other libraries, by DLPack's protocol, as arguments of programs."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from fake_cuda import Driver, with_fake_cuda

import torshjit
from torshjit import _runtime

pytest.importorskip("torshjit._compiler")

VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)


class Array:
    """An array of another library: NumPy's, with nothing but the protocol."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values
        self.shape = values.shape
        self.dtype = values.dtype

    def __dlpack_device__(self) -> Any:
        return self._values.__dlpack_device__()

    def __dlpack__(self, **options: Any) -> Any:
        return self._values.__dlpack__(**options)


def shifted(x: Any, y: Any) -> Any:
    return np.tanh(x) + y.sum(0), x.max()


@pytest.mark.parametrize("target", ["cpu", "interpreter"])
def test_arguments_of_other_libraries(target: str) -> None:
    call = torshjit.compile(shifted, target_device=target, strict=True)
    for scale in (1, 2):
        x = Array(VALUES * scale)
        total, largest = call(x, Array(VALUES))
        np.testing.assert_allclose(total, np.tanh(VALUES * scale) + VALUES.sum(0), rtol=1e-6)
        assert np.asarray(largest) == VALUES.max() * scale
    assert call.stats()["specializations"] == 1
    # NumPy arrays, though of equal types, are other arguments.
    assert type(call(VALUES, VALUES)[1]) is np.float32
    assert call.stats()["specializations"] == 2


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
def test_unsigned_arrays(dtype: str) -> None:
    most = np.iinfo(dtype).max
    values = np.array([0, 1, most // 2 + 1, most], dtype)
    call = torshjit.compile(lambda x: (x - np.ones_like(x), x.max()), strict=True)
    below, largest = (np.asarray(each) for each in call(Array(values)))
    assert below.dtype == largest.dtype == dtype
    np.testing.assert_array_equal(below, values - np.ones_like(values))
    assert largest == most


def test_empty_arrays_lie_nowhere() -> None:
    """Their address may be null, as torch's is."""
    torch = pytest.importorskip("torch")
    empty = Array(np.zeros((0, 4), np.float32))
    empty._values = torch.empty(0, 4)
    assert empty._values.data_ptr() == 0
    call = torshjit.compile(lambda x, y: (x * 2, x.sum(0) + y), strict=True)
    doubled, total = call(empty, Array(VALUES[0]))
    assert doubled.shape == (0, 4)
    np.testing.assert_array_equal(total, VALUES[0])


def test_subclasses_of_numpys_arrays_are_none_of_theirs() -> None:
    call = torshjit.compile(lambda a: a + 1)
    call(Array(VALUES))
    masked = np.ma.masked_array(VALUES, VALUES > 3)
    with pytest.warns(torshjit.FallbackWarning):
        result = call(masked)
    assert type(result) is np.ma.MaskedArray


def test_an_argument_that_is_returned_is_the_object_itself() -> None:
    x = Array(VALUES)
    assert torshjit.compile(lambda a: (a, a + 1), strict=True)(x)[0] is x


def test_mlir_takes_them_too() -> None:
    text = """
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = torsh.exp %x : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}
"""
    result = torshjit.compile(text)(Array(VALUES))
    np.testing.assert_allclose(result, np.exp(VALUES), rtol=1e-6)


def test_saved_programs_take_them(tmp_path: Any) -> None:
    x = Array(VALUES)
    torshjit.trace(shifted, (x, x)).save(tmp_path / "shifted")
    loaded = torshjit.load(tmp_path / "shifted")
    np.testing.assert_array_equal(loaded(x, x)[1], VALUES.max())


def test_what_no_program_takes() -> None:
    call = torshjit.compile(lambda a: a + 1, strict=True)
    with pytest.raises(torshjit.CaptureError, match="of type Array is neither an array"):
        call(Array(VALUES.astype(np.complex64)))
    with pytest.raises(torshjit.ShapeError, match="contiguous"):
        call(Array(VALUES.T))


def test_jax_arrays() -> None:
    jax = pytest.importorskip("jax")
    x = jax.numpy.asarray(VALUES)
    result = torshjit.compile(lambda a: np.sqrt(a) * 2, strict=True)(x)
    np.testing.assert_allclose(result, np.sqrt(VALUES) * 2, rtol=1e-6)
    half = jax.numpy.asarray(VALUES, dtype=jax.numpy.bfloat16)
    result = torshjit.compile(lambda a: a + a, strict=True)(half)
    assert result.dtype == ml_dtypes.bfloat16
    np.testing.assert_array_equal(result, (VALUES * 2).astype(ml_dtypes.bfloat16))


@with_fake_cuda()
def test_results_on_the_device_are_arguments_again() -> None:
    from cuda_dispatchers import Producer
    from fake_cuda import add_program, executable

    from torshjit.signatures import format_signature, signature_of

    ones = Producer(Driver().device_array(np.ones(6, np.float32)))
    (x,) = executable(add_program(6)).run([ones, ones], results="dlpack")
    assert type(x) is _runtime.DeviceArray
    assert format_signature(signature_of((x,), {})) == "(f32[6])"
