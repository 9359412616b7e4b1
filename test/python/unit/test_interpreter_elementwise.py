# SPDX-License-Identifier: Apache-2.0
"""Reference functions of elementwise operations against NumPy, torch and the mathematics."""

import math

import ml_dtypes
import numpy as np
import pytest
from graph_records import DTYPES, run_op, type_of
from torch_arrays import from_torch, to_torch, torch

from torshjit.errors import ShapeError
from torshjit.interpreter.error_function import erf

FLOATS = ["f16", "bf16", "f32", "f64"]
UNSIGNED = ["ui8", "ui16", "ui32", "ui64"]
INTEGERS = ["i8", "i16", "i32", "i64", *UNSIGNED]
SPECIAL_FLOATS = [0.0, -0.0, 1.0, -1.0, 1.5, -2.5, 3.0, 100.0, np.inf, -np.inf, np.nan]

NUMPY_BINARY = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "floor_divide": np.floor_divide,
    "remainder": np.remainder,
    "maximum": np.maximum,
    "minimum": np.minimum,
}
NUMPY_FLOAT_BINARY = NUMPY_BINARY | {"div": np.divide, "atan2": np.arctan2, "pow": np.power}
NUMPY_UNARY = {
    "neg": np.negative,
    "abs": np.absolute,
    "sign": np.sign,
    "sqrt": np.sqrt,
    "reciprocal": lambda x: 1 / x,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "round": np.rint,
}
TORCH_UNARY = {
    "rsqrt": (lambda x: torch.rsqrt(x), {}),
    "erf": (lambda x: torch.erf(x), {}),
    "relu": (lambda x: torch.relu(x), {}),
    "sigmoid": (lambda x: torch.sigmoid(x), {}),
    "silu": (lambda x: torch.nn.functional.silu(x), {}),
    "gelu": (lambda x: torch.nn.functional.gelu(x), {"approximate": "none"}),
    "softplus": (lambda x: torch.nn.functional.softplus(x), {}),
    "leaky_relu": (
        lambda x: torch.nn.functional.leaky_relu(x, 0.2),
        {"negative_slope": 0.2},
    ),
    "elu": (lambda x: torch.nn.functional.elu(x, 0.7), {"alpha": 0.7}),
    "hardsigmoid": (lambda x: torch.nn.functional.hardsigmoid(x), {}),
    "hardswish": (lambda x: torch.nn.functional.hardswish(x), {}),
}


def _all_pairs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lhs, rhs = np.meshgrid(values, values)
    return lhs.ravel(), rhs.ravel()


def _wrapped(number: int, dtype: str) -> int:
    """The integer of the type that differs by a multiple of 2**bits."""
    limits = np.iinfo(DTYPES[dtype])
    return (number - limits.min) % 2**limits.bits + limits.min


def _extreme_integers(dtype: str) -> np.ndarray:
    limits = np.iinfo(DTYPES[dtype])
    half = limits.max // 2
    around = [half, half + 1, limits.max - 6] if dtype in UNSIGNED else [-7, -1]
    return np.array([limits.min, limits.min + 1, *around, 0, 1, 2, 7, limits.max], DTYPES[dtype])


def _assert_same(actual: np.ndarray, expected: np.ndarray) -> None:
    """Equal values, NaN where NaN, of one dtype and with the same signs of zero."""
    assert actual.dtype == expected.dtype
    actual, expected = (
        a.astype(np.float32) if a.dtype == ml_dtypes.bfloat16 else a for a in (actual, expected)
    )
    np.testing.assert_array_equal(actual, expected)
    if actual.dtype.kind == "f":
        real = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(actual)[real], np.signbit(expected)[real])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", sorted(NUMPY_FLOAT_BINARY))
def test_float_binary_on_all_pairs_of_specials(name, dtype):
    values = np.array(SPECIAL_FLOATS).astype(DTYPES[dtype])
    lhs, rhs = _all_pairs(values)
    actual = run_op(f"torsh.{name}", [lhs, rhs], (dtype, lhs.shape))
    wide = np.float64 if dtype == "f64" else np.float32
    with np.errstate(all="ignore"):
        expected = NUMPY_FLOAT_BINARY[name](lhs.astype(wide), rhs.astype(wide))
        expected = expected.astype(DTYPES[dtype])
    _assert_same(actual, expected)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", sorted(NUMPY_BINARY))
