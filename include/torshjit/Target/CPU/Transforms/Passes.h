// SPDX-License-Identifier: Apache-2.0
// From kernels on memrefs to the LLVM dialect.

#ifndef TORSHJIT_TARGET_CPU_TRANSFORMS_PASSES_H
#define TORSHJIT_TARGET_CPU_TRANSFORMS_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::torsh {

#define GEN_PASS_DECL
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"

} // namespace mlir::torsh

#endif // TORSHJIT_TARGET_CPU_TRANSFORMS_PASSES_H
