# SPDX-License-Identifier: Apache-2.0
"""PTX as NVIDIA's assembler sees it: it assembles, spills nothing, calls nothing, stays in budget.

ptxas and libdevice come with the packages of the set `cuda-tools`; no GPU is needed.
"""

from __future__ import annotations

import functools
import importlib.metadata
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import torshjit
from torshjit.targets.cuda import find_libdevice

pytest.importorskip("torshjit._compiler")

#: What the portable code is compiled for, and what Hopper has of its own.
ARCHITECTURES = ("sm_80", "sm_90", "sm_90a")

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


@functools.cache
def _find_ptxas() -> str | None:
    try:
        files = importlib.metadata.files("nvidia-cuda-nvcc") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "ptxas":
            return str(file.locate())
    toolkit = Path("/usr/local/cuda/bin/ptxas")
    return shutil.which("ptxas") or (str(toolkit) if toolkit.exists() else None)


needs_ptxas = pytest.mark.skipif(
    _find_ptxas() is None, reason="ptxas is not here: it comes with the package nvidia-cuda-nvcc"
)
needs_libdevice = pytest.mark.skipif(
    not find_libdevice(), reason="libdevice is not here: it comes with the package nvidia-nvvm"
)


def _modules(text: str) -> list[str]:
    """The modules of kernels, which follow one another in the artifact."""
    parts = re.split(r"(?=^\.version )", text, flags=re.M)
    return [part for part in parts if part.startswith(".version ")]


class Assembled:
    """What ptxas reports of one kernel.

    Attributes:
        name: the entry's.
        registers: registers of a thread.
        spills: bytes of registers that are stored to memory and loaded again.
        stack: bytes of a thread's own memory.
    """

    def __init__(self, report: str) -> None:
        self.name = report.split("'")[0]
        self.registers = int(re.search(r"Used (\d+) registers", report)[1])
        numbers = re.search(
            r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", report
        )
        self.stack, *spills = map(int, numbers.groups())
        self.spills = sum(spills)


