# SPDX-License-Identifier: Apache-2.0
"""The CUDA emulator's instructions mean what PTX says."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("torshjit._compiler")

from emulated_kernels import run_kernel

from torshjit.errors import TorshError

I32, F32 = np.int32, np.float32
LANES = np.arange(32, dtype=I32)
VALUES = (LANES * 7 + 3).astype(I32)

MINE = """
%wide = llvm.sext %tid : i32 to i64
%from = llvm.getelementptr %x0[%wide] : (!llvm.ptr, i64) -> !llvm.ptr, i32
%to = llvm.getelementptr %out[%wide] : (!llvm.ptr, i64) -> !llvm.ptr, i32
%all = llvm.mlir.constant(-1 : i32) : i32
%v = llvm.load %from : !llvm.ptr -> i32
"""
STORE = "llvm.store %r, %to : i32, !llvm.ptr"


def shuffled(kind: str, offset: int, clamp: int) -> np.ndarray:
    body = f"""{MINE}
%offset = llvm.mlir.constant({offset} : i32) : i32
%clamp = llvm.mlir.constant({clamp} : i32) : i32
%r = nvvm.shfl.sync {kind} %all, %v, %offset, %clamp : i32 -> i32
{STORE}"""
    return run_kernel(body, [VALUES], np.zeros(32, I32))


@pytest.mark.parametrize("offset", [0, 1, 5, 16, 31])
@pytest.mark.parametrize("width", [32, 8])
def test_shuffle(offset: int, width: int) -> None:
    """As CUDA defines __shfl_sync and its kin for a width: lanes out of range keep their value."""
    first = LANES // width * width
    mask = (32 - width) << 8
    down = np.where(LANES + offset < first + width, LANES + offset, LANES)
    up = np.where(LANES - offset >= first, LANES - offset, LANES)
    across = np.where((LANES ^ offset) < first + width, LANES ^ offset, LANES)
    for kind, clamp, source in [
        ("down", mask | 31, down),
        ("up", mask, up),
        ("bfly", mask | 31, across),
        ("idx", mask | 31, first + offset % width),
    ]:
        if kind == "bfly" and offset >= width:
            continue  # reads another segment: what CUDA gives is what PTX computes, not a rule
        assert np.array_equal(shuffled(kind, offset, clamp), VALUES[source]), kind


def test_shuffle_says_whether_the_source_was_in_range() -> None:
    body = f"""{MINE}
%offset = llvm.mlir.constant(20 : i32) : i32
%clamp = llvm.mlir.constant(31 : i32) : i32
%f = llvm.bitcast %v : i32 to f32
%pair = nvvm.shfl.sync down %all, %f, %offset, %clamp {{return_value_and_is_valid}}
    : f32 -> !llvm.struct<(f32, i1)>
%valid = llvm.extractvalue %pair[1] : !llvm.struct<(f32, i1)>
%r = llvm.zext %valid : i1 to i32
{STORE}"""
    assert run_kernel(body, [VALUES], np.zeros(32, I32)).tolist() == [1] * 12 + [0] * 20


def test_shuffle_from_a_lane_that_takes_no_part() -> None:
    body = f"""{MINE}
%half = llvm.mlir.constant(65535 : i32) : i32
%sixteen = llvm.mlir.constant(16 : i32) : i32
%clamp = llvm.mlir.constant(31 : i32) : i32
%low = llvm.icmp "ult" %tid, %sixteen : i32
llvm.cond_br %low, ^then, ^join
^then:
%r = nvvm.shfl.sync down %half, %v, %sixteen, %clamp : i32 -> i32
{STORE}
llvm.br ^join
^join:"""
    with pytest.raises(TorshError, match="shuffles from lane 16, which takes no part"):
        run_kernel(body, [VALUES], np.zeros(32, I32))


@pytest.mark.parametrize(
    ("kind", "type_", "expected"),
    [("ballot", "i32", 0x1FF), ("any", "i1", 1), ("all", "i1", 0), ("uni", "i1", 0)],
)
def test_vote(kind: str, type_: str, expected: int) -> None:
    widen = "%r = llvm.zext %b : i1 to i32" if type_ == "i1" else "%r = llvm.add %b, %none : i32"
    body = f"""{MINE}
%none = llvm.mlir.constant(0 : i32) : i32
%nine = llvm.mlir.constant(9 : i32) : i32
%low = llvm.icmp "ult" %tid, %nine : i32
%b = nvvm.vote.sync {kind} %all, %low -> {type_}
{widen}
{STORE}"""
    assert run_kernel(body, [VALUES], np.zeros(32, I32)).tolist() == [expected] * 32


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("add", int(VALUES.sum())),
        ("min", int(VALUES.min())),
        ("max", int(VALUES.max())),
        ("and", int(np.bitwise_and.reduce(VALUES))),
        ("or", int(np.bitwise_or.reduce(VALUES))),
        ("xor", int(np.bitwise_xor.reduce(VALUES))),
    ],
)
def test_reduce(kind: str, expected: int) -> None:
    body = f"{MINE}%r = nvvm.redux.sync {kind} %v, %all : i32 -> i32\n{STORE}"
    assert run_kernel(body, [VALUES], np.zeros(32, I32)).tolist() == [expected] * 32


def test_registers() -> None:
    """Threads of the second block of two, in their second warp."""
    body = """
%lane = nvvm.read.ptx.sreg.laneid : i32
%warp = nvvm.read.ptx.sreg.warpid : i32
%size = nvvm.read.ptx.sreg.ntid.x : i32
%grid = nvvm.read.ptx.sreg.nctaid.x : i32
%row = llvm.mul %block, %size : i32
%index = llvm.add %row, %tid : i32
%wide = llvm.sext %index : i32 to i64
%c = llvm.mlir.constant(100 : i32) : i32
%a = llvm.mul %warp, %c : i32
%b = llvm.add %a, %lane : i32
%d = llvm.mul %grid, %c : i32
%e = llvm.mul %d, %c : i32
%r = llvm.add %b, %e : i32
%to = llvm.getelementptr %out[%wide] : (!llvm.ptr, i64) -> !llvm.ptr, i32
llvm.store %r, %to : i32, !llvm.ptr"""
    result = run_kernel(body, [], np.zeros(96, I32), threads=48, blocks=2)
    index = np.arange(96) % 48
    assert np.array_equal(result, 20000 + index // 32 * 100 + index % 32)


@pytest.mark.parametrize(
    ("function", "reference"),
    [
        ("exp", math.exp),
        ("fast_exp", math.exp),
        ("sin", math.sin),
        ("tanh", math.tanh),
        ("log1p", math.log1p),
        ("rsqrt", lambda x: 1 / math.sqrt(x)),
        ("erf", math.erf),
    ],
)
def test_libdevice(function: str, reference) -> None:
    x = np.linspace(0.01, 9, 32, dtype=F32)
    body = f"""
%wide = llvm.sext %tid : i32 to i64
%from = llvm.getelementptr %x0[%wide] : (!llvm.ptr, i64) -> !llvm.ptr, f32
%to = llvm.getelementptr %out[%wide] : (!llvm.ptr, i64) -> !llvm.ptr, f32
%v = llvm.load %from : !llvm.ptr -> f32
%r = llvm.call @__nv_{function}f(%v) : (f32) -> f32
llvm.store %r, %to : f32, !llvm.ptr"""
    result = run_kernel(body, [x], np.zeros(32, F32), function=f"__nv_{function}f")
    expected = np.array([reference(float(value)) for value in x])
    assert (np.abs(result - expected) <= 2 * np.spacing(np.abs(expected).astype(F32))).all()
