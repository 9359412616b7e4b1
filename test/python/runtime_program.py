# SPDX-License-Identifier: Apache-2.0
"""Hand-written programs and C kernels for the tests of the runtime.

The kernels are compiled by the system's C compiler into one shared object per test session, so
that the runtime is tested without the compiler.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torshjit.compiled  # noqa: F401  (so that the runtime raises the package's error classes)

_HEADER = Path(__file__).parents[2] / "include" / "torshjit" / "Runtime" / "KernelABI.h"

BIG = 1 << 18  # so many f32 elements are 1 MiB: a result from the output pool

KERNELS = r"""
#include "KernelABI.h"
#include <string.h>

void torsh_kernel_add(void *const *p, const int64_t *s, TorshWorker *w) {
  const float *a = p[0], *b = p[1];
  float *c = p[2];
  for (int64_t i = 0; i < s[0]; ++i) c[i] = a[i] + b[i];
}
void torsh_kernel_add_in_two_axes(void *const *p, const int64_t *s, TorshWorker *w) {
  int64_t count = s[0] * s[1];
  torsh_kernel_add(p, &count, w);
}
void torsh_kernel_twice_i64(void *const *p, const int64_t *s, TorshWorker *w) {
  const int64_t *a = p[0];
  int64_t *b = p[1];
  for (int64_t i = 0; i < s[0]; ++i) b[i] = 2 * a[i];
}
void torsh_kernel_scale_f64(void *const *p, const int64_t *s, TorshWorker *w) {
  const double *a = p[0], *k = p[1];
  double *b = p[2];
  for (int64_t i = 0; i < s[0]; ++i) b[i] = a[i] * *k;
}
void torsh_kernel_sum(void *const *p, const int64_t *s, TorshWorker *w) {
  const float *a = p[0];
  float total = 0;
  for (int64_t i = 0; i < s[0]; ++i) total += a[i];
  *(float *)p[1] = total;
}
void torsh_kernel_copy_u16(void *const *p, const int64_t *s, TorshWorker *w) {
  memcpy(p[1], p[0], 2 * s[0]);
}
void torsh_kernel_nothing(void *const *p, const int64_t *s, TorshWorker *w) {}

/* Counts the visits of each index: sizes are (count, grain). */
static void visit(void *context, int64_t begin, int64_t end, TorshWorker *w) {
  int32_t *visits = context;
  for (int64_t i = begin; i < end; ++i) __atomic_fetch_add(&visits[i], 1, __ATOMIC_RELAXED);
}
void torsh_kernel_visit_each(void *const *p, const int64_t *s, TorshWorker *w) {
  memset(p[0], 0, 4 * s[0]);
  w->parallel_for(w, visit, p[0], s[0], s[1]);
}

/* Writes the length of its chunk to every index. */
static void chunk_length(void *context, int64_t begin, int64_t end, TorshWorker *w) {
  int64_t *lengths = context;
  for (int64_t i = begin; i < end; ++i) lengths[i] = end - begin;
}
void torsh_kernel_chunk_lengths(void *const *p, const int64_t *s, TorshWorker *w) {
  w->parallel_for(w, chunk_length, p[0], s[0], s[1]);
}

/* An inner loop inside each task must run as one chunk. */
static void whole(void *context, int64_t begin, int64_t end, TorshWorker *w) {
  *(int64_t *)context = end - begin;
}
static void nest(void *context, int64_t begin, int64_t end, TorshWorker *w) {
  int64_t *lengths = context;
  for (int64_t i = begin; i < end; ++i) w->parallel_for(w, whole, &lengths[i], 1000, 1);
}
void torsh_kernel_nested(void *const *p, const int64_t *s, TorshWorker *w) {
  w->parallel_for(w, nest, p[0], s[0], 1);
}

/* Scratch: aligned, disjoint, and the same again after the task has returned. */
static void scratch_task(void *context, int64_t begin, int64_t end, TorshWorker *w) {
  int64_t *bad = context;
  for (int64_t i = begin; i < end; ++i) {
    char *a = w->scratch(w, 100 + 1000 * (i % 7)), *b = w->scratch(w, 300000);
    memset(a, (int)i, 100);
    memset(b, (int)i + 1, 300000);
    bad[i] = ((uintptr_t)a | (uintptr_t)b) % 64 != 0 || a[99] != (char)i;
  }
}
void torsh_kernel_scratch_each(void *const *p, const int64_t *s, TorshWorker *w) {
  w->parallel_for(w, scratch_task, p[0], s[0], 1);
}
void torsh_kernel_scratch_address(void *const *p, const int64_t *s, TorshWorker *w) {
  *(int64_t *)p[0] = (int64_t)w->scratch(w, s[0]);
}