def test_integer_binary_on_all_pairs_of_extremes(name, dtype):
    lhs, rhs = _all_pairs(_extreme_integers(dtype))
    actual = run_op(f"torsh.{name}", [lhs, rhs], (dtype, lhs.shape))
    with np.errstate(all="ignore"):
        _assert_same(actual, NUMPY_BINARY[name](lhs, rhs))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_division_follows_the_exact_quotient(dtype):
    lhs, rhs = _all_pairs(_extreme_integers(dtype))
    quotient = run_op("torsh.floor_divide", [lhs, rhs], (dtype, lhs.shape))
    remainder = run_op("torsh.remainder", [lhs, rhs], (dtype, lhs.shape))
    for x, y, q, r in zip(*(a.tolist() for a in (lhs, rhs, quotient, remainder)), strict=True):
        expected = (0, 0) if y == 0 else divmod(x, y)
        assert (q, r) == (_wrapped(expected[0], dtype), expected[1])


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_power_wraps_and_truncates_negative_exponents(dtype):
    values = np.array([-128, -3, -2, -1, 0, 1, 2, 3, 5, 127])
    base, exponent = _all_pairs(values[values >= np.iinfo(DTYPES[dtype]).min].astype(DTYPES[dtype]))
    actual = run_op("torsh.pow", [base, exponent], (dtype, base.shape))
    for b, e, result in zip(base.tolist(), exponent.tolist(), actual.tolist(), strict=True):
        if e >= 0:
            power = _wrapped(b**e, dtype)
        else:
            power = b ** (-e % 2) if b in (1, -1) else 0
        assert result == power, (b, e)


@pytest.mark.parametrize("dtype", ["i1", *INTEGERS])
@pytest.mark.parametrize("name", ["and", "or", "xor", "not"])
def test_bits(name, dtype):
    values = np.array([False, True]) if dtype == "i1" else _extreme_integers(dtype)
    lhs, rhs = _all_pairs(values)
    numpy = {"and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "not": "invert"}
    operands = [lhs] if name == "not" else [lhs, rhs]
    actual = run_op(f"torsh.{name}", operands, (dtype, lhs.shape))
    _assert_same(actual, getattr(np, numpy[name])(*operands))


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("predicate", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_compare(predicate, dtype):
    if dtype == "i1":
        values = np.array([False, True])
    elif dtype in INTEGERS:
        values = _extreme_integers(dtype)
    else:
        values = np.array(SPECIAL_FLOATS).astype(DTYPES[dtype])
    lhs, rhs = _all_pairs(values)
    actual = run_op("torsh.compare", [lhs, rhs], ("i1", lhs.shape), predicate=predicate)
    python = {"eq": "__eq__", "ne": "__ne__", "lt": "__lt__", "le": "__le__", "gt": "__gt__"}
    method = python.get(predicate, "__ge__")
    scalars = int if dtype in INTEGERS or dtype == "i1" else float
    expected = [getattr(scalars(x), method)(scalars(y)) for x, y in zip(lhs, rhs, strict=True)]
    np.testing.assert_array_equal(actual, expected)


def test_select_broadcasts_three_ways_and_passes_nan():
    condition = np.array([[True], [False]])
    on_true = np.array([1, np.nan, 3], np.float32)
    on_false = np.array(-0.0, np.float32)
    actual = run_op("torsh.select", [condition, on_true, on_false], ("f32", (2, 3)))
    _assert_same(actual, np.array([[1, np.nan, 3], [-0.0, -0.0, -0.0]], np.float32))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", sorted(NUMPY_UNARY))
def test_unary_against_numpy(name, dtype):
    x = np.concatenate([np.random.default_rng(0).normal(0, 5, 200), SPECIAL_FLOATS])
    x = x.astype(DTYPES[dtype])
    wide = np.float64 if dtype == "f64" else np.float32
    with np.errstate(all="ignore"):
        expected = NUMPY_UNARY[name](x.astype(wide)).astype(DTYPES[dtype])
    _assert_same(run_op(f"torsh.{name}", [x], (dtype, x.shape)), expected)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", ["neg", "abs", "sign", "relu"])
def test_unary_on_extreme_integers(name, dtype):
    x = _extreme_integers(dtype)
    functions = NUMPY_UNARY | {"relu": lambda x: np.maximum(x, x.dtype.type(0))}
    _assert_same(run_op(f"torsh.{name}", [x], (dtype, x.shape)), functions[name](x))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", sorted(TORCH_UNARY))
def test_unary_against_torch(name, dtype):
    function, attributes = TORCH_UNARY[name]
    x = np.concatenate([np.random.default_rng(1).normal(0, 4, 200), SPECIAL_FLOATS])
    if name == "gelu":
        # torch's vectorised float32 kernel gives NaN for inf.
        x = x[~np.isinf(x)]
    x = x.astype(DTYPES[dtype])
    actual = run_op(f"torsh.{name}", [x], (dtype, x.shape), **attributes)
    expected = from_torch(function(to_torch(x)))
    assert actual.dtype == expected.dtype
    eps = float(ml_dtypes.finfo(DTYPES[dtype]).eps)
    np.testing.assert_allclose(
        actual.astype(np.float64), expected.astype(np.float64), rtol=4 * eps, atol=8 * eps
    )


def test_gelu_with_tanh_against_torch():
    x = np.linspace(-6, 6, 101)
    actual = run_op("torsh.gelu", [x], ("f64", x.shape), approximate="tanh")
    expected = torch.nn.functional.gelu(to_torch(x), approximate="tanh")
    np.testing.assert_allclose(actual, from_torch(expected), rtol=1e-13, atol=1e-15)


def test_erf_is_within_six_units_in_the_last_place():
    x = np.concatenate([np.linspace(-7, 7, 40001), np.geomspace(1e-300, 1, 5000)])
    expected = np.array([math.erf(v) for v in x])
    # math.erf is itself within one unit.
    assert np.all(np.abs(erf(x) - expected) <= 7 * np.spacing(np.abs(expected)))
    _assert_same(
        erf(np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 30, -30])),
        np.array([0.0, -0.0, 1, -1, np.nan, 1, -1]),
    )


