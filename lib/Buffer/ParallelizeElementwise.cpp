// SPDX-License-Identifier: Apache-2.0
// Has threads share elementwise operations that stand outside of a kernel's tiles.

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "torshjit/Buffer/Passes.h"
#include "torshjit/Tensor/OrderedGenerics.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_PARALLELIZEELEMENTWISEPASS
#include "torshjit/Buffer/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

/// Elements below which one thread is as fast, and those of a piece.
static constexpr int64_t kSmallest = 1 << 16, kPiece = 1 << 15;
/// What a '?' extent is taken to be.
static constexpr int64_t kAssumedExtent = 256;

/// Legality: points of the loops are independent of each other, and each has its own elements of
/// the results.
static bool isElementwise(linalg::LinalgOp op) {
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  if ((!generic && !isa<linalg::FillOp>(op)) || op.getNumLoops() == 0 ||
      op.getNumParallelLoops() != op.getNumLoops() || isContraction(op) ||
      (generic && findMarked(generic, kScatterMark)))
    return false;
  return llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    return op.isDpsInit(&operand) ? map.isPermutation()
                                  : map.isProjectedPermutation(/*allowZeroInResults=*/true);
  });
}

namespace {

class ParallelizeElementwisePass
    : public torsh::impl::ParallelizeElementwisePassBase<ParallelizeElementwisePass> {
  void runOnOperation() override {
    if (!isKernel(getOperation()))
      return;
    SmallVector<linalg::LinalgOp> ops;
    for (auto op : getOperation().getOps<linalg::LinalgOp>())
      if (isElementwise(op))
        ops.push_back(op);
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : ops)
      if (failed(share(rewriter, op))) {
        op.emitError("cannot cut into pieces for threads");
        return signalPassFailure();
      }
  }

  /// Pieces along the outermost loop that has enough of them, else along the longest one.
  static LogicalResult share(IRRewriter &rewriter, linalg::LinalgOp op) {
    SmallVector<int64_t> extents = op.getStaticLoopRanges();
    int64_t total = 1;
    for (int64_t &extent : extents) {
      extent = ShapedType::isDynamic(extent) ? kAssumedExtent : extent;
      total *= extent;
    }
    if (total < kSmallest)
      return success();
    int64_t pieces = llvm::divideCeil(total, kPiece);
    unsigned loop = 0;
    for (unsigned other = 0; other < extents.size() && extents[loop] < pieces; ++other)
      if (extents[other] > extents[loop])
        loop = other;
    SmallVector<OpFoldResult> sizes(extents.size(), rewriter.getIndexAttr(0));
    sizes[loop] = rewriter.getIndexAttr(std::max<int64_t>(extents[loop] / pieces, 1));
    scf::SCFTilingOptions options;
    options.setTileSizes(sizes);
    options.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
    rewriter.setInsertionPoint(op);
    if (failed(scf::tileUsingSCF(rewriter, cast<TilingInterface>(op.getOperation()), options)))
      return failure();
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace
