// SPDX-License-Identifier: Apache-2.0
// Reductions after reductions, and over nothing.

#include "ConstantMatching.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

/// Whether the order and grouping of the elements mean nothing.
template <typename OpTy> bool isRegroupable(OpTy op) {
  if constexpr (std::is_same_v<OpTy, SumOp> || std::is_same_v<OpTy, ProdOp>)
    return !hasFloatElements(op.getInput());
  return true;
}

/// The axes of the input of `inner` over which the two reduce together.
template <typename OpTy> SmallVector<int64_t> jointAxes(OpTy inner, OpTy outer) {
  SmallVector<int64_t> axes(inner.getAxes()), remaining;
  for (int64_t axis = 0; axis < tensorType(inner.getInput()).getRank(); ++axis)
    if (inner.getKeepdims() || !llvm::is_contained(inner.getAxes(), axis))
      remaining.push_back(axis);
  for (int64_t axis : outer.getAxes())
    if (!llvm::is_contained(axes, remaining[axis]))
      axes.push_back(remaining[axis]);
  llvm::sort(axes);
  return axes;
}

// Pattern: reduce(reduce(x, axes), more) -> reduce(x, both) [if both keep dims or neither does, and
//          the reduction is all, amax, amin, any, or sum or prod of integers]
template <typename OpTy> struct ReduceOfReduce : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().template getDefiningOp<OpTy>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is not the same reduction");
    if (!isRegroupable(op))
      return rewriter.notifyMatchFailure(op, "float sums and products are not associative");
    if (inner.getKeepdims() != op.getKeepdims())
      return rewriter.notifyMatchFailure(op, "one reduction keeps its axes, the other does not");
    return replaceByOp<OpTy>(rewriter, op, mergedLoc(inner, op), inner.getInput(),
                             ArrayRef<int64_t>(jointAxes(inner, op)), op.getKeepdims());
  }
};

// Pattern: reduce(x) -> reshape(x) [if over no axes, or over axes of extent 1, and the reduction is
//          all, amax, amin, any, or sum or prod of integers]
template <typename OpTy> struct ReduceNothing : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    auto type = tensorType(op.getInput());
    if (!isRegroupable(op))
      return rewriter.notifyMatchFailure(op, "0.0 + -0.0 is not -0.0");
    for (int64_t axis : op.getAxes())
      if (type.getDimSize(axis) != 1)
        return rewriter.notifyMatchFailure(op, "there are elements to reduce");
    if (type == op.getType())
      return replaceByValue(rewriter, op, op.getInput());
    if (type.getNumDynamicDims() > 1 || llvm::is_contained(type.getShape(), 0))
      return rewriter.notifyMatchFailure(op, "a reshape could not tell the '?' extents");
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getInput(), ValueRange{});
    return success();
  }
};

} // namespace

void mlir::torsh::populateSimplifyReductionPatterns(RewritePatternSet &patterns) {
  patterns.add<ReduceOfReduce<AllOp>, ReduceOfReduce<AmaxOp>, ReduceOfReduce<AminOp>,
               ReduceOfReduce<AnyOp>, ReduceOfReduce<ProdOp>, ReduceOfReduce<SumOp>,
               ReduceNothing<AllOp>, ReduceNothing<AmaxOp>, ReduceNothing<AminOp>,
               ReduceNothing<AnyOp>, ReduceNothing<ProdOp>, ReduceNothing<SumOp>>(
      patterns.getContext());
}
