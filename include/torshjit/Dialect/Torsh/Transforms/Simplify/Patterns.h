// SPDX-License-Identifier: Apache-2.0
// The rewrite patterns of the simplifying passes, by concern.

#ifndef TORSHJIT_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_PATTERNS_H
#define TORSHJIT_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_PATTERNS_H

#include "mlir/IR/PatternMatch.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

namespace mlir::torsh {

/// What constant folding may cost, and whether it may round as the host does.
struct ConstantFoldingLimits {
  int64_t maxBytes = 1 << 20;
  int64_t maxEvaluations = 1 << 16;
  bool fast = false;
};

/// The value of an elementwise operation on constants: what the compiled kernel
/// gives. Fails if an operand is not constant, a limit is met, or (unless `fast`)
/// the operation is not exactly rounded. Needs arith and math loaded.
FailureOr<DenseElementsAttr> evaluateElementwise(ElementwiseOpInterface op,
                                                 const ConstantFoldingLimits &limits);

// torsh-fold-constants
void populateFoldElementwiseConstantsPatterns(RewritePatternSet &patterns,
                                              const ConstantFoldingLimits &limits = {});
void populateFoldMovementConstantsPatterns(RewritePatternSet &patterns,
                                           const ConstantFoldingLimits &limits = {});

// torsh-simplify-algebra: exact for every input
void populateSimplifyArithmeticPatterns(RewritePatternSet &patterns);
void populateSimplifyCommutativePatterns(RewritePatternSet &patterns);
void populateSimplifyLogicPatterns(RewritePatternSet &patterns);
void populateSimplifyCastPatterns(RewritePatternSet &patterns);
void populateSimplifyReshapePatterns(RewritePatternSet &patterns);
void populateSimplifyBroadcastPatterns(RewritePatternSet &patterns);
void populateSimplifySlicePatterns(RewritePatternSet &patterns);
void populateSimplifyReductionPatterns(RewritePatternSet &patterns);
void populateSimplifyContractionPatterns(RewritePatternSet &patterns);
void populateNarrowProductPatterns(RewritePatternSet &patterns);

/// Puts the operands of commutative operations under `root` into one order: by
/// where they are defined, constants last.
void orderCommutativeOperands(Operation *root);

// torsh-simplify-algebra with `fast`: may round differently
void populateFastAlgebraPatterns(RewritePatternSet &patterns);
void populateReassociateFloatPatterns(RewritePatternSet &patterns);

// torsh-reduce-strength: exact, and with `fast`
void populateReduceStrengthPatterns(RewritePatternSet &patterns);
void populateFastReduceStrengthPatterns(RewritePatternSet &patterns);

} // namespace mlir::torsh

#endif // TORSHJIT_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_PATTERNS_H
