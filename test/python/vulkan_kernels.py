# SPDX-License-Identifier: Apache-2.0
"""Hand-written SPIR-V kernels and their bundles, for the tests of the Vulkan device."""

from __future__ import annotations

import base64
import functools
import json
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

THREADS = 64

#: SPIR-V's type, its bytes and the capabilities it needs in a storage buffer.
TYPES = {
    "i8": ("OpTypeInt 8 0", 1, ["Int8", "StorageBuffer8BitAccess"]),
    "i16": ("OpTypeInt 16 0", 2, ["Int16", "StorageBuffer16BitAccess"]),
    "i32": ("OpTypeInt 32 0", 4, []),
    "i64": ("OpTypeInt 64 0", 8, ["Int64"]),
    "f16": ("OpTypeFloat 16", 2, ["Float16", "StorageBuffer16BitAccess"]),
    "f32": ("OpTypeFloat 32", 4, []),
    "f64": ("OpTypeFloat 64", 8, ["Float64"]),
}


def have_assembler() -> bool:
    return shutil.which("spirv-as") is not None


@functools.cache
def assemble(text: str) -> bytes:
    """SPIR-V's binary form of its assembly."""
    command = ["spirv-as", "--target-env", "vulkan1.1", "-", "-o", "-"]
    result = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def _module(
    name: str,
    dtype: str,
    bindings: int,
    body: str,
    declarations: str = "",
    sizes: bool = True,
    interface: str = "",
) -> str:
    """A module with one entry over `bindings` buffers of `dtype` and, last, the sizes."""
    spelled, width, capabilities = TYPES[dtype]
    element = "%uint" if dtype == "i32" else "%element"
    buffers = [(f"%p{i}", "%buffer") for i in range(bindings)]
    if sizes:
        buffers.append(("%sizes", "%sizes_buffer"))
    lines = [f"OpCapability {each}" for each in ["Shader", *capabilities]]
    lines += [
        'OpExtension "SPV_KHR_storage_buffer_storage_class"',
        'OpExtension "SPV_KHR_16bit_storage"',
        'OpExtension "SPV_KHR_8bit_storage"',
        "OpMemoryModel Logical GLSL450",
        f'OpEntryPoint GLCompute %main "torsh_kernel_{name}" '
        f"%global_id %local_id %groups {interface}",
        f"OpExecutionMode %main LocalSize {THREADS} 1 1",
        "OpDecorate %global_id BuiltIn GlobalInvocationId",
        "OpDecorate %local_id BuiltIn LocalInvocationId",
        "OpDecorate %groups BuiltIn NumWorkgroups",
        f"OpDecorate %array ArrayStride {width}",
        "OpDecorate %buffer Block",
        "OpMemberDecorate %buffer 0 Offset 0",
        "OpDecorate %sizes_array ArrayStride 4",
        "OpDecorate %sizes_buffer Block",
        "OpMemberDecorate %sizes_buffer 0 Offset 0",
    ]
    for number, (variable, _) in enumerate(buffers):
        lines += [
            f"OpDecorate {variable} DescriptorSet 0",
            f"OpDecorate {variable} Binding {number}",
        ]
    lines += [
        "%void = OpTypeVoid",
        "%function = OpTypeFunction %void",
        "%bool = OpTypeBool",
        "%uint = OpTypeInt 32 0",
        "%uint3 = OpTypeVector %uint 3",
        "%input3 = OpTypePointer Input %uint3",
        "%input1 = OpTypePointer Input %uint",
        "%global_id = OpVariable %input3 Input",
        "%local_id = OpVariable %input3 Input",
        "%groups = OpVariable %input3 Input",
        *([] if dtype == "i32" else [f"%element = {spelled}"]),
        f"%array = OpTypeRuntimeArray {element}",
        "%buffer = OpTypeStruct %array",
        "%to_buffer = OpTypePointer StorageBuffer %buffer",
        f"%to_element = OpTypePointer StorageBuffer {element}",
        "%sizes_array = OpTypeRuntimeArray %uint",
        "%sizes_buffer = OpTypeStruct %sizes_array",
        "%to_sizes = OpTypePointer StorageBuffer %sizes_buffer",
        *(["%to_uint = OpTypePointer StorageBuffer %uint"] if dtype != "i32" else []),
        "%c0 = OpConstant %uint 0",
        "%c1 = OpConstant %uint 1",
        f"%threads = OpConstant %uint {THREADS}",
    ]
    for variable, kind in buffers:
        pointer = "%to_buffer" if kind == "%buffer" else "%to_sizes"
        lines.append(f"{variable} = OpVariable {pointer} StorageBuffer")
    to_uint = "%to_element" if dtype == "i32" else "%to_uint"
    text = "\n".join([*lines, declarations, "%main = OpFunction %void None %function", body])
    return text.replace("ELEMENT", element).replace("TO_UINT", to_uint) + "\nOpFunctionEnd\n"


