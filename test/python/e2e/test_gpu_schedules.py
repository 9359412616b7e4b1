# SPDX-License-Identifier: Apache-2.0
"""Kernels are right under schedules that nobody would choose: the numbers are data."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from e2e.executors import missing
from e2e.native_code import run_natively

from torshjit import _compiler
from torshjit.interpreter import evaluate

EXECUTORS = [name for name in ("cuda-emulated", "vulkan") if not missing(name)]

PROGRAMS = {
    "matmul": (
        "%x: tensor<50x30xf32>, %y: tensor<30x40xf32>",
        "torsh.matmul %x, %y : (tensor<50x30xf32>, tensor<30x40xf32>) -> tensor<50x40xf32>",
        "tensor<50x40xf32>",
    ),
    "row_sum": (
        "%x: tensor<13x333xf32>",
        "torsh.sum %x {axes = array<i64: 1>, keepdims = false} "
        ": (tensor<13x333xf32>) -> tensor<13xf32>",
        "tensor<13xf32>",
    ),
    "column_max": (
        "%x: tensor<77x19xf32>",
        "torsh.amax %x {axes = array<i64: 0>, keepdims = false} "
        ": (tensor<77x19xf32>) -> tensor<19xf32>",
        "tensor<19xf32>",
    ),
    "argmin": (
        "%x: tensor<9x200xf32>",
        "torsh.argmin %x {axis = 1 : i64, keepdims = false} : (tensor<9x200xf32>) -> tensor<9xi64>",
        "tensor<9xi64>",
    ),
    "exp": (
        "%x: tensor<9x50xf32>",
        "torsh.exp %x : (tensor<9x50xf32>) -> tensor<9x50xf32>",
        "tensor<9x50xf32>",
    ),
}

CASES = [
    ("matmul", "register_tile = [3, 2], block = [12, 16, 5], threads = 32"),
    ("matmul", "register_tile = [1, 7], block = [5, 63, 64], threads = 45"),
    ("matmul", "register_tile = [10, 8], block = [50, 40, 3], threads = 25"),
    ("row_sum", "threads = 64, lanes = 2"),
    ("row_sum", "threads = 256, lanes = 256"),
    ("row_sum", "threads = 96, lanes = 32"),
    ("column_max", "threads = 128, lanes = 128"),
    ("column_max", "threads = 40, lanes = 4"),
    ("argmin", "threads = 64, lanes = 64"),
    ("argmin", "threads = 7"),
    ("exp", "threads = 1"),
    ("exp", "threads = 100, vector = 4"),
]


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(("name", "schedule"), CASES, ids=lambda each: each.replace(" ", ""))
def test_odd_schedules(name: str, schedule: str, executor: str) -> None:
    # The kind is for people to read: the code's class comes from the operations.
    arguments, operation, result = PROGRAMS[name]
    inputs = [part.split(": ") for part in arguments.split(", ")]
    values = ", ".join(value for value, _ in inputs)
    types = ", ".join(kind for _, kind in inputs)
    module = _compiler.Module.parse(
        f"""
        torsh.kernel @k({arguments}) -> {result} attributes {{
            kind = #torsh.kind<elementwise>, schedule = #torsh.schedule<{schedule}>}} {{
          %0 = {operation}
          torsh.return %0 : {result}
        }}
        func.func @main({arguments}) -> {result} {{
          %0 = torsh.launch @k({values}) : ({types}) -> {result}
          return %0 : {result}
        }}""",
        _compiler.Context(),
    )
    plain = _compiler.Module.parse(
        f"""
        func.func @main({arguments}) -> {result} {{
          %0 = {operation}
          return %0 : {result}
        }}""",
        _compiler.Context(),
    )
    rng = np.random.default_rng(3)
    shapes = [[int(n) for n in kind[7:-1].split("x")[:-1]] for _, kind in inputs]
    arrays = [rng.integers(-8, 8, shape).astype(np.float32) for shape in shapes]
    (expected,) = evaluate(plain.graph("main"), arrays)
    (actual,) = run_natively(module, arrays, target_device=executor)
    np.testing.assert_allclose(actual, expected, rtol=1e-6)
