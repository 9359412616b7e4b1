// SPDX-License-Identifier: Apache-2.0

#ifndef TORSH_CUDA_EMULATION_PASSES_TD
#define TORSH_CUDA_EMULATION_PASSES_TD

include "mlir/Pass/PassBase.td"

def EmulateNVVMPass : Pass<"torsh-cuda-emulate-nvvm", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Makes kernels of the NVVM dialect run on the processor, in the emulator";
  let description = [{
    Every NVVM operation becomes a load from the emulated thread or a call through
    its table of functions (`Runtime/Emulator/EmulatorABI.h`); one that the emulator
    does not know is an error. Shared memory becomes the block's, of which each
    kernel says the size (`torsh.shared_bytes`). Before every load and store but
    those of a thread's own stack the emulator is called, which looks for races.
    Calls of libdevice become calls of the C library. A kernel's entry is that of
    the emulator's ABI: pointers, sizes, thread.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // TORSH_CUDA_EMULATION_PASSES_TD
