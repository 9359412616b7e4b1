// SPDX-License-Identifier: Apache-2.0
// Device-neutral transformations of kernels on memrefs.

#ifndef TORSHJIT_BUFFER_PASSES_H
#define TORSHJIT_BUFFER_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::torsh {

#define GEN_PASS_DECL
#include "torshjit/Buffer/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "torshjit/Buffer/Passes.h.inc"

} // namespace mlir::torsh

#endif // TORSHJIT_BUFFER_PASSES_H
