// SPDX-License-Identifier: Apache-2.0
// Rewrites by algebraic identities; the patterns lie beside this file, by concern.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Passes.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"

#define DEBUG_TYPE "torsh-simplify-algebra"

namespace mlir::torsh {
#define GEN_PASS_DEF_SIMPLIFYALGEBRAPASS
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir;
using namespace mlir::torsh;

namespace {
struct SimplifyAlgebraPass : torsh::impl::SimplifyAlgebraPassBase<SimplifyAlgebraPass> {
  using SimplifyAlgebraPassBase::SimplifyAlgebraPassBase;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    populateSimplifyArithmeticPatterns(set);
    populateSimplifyCommutativePatterns(set);
    populateSimplifyLogicPatterns(set);
    populateSimplifyCastPatterns(set);
    populateSimplifyReshapePatterns(set);
    populateSimplifyBroadcastPatterns(set);
    populateSimplifySlicePatterns(set);
    populateSimplifyReductionPatterns(set);
    populateSimplifyContractionPatterns(set);
    populateNarrowProductPatterns(set);
    if (fast) {
      populateFastAlgebraPatterns(set);
      populateReassociateFloatPatterns(set);
    }
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    // Every pattern removes an operation or makes it cheaper, so the work ends; a
    // limit of iterations met is no error, the graph is right as it is.
    (void)applyPatternsGreedily(getOperation(), patterns);
    orderCommutativeOperands(getOperation());
  }

  FrozenRewritePatternSet patterns;
};
} // namespace
