# SPDX-License-Identifier: Apache-2.0
"""The CUDA emulator finds what a kernel must not do: each case is a kernel that does it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from emulated_kernels import run_kernel
from torshjit._compiler import MLIRError

from torshjit.errors import LoadError, TorshError

F32 = np.float32
INPUT = np.arange(64, dtype=F32)

#: The thread's element of each operand, and of shared memory.
MINE = """
%wide = llvm.sext %tid : i32 to i64
%from = llvm.getelementptr %x0[%wide] : (!llvm.ptr, i64) -> !llvm.ptr, f32
%to = llvm.getelementptr %out[%wide] : (!llvm.ptr, i64) -> !llvm.ptr, f32
%slot = llvm.getelementptr %shared[%wide] : (!llvm.ptr<3>, i64) -> !llvm.ptr<3>, f32
%zero = llvm.mlir.constant(0 : i32) : i32
%one = llvm.mlir.constant(1 : i32) : i32
%first = llvm.icmp "eq" %tid, %zero : i32
"""

#: Each thread passes its element to the next one through shared memory.
NEXT = """
%v = llvm.load %from : !llvm.ptr -> f32
llvm.store %v, %slot : f32, !llvm.ptr<3>
{barrier}
%n = llvm.mlir.constant(63 : i32) : i32
%after = llvm.add %tid, %one : i32
%wrapped = llvm.and %after, %n : i32
%wrapped64 = llvm.sext %wrapped : i32 to i64
%other = llvm.getelementptr %shared[%wrapped64] : (!llvm.ptr<3>, i64) -> !llvm.ptr<3>, f32
%w = llvm.load %other : !llvm.ptr<3> -> f32
llvm.store %w, %to : f32, !llvm.ptr
"""

COPY = """
%v = llvm.load %from : !llvm.ptr -> f32
llvm.store %v, %to : f32, !llvm.ptr
"""


def run(body: str, *, threads: int = 64, blocks: int = 1, shared: int = 256, size: int = 64):
    return run_kernel(
        MINE + body, [INPUT], np.zeros(size, F32), threads=threads, blocks=blocks, shared=shared
    )


def test_what_is_right_passes() -> None:
    assert np.array_equal(run(NEXT.format(barrier="nvvm.barrier0")), np.roll(INPUT, -1))
    assert np.array_equal(run(NEXT.format(barrier="nvvm.barrier")), np.roll(INPUT, -1))
    assert np.array_equal(run(COPY), INPUT)


CONDITIONAL = "llvm.cond_br %first, ^then, ^join\n^then:\n{then}\nllvm.br ^join\n^join:\n{join}"

FAULTS = {
    # A vector of two from the second element of an array.
    "misaligned": (
        "%odd = llvm.getelementptr %x0[1] : (!llvm.ptr) -> !llvm.ptr, f32\n"
        "%v = llvm.load %odd {alignment = 8 : i64} : !llvm.ptr -> vector<2xf32>\n"
        "llvm.store %v, %to {alignment = 4 : i64} : vector<2xf32>, !llvm.ptr",
        "loads 8 bytes at an address that is no multiple of 8",
    ),
    "store_then_load": (
        NEXT.format(barrier=""),
        "race on shared memory: thread [0-9]+ of block 0 .* which thread [0-9]+ ",
    ),
    # Orders the lanes of a warp, but not the two warps.
    "warp_barrier_between_warps": (
        NEXT.format(
            barrier="%all = llvm.mlir.constant(-1 : i32) : i32\nnvvm.bar.warp.sync %all : i32"
        ),
        "race on shared memory",
    ),
    "two_stores_of_different_values": (
        "%v = llvm.load %from : !llvm.ptr -> f32\nllvm.store %v, %out : f32, !llvm.ptr",
        "race on global memory: .* store different values to byte 0 of operand 1",
    ),
    "load_of_another_threads_store": (
        COPY + "%w = llvm.load %out : !llvm.ptr -> f32\nllvm.store %w, %to : f32, !llvm.ptr",
        "race on global memory: thread [0-9]+ of block 0 loads byte 0 of operand 1",
    ),
    "load_past_the_end": (
        "%past = llvm.getelementptr %from[64] : (!llvm.ptr) -> !llvm.ptr, f32\n"
        "%v = llvm.load %past : !llvm.ptr -> f32\nllvm.store %v, %to : f32, !llvm.ptr",
        "loads 4 bytes outside of the operands; .* 0: [0-9]+ of 256",
    ),
    "store_before_the_start": (
        "%v = llvm.load %from : !llvm.ptr -> f32\n"
        "%before = llvm.getelementptr %to[-1] : (!llvm.ptr) -> !llvm.ptr, f32\n"
        "llvm.store %v, %before : f32, !llvm.ptr",
        "stores 4 bytes outside of the operands that are written",
    ),
    "store_to_an_input": (
        "%v = llvm.load %from : !llvm.ptr -> f32\nllvm.store %v, %from : f32, !llvm.ptr",
        "stores 4 bytes outside of the operands that are written",
    ),
    "shared_past_the_end": (
        "%past = llvm.getelementptr %slot[64] : (!llvm.ptr<3>) -> !llvm.ptr<3>, f32\n"
        "%v = llvm.load %past : !llvm.ptr<3> -> f32\nllvm.store %v, %to : f32, !llvm.ptr",
        "loads 4 bytes at offset [0-9]+ of a shared memory of 256",
    ),
    "barrier_of_some_threads": (
        CONDITIONAL.format(then="nvvm.barrier0", join=COPY),
        "waits at a barrier that thread [0-9]+ of block 0 has ended without",
    ),
    "different_barriers": (
        "llvm.cond_br %first, ^then, ^else\n^then:\nnvvm.barrier0\nllvm.br ^join\n"
        "^else:\nnvvm.barrier0\nllvm.br ^join\n^join:\n" + COPY,
        "wait at different barriers",
    ),
    "barrier_beside_a_warp_instruction": (
        "%all = llvm.mlir.constant(-1 : i32) : i32\n"
        + CONDITIONAL.format(then="nvvm.barrier0", join="nvvm.bar.warp.sync %all : i32\n" + COPY),
        "waits at a warp instruction for lane 0, which does not come to it",
    ),
    "lane_outside_of_the_mask": (
        "%odd = llvm.mlir.constant(-2 : i32) : i32\nnvvm.bar.warp.sync %odd : i32\n" + COPY,
        "executes a warp instruction whose mask is without it",
    ),
    "trap": (
        CONDITIONAL.format(then='"llvm.intr.trap"() : () -> ()', join=COPY),
        "has come to a trap",
    ),
}


#: Loads of global memory are not recorded, only stores: an order in which the store comes first
#: shows the race.
SEEN_IN_SOME_ORDERS = {"load_of_another_threads_store"}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("order", ["all", "ascending", "descending", "shuffled"])
def test_a_fault_is_found(name: str, order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in SEEN_IN_SOME_ORDERS and order != "all":
        pytest.skip("the load comes before the store in some orders")
    monkeypatch.setenv("TORSHJIT_EMULATOR_ORDER", order)
    body, message = FAULTS[name]
    with pytest.raises(TorshError, match='kernel "k": .*' + message):
        run(body)


def test_blocks_are_not_ordered_by_barriers() -> None:
    body = "nvvm.barrier0\n%v = llvm.load %from : !llvm.ptr -> f32\n" + (
        "%b = llvm.sitofp %block : i32 to f32\n%s = llvm.fadd %v, %b : f32\n"
        "llvm.store %s, %to : f32, !llvm.ptr"
    )
    assert np.array_equal(run(body, blocks=1), INPUT)
    with pytest.raises(TorshError, match=r"of block [01] and thread .* store different values"):
        run(body, blocks=2)


def test_equal_values_may_be_stored_twice() -> None:
    body = "%c = llvm.mlir.constant(3.0 : f32) : f32\nllvm.store %c, %out : f32, !llvm.ptr"
    assert run(body, blocks=2, size=1)[0] == 3


def test_results_must_not_depend_on_the_order() -> None:
    # Each thread adds its number to those that came before it: no race for a GPU's memory model,
    # but its result is not defined.
    body = """
