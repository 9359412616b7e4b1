# SPDX-License-Identifier: Apache-2.0
"""The MSL emulator of the tests: right results, and a failure for what Metal leaves undefined."""

import ctypes
import math
import re

import numpy as np
import pytest
from msl.compiler import Compiler, MSLCompileError
from msl.emulator import MSLEmulator
from msl.host_text import MSLTextError, host_text
from msl.kernel_run import HEADER, EmulationError, Kernel, launch_text
from msl.sample_bundle import bundle, text

pytestmark = pytest.mark.skipif(not Compiler.is_available(), reason="needs clang++-22")

BARRIER = "threadgroup_barrier(mem_flags::mem_threadgroup);"


@pytest.fixture(scope="module")
def compiler():
    return Compiler()


@pytest.fixture(scope="module")
def device(compiler):
    return MSLEmulator(compiler)


def run(device, name, arrays, sizes=(), texts=None):
    """Launches a kernel of the sample bundle and returns what its last operand is then."""
    kernel, operands, num_sizes = device.load(bundle(texts)).find(name)
    assert (operands, num_sizes) == (len(arrays), len(sizes))
    addresses = [device.allocate(max(array.nbytes, 1)) for array in arrays]
    try:
        for address, array in zip(addresses, arrays, strict=True):
            device.upload(address, memoryview(array.tobytes()))
        device.launch(kernel, addresses, list(sizes))
        result = np.empty_like(arrays[-1])
        device.download(addresses[-1], memoryview(result).cast("B"))
        return result
    finally:
        for address, array in zip(addresses, arrays, strict=True):
            device.deallocate(address, array.nbytes)


def softmax(device, rows=5, columns=131, texts=None):
    x = np.random.default_rng(0).standard_normal((rows, columns), np.float32)
    result = run(device, "softmax", [x, np.zeros_like(x)], [rows, columns], texts)
    e = np.exp(x - x.max(1, keepdims=True))
    np.testing.assert_allclose(result, e / e.sum(1, keepdims=True), rtol=1e-5)


def matmul(device, m=19, k=21, n=13, texts=None):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((m, k)), rng.standard_normal((k, n))
    a, b = a.astype(np.float16), b.astype(np.float16)
    result = run(device, "matmul", [a, b, np.zeros((m, n), np.float16)], [m, k, n], texts)
    expected = (a.astype(np.float64) @ b.astype(np.float64)).astype(np.float16)
    np.testing.assert_allclose(result, expected, rtol=2e-3, atol=2e-3)


def test_sample_kernels(device):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 1000), np.float32)
    result = run(device, "elementwise", [x, y, np.zeros_like(x)], [1000])
    np.testing.assert_allclose(result, x * np.tanh(y), rtol=1e-6)
    for columns in (1, 63, 64, 200):
        softmax(device, 3, columns)
    for shape in ((1, 1, 1), (8, 8, 8), (19, 21, 13)):
        matmul(device, *shape)


def test_bool_and_bf16_are_bytes_and_16_bits(device):
    rng = np.random.default_rng(0)
    mask = rng.integers(0, 2, 37).astype(np.uint8)
    x = rng.integers(0, 1 << 15, 37).astype(np.uint16)
    result = run(device, "mask", [mask, x, np.zeros_like(x)])
    np.testing.assert_array_equal(result, np.where(mask, x, x ^ 0x8000))


def barriers(name):
    return [match.start() for match in re.finditer(re.escape(BARRIER), text(name))]


def without_barrier(name, position):
    whole = text(name)
    return whole[:position] + whole[position + len(BARRIER) :]


@pytest.mark.parametrize("index", range(len(barriers("softmax"))))
def test_each_barrier_of_softmax_is_missed(device, index):
    changed = without_barrier("softmax", barriers("softmax")[index])
    # The last barrier stands between a row's last read and the next row's first write: the reader
    # of element 0 is every thread, its writer thread 0.
    with pytest.raises(EmulationError, match=r"data race|nobody wrote|order of threads"):
        run_softmax_in_one_group(device, changed)


