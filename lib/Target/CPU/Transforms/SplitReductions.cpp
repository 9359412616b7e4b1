// SPDX-License-Identifier: Apache-2.0
// Reduces parts of a long axis apart, and what they give afterwards.

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
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
        split(op, rows);
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
    if (elements == 0 || results > (isAlongMemory ? mostRows : mostColumns) ||
        (results > 1 && isPartOfRows(op, results)))
      return 0;
    int64_t rows = std::max<int64_t>(part / elements, 1);
    bool isLong = ShapedType::isDynamic(ranges[loop]) || ranges[loop] >= 4 * rows;
    return isLong ? rows : 0;
  }

  /// Whether what the reduction reads is computed in the kernel, element by element, or what
  /// reads its results is larger than they are: row by row, all of it stays in the cache.
  bool isPartOfRows(linalg::GenericOp op, int64_t results) {
    if (llvm::any_of(op.getDpsInputs(), [](Value input) {
          auto producer = input.getDefiningOp<linalg::LinalgOp>();
          return producer && !isa<linalg::FillOp>(producer) && producer.getNumReductionLoops() == 0;
        }))
      return true;
    linalg::LinalgOp root = getTilingRoot(getOperation());
    if (!root || root == op || root.getNumReductionLoops() > 0)
      return false;
    int64_t size = 1;
    for (int64_t extent : root.getStaticLoopRanges())
      size *= ShapedType::isDynamic(extent) ? kAssumedExtent : extent;
    return size > results;
  }

  /// The parts' results are apart in memory: each is written in its own order. (Upstream's tiling
  /// of reductions makes the parts the innermost axis, and writes of columns strided.)
  static void split(linalg::GenericOp op, int64_t rows) {
    ImplicitLocOpBuilder b(op.getLoc(), op);
    SmallVector<Operation *> combiners;
    matchReduction(op.getRegionOutputArgs(), 0, combiners);
    std::optional<TypedAttr> neutral = arith::getNeutralElement(combiners.front());
    if (!neutral)
      return;
    unsigned loop = splitLoop(op);
    Value init = op.getDpsInits()[0];
    auto type = cast<RankedTensorType>(init.getType());
    OpFoldResult extent =
        cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(b, op.getLoc())[loop].size;
    AffineExpr d0 = b.getAffineDimExpr(0), d1 = b.getAffineDimExpr(1);
    OpFoldResult one = b.getIndexAttr(1), zero = b.getIndexAttr(0);
    SmallVector<OpFoldResult> sizes = {
        affine::makeComposedFoldedAffineApply(b, op.getLoc(), d0.ceilDiv(rows), extent)};
    llvm::append_range(sizes, tensor::getMixedSizes(b, op.getLoc(), init));
    Value empty = tensor::EmptyOp::create(b, sizes, type.getElementType());
    Value start = linalg::FillOp::create(b, ValueRange(arith::ConstantOp::create(b, *neutral)),
                                         ValueRange(empty))
                      .getResult(0);
    auto parts = scf::ForallOp::create(
        b, ArrayRef<OpFoldResult>{zero}, ArrayRef<OpFoldResult>{extent},
        ArrayRef<OpFoldResult>{b.getIndexAttr(rows)}, ValueRange(start), std::nullopt);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(parts.getBody());
      Value first = parts.getInductionVar(0);
      OpFoldResult length = affine::makeComposedFoldedAffineMin(
          b, op.getLoc(),
          AffineMap::get(2, 0, {b.getAffineConstantExpr(rows), d1 - d0}, b.getContext()),
          {OpFoldResult(first), extent});
      OpFoldResult part = affine::makeComposedFoldedAffineApply(b, op.getLoc(), d0.floorDiv(rows),
                                                                OpFoldResult(first));
      // By operand: one tensor may be read in several ways.
      SmallVector<Value> own;
      for (OpOperand *operand : op.getDpsInputOperands())
        own.push_back(
            partOf(b, operand->get(), op.getMatchingIndexingMap(operand), loop, first, length));
      SmallVector<OpFoldResult> at(sizes.size(), zero), strides(sizes.size(), one), of(sizes);
      at.front() = part;
      of.front() = one;
      own.push_back(
          tensor::ExtractSliceOp::create(b, type, parts.getRegionOutArgs()[0], at, of, strides));
      Operation *reduced = b.clone(*op);
      reduced->setOperands(own);
      b.setInsertionPointToStart(parts.getTerminator().getBody());
      tensor::ParallelInsertSliceOp::create(b, reduced->getResult(0), parts.getRegionOutArgs()[0],
                                            at, of, strides);
    }
    // The parts one after the other.
    int64_t rank = type.getRank();
    SmallVector<utils::IteratorType> iterators(rank + 1, utils::IteratorType::parallel);
    iterators.front() = utils::IteratorType::reduction;
    AffineMap all = b.getMultiDimIdentityMap(rank + 1);
    auto merged = linalg::GenericOp::create(
        b, type, ValueRange(parts.getResult(0)), ValueRange(init),
        ArrayRef<AffineMap>{all, all.dropResult(0)}, iterators,
        [&](OpBuilder &inner, Location loc, ValueRange x) {
          IRMapping known;
          for (Value operand : combiners.front()->getOperands())
            known.map(operand, operand == op.getRegionOutputArgs()[0] ? x[1] : x[0]);
          Operation *combined = inner.clone(*combiners.front(), known);
          linalg::YieldOp::create(inner, loc, combined->getResult(0));
        });
    op->replaceAllUsesWith(merged);
    op.erase();
  }

  /// `length` iterations of the loop, from `first` on.
  static Value partOf(ImplicitLocOpBuilder &b, Value operand, AffineMap map, unsigned loop,
                      Value first, OpFoldResult length) {
    if (!map.isFunctionOfDim(loop))
      return operand;
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), operand);
    SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(sizes.size(), b.getIndexAttr(1));
    for (auto [axis, index] : llvm::enumerate(map.getResults()))
      if (index.isFunctionOfDim(loop)) {
        offsets[axis] = first;
        sizes[axis] = length;
      }
    return tensor::ExtractSliceOp::create(b, operand, offsets, sizes, strides);
  }

  /// What a '?' extent is taken to be, beside the loop that is split.
  static constexpr int64_t kAssumedExtent = 256;
};

} // namespace
