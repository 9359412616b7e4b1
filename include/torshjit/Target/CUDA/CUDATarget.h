// SPDX-License-Identifier: Apache-2.0
// NVIDIA GPUs as a target.

#ifndef TORSHJIT_TARGET_CUDA_CUDATARGET_H
#define TORSHJIT_TARGET_CUDA_CUDATARGET_H

#include "torshjit/Target/Target.h"

namespace mlir::torsh::cuda {

/// Kernels as PTX. What runs the same kernels elsewhere is derived from it, with
/// phases and device IR of its own making left alone.
class CUDATarget : public Target {
public:
  llvm::StringRef getName() const override { return "cuda"; }
  llvm::StringRef getSentence() const override;
  llvm::Error checkArchitecture(llvm::StringRef architecture) const override;
  llvm::ArrayRef<Phase> getPhases() const override;
  void buildPhase(size_t number, OpPassManager &pm, const CompileOptions &options) const override;
  llvm::ArrayRef<Artifact> getArtifacts() const override;
  llvm::Expected<std::string> printArtifact(ModuleOp module, llvm::StringRef name,
                                            const CompileOptions &options) const override;
  std::string describeKernels(ModuleOp module, const CompileOptions &options) const override;
  llvm::Expected<std::unique_ptr<KernelCode>>
  generate(ModuleOp module, llvm::StringRef description,
           const CompileOptions &options) const override;
  void registerDialects(DialectRegistry &registry) const override;
};

std::unique_ptr<Target> createTarget();

} // namespace mlir::torsh::cuda

#endif // TORSHJIT_TARGET_CUDA_CUDATARGET_H
