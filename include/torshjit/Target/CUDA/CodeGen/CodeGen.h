// SPDX-License-Identifier: Apache-2.0
// From the NVVM dialect to PTX, with LLVM alone: no GPU, no driver, no toolkit.

#ifndef TORSHJIT_TARGET_CUDA_CODEGEN_CODEGEN_H
#define TORSHJIT_TARGET_CUDA_CODEGEN_CODEGEN_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace llvm {
class Module;
} // namespace llvm

namespace mlir::torsh::cuda {

/// A compute capability to compile for.
struct Architecture {
  /// As ptxas calls it: sm_80, sm_90a.
  llvm::StringLiteral name;
  /// The oldest version of PTX that has what is emitted, in LLVM's terms: newer
  /// ones are refused by older drivers.
  llvm::StringLiteral features;
  /// Ten times the compute capability.
  int64_t capability;

  /// What `name` says; empty is sm_80, which every GPU since 2020 runs. Fails, and
  /// lists what is known, for any other.
  static llvm::Expected<Architecture> parse(llvm::StringRef name);
};

/// The PTX of each gpu.module of a module that the phase nvvm left, in order. Up to
/// `threads` are compiled at a time. Fails where a function has to come from
/// libdevice (`libdevice` is its path, or empty) and that is not to be found.
llvm::Expected<std::vector<std::string>> generatePTX(ModuleOp module,
                                                     const Architecture &architecture,
                                                     llvm::StringRef libdevice, int64_t threads);

/// Where libdevice.10.bc, NVIDIA's library of mathematics, lies: what TORSHJIT_LIBDEVICE
/// names, or in the toolkit of CUDA_HOME, of CUDA_PATH or of /usr/local/cuda. Empty
/// where it is in none.
std::string findLibdevice();

/// Links what `module` uses of libdevice into it; does nothing where that is nothing.
llvm::Error linkLibdevice(llvm::Module &module, llvm::StringRef libdevice);

} // namespace mlir::torsh::cuda

#endif // TORSHJIT_TARGET_CUDA_CODEGEN_CODEGEN_H
