// SPDX-License-Identifier: Apache-2.0
// Identities of real numbers that change how floats are rounded.

#include "ConstantMatching.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

// Pattern: add|sub(mul(x, a), mul(x, b)) -> mul(x, add|sub(a, b)) [if a and b are constants of one
//          type, and the products have no other use]
template <typename OpTy> struct FactorOut : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    auto x = op.getLhs().template getDefiningOp<MulOp>();
    auto y = op.getRhs().template getDefiningOp<MulOp>();
    if (!x || !y || x == y || !x->hasOneUse() || !y->hasOneUse())
      return rewriter.notifyMatchFailure(op, "not two products of one use");
    if (x.getLhs() != y.getLhs())
      return rewriter.notifyMatchFailure(op, "the products share no factor");
    if (!getConstantElements(x.getRhs()) || !getConstantElements(y.getRhs()) ||
        x.getRhs().getType() != y.getRhs().getType())
      return rewriter.notifyMatchFailure(op, "the other factors are not constants of one type");
    Location loc = mergedLoc(x, op);
    Value factor = createFolded<OpTy>(rewriter, loc, x.getRhs(), y.getRhs());
    return replaceByOp<MulOp>(rewriter, op, loc, x.getLhs(), factor);
  }
};

// Pattern: exp(log(x)) -> x
// Pattern: log(exp(x)) -> x
template <typename OuterOp, typename InnerOp> struct CancelInverse : OpRewritePattern<OuterOp> {
  using OpRewritePattern<OuterOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(OuterOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().template getDefiningOp<InnerOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is not the inverse function");
    rewriter.replaceOp(op, inner.getInput());
    return success();
  }
};

// Pattern: mul(exp(x), exp(y)) -> exp(add(x, y)) [if the exponentials have no other use]
struct ProductOfExponentials : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MulOp op, PatternRewriter &rewriter) const override {
    auto x = op.getLhs().getDefiningOp<ExpOp>(), y = op.getRhs().getDefiningOp<ExpOp>();
    if (!x || !y || x == y || !x->hasOneUse() || !y->hasOneUse())
      return rewriter.notifyMatchFailure(op, "not two exponentials of one use");
    // The sum must not be larger than what was exponentiated before.
    if (x.getType() != op.getType() || y.getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "the product broadcasts");
    Location loc = mergedLoc(x, op);
    Value sum = AddOp::create(rewriter, loc, x.getInput(), y.getInput());
    return replaceByOp<ExpOp>(rewriter, op, loc, sum);
  }
};

} // namespace

void mlir::torsh::populateFastAlgebraPatterns(RewritePatternSet &patterns) {
  patterns.add<FactorOut<AddOp>, FactorOut<SubOp>, CancelInverse<ExpOp, LogOp>,
               CancelInverse<LogOp, ExpOp>, ProductOfExponentials>(patterns.getContext());
}
