# SPDX-License-Identifier: Apache-2.0
"""Every ufunc in the table against NumPy: values, promotion, special values, scalars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from plain_comparison import capture, check

import torshjit
from torshjit.capture.numpy_trace.tables import UFUNCS

FLOATS = ["float16", "float32", "float64"]
DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint64", *FLOATS]
ELEMENTWISE = sorted(
    (ufunc for ufunc in UFUNCS if ufunc.signature is None), key=lambda u: u.__name__
)

# Functions that grow so fast that rounding of the argument dominates.
_POSITIVE = {"log", "log2", "log10", "sqrt", "power", "float_power", "arccosh"}
_UNIT = {"arcsin", "arccos", "arctanh"}


def operand(dtype: str, seed: int, name: str = "") -> np.ndarray:
    generator = np.random.default_rng(seed)
    if dtype == "bool":
        return generator.random((3, 5)) > 0.5
    if dtype.startswith("uint"):
        # As large as no signed integer of the width is, where that means something.
        limit = 6 if name in _POSITIVE else np.iinfo(dtype).max
        return generator.integers(1, limit, (3, 5), dtype, endpoint=True)
    if dtype.startswith("int"):
        values = generator.integers(1, 6, (3, 5)).astype(dtype)
        return (
            values
            if name in _POSITIVE
            else values * generator.choice([-1, 1], (3, 5)).astype(dtype)
        )
    values = generator.uniform(-0.95, 0.95, (3, 5))
    if name in _POSITIVE:
        values = np.abs(values) + 1.1
    elif name not in _UNIT:
        values *= 3
    return values.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ufunc", ELEMENTWISE, ids=lambda u: u.__name__)
def test_ufunc_on_each_dtype(ufunc: np.ufunc, dtype: str) -> None:
    name = ufunc.__name__
    if name == "reciprocal" and not dtype.startswith("float"):
        pytest.skip("integer reciprocal is refused, see test_refused")
    if name == "power" and dtype.startswith("int"):
        pytest.skip("negative exponents are errors, see test_integer_powers")
    inputs = [operand(dtype, seed, name) for seed in range(ufunc.nin)]
    check(lambda *arrays: ufunc(*arrays), *inputs)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ufunc", ELEMENTWISE, ids=lambda u: u.__name__)
def test_ufunc_on_special_values(ufunc: np.ufunc, dtype: str) -> None:
    if ufunc.__name__ in ("bitwise_and", "bitwise_or", "bitwise_xor", "invert"):
        pytest.skip("no float loop")
    special = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 1e-30], dtype)
    if ufunc.nin == 1:
        if ufunc.__name__ in ("sin", "cos", "tan"):
            special = special[np.abs(np.nan_to_num(special, nan=0)) != 1e30]
        check(lambda x: ufunc(x), special)
        return
    if ufunc.__name__ in ("floor_divide", "remainder", "divmod", "fmod"):
        # Their results for quotients beyond the mantissa depend on the C library.
        special = special[:7]
    left, right = np.meshgrid(special, special)
    check(lambda x, y: ufunc(x, y), np.ascontiguousarray(left), np.ascontiguousarray(right))


@pytest.mark.parametrize(
    "number", [2, -3, 2.5, True, np.float32(1.5), np.int64(3), np.float64(0.5)]
)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.divide, np.maximum, np.less, np.arctan2])
def test_promotion_with_numbers(ufunc: np.ufunc, dtype: str, number: object) -> None:
    array = operand(dtype, 3)
    check(lambda x: ufunc(x, number), array)
    check(lambda x: ufunc(number, x), array)


@pytest.mark.parametrize("left", DTYPES)
@pytest.mark.parametrize("right", DTYPES)
def test_promotion_of_pairs(left: str, right: str) -> None:
    a, b = operand(left, 1), operand(right, 2)
    check(lambda x, y: (x + y, x * y, x < y, np.maximum(x, y), np.hypot(x, y)), a, b)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 0.5, -1, -2, 2.0, -0.5, 1.7])
@pytest.mark.parametrize("dtype", ["int32", "float16", "float32", "float64"])
def test_power_of_a_number(dtype: str, exponent: float) -> None:
    array = np.abs(operand(dtype, 5)) + np.dtype(dtype).type(1)
    check(lambda x: x**exponent, array)
    check(lambda x: np.power(x, exponent), array)


def test_operators() -> None:
    x, y = operand("float32", 1), operand("float32", 2)
    check(lambda a, b: (a + b, a - b, a * b, a / b, a // b, a % b, -a, +a, abs(a)), x, y)
    check(lambda a, b: (a < b, a <= b, a > b, a >= b, a == b, a != b), x, y)
    check(lambda a: (1 + a, 1 - a, 2 * a, 1 / a, 3 // a, 3 % a, divmod(a, 2)), x)
    i, j = operand("int32", 1), operand("int32", 2)
    check(lambda a, b: (a & b, a | b, a ^ b, ~a), i, j)


def test_broadcasting() -> None:
    a = operand("float32", 1)
    check(lambda x, row, column: x * row + column, a, a[0], a[:, :1].copy())
    check(lambda x, s: x * s, a, np.float32(3))
    check(lambda x, s: x * s, a, np.array(3.0))


def test_scalars_stay_scalars() -> None:
    check(lambda s: (s + 1, np.sqrt(s), s * np.float64(2)), np.float32(4))
    check(lambda s: s + 1, np.array(4.0))


def test_ufunc_keywords() -> None:
    x = operand("float32", 1)
    check(lambda a: np.add(a, 1, dtype=np.float64), x)
    check(lambda a: np.add.outer(a, a), x)
    check(lambda a: np.add.reduce(a), x)
    check(lambda a: np.add(a, 1, where=a > 0, out=np.zeros_like(a)), x)
    check(lambda a: np.multiply.reduce(a, axis=1, keepdims=True), x)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8"])
def test_integer_powers(dtype: str) -> None:
    base = (np.arange(12) - (6 if dtype[0] == "i" else 0)).astype(dtype).reshape(3, 4)
    exponents = np.arange(4).astype(dtype)
    check(lambda a, b: a**b, base, exponents)
    check(lambda a, b: np.power(a, b), base, exponents)
    if dtype[0] == "i":
        compiled = torshjit.compile(lambda a, b: a**b, strict=True)
        with pytest.raises(ValueError, match="negative integer powers"):
            compiled(base, exponents - 1)


def test_out_of_range_number() -> None:
    check(lambda a: a + 300, operand("int8", 1))


@pytest.mark.parametrize(
    ("function", "op"),
    [
        (lambda x: np.subtract.accumulate(x), "numpy.subtract.accumulate"),
        (lambda x: np.nextafter(x, 1), "numpy.nextafter"),
        (lambda x: np.reciprocal(x.astype(int)), "numpy.reciprocal"),
        (lambda x: x.astype(np.complex64), "numpy.ndarray.astype"),
    ],
)
def test_refused(function: object, op: str) -> None:
    with pytest.raises(torshjit.UnsupportedOpError) as raised:
        capture(function)(operand("float32", 1))
    assert raised.value.op == op
    assert raised.value.location is not None
    assert raised.value.location[0] == __file__


@pytest.mark.filterwarnings("ignore::torshjit.FallbackWarning")
def test_ufuncs_of_scipy_are_called_on_the_host(tmp_path: Path) -> None:
    special = pytest.importorskip("scipy.special")
    x = operand("float64", 0)
    compiled = torshjit.compile(lambda a: special.expit(a) * 2)
    np.testing.assert_allclose(compiled(x), special.expit(x) * 2, rtol=1e-12)
    assert compiled.stats()["fallback_ops"] == {"scipy.special.expit": 1}
    compiled.save(tmp_path / "saved")
    np.testing.assert_allclose(torshjit.load(tmp_path / "saved")(x), special.expit(x) * 2)
