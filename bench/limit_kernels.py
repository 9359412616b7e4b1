# SPDX-License-Identifier: Apache-2.0
"""Kernels that do one thing as fast as the processor can: the IR that torsh-run times.

Each is what the phase ``loops`` leaves: vectors on memrefs, and a parallel loop over tasks. So
the limits are those of code that this compiler makes, on the threads that its programs run on.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LimitKernel:
    """IR of one kernel, and what a call does in units of what is reported per second."""

    text: str
    work: float


_HEADER = "attributes {torsh.kernel} {"
# Accumulators of the arithmetic kernels: more than latency times units, less than registers.
_ACCUMULATORS = 12


def _indented(lines: list[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)


def _arithmetic(tasks: int, steps: int, setup: list[str], step: str, kind: str) -> str:
    """``step`` is one instruction on %a, %b and an accumulator, {acc}."""
    result = f"memref<{tasks}x{_ACCUMULATORS}x{kind.removeprefix('vector<')}"
    numbers = range(_ACCUMULATORS)
    carried = ", ".join(f"%x{i} = %start" for i in numbers)
    kinds = ", ".join(kind for _ in numbers)
    body = [f"%y{i} = " + step.format(acc=f"%x{i}") for i in numbers]
    stores = []
    for i in numbers:
        stores.append(f"%p{i} = arith.constant {i} : index")
        stores.append(f"vector.store %r#{i}, %out[%task, %p{i}, %c0] : {result}, {kind}")
    return f"""
func.func @limit(%in: memref<256xf32>, %out: {result}) {_HEADER}
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %steps = arith.constant {steps} : index
  scf.forall (%task) in ({tasks}) {{
{_indented(setup)}
    %r:{_ACCUMULATORS} = scf.for %k = %c0 to %steps step %c1 iter_args({carried}) -> ({kinds}) {{
{_indented(body)}
      scf.yield {", ".join(f"%y{i}" for i in numbers)} : {kinds}
    }}
{_indented(stores)}
  }}
  return
}}
"""


def _load(name: str, position: int, lanes: int) -> list[str]:
    return [
        f"%at_{name} = arith.constant {position} : index",
        f"%{name} = vector.load %in[%at_{name}] : memref<256xf32>, vector<{lanes}xf32>",
    ]


def fused_multiply_add(tasks: int, vector_bits: int) -> LimitKernel:
    """GFLOP of f32."""
    lanes, steps = vector_bits // 32, 200_000
    kind = f"vector<{lanes}xf32>"
    setup = [*_load("a", 0, lanes), *_load("b", 64, lanes), *_load("start", 128, lanes)]
    text = _arithmetic(tasks, steps, setup, f"vector.fma %a, %b, {{acc}} : {kind}", kind)
    return LimitKernel(text, 2e-9 * tasks * steps * _ACCUMULATORS * lanes)


def bfloat16_dot(tasks: int) -> LimitKernel:
    """GFLOP of pairs of bf16, for processors with AVX512-BF16."""
    steps, kind = 200_000, "vector<16xf32>"
    setup = [
        *_load("a32", 0, 16),
        *_load("b32", 64, 16),
        *_load("start", 128, 16),
        f"%a = vector.bitcast %a32 : {kind} to vector<32xbf16>",
        f"%b = vector.bitcast %b32 : {kind} to vector<32xbf16>",
    ]
    step = (
        'llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"({acc}, %a, %b)'
        f" : ({kind}, vector<32xbf16>, vector<32xbf16>) -> {kind}"
    )
    text = _arithmetic(tasks, steps, setup, step, kind)
    return LimitKernel(text, 4e-9 * tasks * steps * _ACCUMULATORS * 16)


def _streams(
    arrays: dict[str, str], tasks: int, elements: int, repeats: int, step: int, lines: list[str]
) -> str:
    """``lines`` for each task, ``repeats`` times over."""
    types = ", ".join(f"%{name}: {array}" for name, array in arrays.items())
    return f"""
