// SPDX-License-Identifier: Apache-2.0
// Computes what follows a convolution of groups in the convolution's own shape.

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_EXPANDGROUPSPASS
#include "torshjit/Tensor/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

/// The memory of a kernel's result that a value becomes.
static BlockArgument resultOf(Operation *user) {
  auto result = dyn_cast<bufferization::MaterializeInDestinationOp>(user);
  auto argument = result ? dyn_cast<BlockArgument>(result.getDest()) : BlockArgument();
  auto type = argument ? dyn_cast<MemRefType>(argument.getType()) : MemRefType();
  return type && type.getLayout().isIdentity() ? argument : BlockArgument();
}

/// Legality: an operation whose loops are the axes of what it computes and reads.
static bool isElementwise(Operation *op) {
  auto generic = dyn_cast<linalg::GenericOp>(op);
  return generic && generic.getNumLoops() > 0 && generic.getNumDpsInits() == 1 &&
         generic.getNumParallelLoops() == generic.getNumLoops() && !generic.hasIndexSemantics() &&
         llvm::all_of(generic.getIndexingMapsArray(),
                      [](AffineMap map) { return map.isProjectedPermutation(); }) &&
         generic.getMatchingIndexingMap(generic.getDpsInitOperand(0)).isPermutation();
}

/// Whether all that a value leads to are results and elementwise operations. Something else, a
/// mean of the image, would have the convolution computed for it as a whole, and for the tiles of
/// the result again.
static bool leadsToResults(Value value, llvm::SmallPtrSetImpl<Operation *> &seen) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    if (resultOf(user) || isa<tensor::DimOp>(user) || !seen.insert(user).second)
      return true;
    return isElementwise(user) && leadsToResults(user->getResult(0), seen);
  });
}

namespace {

// Pattern: result = collapse_shape(x) -> expanded memory of the result = x
struct ExpandResult : OpRewritePattern<bufferization::MaterializeInDestinationOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(bufferization::MaterializeInDestinationOp op,
                                PatternRewriter &rewriter) const override {
    auto collapsed = op.getSource().getDefiningOp<tensor::CollapseShapeOp>();
    BlockArgument memory = resultOf(op);
    if (!collapsed || !memory)
      return rewriter.notifyMatchFailure(op, "no collapsed value becomes a result");
    auto type = cast<MemRefType>(memory.getType());
    ArrayRef<int64_t> shape = collapsed.getSrcType().getShape();
    SmallVector<ReassociationIndices> parts = collapsed.getReassociationIndices();
    FailureOr<MemRefType> expanded = memref::ExpandShapeOp::computeExpandedType(type, shape, parts);
    if (failed(expanded))
      return rewriter.notifyMatchFailure(op, "the result's memory cannot be expanded");
    SmallVector<OpFoldResult> extents;
    for (auto [axis, indices] : llvm::enumerate(parts))
      for (int64_t index : indices) {
        if (!ShapedType::isDynamic(shape[index])) {
          extents.push_back(rewriter.getIndexAttr(shape[index]));
          continue;
        }
        if (indices.size() > 1)
          return rewriter.notifyMatchFailure(op, "an open extent in two parts");
        extents.push_back({});
      }
    // Before all that is computed: a tile's own result is a piece of it.
    Location loc = op.getLoc();
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(memory.getOwner());
    for (auto [axis, indices] : llvm::enumerate(parts))
      if (!extents[indices[0]])
        extents[indices[0]] = memref::DimOp::create(rewriter, loc, memory, axis).getResult();
    Value view = memref::ExpandShapeOp::create(rewriter, loc, *expanded, memory, parts, extents);
    rewriter.modifyOpInPlace(op, [&] {
      op.getSourceMutable().assign(collapsed.getSrc());
      op.getDestMutable().assign(view);
    });
    return success();
  }
};

class ExpandGroupsPass : public torsh::impl::ExpandGroupsPassBase<ExpandGroupsPass> {
  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (!isKernel(kernel))
      return;
    bool isNeeded = false;
    for (auto collapsed : kernel.getOps<tensor::CollapseShapeOp>()) {
      Operation *producer = collapsed.getSrc().getDefiningOp();
      if (!producer || !isContraction(producer) || !producer->hasOneUse())
        continue;
      llvm::SmallPtrSet<Operation *, 8> seen;
      if (!leadsToResults(collapsed.getResult(), seen))
        return;
      isNeeded = true;
    }
    if (!isNeeded)
      return;
    RewritePatternSet patterns(&getContext());
    // Of elementwise operations alone; the convolution has the shape that it has.
    linalg::populateFoldReshapeOpsByExpansionPatterns(patterns, [](OpOperand *operand) {
      Operation *reshape = operand->getOwner(), *producer = operand->get().getDefiningOp();
      Operation *generic = isa<linalg::GenericOp>(reshape) ? reshape : producer;
      return generic && isElementwise(generic);
    });
    tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, &getContext());
    tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns, &getContext());
    patterns.add<ExpandResult>(&getContext());
    if (failed(applyPatternsGreedily(kernel, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
