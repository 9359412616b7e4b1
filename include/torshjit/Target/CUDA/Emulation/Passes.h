// SPDX-License-Identifier: Apache-2.0
// From the NVVM dialect to LLVM dialect that runs on the processor.

#ifndef TORSHJIT_TARGET_CUDA_EMULATION_PASSES_H
#define TORSHJIT_TARGET_CUDA_EMULATION_PASSES_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/Pass.h"

namespace mlir::torsh {

#define GEN_PASS_DECL
#include "torshjit/Target/CUDA/Emulation/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "torshjit/Target/CUDA/Emulation/Passes.h.inc"

} // namespace mlir::torsh

#endif // TORSHJIT_TARGET_CUDA_EMULATION_PASSES_H