#: for (i = global id; i < sizes[0]; i += groups * THREADS) BODY
_GRID_STRIDE = """
%entry = OpLabel
%id_pointer = OpAccessChain %input1 %global_id %c0
%first = OpLoad %uint %id_pointer
%groups_pointer = OpAccessChain %input1 %groups %c0
%number = OpLoad %uint %groups_pointer
%stride = OpIMul %uint %number %threads
%size_pointer = OpAccessChain TO_UINT %sizes %c0 %c0
%size = OpLoad %uint %size_pointer
OpBranch %head
%head = OpLabel
%i = OpPhi %uint %first %entry %following %next
%inside = OpULessThan %bool %i %size
OpLoopMerge %done %next None
OpBranchConditional %inside %step %done
%step = OpLabel
BODY
OpBranch %next
%next = OpLabel
%following = OpIAdd %uint %i %stride
OpBranch %head
%done = OpLabel
OpReturn
"""


def add(dtype: str, name: str = "add") -> str:
    """p2[i] = p0[i] + p1[i] for i below sizes[0]."""
    operation = "OpFAdd" if dtype.startswith("f") else "OpIAdd"
    body = f"""
%a_pointer = OpAccessChain %to_element %p0 %c0 %i
%b_pointer = OpAccessChain %to_element %p1 %c0 %i
%c_pointer = OpAccessChain %to_element %p2 %c0 %i
%a = OpLoad ELEMENT %a_pointer
%b = OpLoad ELEMENT %b_pointer
%c = {operation} ELEMENT %a %b
OpStore %c_pointer %c"""
    return _module(name, dtype, 3, _GRID_STRIDE.replace("BODY", body))


def fill(name: str, value: int | None = None) -> str:
    """p0[i] = sizes[1], or a constant, as i32 for i below sizes[0]."""
    source = (
        "%v_pointer = OpAccessChain TO_UINT %sizes %c0 %c1\n%v = OpLoad %uint %v_pointer"
        if value is None
        else "%v = OpIAdd %uint %constant %c0"
    )
    body = f"""
%a_pointer = OpAccessChain %to_element %p0 %c0 %i
{source}
OpStore %a_pointer %v"""
    declarations = f"%constant = OpConstant %uint {value or 0}"
    return _module(name, "i32", 1, _GRID_STRIDE.replace("BODY", body), declarations)


def reversed_in_groups(name: str = "reverse") -> str:
    """p1 = p0 with each group of THREADS i32 elements reversed, through workgroup memory."""
    declarations = f"""
%last = OpConstant %uint {THREADS - 1}
%scope = OpConstant %uint 2
%semantics = OpConstant %uint 264
%shared_array = OpTypeArray %uint %threads
%to_shared = OpTypePointer Workgroup %shared_array
%to_shared_uint = OpTypePointer Workgroup %uint
%shared = OpVariable %to_shared Workgroup"""
    body = """
%entry = OpLabel
%id_pointer = OpAccessChain %input1 %global_id %c0
%i = OpLoad %uint %id_pointer
%local_pointer = OpAccessChain %input1 %local_id %c0
%local = OpLoad %uint %local_pointer
%a_pointer = OpAccessChain %to_element %p0 %c0 %i
%a = OpLoad %uint %a_pointer
%mine = OpAccessChain %to_shared_uint %shared %local
OpStore %mine %a
OpControlBarrier %scope %scope %semantics
%opposite = OpISub %uint %last %local
%theirs = OpAccessChain %to_shared_uint %shared %opposite
%b = OpLoad %uint %theirs
%b_pointer = OpAccessChain %to_element %p1 %c0 %i
OpStore %b_pointer %b
OpReturn"""
    return _module(name, "i32", 2, body, declarations, sizes=False)


def kernel(
    operands: Sequence[tuple[str, str]], sizes: int, variants: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """A row of a bundle's kernels."""
    return {
        "operands": [{"dtype": dtype, "access": access} for dtype, access in operands],
        "sizes": sizes,
        "variants": list(variants),
    }


def variant(entry: str, module: int, grid: Sequence[Sequence[int]], **more: Any) -> dict[str, Any]:
    return {
        "entry": f"torsh_kernel_{entry}",
        "module": module,
        "threads": THREADS,
        "shared_bytes": 0,
        "grid": [list(factor) for factor in grid],
        **more,
    }


def bundle(kernels: dict[str, Any], modules: Sequence[str], target: str = "vulkan") -> bytes:
    """A kernel bundle with the modules assembled."""
    return json.dumps(
        {
            "version": 1,
            "target": target,
            "kernels": kernels,
            "modules": [
                {"spirv": base64.b64encode(assemble(module)).decode()} for module in modules
            ],
        }
    ).encode()


def add_bundle(dtype: str = "f32") -> bytes:
    """The kernel `add`."""
    operands = [(dtype, "read"), (dtype, "read"), (dtype, "write")]
    row = kernel(operands, 1, [variant("add", 0, [[THREADS, -1]])])
    return bundle({"add": row}, [add(dtype)])
