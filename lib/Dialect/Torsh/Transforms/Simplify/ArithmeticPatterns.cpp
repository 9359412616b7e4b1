// SPDX-License-Identifier: Apache-2.0
// Identities of arithmetic that hold for every input.

#include "ConstantMatching.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

/// One value: the same, or two constants with the same elements.
bool areSame(Value x, Value y) {
  if (x == y)
    return true;
  DenseElementsAttr elements = getConstantElements(x);
  return elements && elements == getConstantElements(y);
}

// Pattern: sub(x, x) -> 0 [if integers]
// Pattern: sub(0, x) -> neg(x) [if integers; floats: sub(-0.0, x)]
// Pattern: sub(x, neg(y)) -> add(x, y)
struct SimplifySub : OpRewritePattern<SubOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SubOp op, PatternRewriter &rewriter) const override {
    bool isFloat = hasFloatElements(op.getLhs());
    if (areSame(op.getLhs(), op.getRhs())) {
      if (isFloat)
        return rewriter.notifyMatchFailure(op, "NaN - NaN and inf - inf are not zero");
      return replaceBySplat(rewriter, op, 0);
    }
    if (isConstantSplat(op.getLhs(), isFloat ? -0.0 : 0.0) && !hasRuntimeChecks(op))
      return replaceByOp<NegOp>(rewriter, op, op.getLoc(), op.getRhs());
    if (auto negated = op.getRhs().getDefiningOp<NegOp>())
      return replaceByOp<AddOp>(rewriter, op, mergedLoc(negated, op), op.getLhs(),
                                negated.getInput());
    return rewriter.notifyMatchFailure(op, "no identity of subtraction applies");
  }
};

// Pattern: add(x, neg(y)) -> sub(x, y)
struct SimplifyAdd : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AddOp op, PatternRewriter &rewriter) const override {
    Value x = op.getLhs(), y = op.getRhs();
    if (!y.getDefiningOp<NegOp>())
      std::swap(x, y);
    if (auto negated = y.getDefiningOp<NegOp>())
      return replaceByOp<SubOp>(rewriter, op, mergedLoc(negated, op), x, negated.getInput());
    return rewriter.notifyMatchFailure(op, "no operand is negated");
  }
};

// Pattern: mul(x, 0) -> 0 [if integers]
// Pattern: mul(x, -1) -> neg(x)
struct SimplifyMulByConstant : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MulOp op, PatternRewriter &rewriter) const override {
    Value x = op.getLhs(), y = op.getRhs();
    if (getConstantElements(x))
      std::swap(x, y);
    std::optional<double> factor = getConstantSplat(y);
    if (!factor)
      return rewriter.notifyMatchFailure(op, "no operand is a constant splat");
    if (*factor == 0) {
      if (hasFloatElements(x))
        return rewriter.notifyMatchFailure(op, "NaN, inf and -0.0 times zero are not zero");
      return replaceBySplat(rewriter, op, 0);
    }
    if (*factor == -1 && !hasRuntimeChecks(op))
      return replaceByOp<NegOp>(rewriter, op, op.getLoc(), x);
    return rewriter.notifyMatchFailure(op, "the factor is neither 0 nor -1");
  }
};

// Pattern: mul(neg(x), neg(y)) -> mul(x, y)
// Pattern: div(neg(x), neg(y)) -> div(x, y)
template <typename OpTy> struct CancelNegations : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    auto x = op.getLhs().template getDefiningOp<NegOp>();
    auto y = op.getRhs().template getDefiningOp<NegOp>();
    if (!x || !y)
      return rewriter.notifyMatchFailure(op, "not both operands are negated");
    Location loc = rewriter.getFusedLoc({x.getLoc(), y.getLoc(), op.getLoc()});
    return replaceByOp<OpTy>(rewriter, op, loc, x.getInput(), y.getInput());
  }
};

// Pattern: neg(sub(x, y)) -> sub(y, x) [if integers]
struct SimplifyNegOfSub : OpRewritePattern<NegOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(NegOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<SubOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "no difference is negated");
    if (hasFloatElements(op.getInput()))
      return rewriter.notifyMatchFailure(op, "x - x is 0.0 both ways, its negation -0.0");
    return replaceByOp<SubOp>(rewriter, op, mergedLoc(inner, op), inner.getRhs(), inner.getLhs());
  }
};

// Pattern: f(f(x)) -> f(x) [for abs, ceil, floor, relu, round, sign, trunc]
template <typename OpTy> struct DropRepeated : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().template getDefiningOp<OpTy>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is not one of the same operation");
    rewriter.modifyOpInPlace(inner, [&] { inner->setLoc(mergedLoc(inner, op)); });
    rewriter.replaceOp(op, inner.getResult());
    return success();
  }
};

// Pattern: abs|relu(x) -> x [if unsigned]
template <typename OpTy> struct DropOfUnsigned : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    if (!hasUnsignedElements(op.getInput()))
      return rewriter.notifyMatchFailure(op, "the elements may be below zero");
    rewriter.replaceOp(op, op.getInput());
    return success();
  }
};

// Pattern: abs(neg(x)) -> abs(x) [unless unsigned]
struct SimplifyAbsOfNeg : OpRewritePattern<AbsOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AbsOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<NegOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is not negated");
    if (hasUnsignedElements(op.getInput()))
      return rewriter.notifyMatchFailure(op, "an unsigned number and its negation differ");
    return replaceByOp<AbsOp>(rewriter, op, mergedLoc(inner, op), inner.getInput());
  }
};

// Pattern: f(x, x) -> x [for maximum, minimum]
template <typename OpTy> struct DropEqualOperands : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    if (!areSame(op.getLhs(), op.getRhs()))
      return rewriter.notifyMatchFailure(op, "the operands differ");
    return replaceByValue(rewriter, op, op.getLhs());
  }
};

} // namespace

void mlir::torsh::populateSimplifyArithmeticPatterns(RewritePatternSet &patterns) {
  patterns
      .add<SimplifySub, SimplifyAdd, SimplifyMulByConstant, CancelNegations<MulOp>,
           CancelNegations<DivOp>, SimplifyNegOfSub, SimplifyAbsOfNeg, DropOfUnsigned<AbsOp>,
           DropOfUnsigned<ReluOp>, DropRepeated<AbsOp>, DropRepeated<CeilOp>, DropRepeated<FloorOp>,
           DropRepeated<ReluOp>, DropRepeated<RoundOp>, DropRepeated<SignOp>, DropRepeated<TruncOp>,
           DropEqualOperands<MaximumOp>, DropEqualOperands<MinimumOp>>(patterns.getContext());
}
