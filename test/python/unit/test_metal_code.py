# SPDX-License-Identifier: Apache-2.0
"""The code for Metal and Vulkan: valid SPIR-V, MSL that fits its bundle, accurate functions."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

_compiler = pytest.importorskip("torshjit._compiler")

from e2e.executors import missing  # noqa: E402
from e2e.native_code import run_natively  # noqa: E402
from e2e.op_cases import CASES, DYNAMIC_CASES  # noqa: E402
from e2e.op_programs import build_program  # noqa: E402

import torshjit  # noqa: E402
from torshjit.interpreter.error_function import erf  # noqa: E402

_CONTEXT = _compiler.Context()


def _bundle(module: Any, target: str) -> dict[str, Any]:
    options = torshjit.JitConfig(target_device=target).compiler_options()
    return json.loads(_compiler.compile(module, options).binary() or b"{}")


def _suite(target: str, dtypes: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The bundles of the operation suite's programs over these element types."""
    for cases, dynamic in ((CASES, False), (DYNAMIC_CASES, True)):
        for case in cases:
            if case.dtype in dtypes:
                module = build_program(case, _compiler.GraphBuilder(_CONTEXT), dynamic)
                if "f64" not in str(module) or "f64" in dtypes:
                    yield f"{case.id}{'-dynamic' if dynamic else ''}", _bundle(module, target)


@pytest.mark.skipif(not shutil.which("spirv-val"), reason="needs spirv-val of SPIRV-Tools")
@pytest.mark.parametrize(
    ("target", "dtypes"),
    [("vulkan", ("f64", "f16", "i8", "i64")), ("metal", ("f32", "bf16", "i1", "i32"))],
)
def test_shaders_are_valid(target: str, dtypes: tuple[str, ...], tmp_path: Any) -> None:
    shaders: dict[bytes, str] = {}
    for name, bundle in _suite(target, dtypes):
        for module in bundle.get("modules", ()):
            shaders.setdefault(base64.b64decode(module["spirv"]), name)
    assert len(shaders) > 200
    problems = []
    for code, name in shaders.items():
        file = tmp_path / "shader.spv"
        file.write_bytes(code)
        command = ["spirv-val", "--target-env", "vulkan1.1", str(file)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            problems.append(f"{name}: {result.stdout}{result.stderr}")
    assert not problems, "\n".join(problems)


def test_each_variant_has_its_shader_and_its_buffers() -> None:
    checked = 0
    for name, bundle in _suite("metal", ("f32",)):
        for kernel in bundle.get("kernels", {}).values():
            for variant in kernel["variants"]:
                text = bundle["modules"][variant["module"]]["msl"]
                head = next(line for line in text.splitlines() if line.startswith("kernel void"))
                assert head.startswith(f"kernel void {variant['entry']}("), name
                operands = kernel["operands"]
                for number, operand in enumerate(operands):
                    # The compiler drops a buffer that a kernel does not touch.
                    declared = [p for p in head.split(",") if f"[[buffer({number})]]" in p]
                    if declared and operand["access"] == "read":
                        assert "const device" in declared[0], name
                    elif declared:
                        assert "const" not in declared[0], name
                last = len(operands) if kernel["sizes"] else len(operands) - 1
                assert f"[[buffer({last + 1})]]" not in head, name
                checked += 1
    assert checked > 100


def test_without_spirv_cross_only_msl_is_missing(tmp_path: Any) -> None:
    # An empty file in front of the library: the loader finds it, and cannot open it.
    for name in ("libspirv-cross-c-shared.so.0", "libspirv-cross-c-shared.so"):
        (tmp_path / name).touch()
    program = """
import numpy as np, torshjit
program = torshjit.trace(lambda x: np.exp(x), (np.ones(8, np.float32),),
                         config=torshjit.JitConfig(target_device="metal"))
assert "spirv.module" in program.ir("spirv")
try:
    program.ir("msl")
except torshjit.CompileError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "libspirv-cross-c-shared is not here" in result.stdout
    assert "libspirv-cross-c-shared0" in result.stdout


def _wide(low: float, high: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Magnitudes of all orders from 10^low to 10^high, of both signs."""
    return lambda rng, n: 10 ** rng.uniform(low, high, n) * rng.choice([1, -1], n)


def _within(low: float, high: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    return lambda rng, n: rng.uniform(low, high, n)


# The function, what it is in NumPy, and where its arguments come from.
_UNARY: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "exp": (np.exp, [_wide(-12, 3), _within(-90, 90)]),
    "expm1": (np.expm1, [_wide(-12, 3), _within(-1, 1)]),
    "log": (np.log, [_wide(-37, 38), _within(0.5, 2)]),
    "log1p": (np.log1p, [_wide(-12, 38), _within(-1, 1)]),
    "tanh": (np.tanh, [_wide(-12, 2), _within(-1, 1)]),
    "erf": (erf, [_wide(-12, 1), _within(-4, 4)]),
    "sin": (np.sin, [_wide(-12, 38), _within(-30, 30)]),
    "cos": (np.cos, [_wide(-12, 38), _within(-30, 30)]),
}
_BINARY: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "atan2": (np.arctan2, [(_wide(-38, 38), _wide(-38, 38)), (_within(-4, 4), _within(-4, 4))]),
    "pow": (np.power, [(_wide(-38, 38), _within(-3, 3)), (_within(0.99, 1.01), _wide(0, 4.5))]),
    "remainder": (np.remainder, [(_wide(-30, 30), _wide(-30, 30)), (_wide(0, 9), _within(-3, 3))]),
    "div": (np.divide, [(_wide(-38, 38), _wide(-38, 38)), (_within(-4, 4), _within(-4, 4))]),
}
_SPECIAL = [0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 0.5, -0.5, 3, -2, 1e-37, 3e38, -3e38]


