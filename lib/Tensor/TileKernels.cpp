// SPDX-License-Identifier: Apache-2.0
// Tiles a kernel's last operation and computes its producers per tile.

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_TILEKERNELSPASS
#include "torshjit/Tensor/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

namespace {

class TileKernelsPass : public torsh::impl::TileKernelsPassBase<TileKernelsPass> {
  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    auto schedule = kernel->getAttrOfType<ScheduleAttr>("torsh.schedule");
    if (!isKernel(kernel) || !schedule)
      return;
    linalg::LinalgOp root = getTilingRoot(kernel);
    ArrayRef<int64_t> tile = schedule.getTile();
    if (!root || llvm::all_of(tile, [](int64_t size) { return size == 0; }))
      return;
    // Upstream cannot tile what does not iterate: the sum over an axis of extent 0.
    bool isEmpty = kernel
                       .walk([](linalg::LinalgOp op) {
                         return llvm::is_contained(op.getStaticLoopRanges(), 0)
                                    ? WalkResult::interrupt()
                                    : WalkResult::advance();
                       })
                       .wasInterrupted();
    if (isEmpty)
      return;
    if (tile.size() > root.getNumLoops()) {
      kernel.emitError("the schedule tiles ")
          << tile.size() << " loops, but the kernel's last operation has " << root.getNumLoops();
      return signalPassFailure();
    }
    if (failed(tileAndFuse(root, tile)) || failed(cleanUp(kernel)))
      signalPassFailure();
  }

  LogicalResult tileAndFuse(linalg::LinalgOp root, ArrayRef<int64_t> tile) {
    IRRewriter rewriter(&getContext());
    rewriter.setInsertionPoint(root);
    scf::SCFTilingOptions tiling;
    tiling.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
    tiling.setTileSizes(getAsIndexOpFoldResult(&getContext(), tile));
    scf::SCFTileAndFuseOptions options;
    options.setTilingOptions(tiling);
    options.setFusionControlFn(
        [&](tensor::ExtractSliceOp, OpResult producer,
            bool) -> std::optional<scf::SCFTileAndFuseOptions::ControlFnResult> {
          if (!isa<linalg::LinalgOp>(producer.getOwner()))
            return std::nullopt;
          scf::SCFTileAndFuseOptions::ControlFnResult result;
          // A result of the kernel that another of its results is computed from.
          result.yieldProducerReplacement = llvm::any_of(producer.getUsers(), [](Operation *user) {
            return isa<bufferization::MaterializeInDestinationOp>(user);
          });
          return result;
        });
    FailureOr<scf::SCFTileAndFuseResult> result = scf::tileConsumerAndFuseProducersUsingSCF(
        rewriter, cast<TilingInterface>(root.getOperation()), options);
    if (failed(result))
      return root.emitError("cannot tile the kernel's last operation");
    Operation *tiles = result->loops.front();
    moveBehind(tiles, result->replacements);
    for (auto [value, replacement] : result->replacements)
      value.replaceUsesWithIf(replacement, [&](OpOperand &use) {
        Operation *user = tiles->getBlock()->findAncestorOpInBlock(*use.getOwner());
        return user && tiles->isBeforeInBlock(user);
      });
    return success();
  }

  /// Moves what reads the results of the tiles and comes before them behind them: other results of
  /// the kernel. What the tiles themselves depend on stays, and reads the untiled values.
  static void moveBehind(Operation *tiles, const DenseMap<Value, Value> &replacements) {
    SetVector<Operation *> needed;
    BackwardSliceOptions within;
    within.omitBlockArguments = true;
    within.filter = [&](Operation *op) { return op->getBlock() == tiles->getBlock(); };
    tiles->walk([&](Operation *op) {
      for (Value operand : op->getOperands())
        if (Operation *producer = operand.getDefiningOp();
            producer && producer->getBlock() == tiles->getBlock()) {
          needed.insert(producer);
          (void)getBackwardSlice(producer, &needed, within);
        }
    });
    llvm::SmallPtrSet<Operation *, 16> moved;
    Operation *last = tiles;
    for (Operation &op : llvm::make_early_inc_range(
             llvm::make_range(tiles->getBlock()->begin(), tiles->getIterator()))) {
      bool reads = llvm::any_of(op.getOperands(), [&](Value operand) {
        return replacements.contains(operand) || moved.contains(operand.getDefiningOp());
      });
      if (!reads || needed.contains(&op))
        continue;
      op.moveAfter(last);
      moved.insert(&op);
      last = &op;
    }
  }

  /// Removes what tiling left behind, and makes each tile's destination a tensor
  /// of its own.
  LogicalResult cleanUp(func::FuncOp kernel) {
    RewritePatternSet patterns = linalg::getLinalgTilingCanonicalizationPatterns(&getContext());
    tensor::populateFoldTensorEmptyPatterns(patterns);
    tensor::populateMergeConsecutiveInsertExtractSlicePatterns(patterns);
    return applyPatternsGreedily(kernel, std::move(patterns));
  }
};

} // namespace
