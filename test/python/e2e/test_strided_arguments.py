# SPDX-License-Identifier: Apache-2.0
"""Arguments that are not contiguous: programs read a copy, which the runtime makes."""

from __future__ import annotations

import numpy as np
import pytest

import torshjit

DTYPES = [np.bool_, np.int8, np.uint16, np.float16, np.float32, np.int64, np.float64]

# Views of an array of ones after the other; large ones are cut between threads.
VIEWS = {
    "transposed": ((5, 7), lambda x: x.T),
    "transposed lines": ((64, 130), lambda x: x.T),
    "transposed large": ((515, 1027), lambda x: x.T),
    "last axis moved": ((3, 17, 33), lambda x: np.moveaxis(x, -1, 0)),
    "middle axes swapped": ((2, 9, 5, 64), lambda x: x.transpose(0, 2, 1, 3)),
    "channels last": ((4, 31, 29, 20), lambda x: x.transpose(0, 3, 1, 2)),
    "all axes reversed": ((6, 11, 70), lambda x: x.transpose(2, 1, 0)),
    "every second": ((100_003,), lambda x: x[::2]),
    "every third of rows": ((40, 99), lambda x: x[:, 1::3]),
    "every second row": ((41, 300), lambda x: x[::2]),
    "flipped": ((33, 65), lambda x: x[::-1, ::-1]),
    "flipped and transposed": ((130, 66), lambda x: x[::-1].T),
    "columns of a matrix": ((300, 400), lambda x: x[:, 100:300]),
    "short rows": ((30_000, 4), lambda x: x[:, :3]),
    "short rows of many axes": ((50, 3, 60, 5), lambda x: x[:, ::2, ::7, :2]),
    "repeated row": ((65,), lambda x: np.broadcast_to(x, (20, 65))),
    "repeated column": ((65, 1), lambda x: np.broadcast_to(x, (65, 40))),
    "one number": ((1,), lambda x: np.broadcast_to(x, (40, 70))),
    "empty": ((0, 5), lambda x: x.T),
    "empty slices": ((9, 8), lambda x: x[:, 8:]),
    "an axis of one": ((1, 30, 1, 20), lambda x: x[:, ::2].transpose(2, 0, 3, 1)),
    "five axes": ((3, 4, 5, 6, 7), lambda x: x.transpose(4, 1, 3, 0, 2)),
}


def numbers(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Numbers of which no two neighbours are equal, also those of few bits."""
    return (
        (np.arange(np.prod(shape)) * 7 % 251 % (2 if dtype is np.bool_ else 251))
        .reshape(shape)
        .astype(dtype)
    )


def unchanged(x):
    return x | x if x.dtype == np.bool_ else x * 1


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("view", VIEWS)
def test_numpy(view: str, dtype: type) -> None:
    shape, take = VIEWS[view]
    x = take(numbers(shape, dtype))
    before = x.copy()
    result = torshjit.compile(unchanged)(x)
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result, before)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("dtype", ["bool", "int8", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("view", [name for name in VIEWS if "flipped" not in name])
def test_torch(view: str, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    shape, take = VIEWS[view]
    x = take(numbers(shape, np.int16))  # its strides are those of the tensor
    base = torch.from_numpy(numbers(shape, np.int16)).to(getattr(torch, dtype))
    strides = [s // x.itemsize for s in x.strides]
    argument = torch.as_strided(base, x.shape, strides)
    result = torshjit.compile(lambda t: t.clone())(argument)
    assert result.is_contiguous()
    assert torch.equal(result, argument)


def test_misaligned_and_swapped_arrays() -> None:
    """NumPy copies what the runtime's copy does not read."""
    packed = np.zeros(9, dtype=[("a", "i1"), ("x", "f4")])
    packed["x"] = np.arange(9)
    swapped = np.arange(12, dtype=">f4").reshape(3, 4).T
    np.testing.assert_array_equal(torshjit.compile(unchanged)(packed["x"]), np.arange(9))
    np.testing.assert_array_equal(torshjit.compile(unchanged)(swapped), swapped)


def test_conjugated_and_negated_tensors() -> None:
    torch = pytest.importorskip("torch")
    z = torch.randn(6, 5, dtype=torch.complex64)
    imaginary = z.conj().imag.t()
    assert imaginary.is_neg()
    assert torch.equal(torshjit.compile(lambda t: t * 1)(imaginary), imaginary * 1)
    assert torch.equal(torshjit.compile(lambda t: t * 1)(z.real.t()), z.real.t() * 1)
