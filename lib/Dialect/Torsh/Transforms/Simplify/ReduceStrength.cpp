// SPDX-License-Identifier: Apache-2.0
// Replaces operations by cheaper ones of the same value; the patterns lie in
// ReduceStrengthPatterns.cpp.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Passes.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"

#define DEBUG_TYPE "torsh-reduce-strength"

namespace mlir::torsh {
#define GEN_PASS_DEF_REDUCESTRENGTHPASS
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir;
using namespace mlir::torsh;

namespace {
struct ReduceStrengthPass : torsh::impl::ReduceStrengthPassBase<ReduceStrengthPass> {
  using ReduceStrengthPassBase::ReduceStrengthPassBase;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    populateReduceStrengthPatterns(set);
    if (fast)
      populateFastReduceStrengthPatterns(set);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    // No replacement makes what another one replaces again, so the work ends.
    (void)applyPatternsGreedily(getOperation(), patterns);
  }

  FrozenRewritePatternSet patterns;
};
} // namespace