def run_softmax_in_one_group(device, changed):
    kernel = Kernel(device.compiler, changed, "torsh_kernel_softmax")
    x = np.random.default_rng(0).standard_normal((3, 131), np.float32)
    y, sizes = np.full_like(x, np.nan), np.array([3, 131], np.int32)
    kernel.launch([(a.ctypes.data, a.nbytes) for a in (x, y, sizes)], 1, 64)


def test_softmax_in_one_group_is_clean(device):
    run_softmax_in_one_group(device, text("softmax"))


@pytest.mark.parametrize("index", range(len(barriers("matmul"))))
def test_each_barrier_of_matmul_is_missed(device, index):
    with pytest.raises(EmulationError, match=r"data race|nobody wrote|order of threads"):
        matmul(device, texts={"matmul": without_barrier("matmul", barriers("matmul")[index])})


@pytest.mark.parametrize("flags", ["mem_none", "mem_device"])
def test_a_barrier_that_orders_other_memory_is_none(device, flags):
    changed = text("matmul").replace("mem_flags::mem_threadgroup", f"mem_flags::{flags}")
    with pytest.raises(EmulationError, match="data race"):
        matmul(device, texts={"matmul": changed})


def violation(compiler, body, match, groups=1, threads=64):
    source = (
        "kernel void k(device int* x [[buffer(0)]], uint i [[thread_position_in_threadgroup]], "
        "uint g [[threadgroup_position_in_grid]], uint n [[thread_position_in_grid]]) "
        f"{{ threadgroup int s[64]; {body} }}"
    )
    with pytest.raises(EmulationError, match=match):
        launch_text(compiler, source, [np.zeros(128, np.int32)], groups, threads)


@pytest.mark.parametrize(
    ("body", "match"),
    [
        (
            "if (i < 32u) { threadgroup_barrier(mem_flags::mem_threadgroup); }",
            "not reached by all threads",
        ),
        (
            "if (i < 32u) { threadgroup_barrier(mem_flags::mem_threadgroup); }\nelse { "
            "threadgroup_barrier(mem_flags::mem_threadgroup); }",
            "different barriers",
        ),
        ("x[128u + i] = 1;", r"element 1\d\d of buffer\(0\), which has 128"),
        ("x[int(i) - 40] = 1;", "element -40"),
        ("s[i + 1u] = 1;", "element 64 of threadgroup memory, which has 64"),
        ("x[i] = s[i];", "nobody wrote"),
        ("x[i / 2u] = int(i);", "data race"),
        ("x[i] = 1; x[i] = x[63u - i] + 1;", "data race"),
        ("s[i] = 1; x[i] = s[(i + 1u) & 63u];", r"data race|nobody wrote"),
        ("x[i] = 100 / (x[i] - int(i / 64u));", "division by zero"),
        ("s[i] = x[i]; simdgroup_barrier(mem_flags::mem_threadgroup); x[i] = s[63u - i];",
         r"data race|nobody wrote"),
        ("if (i < 8u) { x[i] = simd_shuffle(x[i], 0); }", "not all are there|returned"),
    ],
)  # fmt: skip
def test_violations(compiler, body, match):
    violation(compiler, body, match)


def test_groups_race_on_device_memory(compiler):
    violation(compiler, "x[i] = int(g);", "data race", groups=2)
    violation(compiler, "if (g == 0u) { x[i] = 1; } else { x[64u + i] = x[i]; }", "data race", 2)


