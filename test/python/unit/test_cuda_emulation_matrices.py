# SPDX-License-Identifier: Apache-2.0
"""The CUDA emulator's matrix instructions and asynchronous copies mean what PTX says."""

from __future__ import annotations

import numpy as np
import pytest

ml_dtypes = pytest.importorskip("ml_dtypes")
pytest.importorskip("torshjit._compiler")

from emulated_kernels import run_kernel  # noqa: E402

from torshjit.errors import TorshError  # noqa: E402

I32, F32 = np.int32, np.float32
VALUES = np.arange(3, 35, dtype=I32)


def matrices(dtype: str, depth: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    kinds = {"f16": np.float16, "bf16": ml_dtypes.bfloat16, "tf32": F32}
    a = generator.standard_normal((16, depth)).astype(kinds[dtype])
    b = generator.standard_normal((depth, 8)).astype(kinds[dtype])
    c = generator.standard_normal((16, 8)).astype(F32)
    if dtype == "tf32":
        a, b = ((x.view(I32) & ~0x1FFF).view(F32) for x in (a, b))
    return a, b, c


def registers(name: str, pointer: str, offsets: list[str], type_: str = "i32") -> str:
    """Loads %<name>0, ... from words of 32 bits at offsets that are i64 values."""
    return "\n".join(
        f"%{name}p{i} = llvm.getelementptr {pointer}[{offset}] "
        f": (!llvm.ptr, i64) -> !llvm.ptr, i32\n"
        f"%{name}{i} = llvm.load %{name}p{i} : !llvm.ptr -> {type_}"
        for i, offset in enumerate(offsets)
    )


#: The group of four lanes, and the lane in it, as i64.
QUAD = """
%two = llvm.mlir.constant(2 : i64) : i64
%three = llvm.mlir.constant(3 : i64) : i64
%wide = llvm.sext %tid : i32 to i64
%group = llvm.lshr %wide, %two : i64
%lane = llvm.and %wide, %three : i64
"""


def offset(name: str, row: str, pitch: int, column: int, row_plus: int = 0) -> str:
    """%<name> = (row + row_plus) * pitch + column + the lane in its group."""
    return f"""
%{name}r = llvm.mlir.constant({row_plus} : i64) : i64
%{name}s = llvm.add {row}, %{name}r : i64
%{name}p = llvm.mlir.constant({pitch} : i64) : i64
%{name}m = llvm.mul %{name}s, %{name}p : i64
%{name}c = llvm.mlir.constant({column} : i64) : i64
%{name}a = llvm.add %{name}m, %{name}c : i64
%{name} = llvm.add %{name}a, %lane : i64"""


@pytest.mark.parametrize("dtype", ["f16", "bf16", "tf32"])
def test_matrix_product(dtype: str) -> None:
    """The fragments' places are written here as the PTX manual has them."""
    depth = 8 if dtype == "tf32" else 16
    a, b, c = matrices(dtype, depth)
    words = depth if dtype == "tf32" else depth // 2
    half = words // 2
    # Register i of A: rows group, group + 8, and again in the second half of the depth.
    parts = [QUAD]
    parts += [
        offset(f"oa{i}", "%group", words, i // 2 * half, row_plus=i % 2 * 8) for i in range(4)
    ]
    parts += [offset(f"ob{i}", "%group", words, i * half) for i in range(2)]
    # The accumulator has two neighbouring columns in each of two rows.
    for i in range(2):
        parts.append(offset(f"oq{i}", "%group", 4, 0, row_plus=i * 8))
        parts.append(f"%oc{2 * i} = llvm.mul %oq{i}, %two : i64")
        parts.append(f"%one{i} = llvm.mlir.constant(1 : i64) : i64")
        parts.append(f"%oc{2 * i + 1} = llvm.add %oc{2 * i}, %one{i} : i64")
    parts.append(registers("a", "%x0", [f"%oa{i}" for i in range(4)]))
    parts.append(registers("b", "%x1", [f"%ob{i}" for i in range(2)]))
    parts.append(registers("c", "%x2", [f"%oc{i}" for i in range(4)], "f32"))
    operands, type_ = {name: f"%{name}" for name in "ab"}, "i32"
    if dtype == "f16":
        type_ = "vector<2xf16>"
        parts += [
            f"%v{name} = llvm.bitcast %{name} : i32 to vector<2xf16>"
            for name in ["a0", "a1", "a2", "a3", "b0", "b1"]
        ]
        operands = {name: f"%v{name}" for name in "ab"}
    left = ", ".join(f"{operands['a']}{i}" for i in range(4))
    right = ", ".join(f"{operands['b']}{i}" for i in range(2))
    parts.append(f"""
%d = nvvm.mma.sync A[{left}] B[{right}] C[%c0, %c1, %c2, %c3]
    {{layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>,
      multiplicandAPtxType = #nvvm.mma_type<{dtype}>,
      multiplicandBPtxType = #nvvm.mma_type<{dtype}>,
      shape = #nvvm.shape<m = 16, n = 8, k = {depth}>}}
    : ({type_}, {type_}, f32) -> !llvm.struct<(f32, f32, f32, f32)>""")
    for i in range(4):
        parts.append(f"%e{i} = llvm.extractvalue %d[{i}] : !llvm.struct<(f32, f32, f32, f32)>")
        parts.append(
            f"%t{i} = llvm.getelementptr %out[%oc{i}] : (!llvm.ptr, i64) -> !llvm.ptr, f32"
        )
        parts.append(f"llvm.store %e{i}, %t{i} : f32, !llvm.ptr")
    by_columns = np.ascontiguousarray(b.T)
    inputs = [np.ascontiguousarray(x).view(I32).reshape(-1) for x in (a, by_columns)]
    result = run_kernel("\n".join(parts), [*inputs, c], np.zeros((16, 8), F32))
    expected = a.astype(np.float64) @ b.astype(np.float64) + c
    np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_load_matrix(count: int, transposed: bool) -> None:
    """Through cp.async; lane i of each eight gives the row i of its matrix."""
    source = np.arange(32 * 8, dtype=np.int16).view(I32)
    struct = "i32" if count == 1 else f"!llvm.struct<({', '.join(['i32'] * count)})>"
    layout = "col" if transposed else "row"
    body = f"""{QUAD}
%sixteen = llvm.mlir.constant(16 : i64) : i64
%bytes = llvm.mul %wide, %sixteen : i64
%row = llvm.getelementptr %shared[%bytes] : (!llvm.ptr<3>, i64) -> !llvm.ptr<3>, i8
%from = llvm.getelementptr %x0[%bytes] : (!llvm.ptr, i64) -> !llvm.ptr, i8
%global = llvm.addrspacecast %from : !llvm.ptr to !llvm.ptr<1>
nvvm.cp.async.shared.global %row, %global, 16, cache = cg : !llvm.ptr<3>, !llvm.ptr<1>
nvvm.cp.async.commit.group
nvvm.cp.async.wait.group 0
nvvm.barrier0
%m = nvvm.ldmatrix %row {{num = {count} : i32, layout = #nvvm.mma_layout<{layout}>,
    shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>}}
    : (!llvm.ptr<3>) -> {struct}
%count = llvm.mlir.constant({count} : i64) : i64
%first = llvm.mul %wide, %count : i64"""
    for i in range(count):
        value = "%m" if count == 1 else f"%r{i}"
        if count > 1:
            body += f"\n%r{i} = llvm.extractvalue %m[{i}] : {struct}"
        body += f"""
%i{i} = llvm.mlir.constant({i} : i64) : i64
%o{i} = llvm.add %first, %i{i} : i64
%t{i} = llvm.getelementptr %out[%o{i}] : (!llvm.ptr, i64) -> !llvm.ptr, i32
llvm.store {value}, %t{i} : i32, !llvm.ptr"""
    result = run_kernel(body, [source], np.zeros((32, count), I32), shared=512)
    blocks = source.view(np.int16).reshape(4, 8, 8)[:count]
    if transposed:
        blocks = blocks.transpose(0, 2, 1)
    # Lane l has elements 2 * (l % 4) and the next of row l / 4, of each matrix.
    expected = np.ascontiguousarray(blocks).reshape(count, 32, 2).transpose(1, 0, 2)
    assert np.array_equal(result.view(np.int16).reshape(32, count, 2), expected)


@pytest.mark.parametrize("missing", ["wait", "barrier"])
def test_a_copy_must_be_waited_for(missing: str) -> None:
    wait = "" if missing == "wait" else "nvvm.cp.async.wait.group 0"
    barrier = "" if missing == "barrier" else "nvvm.barrier0"
    body = f"""
%wide = llvm.sext %tid : i32 to i64
%slot = llvm.getelementptr %shared[%wide] : (!llvm.ptr<3>, i64) -> !llvm.ptr<3>, i32
%from = llvm.getelementptr %x0[%wide] : (!llvm.ptr, i64) -> !llvm.ptr, i32
%to = llvm.getelementptr %out[%wide] : (!llvm.ptr, i64) -> !llvm.ptr, i32
%global = llvm.addrspacecast %from : !llvm.ptr to !llvm.ptr<1>
nvvm.cp.async.shared.global %slot, %global, 4, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>
nvvm.cp.async.commit.group
{wait}
{barrier}
%v = llvm.load %shared : !llvm.ptr<3> -> i32
llvm.store %v, %to : i32, !llvm.ptr"""
    message = "without having waited for" if missing == "wait" else "with no barrier since"
    with pytest.raises(TorshError, match=message):
        run_kernel(body, [VALUES], np.zeros(32, I32), shared=128)
