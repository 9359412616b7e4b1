# SPDX-License-Identifier: Apache-2.0
"""Programs of arith and math on elements, compiled, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from upstream_elementwise_cases import (
    BOOL_BINARY,
    BOOL_COMPARISONS,
    CONVERSIONS,
    FLOAT_BINARY,
    FLOAT_COMPARISONS,
    FLOAT_UNARY,
    INTEGER_BINARY,
    INTEGER_COMPARISONS,
    SHIFTS,
    elementwise_program,
    values,
)

import torshjit


def _check(operation, types, result, arrays, oracle, form="generic", rtol=0.0):
    program = elementwise_program(operation, types, result, form)
    got = torshjit.compile(program, strict=True)(*arrays)
    with np.errstate(all="ignore"):
        want = np.asarray(oracle(*arrays)).astype(got.dtype)
    assert got.shape == (4, 5)
    np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol)
    if got.dtype.kind == "f" and "math.erf" not in operation:
        finite = np.isfinite(want)
        np.testing.assert_array_equal(np.signbit(got[finite]), np.signbit(want[finite]))


_RTOL = {"f16": 2e-3, "f32": 2e-6, "f64": 1e-12}


@pytest.mark.parametrize("dtype", ["f16", "f32", "f64"])
@pytest.mark.parametrize("name", FLOAT_UNARY)
def test_float_functions(name, dtype):
    x = values(dtype, 1)
    if name in ("math.tan", "math.cosh", "math.sinh"):
        x = np.clip(x, -4, 4)
    _check(f"{name} $0 : !{dtype}", [dtype], dtype, [x], FLOAT_UNARY[name], rtol=_RTOL[dtype])


@pytest.mark.parametrize("form", ["generic", "tensor"])
@pytest.mark.parametrize("name", FLOAT_BINARY)
def test_float_arithmetic(name, form):
    x, y = values("f32", 1), values("f32", 2)
    y[0] = [np.nan, 0.0, -1.0, np.inf, 2.0]
    if name == "math.powf":
        x = np.abs(x)
    if name.startswith(("arith.max", "arith.min")):
        x[0, 1] = 1.0  # Which zero of two comes out is open.
    operation = f"{name} $0, $1 : !f32"
    _check(operation, ["f32", "f32"], "f32", [x, y], FLOAT_BINARY[name], form, rtol=2e-6)


@pytest.mark.parametrize("dtype", ["i8", "i32", "i64"])
@pytest.mark.parametrize("name", INTEGER_BINARY)
def test_integer_arithmetic(name, dtype):
    x, y = values(dtype, 1), values(dtype, 2, nonzero=True)
    _check(f"{name} $0, $1 : !{dtype}", [dtype, dtype], dtype, [x, y], INTEGER_BINARY[name])


@pytest.mark.parametrize("dtype", ["i8", "i32", "i64"])
@pytest.mark.parametrize("name", SHIFTS)
def test_shifts(name, dtype):
    x, y = values(dtype, 1), (values(dtype, 2) % 7).astype(values(dtype, 2).dtype)
    _check(f"{name} $0, $1 : !{dtype}", [dtype, dtype], dtype, [x, y], SHIFTS[name])


@pytest.mark.parametrize("name", BOOL_BINARY)
def test_bool_arithmetic(name):
    x, y = values("i1", 1), values("i1", 2)
    _check(f"{name} $0, $1 : !i1", ["i1", "i1"], "i1", [x, y], BOOL_BINARY[name])


@pytest.mark.parametrize("predicate", FLOAT_COMPARISONS)
def test_float_comparisons(predicate):
    x, y = values("f32", 1), values("f32", 2)
    y[0, :3], y[2] = [0.0, np.nan, np.inf], x[2]
    _check(
        f"arith.cmpf {predicate}, $0, $1 : !f32",
        ["f32", "f32"],
        "i1",
        [x, y],
        FLOAT_COMPARISONS[predicate],
    )


@pytest.mark.parametrize(
    ("predicate", "dtype"),
    [(each, "i32") for each in INTEGER_COMPARISONS] + [(each, "i1") for each in BOOL_COMPARISONS],
)
def test_integer_comparisons(predicate, dtype):
    x, y = values(dtype, 1), values(dtype, 2)
    y[1] = x[1]
    table = BOOL_COMPARISONS if dtype == "i1" else INTEGER_COMPARISONS
    _check(
        f"arith.cmpi {predicate}, $0, $1 : !{dtype}", [dtype, dtype], "i1", [x, y], table[predicate]
    )


@pytest.mark.parametrize(("name", "source", "target", "oracle"), CONVERSIONS)
def test_conversions(name, source, target, oracle):
    x = values(source, 1)
    if name in ("arith.fptosi", "arith.fptoui"):
        x = np.nan_to_num(x, posinf=7, neginf=-7)
    if name == "arith.fptoui":
        x = np.abs(x)
    if target == "f16":
        x = np.clip(x, -6e4, 6e4)
    if source == "i64" and target == "f64":
        x = np.abs(x)
    program = elementwise_program(f"{name} $0 : !{source} to !{target}", [source], target, "tensor")
    got = torshjit.compile(program, strict=True)(x)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got, oracle(x))


def test_other_forms():
    x, y, z = values("f32", 1), values("f32", 2), values("f32", 3)
    for operation, oracle in (
        ("math.fma $0, $1, $2 : !f32", lambda a, b, c: a * b + c),
        ("math.clampf $0 to [$1, $2] : !f32", lambda a, b, c: np.maximum(np.minimum(a, c), b)),
    ):
        _check(operation, ["f32"] * 3, "f32", [x, y, z], oracle, rtol=1e-5)
    for name, oracle in (("isnan", np.isnan), ("isinf", np.isinf), ("isfinite", np.isfinite)):
        _check(f"math.{name} $0 : !f32", ["f32"], "i1", [x], oracle)
    c = values("i1", 1)
    _check(
        "arith.select $0, $1, $2 : !i1, !f32",
        ["i1", "f32", "f32"],
        "f32",
        [c, x, y],
        np.where,
        "tensor",
    )