def _assert_close(op: str, actual: np.ndarray, expected: np.ndarray, units: float) -> None:
    with np.errstate(over="ignore"):
        wanted = expected.astype(actual.dtype)
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(actual[~finite], wanted[~finite], op)
    smallest = float(np.finfo(actual.dtype).smallest_normal)
    allowed = units * np.spacing(np.abs(wanted[finite])).astype(expected.dtype) + smallest
    error = np.abs(actual[finite].astype(expected.dtype) - expected[finite])
    worst = int(np.argmax(error / allowed))
    assert error[worst] <= allowed[worst], (
        f"{op}: {actual[finite][worst]!r} is off by {error[worst]}"
    )


@pytest.mark.parametrize("executor", ["vulkan", "msl-emulated"])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_functions_are_accurate(executor: str, dtype: str) -> None:
    """Over all magnitudes, to the units in the last place that Functions.h promises."""
    if reason := missing(executor):
        pytest.skip(reason)
    if dtype == "f64" and executor == "msl-emulated":
        pytest.skip("Metal has no f64")
    rng = np.random.default_rng(0)
    numpy_type = np.dtype({"f32": np.float32, "f64": np.float64}[dtype])
    # The oracle is as wide as the machine's long double for f64.
    wide = np.float64 if dtype == "f32" else np.longdouble
    columns: list[np.ndarray] = []
    expected: list[tuple[str, np.ndarray]] = []
    builder = _compiler.GraphBuilder(_CONTEXT)
    results = []

    def add(op: str, function: Callable[..., Any], operands: list[np.ndarray]) -> None:
        arrays = [operand.astype(numpy_type) for operand in operands]
        columns.extend(arrays)
        with np.errstate(all="ignore"):
            expected.append((op, function(*(array.astype(wide) for array in arrays))))
        inputs = [builder.input(dtype, array.shape, "") for array in arrays]
        results.append(builder.create(op, inputs, {}))

    for op, (function, domains) in _UNARY.items():
        add(op, function, [np.concatenate([_SPECIAL, *(d(rng, 3000) for d in domains)])])
    pairs = np.array(np.meshgrid(_SPECIAL, _SPECIAL)).reshape(2, -1)
    for op, (function, domains) in _BINARY.items():
        sides = zip(pairs, *((x(rng, 3000), y(rng, 3000)) for x, y in domains), strict=True)
        add(op, function, [np.concatenate(side) for side in sides])
    actual = run_natively(builder.finish(results), columns, target_device=executor)
    for (op, oracle), result in zip(expected, actual, strict=True):
        # MLIR's own erf of f32 loses some without fused operations.
        _assert_close(op, result, oracle, 6 if op == "erf" else 3)