def _assemble(module: str, architecture: str, folder: Path) -> list[Assembled]:
    """Assembles one module; fails on an error, and on a warning."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{abs(hash((module, architecture)))}.ptx"
    path.write_text(module)
    command = [_find_ptxas(), "-v", f"-arch={architecture}", str(path), "-o", f"{path}.cubin"]
    result = subprocess.run(command, capture_output=True, text=True)
    report = result.stdout + result.stderr
    assert result.returncode == 0, f"{report}\n{module}"
    assert "warning" not in report.lower(), report
    return [Assembled(part) for part in report.split("Compiling entry function '")[1:]]


def _ptx(function: Callable, arrays: Sequence[np.ndarray], architecture: str, **options) -> str:
    config = torshjit.JitConfig(target_device=f"cuda:{architecture}", **options)
    return torshjit.trace(function, tuple(arrays), config=config).ir("ptx")


def _softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _layer_norm(x, w, b):
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + 1e-5) * w + b


def _ones(dtype, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    return [np.ones(shape, dtype) for shape in shapes]


# Label: function, shapes, most registers: as many as leave full occupancy for what is bound by
# memory, and those of the accumulators for products.
KERNELS: dict[str, tuple[Callable, tuple[tuple[int, ...], ...], int]] = {
    "elementwise": (lambda x, y: np.exp(x) * y, ((1000, 512), (512,)), 40),
    "strided": (lambda x: np.tanh(x.T), ((300, 500),), 40),
    "softmax": (_softmax, ((64, 512),), 96),
    "softmax of long rows": (_softmax, ((8, 10000),), 128),
    "layer norm": (_layer_norm, ((65, 256), (256,), (256,)), 96),
    "row sum": (lambda x: x.sum(axis=1), ((64, 5000),), 64),
    "column sum": (lambda x: x.sum(axis=0), ((5000, 64),), 64),
    "product": (lambda x, w, b: np.maximum(x @ w + b, 0), ((65, 256), (256, 1024), (1024,)), 255),
    "large product": (lambda x, w: x @ w, ((2048, 512), (512, 2048)), 255),
    "ragged product": (lambda x, w: x @ w, ((37, 41), (41, 29)), 255),
}


@needs_ptxas
@pytest.mark.parametrize("dtype", [np.dtype("f4"), np.dtype("f2"), BFLOAT16], ids=str)
@pytest.mark.parametrize("label", KERNELS)
def test_kernels_assemble_without_spills_within_budget(label, dtype, tmp_path):
    function, shapes, budget = KERNELS[label]
    for architecture in ARCHITECTURES:
        text = _ptx(function, _ones(dtype, *shapes), architecture)
        assert f".target {architecture}\n" in text
        assert ".extern .func" not in text
        modules = _modules(text)
        assert modules
        for module in modules:
            kernels = _assemble(module, architecture, tmp_path)
            assert len(kernels) == module.count(".visible .entry")
            for kernel in kernels:
                assert kernel.spills == 0, f"{kernel.name} spills {kernel.spills} bytes"
                assert kernel.registers <= budget, f"{kernel.name}: {kernel.registers} registers"


@needs_ptxas
@needs_libdevice
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_functions_of_libdevice_are_linked(dtype, tmp_path):
    def function(x, y):
        angles = np.arctan2(np.sin(x), np.cos(y))
        return angles + np.exp(x) + np.log(y) + np.tanh(x) + x**y + np.expm1(x) + np.log1p(y)

    for architecture in ARCHITECTURES:
        text = _ptx(function, _ones(dtype, (1000,), (1000,)), architecture)
        assert ".extern .func" not in text
        for module in _modules(text):
            _assemble(module, architecture, tmp_path)


def test_common_functions_of_f32_need_no_libdevice(monkeypatch):
    monkeypatch.setenv("TORSHJIT_LIBDEVICE", "/nonexistent/libdevice.10.bc")

    def function(x):
        return np.exp(x) + np.log(x) + np.tanh(x) + np.sqrt(x) + np.expm1(x) + np.log1p(x)

    assert "ex2.approx" in _ptx(function, _ones("f4", (1000,)), "sm_80")
    # In f64 they do.
    with pytest.raises(torshjit.CompileError, match=r"exp of f64.*nvidia-nvvm"):
        _ptx(function, _ones("f8", (1000,)), "sm_80", strict=True)


def test_fast_numerics_use_the_approximations():
    def function(x):
        return np.tanh(x) / np.sqrt(x + 2)

    exact = _ptx(function, _ones("f4", (1000,)), "sm_80")
    fast = _ptx(function, _ones("f4", (1000,)), "sm_80", numerics="fast")
    assert "tanh.approx.f32" in fast
    assert re.search(r"(sqrt|rsqrt)\.approx", fast)
    for approximation in ("tanh.approx", "sqrt.approx", "div.approx", "div.full"):
        assert approximation not in exact


@pytest.mark.parametrize("dtype", [np.dtype("f2"), BFLOAT16], ids=str)
def test_products_of_halves_are_on_the_tensor_cores(dtype):
    text = _ptx(lambda x, w: x @ w, _ones(dtype, (65, 256), (256, 512)), "sm_80")
    kind = "f16" if dtype == np.float16 else "bf16"
    assert f"mma.sync.aligned.m16n8k16.row.col.f32.{kind}.{kind}.f32" in text
    assert "ldmatrix.sync.aligned.m8n8.x4" in text
    assert "cp.async.cg.shared.global" in text


@pytest.mark.parametrize("dtype", [np.dtype("f4"), np.dtype("f2"), BFLOAT16], ids=str)
def test_aligned_kernels_access_128_bits(dtype):
    text = _ptx(lambda x, y: x + y, _ones(dtype, (64, 512), (64, 512)), "sm_80")
    vector, scalar = text.split(".visible .entry")[1:]
    assert vector.count("ld.global.nc.v4.b32") == 2
    assert vector.count("st.global.v4.b32") == 1
    assert ".v4" not in scalar


@needs_ptxas
@pytest.mark.slow
def test_every_operation_assembles(tmp_path):
    """The kernels of the operation suite, each text once; of f32 and bf16, to save time."""
    from e2e.op_cases import CASES
    from e2e.op_programs import build_program

    from torshjit import _compiler

    context, texts = _compiler.Context(), {}
    options = torshjit.JitConfig(target_device="cuda:sm_80").compiler_options()
    for case in CASES:
        dtypes = {case.result_dtype, *map(case.dtype_of, case.flat_operands())}
        if not dtypes <= {"f32", "bf16", "i1"}:
            continue
        module = build_program(case, _compiler.GraphBuilder(context))
        text = _compiler.run_to_phase(module, "ptx", options)
        assert ".extern .func" not in text, case.id
        for part in _modules(text):
            texts.setdefault(re.sub(r"torsh_kernel_\w+", "kernel", part), part)
    assert len(texts) > 200
    with ThreadPoolExecutor(2) as pool:
        folders = [tmp_path] * len(texts)
        reports = pool.map(_assemble, texts.values(), ["sm_80"] * len(texts), folders)
        for kernels in reports:
            for kernel in kernels:
                assert kernel.spills == 0, f"{kernel.name} spills {kernel.spills} bytes"
