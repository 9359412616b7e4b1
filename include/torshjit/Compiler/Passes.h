// SPDX-License-Identifier: Apache-2.0
// The passes of the compiler's own.

#ifndef TORSHJIT_COMPILER_PASSES_H
#define TORSHJIT_COMPILER_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::torsh {

#define GEN_PASS_DECL
#include "torshjit/Compiler/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "torshjit/Compiler/Passes.h.inc"

} // namespace mlir::torsh

#endif // TORSHJIT_COMPILER_PASSES_H
