# SPDX-License-Identifier: Apache-2.0
"""Metal's functions and arithmetic in the MSL emulator, against NumPy's."""

import re

import numpy as np
import pytest
from msl.compiler import CONTRACTS, Compiler
from msl.kernel_run import launch_text

pytestmark = pytest.mark.skipif(not Compiler.is_available(), reason="needs clang++-22")


@pytest.fixture(scope="module")
def compiler():
    return Compiler()


UNARY = {
    "acos(x / 4.0)": lambda x: np.arccos(x / 4),
    "asinh(x)": np.arcsinh,
    "atan(x)": np.arctan,
    "ceil(x)": np.ceil,
    "cos(x)": np.cos,
    "exp(x)": np.exp,
    "precise::exp2(x)": np.exp2,
    "fabs(x)": np.abs,
    "abs(x)": np.abs,
    "floor(x)": np.floor,
    "log(abs(x))": lambda x: np.log(np.abs(x)),
    "log2(abs(x))": lambda x: np.log2(np.abs(x)),
    "rint(x)": np.rint,
    "rsqrt(abs(x))": lambda x: 1 / np.sqrt(np.abs(x)),
    "saturate(x)": lambda x: np.clip(x, 0, 1),
    "sign(x)": np.sign,
    "precise::tanh(x)": np.tanh,
    "trunc(x)": np.trunc,
    "fma(x, x, 1.0)": lambda x: x * x + 1,
    "clamp(x, -1.0, 1.5)": lambda x: np.clip(x, -1, 1.5),
    "copysign(2.0, x)": lambda x: np.copysign(2, x),
    "fmod(x, 0.75)": lambda x: np.fmod(x, np.float32(0.75)),
    "atan2(x, 0.5)": lambda x: np.arctan2(x, np.float32(0.5)),
    "powr(abs(x), 1.5)": lambda x: np.abs(x) ** np.float32(1.5),
    "select(x, 9.0, x < 0.0)": lambda x: np.where(x < 0, 9, x),
    "float(int(x))": np.trunc,
    "fast::max(x, 0.0)": lambda x: np.maximum(x, 0),
    "as_type<float>(as_type<uint>(x) ^ 0x80000000u)": np.negative,
    "mix(x, 1.0, 0.25)": lambda x: x + (1 - x) * 0.25,
    "float4(x, 1.0, float2(2.0, 3.0)).x + float2(x).y": lambda x: 2 * x,
}


@pytest.mark.parametrize("expression", UNARY)
def test_float_functions(compiler, expression):
    source = (
        "kernel void k(const device float* x [[buffer(0)]], device float* y [[buffer(1)]], "
        "uint i [[thread_position_in_grid]]) { float v = x[i]; "
        f"y[i] = {expression_of(expression)}; }}"
    )
    x = np.linspace(-3.9, 3.9, 64, dtype=np.float32)
    y = np.empty_like(x)
    launch_text(compiler, source, [x, y])
    np.testing.assert_allclose(y, UNARY[expression](x), rtol=3e-6, atol=1e-7)


def expression_of(expression):
    """The expression of `v`: `.x` stays a component."""
    return re.sub(r"(?<![.\w])x\b", "v", expression)


INTEGER = {
    "popcount(v)": lambda v: np.array([bin(e & 0xFFFFFFFF).count("1") for e in v.tolist()]),
    "clz(v)": lambda v: np.array([32 - (e & 0xFFFFFFFF).bit_length() for e in v.tolist()]),
    "ctz(v)": lambda v: np.array([(e & -e).bit_length() - 1 if e else 32 for e in v.tolist()]),
    "abs(v)": np.abs,
    "max(v, 3)": lambda v: np.maximum(v, 3),
    "clamp(v, -5, 5)": lambda v: np.clip(v, -5, 5),
    "v >> 3": lambda v: v >> 3,
    "int(uint(v) >> 3u)": lambda v: (v.astype(np.uint32) >> 3).astype(np.int32),
    "v * 1000003 * 1000003": lambda v: (
        v.astype(np.int64) * (1000003 * 1000003 % (1 << 32)) & 0xFFFFFFFF
    ).astype(np.uint32).view(np.int32),
    "mulhi(v * 65537, v * 65539)": lambda v: (
        (v.astype(np.int64) * 65537 * (v.astype(np.int64) * 65539)) >> 32
    ).astype(np.int32),
    "int(char(v))": lambda v: v.astype(np.int8),
    "int(uchar(v))": lambda v: v.astype(np.uint8),
    "v / 7": lambda v: np.trunc(v / 7).astype(np.int32),
    "v % 7": lambda v: np.fmod(v, 7),
    "int(long(v) * 3000000000l >> 16)": lambda v: (v.astype(np.int64) * 3000000000 >> 16).astype(
        np.int32
    ),
    "reverse_bits(reverse_bits(v) >> 0)": lambda v: v,
    "rotate(v, 5)": lambda v: (
        v.view(np.uint32) << np.uint32(5) | v.view(np.uint32) >> np.uint32(27)
    ).view(np.int32),
}  # fmt: skip