def test_a_barrier_that_orders_device_memory(compiler):
    source = (
        "kernel void k(device int* x [[buffer(0)]], uint i [[thread_position_in_threadgroup]]) "
        "{ x[i] = int(i); threadgroup_barrier(mem_flags::FLAGS); x[64u + i] = x[63u - i]; }"
    )
    x = np.zeros(128, np.int32)
    launch_text(compiler, source.replace("FLAGS", "mem_device"), [x])
    np.testing.assert_array_equal(x[64:], np.arange(64)[::-1])
    with pytest.raises(EmulationError, match="data race"):
        launch_text(compiler, source.replace("FLAGS", "mem_threadgroup"), [x])


def test_writing_the_same_value_is_no_race(compiler):
    source = "kernel void k(device int* x [[buffer(0)]]) { x[0] = 5; }"
    x = np.zeros(1, np.int32)
    launch_text(compiler, source, [x], groups=3)
    assert x[0] == 5


def test_the_order_of_threads_shows(compiler):
    """No race on memory that is watched, and yet an order decides."""
    source = (
        "kernel void k(device int* x [[buffer(0)]], uint i [[thread_position_in_threadgroup]]) "
        "{ static int calls; if (++calls % 64 == 1) { x[0] = int(i); } }"
    )
    with pytest.raises(EmulationError, match="depends on the order of threads"):
        launch_text(compiler, source, [np.zeros(1, np.int32)])


def test_results_are_those_of_the_last_order_once(compiler):
    """Each order starts from the same memory."""
    source = (
        "kernel void k(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]]) "
        "{ x[i] += 1.0; }"
    )
    x = np.arange(128, dtype=np.float32)
    launch_text(compiler, source, [x], groups=2)
    np.testing.assert_array_equal(x, np.arange(128) + 1)


@pytest.mark.parametrize(
    "source",
    [
        "kernel void k(device int* x) {}",
        "kernel void k(device int* x [[buffer(0)]], uint i [[amplification_id]]) {}",
        "struct S { int a; int b; };\nkernel void k(device S& x [[buffer(0)]]) {}",
        "kernel void k(device Unknown& x [[buffer(0)]]) {}",
        "kernel void k(device int* x [[buffer(0)]]) { threadgroup int s; }",
        "kernel void k(device int* x [[buffer(0)]]",
    ],
)
def test_unknown_forms_are_refused(source):
    with pytest.raises(MSLTextError):
        host_text(source, "m")


def test_text_that_does_not_compile_is_named(compiler, device):
    with pytest.raises(MSLCompileError, match="nonsense"):
        Kernel(compiler, HEADER + "kernel void k() { nonsense(); }", "k")
    changed = text("mask").replace("select(", "nonsense(")
    with pytest.raises(Exception, match="torsh_kernel_mask"):
        run(device, "mask", [np.zeros(37, np.uint8)] + [np.zeros(37, np.uint16)] * 2,
            texts={"mask": changed})  # fmt: skip


def test_batches_outlive_a_bad_text_and_the_process(tmp_path):
    def source(n):
        return HEADER + f"kernel void k(device int* x [[buffer(0)]]) {{ x[0] = {n}; }}"

    sources = [source(n) for n in range(30)]
    Compiler(tmp_path).prefetch([*sources[:7], HEADER + "kernel void k() { nonsense(); }"])
    built = {path.name for path in tmp_path.glob("*.so")}
    assert built
    again = Compiler(tmp_path)
    again.prefetch(sources[:7])
    for number in (0, 3, 6):
        x = np.zeros(1, np.int32)
        Kernel(again, sources[number], "k").launch([(x.ctypes.data, 4)], 1, 1)
        assert x[0] == number
    assert {path.name for path in tmp_path.glob("*.so")} == built
    Compiler(tmp_path).prefetch(sources)
    assert len({path.read_text() for path in tmp_path.glob("*.batch")}) < len(sources)


def test_memory_begins_unwritten(device):
    address = device.allocate(64)
    view = (ctypes.c_float * 16)()
    device.download(address, memoryview(view).cast("B"))
    assert all(math.isnan(value) for value in view)
    device.deallocate(address, 64)