void torsh_kernel_fill(void *const *p, const int64_t *s, TorshWorker *w) {
  float *out = p[0];
  for (int64_t i = 0; i < s[0]; ++i) out[i] = (float)s[1];
}
void torsh_kernel_slow(void *const *p, const int64_t *s, TorshWorker *w) {
  volatile float *out = p[0];
  for (int64_t k = 0; k < s[1]; ++k)
    for (int64_t i = 0; i < s[0]; ++i) out[i] = (float)k;
}
"""


def compile_c(source: str) -> bytes:
    """The bytes of a shared object with the C functions of `source`."""
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder) / "kernels.c"
        library = Path(folder) / "kernels.so"
        code.write_text(source)
        compiler = os.environ.get("CC", "cc")
        command = [compiler, "-shared", "-fPIC", "-O2", f"-I{_HEADER.parent}"]
        subprocess.run([*command, str(code), "-o", str(library)], check=True)
        return library.read_bytes()


@functools.cache
def shared_object() -> bytes:
    """The kernels above."""
    return compile_c(KERNELS)


def tensor(shape: Sequence[int], dtype: str = "f32") -> dict[str, Any]:
    """A type of the program format; negative extents are dims."""
    return {"dtype": dtype, "shape": list(shape)}


def program(
    inputs: Sequence[dict[str, Any]] = (),
    buffers: Sequence[dict[str, Any]] = (),
    steps: Sequence[dict[str, Any]] = (),
    results: Sequence[int] = (),
    dims: Sequence[dict[str, Any]] = (),
    checks: Sequence[dict[str, Any]] = (),
    constants: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """A program whose first buffers are its inputs and then its constants."""
    declared = [
        {"kind": kind, "index": i, **row}
        for kind, rows in (("input", inputs), ("constant", constants))
        for i, row in enumerate(rows)
    ]
    return {
        "version": 1,
        "target": "cpu",
        "inputs": [{"name": f"x{i}", **row} for i, row in enumerate(inputs)],
        "dims": list(dims),
        "checks": list(checks),
        "constants": list(constants),
        "buffers": [*declared, *buffers],
        "steps": list(steps),
        "results": list(results),
    }


def output(shape: Sequence[int], dtype: str = "f32") -> dict[str, Any]:
    return {"kind": "output", "index": 0, **tensor(shape, dtype)}


def temporary(shape: Sequence[int], dtype: str = "f32") -> dict[str, Any]:
    return {"kind": "temporary", **tensor(shape, dtype)}


def alias(of: int, shape: Sequence[int], dtype: str = "f32") -> dict[str, Any]:
    return {"kind": "alias", "of": of, **tensor(shape, dtype)}


def launch(kernel: str, operands: Sequence[int], sizes: Sequence[int] = ()) -> dict[str, Any]:
    """A step whose last operand is written."""
    return {"kernel": kernel, "operands": list(operands), "outputs": 1, "sizes": list(sizes)}


def executable(source: dict[str, Any], constants: Sequence[Any] = ()) -> Any:
    """Loads a program with the kernels above."""
    from torshjit import _runtime

    return _runtime.Executable(json.dumps(source), None, shared_object(), list(constants))


def add_program(shape: Sequence[int]) -> dict[str, Any]:
    """x0 + x1 of one static f32 shape."""
    count = 1
    for extent in shape:
        count *= extent
    row = tensor(shape)
    return program([row, row], [output(shape)], [launch("add", [0, 1, 2], [count])], [2])


def dynamic_add_program() -> dict[str, Any]:
    """x0 + x1 of f32 vectors whose equal extent is open."""
    return program(
        [tensor([-1]), tensor([-2])],
        [output([-1])],
        [launch("add", [0, 1, 2], [-1])],
        [2],
        dims=[{"op": "input", "input": i, "axis": 0} for i in (0, 1)],
        checks=[
            {
                "relation": "eq",
                "lhs": -1,
                "rhs": -2,
                "message": "torsh.add: operands' extents differ along axis 0",
            }
        ],
    )


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a fresh interpreter that finds this module and the package."""
    from torshjit import _runtime

    package = Path(_runtime.__file__).parents[1]
    path = os.pathsep.join([str(package), str(Path(__file__).parent)])
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
