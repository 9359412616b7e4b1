// SPDX-License-Identifier: Apache-2.0
// Makes one loop of several over neighbours in memory, where the innermost of them is short.

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "torshjit/Buffer/Passes.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_COLLAPSELOOPSPASS
#include "torshjit/Buffer/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

/// Iterations from which on a loop is worth vectors of its own, and what is left behind them.
static constexpr int64_t kLong = 256;

/// Whether the axes of the operand that `loops` run along, if any, are one in memory.
static bool isOneInMemory(MemRefType type, AffineMap map, ArrayRef<int64_t> loops) {
  SmallVector<ReassociationIndices> axes;
  bool isRead = false;
  for (auto [axis, index] : llvm::enumerate(map.getResults())) {
    auto dim = dyn_cast<AffineDimExpr>(index);
    bool continues = dim && llvm::is_contained(loops, dim.getPosition());
    if (!continues || dim.getPosition() == static_cast<unsigned>(loops.front()))
      axes.emplace_back();
    isRead |= continues;
    axes.back().push_back(axis);
  }
  return !isRead || memref::CollapseShapeOp::isGuaranteedCollapsible(type, axes);
}

static bool canCollapse(linalg::GenericOp op, ArrayRef<int64_t> loops) {
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  return llvm::all_of(loops,
                      [&](int64_t loop) { return iterators[loop] == iterators[loops.front()]; }) &&
         llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
           AffineMap map = op.getMatchingIndexingMap(&operand);
           auto type = dyn_cast<MemRefType>(operand.get().getType());
           return linalg::isDimSequencePreserved(map, loops) &&
                  (!type || isOneInMemory(type, map, loops));
         });
}

namespace {

class CollapseLoopsPass : public torsh::impl::CollapseLoopsPassBase<CollapseLoopsPass> {
  void runOnOperation() override {
    if (!isKernel(getOperation()))
      return;
    SmallVector<linalg::GenericOp> ops;
    getOperation().walk([&](linalg::GenericOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (linalg::GenericOp op : ops)
      if (failed(collapse(rewriter, op))) {
        op.emitError("cannot make one loop of several");
        return signalPassFailure();
      }
  }

  static LogicalResult collapse(RewriterBase &rewriter, linalg::GenericOp op) {
    auto structured = cast<linalg::LinalgOp>(op.getOperation());
    SmallVector<int64_t> ranges = structured.getStaticLoopRanges();
    // An index would have to be taken apart again.
    if (ranges.size() < 2 || op.hasIndexSemantics() ||
        !llvm::all_of(op.getIndexingMapsArray(),
                      [](AffineMap map) { return map.isProjectedPermutation(); }))
      return success();
    // From the innermost loop outwards.
    ReassociationIndices loops = {static_cast<int64_t>(ranges.size()) - 1};
    int64_t extent = ranges.back();
    while (loops.front() > 0 && !ShapedType::isDynamic(extent) && extent < kLong) {
      ReassociationIndices more = {loops.front() - 1};
      more.append(loops);
      if (!canCollapse(op, more))
        break;
      int64_t outer = ranges[more.front()];
      extent = ShapedType::isDynamic(outer) ? outer : extent * outer;
      loops = std::move(more);
    }
    if (loops.size() == 1)
      return success();
    rewriter.setInsertionPoint(op);
    FailureOr<linalg::CollapseResult> collapsed =
        linalg::collapseOpIterationDims(structured, loops, rewriter);
    if (failed(collapsed))
      return failure();
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace
