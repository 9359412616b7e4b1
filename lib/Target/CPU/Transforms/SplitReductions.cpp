// SPDX-License-Identifier: Apache-2.0
// Reduces parts of a long axis apart, and what they give afterwards.

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"
#include "torshjit/Tensor/OrderedGenerics.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_SPLITREDUCTIONSPASS
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

namespace {

class SplitReductionsPass : public torsh::impl::SplitReductionsPassBase<SplitReductionsPass> {
public:
  using SplitReductionsPassBase::SplitReductionsPassBase;

private:
  void runOnOperation() override {
    if (!isKernel(getOperation()) || getOperation()->hasAttr("torsh.schedule"))
      return;
    SmallVector<linalg::GenericOp> ops;
    getOperation().walk([&](linalg::GenericOp op) {
      if (isReduction(op))
        ops.push_back(op);
    });
    for (linalg::GenericOp op : ops)
      if (int64_t rows = rowsOfPart(op))
        if (failed(split(op, rows)))
          return signalPassFailure();
  }

  /// Legality: one combination of values, each of which every loop that reduces is an axis of.
  static bool isReduction(linalg::GenericOp op) {
    if (isContraction(op) || op.getNumReductionLoops() == 0 || op.getNumDpsInits() != 1 ||
        op.hasIndexSemantics() || findMarked(op, kScanMark) || findMarked(op, kRankMark) ||
        findMarked(op, kScatterMark))
      return false;
    // The value that parts begin from has to be neutral, and the first operand need not be.
    SmallVector<Operation *> combiners;
    if (!matchReduction(op.getRegionOutputArgs(), 0, combiners) || combiners.size() != 1)
      return false;
    return llvm::all_of(op.getIndexingMapsArray(), [](AffineMap map) {
      return map.isProjectedPermutation(/*allowZeroInResults=*/true);
    });
  }

  /// The outermost of the loops that reduce: what is apart in it is apart in memory.
  static unsigned splitLoop(linalg::GenericOp op) {
    SmallVector<unsigned> loops;
    op.getReductionDims(loops);
    return loops.front();
  }

  /// Profitability: how many iterations of the loop a part has, 0 where a part would be the
  /// whole, and where there are results enough for every thread. The parts do not depend on how
  /// many threads there are, and so the result does not either.
  int64_t rowsOfPart(linalg::GenericOp op) {
    SmallVector<int64_t> ranges = op.getStaticLoopRanges();
    unsigned loop = splitLoop(op);
    int64_t results = 1, elements = 1;
    for (auto [number, iterator] : llvm::enumerate(op.getIteratorTypesArray())) {
      int64_t extent = ShapedType::isDynamic(ranges[number]) ? kAssumedExtent : ranges[number];
      if (iterator == utils::IteratorType::parallel)
        results *= extent;
      if (number != loop)
        elements *= extent;
    }
    // Rows are apart in memory as they are; columns side by side are best read together.
    bool isAlongMemory = llvm::any_of(op.getDpsInputOperands(), [&](OpOperand *operand) {
      AffineMap map = op.getMatchingIndexingMap(operand);
      auto along = map.getNumResults() ? dyn_cast<AffineDimExpr>(map.getResults().back())
                                       : AffineDimExpr(nullptr);
      return along &&
             op.getIteratorTypesArray()[along.getPosition()] == utils::IteratorType::reduction;
    });
    if (elements == 0 || results > (isAlongMemory ? mostRows : mostColumns))
      return 0;
    int64_t rows = std::max<int64_t>(part / elements, 1);
    bool isLong = ShapedType::isDynamic(ranges[loop]) || ranges[loop] >= 4 * rows;
    return isLong ? rows : 0;
  }

  static LogicalResult split(linalg::GenericOp op, int64_t rows) {
    IRRewriter rewriter(op.getContext());
    rewriter.setInsertionPoint(op);
    unsigned loop = splitLoop(op);
    SmallVector<OpFoldResult> sizes(op.getNumLoops(), rewriter.getIndexAttr(0));
    sizes[loop] = rewriter.getIndexAttr(rows);
    scf::SCFTilingOptions options;
    options.setTileSizes(sizes);
    options.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
    options.setReductionTilingStrategy(ReductionTilingStrategy::PartialReductionOuterParallel);
    options.setReductionDims({loop});
    FailureOr<scf::SCFTilingResult> parts =
        scf::tileUsingSCF(rewriter, cast<TilingInterface>(op.getOperation()), options);
    if (failed(parts))
      return op.emitError("cannot reduce in parts");
    rewriter.replaceOp(op, parts->replacements);
    return success();
  }

  /// What a '?' extent is taken to be, beside the loop that is split.
  static constexpr int64_t kAssumedExtent = 256;
};

} // namespace
