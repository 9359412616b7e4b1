// SPDX-License-Identifier: Apache-2.0
// Evaluates operations on constants when the program is compiled.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Passes.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"

#define DEBUG_TYPE "torsh-fold-constants"

namespace mlir::torsh {
#define GEN_PASS_DEF_FOLDCONSTANTSPASS
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir;
using namespace mlir::torsh;

namespace {

/// Counts the operations that a constant took the place of.
struct CountReplacements : RewriterBase::Listener {
  void notifyOperationReplaced(Operation *, ValueRange values) override {
    count += values.size() == 1 && values.front().getDefiningOp<ConstantOp>();
  }
  int64_t count = 0;
};

struct FoldConstantsPass : torsh::impl::FoldConstantsPassBase<FoldConstantsPass> {
  using FoldConstantsPassBase::FoldConstantsPassBase;

  LogicalResult initialize(MLIRContext *context) override {
    if (maxBytes < 0 || maxEvaluations < 0)
      return emitError(UnknownLoc::get(context))
             << "torsh-fold-constants: max-bytes and max-evaluations must not be negative";
    RewritePatternSet set(context);
    ConstantFoldingLimits limits{maxBytes, maxEvaluations, fast};
    populateFoldElementwiseConstantsPatterns(set, limits);
    populateFoldMovementConstantsPatterns(set, limits);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    CountReplacements counter;
    // Constants stay where they are used, and each operation is looked at once,
    // after its operands: no second round can find more.
    GreedyRewriteConfig config;
    config.enableConstantCSE(false).setListener(&counter);
    if (failed(applyPatternsGreedily(getOperation(), patterns, config)))
      return signalPassFailure();
    numFolded += counter.count;
  }

  FrozenRewritePatternSet patterns;
};

} // namespace
