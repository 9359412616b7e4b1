// SPDX-License-Identifier: Apache-2.0
// From device kernels to SPIR-V.

#ifndef TORSHJIT_TARGET_METAL_TRANSFORMS_PASSES_H
#define TORSHJIT_TARGET_METAL_TRANSFORMS_PASSES_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::torsh {

#define GEN_PASS_DECL
#include "torshjit/Target/Metal/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "torshjit/Target/Metal/Transforms/Passes.h.inc"

} // namespace mlir::torsh

#endif // TORSHJIT_TARGET_METAL_TRANSFORMS_PASSES_H
