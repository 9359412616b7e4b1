// SPDX-License-Identifier: Apache-2.0
// The decomposing pass: creation, registration and patterns.

#ifndef TORSHJIT_DIALECT_TORSH_TRANSFORMS_DECOMPOSE_PASSES_H
#define TORSHJIT_DIALECT_TORSH_TRANSFORMS_DECOMPOSE_PASSES_H

#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"

namespace mlir::torsh {

/// Takes composite operations apart, but for those whose name is in `keep`.
void populateDecomposePatterns(RewritePatternSet &patterns, ArrayRef<std::string> keep = {});

/// Makes one operation of attention that is spelt out, and of permutations around it.
void populateFormAttentionPatterns(RewritePatternSet &patterns);

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "torshjit/Dialect/Torsh/Transforms/Decompose/Passes.h.inc"

} // namespace mlir::torsh

#endif // TORSHJIT_DIALECT_TORSH_TRANSFORMS_DECOMPOSE_PASSES_H