def test_infinities_follow_the_formulas():
    x = np.array([np.inf, -np.inf, np.nan], np.float32)
    for name, expected in {
        "gelu": [np.inf, np.nan, np.nan],
        "silu": [np.inf, np.nan, np.nan],
        "hardswish": [np.inf, np.nan, np.nan],
        "softplus": [np.inf, 0, np.nan],
        "elu": [np.inf, -1, np.nan],
        "leaky_relu": [np.inf, -np.inf, np.nan],
        "relu": [np.inf, 0, np.nan],
        "sigmoid": [1, 0, np.nan],
    }.items():
        attributes = {"approximate": "none", "alpha": 1.0, "negative_slope": 0.01}
        actual = run_op(f"torsh.{name}", [x], ("f32", (3,)), **attributes)
        np.testing.assert_array_equal(actual, expected, err_msg=name)


def test_stable_formulas_do_not_overflow():
    x = np.array([-1000, -100, 100, 1000], np.float32)
    for name, expected in {
        "sigmoid": [0, 3.8e-44, 1, 1],
        "softplus": [0, 3.8e-44, 100, 1000],
        "silu": [0, -3.8e-42, 100, 1000],
    }.items():
        actual = run_op(f"torsh.{name}", [x], ("f32", (4,)))
        np.testing.assert_allclose(actual, np.array(expected, np.float32), atol=1e-43)


@pytest.mark.parametrize("source", sorted(DTYPES))
@pytest.mark.parametrize("target", sorted(DTYPES))
def test_cast(source, target):
    values = [0, 1] if source == "i1" else [-100, -3, -1, 0, 1, 2, 100]
    if source in FLOATS:
        values += [-2.75, -0.5, 0.25, 2.75]
        # What is out of an integer's range has no specified result.
        values = [value for value in values if value > -1] if target in UNSIGNED else values
    x = np.array([0, 1, 2, 100, 200] if source in UNSIGNED else values).astype(DTYPES[source])
    actual = run_op("torsh.cast", [x], (target, x.shape), dtype=target)
    assert type_of(actual).dtype == target
    for before, after in zip(x.astype(np.float64), actual.astype(np.float64), strict=True):
        if target == "i1":
            assert after == (before != 0)
        elif target in INTEGERS:
            assert after == _wrapped(math.trunc(before), target)
        else:
            assert after == before


def test_cast_of_specials():
    wide = np.array([2**40 + 5, -1, 300], np.int64)
    narrow = run_op("torsh.cast", [wide], ("i8", (3,)), dtype="i8")
    np.testing.assert_array_equal(narrow, [5, -1, 44])
    bools = run_op("torsh.cast", [np.array([np.nan, -0.0])], ("i1", (2,)), dtype="i1")
    np.testing.assert_array_equal(bools, [True, False])
    halves = run_op("torsh.cast", [np.array([1e6, -1e6, np.nan])], ("f16", (3,)), dtype="f16")
    np.testing.assert_array_equal(halves, [np.inf, -np.inf, np.nan])


@pytest.mark.parametrize(
    ("lhs", "rhs", "result"),
    [
        ((), (), ()),
        ((3, 1), (4,), (3, 4)),
        ((0, 4), (1, 4), (0, 4)),
        ((2, 1, 5), (3, 1), (2, 3, 5)),
        ((1,), (0,), (0,)),
    ],
)
def test_broadcasting(lhs, rhs, result):
    x, y = np.random.default_rng(2).normal(size=(2, 64)).astype(np.float32)
    x, y = (a[: math.prod(s)].reshape(s) for a, s in ((x, lhs), (y, rhs)))
    _assert_same(run_op("torsh.add", [x, y], ("f32", result)), np.asarray(x + y))


@pytest.mark.parametrize("name", ["add", "compare", "select"])
def test_a_dynamic_extent_never_broadcasts(name):
    one, four = np.ones((2, 1), np.float32), np.ones((2, 4), np.float32)
    operands = [one, four]
    types = [(2, -1), (2, 4)]
    attributes = {}
    result = "f32"
    if name == "compare":
        attributes, result = {"predicate": "lt"}, "i1"
    if name == "select":
        operands, types = [np.ones((2, 4), bool), *operands], [None, *types]
    with pytest.raises(ShapeError, match="never broadcasts"):
        run_op(f"torsh.{name}", operands, (result, (2, -1)), types=types, **attributes)
    # The same extents as a static 1 are repeated, whatever the '?' is.
    types = [(2, 1) if shape == (2, -1) else (2, -1) for shape in types]
    actual = run_op(f"torsh.{name}", operands, (result, (2, -1)), types=types, **attributes)
    assert actual.shape == (2, 4)