func.func @limit({types}) {_HEADER}
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %step = arith.constant {step} : index
  %count = arith.constant {elements} : index
  %repeats = arith.constant {repeats} : index
  scf.forall (%task) in ({tasks}) {{
    scf.for %again = %c0 to %repeats step %c1 {{
{_indented(lines)}
    }}
  }}
  return
}}
"""


def read(tasks: int, bytes_per_task: int, repeats: int, vector_bits: int) -> LimitKernel:
    """GB read of arrays that each task has for itself."""
    lanes, unroll = vector_bits // 32, 8
    step = lanes * unroll
    elements = bytes_per_task // 4 // step * step
    kind, array = f"vector<{lanes}xf32>", f"memref<{tasks}x{elements}xf32>"
    result = f"memref<{tasks}x{step}xf32>"
    numbers = range(unroll)
    carried = ", ".join(f"%x{i} = %zero" for i in numbers)
    kinds = ", ".join(kind for _ in numbers)
    lines = [
        f"%zero = vector.load %most[%task, %c0] : {result}, {kind}",
        f"%r:{unroll} = scf.for %i = %c0 to %count step %step iter_args({carried}) -> ({kinds}) {{",
    ]
    for i in numbers:
        lines += [
            f"  %o{i} = arith.constant {i * lanes} : index",
            f"  %i{i} = arith.addi %i, %o{i} : index",
            f"  %v{i} = vector.load %in[%task, %i{i}] : {array}, {kind}",
            f"  %y{i} = arith.maximumf %x{i}, %v{i} fastmath<nnan,nsz> : {kind}",
        ]
    lines += [f"  scf.yield {', '.join(f'%y{i}' for i in numbers)} : {kinds}", "}"]
    for i in numbers:
        lines += [
            f"%q{i} = arith.constant {i * lanes} : index",
            f"vector.store %r#{i}, %most[%task, %q{i}] : {result}, {kind}",
        ]
    text = _streams({"in": array, "most": result}, tasks, elements, repeats, step, lines)
    return LimitKernel(text, 4e-9 * tasks * elements * repeats)


def triad(tasks: int, bytes_per_task: int, vector_bits: int) -> LimitKernel:
    """GB read and written by c = a + 3 b."""
    lanes = vector_bits // 32
    elements = bytes_per_task // 4 // lanes * lanes
    kind, array = f"vector<{lanes}xf32>", f"memref<{tasks}x{elements}xf32>"
    lines = [
        f"%three = arith.constant dense<3.0> : {kind}",
        "scf.for %i = %c0 to %count step %step {",
        f"  %x = vector.load %a[%task, %i] : {array}, {kind}",
        f"  %y = vector.load %b[%task, %i] : {array}, {kind}",
        f"  %z = vector.fma %y, %three, %x : {kind}",
        f"  vector.store %z, %c[%task, %i] : {array}, {kind}",
        "}",
    ]
    text = _streams(dict.fromkeys("abc", array), tasks, elements, 1, lanes, lines)
    return LimitKernel(text, 12e-9 * tasks * elements)


def nontemporal_write(tasks: int, bytes_per_task: int, vector_bits: int) -> LimitKernel:
    """GB written past the caches."""
    lanes = vector_bits // 32
    elements = bytes_per_task // 4 // lanes * lanes
    kind, array = f"vector<{lanes}xf32>", f"memref<{tasks}x{elements}xf32>"
    how = f"{{alignment = {lanes * 4} : i64, nontemporal = true}}"
    lines = [
        f"%three = arith.constant dense<3.0> : {kind}",
        "scf.for %i = %c0 to %count step %step {",
        f"  vector.store %three, %out[%task, %i] {how} : {array}, {kind}",
        "}",
    ]
    text = _streams({"out": array}, tasks, elements, 1, lanes, lines)
    return LimitKernel(text, 4e-9 * tasks * elements)
