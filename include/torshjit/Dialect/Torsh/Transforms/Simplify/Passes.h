// SPDX-License-Identifier: Apache-2.0
// The simplifying passes: creation and registration.

#ifndef TORSHJIT_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_PASSES_H
#define TORSHJIT_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::torsh {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Passes.h.inc"

} // namespace mlir::torsh

#endif // TORSHJIT_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_PASSES_H
