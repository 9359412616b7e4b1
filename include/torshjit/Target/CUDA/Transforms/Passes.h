// SPDX-License-Identifier: Apache-2.0
// From kernels of the gpu dialect to the NVVM dialect.

#ifndef TORSHJIT_TARGET_CUDA_TRANSFORMS_PASSES_H
#define TORSHJIT_TARGET_CUDA_TRANSFORMS_PASSES_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/Pass.h"

namespace mlir::torsh {

#define GEN_PASS_DECL
#include "torshjit/Target/CUDA/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "torshjit/Target/CUDA/Transforms/Passes.h.inc"

} // namespace mlir::torsh

#endif // TORSHJIT_TARGET_CUDA_TRANSFORMS_PASSES_H
