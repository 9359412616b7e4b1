// SPDX-License-Identifier: Apache-2.0
// Merges elementwise generics of a kernel into their consumers.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_FUSEELEMENTWISEPASS
#include "torshjit/Tensor/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

/// Whether a value is cheaper to compute again than to keep: at most two simple
/// operations an element.
static bool isCheap(linalg::GenericOp op) {
  int64_t cost = 0;
  for (Operation &inner : op.getBody()->without_terminator()) {
    bool isHeavy =
        isa<arith::DivFOp, arith::RemFOp>(inner) || isa<math::MathDialect>(inner.getDialect());
    cost += isHeavy ? 10 : 1;
  }
  return cost <= 2;
}

/// Whether another operand of the consumer is the same tensor: read alike, the two are
/// about to become one; read otherwise, the producer would be computed for each.
static bool isReadTwice(OpOperand *operand, bool &isReadAlike) {
  auto consumer = dyn_cast<linalg::GenericOp>(operand->getOwner());
  isReadAlike = false;
  bool isTwice = false;
  for (OpOperand &other : operand->getOwner()->getOpOperands()) {
    if (&other == operand || other.get() != operand->get())
      continue;
    isTwice = true;
    isReadAlike |= consumer && consumer.getMatchingIndexingMap(&other) ==
                                   consumer.getMatchingIndexingMap(operand);
  }
  return isTwice;
}

/// Profitability: the legality is upstream's.
static bool shouldFuse(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
  Operation *consumer = operand->getOwner();
  if (!producer || isContraction(consumer) || isContraction(producer))
    return false;
  // A body that is copied twice at every step of a chain grows exponentially.
  bool isReadAlike = false;
  if (isReadTwice(operand, isReadAlike) && (isReadAlike || !isCheap(producer)))
    return false;
  bool oneConsumer =
      llvm::all_of(producer->getUsers(), [&](Operation *user) { return user == consumer; });
  if (oneConsumer)
    return true;
  return isCheap(producer) && llvm::all_of(producer->getUsers(), [](Operation *user) {
           return isa<linalg::GenericOp>(user) && !isContraction(user);
         });
}

namespace {

class FuseElementwisePass : public torsh::impl::FuseElementwisePassBase<FuseElementwisePass> {
  void runOnOperation() override {
    if (!isKernel(getOperation()))
      return;
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(patterns, shouldFuse);
    linalg::GenericOp::getCanonicalizationPatterns(patterns, &getContext());
    // Extents of intermediate results would count as uses of them.
    memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
