// SPDX-License-Identifier: Apache-2.0
// Reshapes and permutations after one another.

#include "ConstantMatching.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "torshjit/Dialect/Torsh/IR/HeadSlices.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"
#include <limits>

using namespace mlir;
using namespace mlir::torsh;

/// Whether an empty axis makes a `?` of the shape undetermined.
static bool hasEmptyAxis(RankedTensorType type) { return llvm::is_contained(type.getShape(), 0); }

namespace {

// Pattern: reshape(reshape(x)) -> reshape(x)
struct ReshapeOfReshape : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<ReshapeOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is not a reshape");
    if (!op.getType().hasStaticShape() && hasEmptyAxis(inner.getType()))
      return rewriter.notifyMatchFailure(op, "the number of elements does not give the '?'");
    auto input = tensorType(inner.getInput());
    if (input.hasStaticShape() && !inner.getType().hasStaticShape() &&
        (!op.getType().hasStaticShape() || op.getType().getNumElements() != input.getNumElements()))
      return rewriter.notifyMatchFailure(op, "whether the shape fits is known only at run time");
    rewriter
        .replaceOpWithNewOp<ReshapeOp>(op, op.getType(), inner.getInput(), op.getDynamicSizes())
        ->setLoc(mergedLoc(inner, op));
    return success();
  }
};

// Pattern: reshape(x) -> x [if the one '?' of both types is the same axis]
struct ReshapeToItself : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto type = tensorType(op.getResult());
    if (type != op.getInput().getType())
      return rewriter.notifyMatchFailure(op, "the shape changes");
    if (!op.getDynamicSizes().empty() || hasEmptyAxis(type))
      return rewriter.notifyMatchFailure(op, "the '?' may change");
    rewriter.replaceOp(op, op.getInput());
    return success();
  }
};

// Pattern: permute(permute(x)) -> permute(x), or x if the two cancel
struct PermuteOfPermute : OpRewritePattern<PermuteOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PermuteOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<PermuteOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is not a permutation");
    SmallVector<int64_t> permutation;
    for (int64_t axis : op.getPermutation())
      permutation.push_back(inner.getPermutation()[axis]);
    if (isIdentityPermutation(permutation)) {
      rewriter.replaceOp(op, inner.getInput());
      return success();
    }
    return replaceByOp<PermuteOp>(rewriter, op, mergedLoc(inner, op), inner.getInput(),
                                  permutation);
  }
};

// Pattern: permute(x) -> reshape(x) [if only axes of extent 1 change places]
struct PermuteUnitAxes : OpRewritePattern<PermuteOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PermuteOp op, PatternRewriter &rewriter) const override {
    auto type = tensorType(op.getInput());
    if (type.getNumDynamicDims() > 1 || hasEmptyAxis(type))
      return rewriter.notifyMatchFailure(op, "a reshape could not tell the '?' extents");
    int64_t last = -1;
    for (int64_t axis : op.getPermutation()) {
      if (type.getDimSize(axis) == 1)
        continue;
      if (axis < last)
        return rewriter.notifyMatchFailure(op, "elements change places");
      last = axis;
    }
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getInput(), ValueRange{});
    return success();
  }
};

// Pattern: reshape(slice(x)) -> slice(reshape(x)) [if the slice takes whole heads of the last axis,
//          which the reshape divides into heads, and has no other use]
struct ReshapeOfSlicedHeads : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto slice = op.getInput().getDefiningOp<SliceOp>();
    if (!slice || !slice->hasOneUse())
      return rewriter.notifyMatchFailure(op, "the operand is not a slice of this use alone");
    std::optional<HeadDivision> division = matchHeads(op);
    if (!division)
      return rewriter.notifyMatchFailure(op, "the last axis is not divided into heads");
    RankedTensorType source = tensorType(slice.getInput()), from = slice.getType();
    int64_t last = from.getRank() - 1, first = slice.getStart()[last];
    for (int64_t axis = 0; axis < last; ++axis)
      if (source.getDimSize(axis) != from.getDimSize(axis) ||
          (source.isDynamicDim(axis) && !isWhole(slice, axis)))
        return rewriter.notifyMatchFailure(op, "the slice takes parts of other axes");
    if (source.isDynamicDim(last) || slice.getStride()[last] != 1 ||
        source.getDimSize(last) == from.getDimSize(last) || first % division->width ||
        source.getDimSize(last) % division->width)
      return rewriter.notifyMatchFailure(op, "the slice does not take whole heads");
    Location loc = mergedLoc(slice, op);
    Value heads = reshapeToHeads(rewriter, loc, slice.getInput(), op, *division);
    rewriter.replaceOp(op, sliceAxis(rewriter, loc, heads, division->axis, first / division->width,
                                     op.getType().getDimSize(division->axis)));
    return success();
  }

  /// Whether a slice takes all of a '?' axis, of whatever extent.
  static bool isWhole(SliceOp slice, int64_t axis) {
    return slice.getStart()[axis] == 0 && slice.getStride()[axis] == 1 &&
           slice.getStop()[axis] == std::numeric_limits<int64_t>::max();
  }
};

} // namespace

void mlir::torsh::populateSimplifyReshapePatterns(RewritePatternSet &patterns) {
  patterns.add<ReshapeOfReshape, ReshapeToItself, PermuteOfPermute, PermuteUnitAxes,
               ReshapeOfSlicedHeads>(patterns.getContext());
}
