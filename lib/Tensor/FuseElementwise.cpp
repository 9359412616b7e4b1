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

/// Marks, with its cost, what is cheaper to compute again than to keep.
static constexpr StringRef kCheap = "torsh.cheap";

/// Operations an element, heavy ones counted as ten.
static int64_t costOf(linalg::GenericOp op) {
  int64_t cost = 0;
  for (Operation &inner : op.getBody()->without_terminator()) {
    bool isHeavy =
        isa<arith::DivFOp, arith::RemFOp>(inner) || isa<math::MathDialect>(inner.getDialect());
    cost += isHeavy ? 10 : 1;
  }
  return cost;
}

/// Marks the values of at most two simple operations an element, those of the values that
/// they would compute again with them included: so what is computed twice does not grow
/// along a chain.
static void markCheap(func::FuncOp kernel) {
  OpBuilder builder(kernel.getContext());
  kernel.walk([&](linalg::GenericOp op) {
    if (isContraction(op))
      return;
    int64_t cost = costOf(op);
    for (Value input : op.getInputs())
      if (auto producer = input.getDefiningOp<linalg::GenericOp>())
        if (auto own = producer->getAttrOfType<IntegerAttr>(kCheap))
          cost += own.getInt();
    bool isForGenerics = llvm::all_of(op->getUsers(), [](Operation *user) {
      return isa<linalg::GenericOp>(user) && !isContraction(user);
    });
    if (cost <= 2 && isForGenerics)
      op->setAttr(kCheap, builder.getI64IntegerAttr(cost));
  });
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

/// Profitability, the legality being upstream's: merges a producer into its one consumer.
static bool hasOneConsumer(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
  Operation *consumer = operand->getOwner();
  if (!producer || isContraction(consumer) || isContraction(producer))
    return false;
  // A body that is copied twice at every step of a chain grows exponentially.
  bool isReadAlike = false;
  if (isReadTwice(operand, isReadAlike) && (isReadAlike || costOf(producer) > 2))
    return false;
  return llvm::all_of(producer->getUsers(), [&](Operation *user) { return user == consumer; });
}

/// And what is cheap into all of its consumers.
static bool isCheapOrHasOneConsumer(OpOperand *operand) {
  if (hasOneConsumer(operand))
    return true;
  Operation *producer = operand->get().getDefiningOp();
  bool isReadAlike = false;
  return producer && producer->hasAttr(kCheap) && !isContraction(operand->getOwner()) &&
         !(isReadTwice(operand, isReadAlike) && isReadAlike);
}

namespace {

class FuseElementwisePass : public torsh::impl::FuseElementwisePassBase<FuseElementwisePass> {
  void runOnOperation() override {
    if (!isKernel(getOperation()))
      return;
    // A value with two consumers may have one in the end, since they merge: copied into both
    // at once, bodies of programs that mix two values round by round grew exponentially.
    if (failed(fuse(hasOneConsumer)))
      return signalPassFailure();
    markCheap(getOperation());
    if (failed(fuse(isCheapOrHasOneConsumer)))
      return signalPassFailure();
    getOperation().walk([](linalg::GenericOp op) { op->removeAttr(kCheap); });
  }

  LogicalResult fuse(const linalg::ControlFusionFn &control) {
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(patterns, control);
    linalg::GenericOp::getCanonicalizationPatterns(patterns, &getContext());
    // Extents of intermediate results would count as uses of them.
    memref::populateResolveRankedShapedTypeResultDimsPatterns(patterns);
    // Each rewrite leaves an operation less, so the work ends.
    GreedyRewriteConfig config;
    config.setMaxIterations(GreedyRewriteConfig::kNoLimit);
    return applyPatternsGreedily(getOperation(), std::move(patterns), config);
  }
};

} // namespace