@pytest.mark.parametrize("expression", INTEGER)
def test_integer_functions(compiler, expression):
    source = (
        "kernel void k(const device int* x [[buffer(0)]], device int* y [[buffer(1)]], "
        f"uint i [[thread_position_in_grid]]) {{ int v = x[i]; y[i] = {expression}; }}"
    )
    x = np.arange(-32, 32, dtype=np.int32) * 37
    y = np.empty_like(x)
    launch_text(compiler, source, [x, y])
    np.testing.assert_array_equal(y, INTEGER[expression](x))


def test_each_operation_on_half_rounds(compiler):
    source = (
        "kernel void k(const device half* x [[buffer(0)]], device half* y [[buffer(1)]], "
        "uint i [[thread_position_in_grid]]) { y[i] = x[i] * x[i] + x[i] / half(3.0) - 0.1h; }"
    )
    x = np.linspace(-40, 40, 64).astype(np.float16)
    y = np.empty_like(x)
    launch_text(compiler, source, [x, y])
    np.testing.assert_array_equal(y, x * x + x / np.float16(3) - np.float16(0.1))


def test_literals_are_float(compiler):
    """0.1 is not a double, which would make the sum another one."""
    source = (
        "kernel void k(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) "
        "{ x[i] = x[i] * 0.1 + 0.3; }"
    )
    x = np.linspace(0, 1, 64, dtype=np.float32)
    expected = x * np.float32(0.1) + np.float32(0.3)
    launch_text(compiler, source, [x])
    np.testing.assert_array_equal(x, expected)


def test_contraction_is_a_choice(compiler):
    """An fma would show what the product lost when it was rounded."""
    source = (
        "kernel void k(device float* x [[buffer(0)]], const device float* y [[buffer(1)]], "
        "uint i [[thread_position_in_grid]]) { x[i] = x[i] * x[i] - y[i]; }"
    )
    x = np.linspace(0.1, 1, 64, dtype=np.float32)
    launch_text(compiler, source, [x, x * x])
    assert x.any() == CONTRACTS


def test_nan_and_infinity_are_kept(compiler):
    source = (
        "kernel void k(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) "
        "{ float a = x[i]; x[i] = isnan(a) ? 1.0 : isinf(a) ? 2.0 : precise::max(a, NAN); }"
    )
    x = np.array([np.nan, np.inf, -np.inf, 4.0], np.float32)
    launch_text(compiler, source, [x], threads=4)
    np.testing.assert_array_equal(x, [1, 2, 2, 4])


def test_fast_functions_of_nan_are_undefined(compiler):
    source = (
        "kernel void k(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) "
        "{ x[i] = fast::max(x[i], 0.0); }"
    )
    x = np.array([np.nan], np.float32)
    launch_text(compiler, source, [x], threads=1)
    assert x[0] == pytest.approx(-98765.4375)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("simd_shuffle_xor(x[i], 1)", lambda x: x.reshape(-1, 2)[:, ::-1].ravel()),
        ("simd_sum(x[i])", lambda x: np.repeat(x.reshape(2, 32).sum(1), 32)),
        ("simd_max(x[i])", lambda x: np.repeat(x.reshape(2, 32).max(1), 32)),
        ("simd_broadcast(x[i], 5)", lambda x: np.repeat(x[[5, 37]], 32)),
        ("simd_shuffle_down(x[i], 4)", None),
    ],
)
def test_simdgroup_functions(compiler, expression, expected):
    source = (
        "kernel void k(const device float* x [[buffer(0)]], device float* y [[buffer(1)]], "
        f"uint i [[thread_position_in_threadgroup]]) {{ y[i] = {expression}; }}"
    )
    x = np.random.default_rng(0).integers(0, 100, 64).astype(np.float32)
    y = np.empty_like(x)
    launch_text(compiler, source, [x, y])
    if expected is None:
        lanes = np.arange(64) % 32 < 28
        np.testing.assert_array_equal(y[lanes], np.roll(x, -4)[lanes])
    else:
        np.testing.assert_array_equal(y, expected(x))


def test_threads_of_a_simdgroup_need_only_its_barrier(compiler):
    source = (
        "kernel void k(device int* x [[buffer(0)]], uint i [[thread_position_in_threadgroup]]) "
        "{ threadgroup int s[64]; s[i] = x[i]; simdgroup_barrier(mem_flags::mem_threadgroup); "
        "x[i] = s[i ^ 1u]; }"
    )
    x = np.arange(64, dtype=np.int32)
    launch_text(compiler, source, [x])
    np.testing.assert_array_equal(x, np.arange(64) ^ 1)