%v = llvm.load %from : !llvm.ptr -> f32
%sum = llvm.atomicrmw fadd %out, %v monotonic : !llvm.ptr, f32
%bits = llvm.bitcast %sum : f32 to i32
%odd = llvm.getelementptr %out[1] : (!llvm.ptr) -> !llvm.ptr, f32
%mark = llvm.atomicrmw _xor %odd, %bits monotonic : !llvm.ptr, i32
"""
    with pytest.raises(TorshError, match="operand 1 depends on the order in which threads run"):
        run(body)


def test_shared_memory_starts_without_contents() -> None:
    result = run("%v = llvm.load %slot : !llvm.ptr<3> -> f32\nllvm.store %v, %to : f32, !llvm.ptr")
    assert np.isnan(result).all()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("nvvm.setmaxregister increase 96", "not known to the CUDA emulator"),
        ("nvvm.barrier id = %one", "barrier 0 only"),
        ('llvm.inline_asm has_side_effects "nanosleep.u32 10;", "" : () -> ()', "not known"),
    ],
)
def test_unknown_instructions_are_named(body: str, message: str) -> None:
    with pytest.raises(MLIRError, match=message):
        run(body)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("TORSHJIT_EMULATOR_ORDER", "sideways"), ("TORSHJIT_EMULATOR_GRID_LIMIT", "0")],
)
def test_settings_are_checked(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(TorshError, match=variable):
        run(COPY)


def test_a_failed_launch_leaves_the_emulator_usable() -> None:
    for _ in range(3):
        with pytest.raises(TorshError, match="different barriers"):
            run(FAULTS["different_barriers"][0])
        assert np.array_equal(run(COPY), INPUT)


def test_a_saved_program_is_for_processors_with_the_same_features() -> None:
    from torshjit import targets

    kind = targets.find("cuda-emulated")
    requirements = kind.requirements()
    kind.check_requirements(requirements)
    with pytest.raises(LoadError, match="lacks avx1024"):
        kind.check_requirements({**requirements, "cpu_features": ["avx1024"]})
