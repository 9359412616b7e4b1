// SPDX-License-Identifier: Apache-2.0
// Lowers the remaining linalg operations to loops.

#include "StridedReduction.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "torshjit/Buffer/Passes.h"
#include "torshjit/Tensor/OrderedGenerics.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_LOWERTOLOOPSPASS
#include "torshjit/Buffer/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

/// How many operands are contiguous along a loop, those that do not depend on it
/// counting less: they are read once.
static int64_t contiguity(linalg::GenericOp op, unsigned loop) {
  int64_t score = 0;
  for (AffineMap map : op.getIndexingMapsArray()) {
    if (!map.isFunctionOfDim(loop))
      score += 1;
    else if (map.getResults().back() == getAffineDimExpr(loop, op.getContext()))
      score += 2;
    else if (!map.getResults().back().isFunctionOfDim(loop))
      score -= 2;
  }
  return score;
}

/// The loop to be innermost: the most contiguous one. Argument reductions and scattered
/// writes depend on the order and keep it.
static std::optional<unsigned> innermostLoop(linalg::GenericOp op) {
  unsigned count = op.getNumLoops();
  if (count < 2 || op.getNumDpsInits() != 1 || findMarked(op, kScatterMark))
    return std::nullopt;
  unsigned best = count - 1;
  for (unsigned loop = 0; loop < count; ++loop)
    if (contiguity(op, loop) > contiguity(op, best))
      best = loop;
  return best;
}

/// The order of the loops with `innermost` behind the others.
static SmallVector<unsigned> orderWith(unsigned innermost, unsigned count) {
  SmallVector<unsigned> order;
  for (unsigned loop = 0; loop < count; ++loop)
    if (loop != innermost)
      order.push_back(loop);
  order.push_back(innermost);
  return order;
}

namespace {

class LowerToLoopsPass : public torsh::impl::LowerToLoopsPassBase<LowerToLoopsPass> {
  void runOnOperation() override {
    if (!isKernel(getOperation()))
      return;
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : ops) {
      rewriter.setInsertionPoint(op);
      if (auto generic = dyn_cast<linalg::GenericOp>(op.getOperation())) {
        std::optional<unsigned> innermost = innermostLoop(generic);
        if (innermost && succeeded(lowerStridedReduction(rewriter, generic, *innermost)))
          continue;
        if (innermost && *innermost != generic.getNumLoops() - 1) {
          FailureOr<linalg::GenericOp> reordered = linalg::interchangeGenericOp(
              rewriter, generic, orderWith(*innermost, generic.getNumLoops()));
          if (succeeded(reordered))
            op = cast<linalg::LinalgOp>(reordered->getOperation());
        }
      }
      rewriter.setInsertionPoint(op);
      if (failed(linalg::linalgOpToLoops(rewriter, op))) {
        op.emitError("cannot lower to loops");
        return signalPassFailure();
      }
      rewriter.eraseOp(op);
    }
  }
};

} // namespace
