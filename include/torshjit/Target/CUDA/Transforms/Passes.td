// SPDX-License-Identifier: Apache-2.0

#ifndef TORSH_CUDA_PASSES_TD
#define TORSH_CUDA_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerCUDASignaturesPass : Pass<"torsh-cuda-lower-signatures", "::mlir::gpu::GPUFuncOp"> {
  let summary = "Gives kernels bare pointers, and says what is known of them";
  let description = [{
    Each memref argument becomes one without axes (a pointer), of which the memref
    is rebuilt at the top of the kernel. The pointers overlap nothing that is
    written (`llvm.noalias`), inputs are only read (`llvm.readonly`), and all are
    aligned as the kernel demands, or at least for an element (`llvm.align`): with
    the three, adjacent loads become one of 128 bits through the read-only cache.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::LLVM::LLVMDialect"];
}

def VectorizeAccessesPass : Pass<"torsh-cuda-vectorize-accesses", "::mlir::gpu::GPUFuncOp"> {
  let summary = "Merges neighbouring accesses of a thread into one of up to 128 bits";
  let description = [{
    Loads of one operand in a block whose indices differ by constants become a
    `vector.load` where the first of them is; stores become a `vector.store` where
    the last is; stores to workgroup memory likewise. Accesses of operands only in
    kernels that demand aligned pointers (`torsh.alignment`), and all only where the
    lowest index is known to be a multiple of the width: from the steps of loops,
    multiplications, and the divisibility that the kernel demands of its sizes
    (`torsh.divisible`).

    LLVM's vectoriser of loads and stores does the same late, and fails where an
    index is a remainder or a function with branches has been inlined in between.
  }];
  let dependentDialects = ["::mlir::vector::VectorDialect"];
}

def CopyAsynchronouslyPass : Pass<"torsh-cuda-copy-asynchronously", "::mlir::gpu::GPUFuncOp"> {
  let summary = "Copies staged tiles to workgroup memory in the background";
  let description = [{
    A vector of 4, 8 or 16 bytes that is loaded from an operand only to be stored to
    workgroup memory becomes a `cp.async`, where the store is marked as part of a
    group that is committed and waited for (`torsh.async_copy`). It passes through no
    register, and the thread goes on at once.
  }];
  let dependentDialects = ["::mlir::nvgpu::NVGPUDialect"];
}

def ExpandCUDAMathPass : Pass<"torsh-cuda-expand-math", "::mlir::gpu::GPUFuncOp"> {
  let summary = "Expands functions of f32 for which the hardware has no instruction";
  let description = [{
    `exp` becomes the hardware's power of two of an argument reduced with both
    halves of log2(e); `log`, `log1p`, `expm1`, `tanh` and `erf` become polynomials.
    All are within a few units in the last place over the whole of f32. What is
    not expanded (trigonometry, `powf`, all of f64) is a call of libdevice later.

    With `fast`, `exp` is one multiplication and one instruction, `tanh` one
    instruction, and divisions and square roots are the hardware's approximations.
  }];
  let options = [
    Option<"fast", "fast", "bool", "false", "Whether results may be less exact">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::vector::VectorDialect"];
}

def ConvertToNVVMPass : Pass<"torsh-cuda-convert-to-nvvm", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Converts kernels to the NVVM dialect";
  let description = [{
    What has an instruction becomes that or LLVM's intrinsic for it; the rest of
    the math dialect becomes calls of libdevice. Indices have 64 bits. A kernel's
    threads are stated as required (`nvvm.reqntid`); its `torsh.` attributes stay.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect"];
}

#endif // TORSH_CUDA_PASSES_TD
