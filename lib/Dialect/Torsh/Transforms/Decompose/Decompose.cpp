// SPDX-License-Identifier: Apache-2.0
// Takes composite operations apart through their interface.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "torshjit/Dialect/Torsh/IR/TorshAttention.h"
#include "torshjit/Dialect/Torsh/Transforms/Decompose/Passes.h"

#define DEBUG_TYPE "torsh-decompose"

namespace mlir::torsh {
#define GEN_PASS_DEF_DECOMPOSEPASS
#include "torshjit/Dialect/Torsh/Transforms/Decompose/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir;
using namespace mlir::torsh;

namespace {

/// Whether the target takes the operation as it is.
template <typename Names> bool isKept(DecomposableOpInterface op, const Names &keep) {
  auto whole = dyn_cast<WholeOpInterface>(op.getOperation());
  return llvm::is_contained(keep, op->getName().getStringRef()) && (!whole || whole.canStayWhole());
}

// Pattern: composite(x...) -> the program of its interface [if not kept]
struct DecomposeComposite : OpInterfaceRewritePattern<DecomposableOpInterface> {
  DecomposeComposite(MLIRContext *context, ArrayRef<std::string> names)
      : OpInterfaceRewritePattern(context) {
    keep.append(names.begin(), names.end());
  }

  LogicalResult matchAndRewrite(DecomposableOpInterface op,
                                PatternRewriter &rewriter) const override {
    if (isKept(op, keep))
      return rewriter.notifyMatchFailure(op, "the target takes it whole");
    FailureOr<SmallVector<Value>> values = op.decompose(rewriter);
    if (failed(values))
      return rewriter.notifyMatchFailure(op, "its interface cannot take it apart");
    if (TypeRange(ValueRange(*values)) != TypeRange(op->getResultTypes()))
      return rewriter.notifyMatchFailure(op, "its program has other result types");
    rewriter.replaceOp(op, *values);
    return success();
  }

  SmallVector<std::string> keep;
};

struct DecomposePass : torsh::impl::DecomposePassBase<DecomposePass> {
  using DecomposePassBase::DecomposePassBase;

  LogicalResult initialize(MLIRContext *context) override {
    for (const std::string &name : keep)
      if (!RegisteredOperationName::lookup(name, context))
        return emitError(UnknownLoc::get(context))
               << "torsh-decompose: 'keep' names " << name << ", which is no operation";
    RewritePatternSet set(context);
    populateDecomposePatterns(set, SmallVector<std::string>(keep.begin(), keep.end()));
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    // Once over the graph and over what it builds: neither folding nor merging
    // of constants is this pass's business.
    GreedyRewriteConfig config;
    config.enableFolding(false).enableConstantCSE(false).setUseTopDownTraversal();
    if (failed(applyPatternsGreedily(getOperation(), patterns, config)))
      return signalPassFailure();
    WalkResult left = getOperation()->walk([&](DecomposableOpInterface op) {
      if (isKept(op, keep))
        return WalkResult::advance();
      op->emitOpError("cannot be decomposed");
      return WalkResult::interrupt();
    });
    if (left.wasInterrupted())
      signalPassFailure();
  }

  FrozenRewritePatternSet patterns;
};

} // namespace

void mlir::torsh::populateDecomposePatterns(RewritePatternSet &patterns,
                                            ArrayRef<std::string> keep) {
  patterns.add<DecomposeComposite>(patterns.getContext(), keep);
}
