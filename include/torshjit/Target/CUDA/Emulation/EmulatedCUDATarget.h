// SPDX-License-Identifier: Apache-2.0
// The CUDA kernels on this machine's processor, as a target.

#ifndef TORSHJIT_TARGET_CUDA_EMULATION_EMULATEDCUDATARGET_H
#define TORSHJIT_TARGET_CUDA_EMULATION_EMULATEDCUDATARGET_H

#include "torshjit/Target/CUDA/CUDATarget.h"

namespace mlir::torsh::cuda {

/// The kernels of the CUDA target with its phases and its PTX; the code is the
/// NVVM dialect's operations made into calls of the runtime's emulator.
class EmulatedCUDATarget : public CUDATarget {
public:
  llvm::StringRef getName() const override { return "cuda-emulated"; }
  llvm::StringRef getSentence() const override;
  llvm::Expected<std::unique_ptr<KernelCode>>
  generate(ModuleOp module, llvm::StringRef description,
           const CompileOptions &options) const override;
};

std::unique_ptr<Target> createEmulatedTarget();

} // namespace mlir::torsh::cuda

#endif // TORSHJIT_TARGET_CUDA_EMULATION_EMULATEDCUDATARGET_H
