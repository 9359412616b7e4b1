// SPDX-License-Identifier: Apache-2.0
// Cheaper operations of the same value, and (fast) of nearly the same.

#include "ConstantMatching.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

// Pattern: pow(x, 0) -> 1
// Pattern: pow(x, 1) -> x
// Pattern: pow(x, 2) -> mul(x, x)
// Pattern: pow(x, 3) -> mul(mul(x, x), x) [if integers]
// Pattern: pow(x, -1) -> reciprocal(x) [if floats]
struct ReducePow : OpRewritePattern<PowOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PowOp op, PatternRewriter &rewriter) const override {
    std::optional<double> exponent = getConstantSplat(op.getRhs());
    if (!exponent)
      return rewriter.notifyMatchFailure(op, "the exponent is not a constant splat");
    Value x = op.getLhs();
    if (*exponent == 0)
      return replaceBySplat(rewriter, op, 1);
    if (x.getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "the exponent broadcasts the base");
    if (*exponent == 1)
      return replaceByValue(rewriter, op, x);
    if (*exponent == 2)
      return replaceByOp<MulOp>(rewriter, op, op.getLoc(), x, x);
    if (*exponent == 3 && !hasFloatElements(x)) {
      Value square = MulOp::create(rewriter, op.getLoc(), x, x);
      return replaceByOp<MulOp>(rewriter, op, op.getLoc(), square, x);
    }
    if (*exponent == -1 && hasFloatElements(x))
      return replaceByOp<ReciprocalOp>(rewriter, op, op.getLoc(), x);
    return rewriter.notifyMatchFailure(op, "no exact replacement for this exponent");
  }
};

// Pattern: pow(x, 0.5) -> sqrt(x) [fast: -0.0 and -inf differ]
// Pattern: pow(x, -0.5) -> rsqrt(x) [fast]
// Pattern: pow(x, 3) -> mul(mul(x, x), x) [fast: two roundings]
struct ReducePowFast : OpRewritePattern<PowOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PowOp op, PatternRewriter &rewriter) const override {
    std::optional<double> exponent = getConstantSplat(op.getRhs());
    Value x = op.getLhs();
    if (!exponent || x.getType() != op.getType() || !hasFloatElements(x))
      return rewriter.notifyMatchFailure(op, "no constant power of a float tensor of this shape");
    if (*exponent == 0.5)
      return replaceByOp<SqrtOp>(rewriter, op, op.getLoc(), x);
    if (*exponent == -0.5)
      return replaceByOp<RsqrtOp>(rewriter, op, op.getLoc(), x);
    if (*exponent == 3) {
      Value square = MulOp::create(rewriter, op.getLoc(), x, x);
      return replaceByOp<MulOp>(rewriter, op, op.getLoc(), square, x);
    }
    return rewriter.notifyMatchFailure(op, "no replacement for this exponent");
  }
};

/// Whether every reciprocal of the elements is exact.
bool haveExactInverses(DenseElementsAttr elements) {
  if (elements.isSplat())
    return elements.getSplatValue<APFloat>().getExactInverse(nullptr);
  return llvm::all_of(elements.getValues<APFloat>(),
                      [](const APFloat &element) { return element.getExactInverse(nullptr); });
}

// Pattern: div(1, x) -> reciprocal(x)
// Pattern: div(x, c) -> mul(x, 1 / c) [if c holds only powers of two; fast: any constant]
struct ReduceDiv : OpRewritePattern<DivOp> {
  ReduceDiv(MLIRContext *context, bool fast = false) : OpRewritePattern(context), fast(fast) {}

  LogicalResult matchAndRewrite(DivOp op, PatternRewriter &rewriter) const override {
    if (isConstantSplat(op.getLhs(), 1) && op.getRhs().getType() == op.getType())
      return replaceByOp<ReciprocalOp>(rewriter, op, op.getLoc(), op.getRhs());
    DenseElementsAttr divisor = getConstantElements(op.getRhs());
    if (!divisor || getConstantElements(op.getLhs()))
      return rewriter.notifyMatchFailure(op, "the divisor alone is not constant");
    if (!fast && !haveExactInverses(divisor))
      return rewriter.notifyMatchFailure(op, "a divisor is no power of two");
    auto inverse = ReciprocalOp::create(rewriter, op.getLoc(), op.getRhs());
    FailureOr<DenseElementsAttr> value = evaluateElementwise(inverse, {});
    rewriter.eraseOp(inverse);
    if (failed(value))
      return rewriter.notifyMatchFailure(op, "the divisor is too large to invert");
    Value factor = ConstantOp::create(rewriter, op.getLoc(), *value);
    return replaceByOp<MulOp>(rewriter, op, op.getLoc(), op.getLhs(), factor);
  }

  bool fast;
};

// Pattern: reciprocal(sqrt(x)) -> rsqrt(x) [if f32 or f64; fast: f16 and bf16 too]
struct ReduceReciprocalOfSqrt : OpRewritePattern<ReciprocalOp> {
  ReduceReciprocalOfSqrt(MLIRContext *context, bool fast = false)
      : OpRewritePattern(context), fast(fast) {}

  LogicalResult matchAndRewrite(ReciprocalOp op, PatternRewriter &rewriter) const override {
    auto root = op.getInput().getDefiningOp<SqrtOp>();
    if (!root)
      return rewriter.notifyMatchFailure(op, "the operand is not a square root");
    if (!fast && hasHalfElements(op.getInput()))
      return rewriter.notifyMatchFailure(op, "the root would no longer be rounded to half");
    return replaceByOp<RsqrtOp>(rewriter, op, mergedLoc(root, op), root.getInput());
  }

  bool fast;
};

// Pattern: div(x, sqrt(y)) -> mul(x, rsqrt(y)) [fast, if the root has no other use]
struct ReduceDivBySqrt : OpRewritePattern<DivOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DivOp op, PatternRewriter &rewriter) const override {
    auto root = op.getRhs().getDefiningOp<SqrtOp>();
    if (!root || !root->hasOneUse())
      return rewriter.notifyMatchFailure(op, "the divisor is not a square root of one use");
    Location loc = mergedLoc(root, op);
    Value inverse = RsqrtOp::create(rewriter, loc, root.getInput());
    return replaceByOp<MulOp>(rewriter, op, loc, op.getLhs(), inverse);
  }
};

// Pattern: remainder(x, 2^k) -> and(x, 2^k - 1) [if integers]
struct ReduceRemainder : OpRewritePattern<RemainderOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(RemainderOp op, PatternRewriter &rewriter) const override {
    DenseElementsAttr divisor = getConstantElements(op.getRhs());
    if (hasFloatElements(op.getLhs()) || !divisor || !divisor.isSplat())
      return rewriter.notifyMatchFailure(op, "the divisor is not an integer splat");
    APInt value = divisor.getSplatValue<APInt>();
    if (!value.isPowerOf2() || (value.isNegative() && !hasUnsignedElements(op.getLhs())))
      return rewriter.notifyMatchFailure(op, "the divisor is no positive power of two");
    Value mask = ConstantOp::create(rewriter, op.getLoc(),
                                    DenseElementsAttr::get(divisor.getType(), value - 1));
    return replaceByOp<AndOp>(rewriter, op, op.getLoc(), op.getLhs(), mask);
  }
};

// Pattern: floor_divide(x, 1) -> x [if integers]
// Pattern: floor_divide(x, -1) -> neg(x) [if signed integers]
struct ReduceFloorDivide : OpRewritePattern<FloorDivOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(FloorDivOp op, PatternRewriter &rewriter) const override {
    std::optional<double> divisor = getConstantSplat(op.getRhs());
    if (hasFloatElements(op.getLhs()) || !divisor)
      return rewriter.notifyMatchFailure(op, "the divisor is not an integer splat");
    if (*divisor == 1)
      return replaceByValue(rewriter, op, op.getLhs());
    if (*divisor == -1 && !hasUnsignedElements(op.getLhs()) &&
        op.getLhs().getType() == op.getType())
      return replaceByOp<NegOp>(rewriter, op, op.getLoc(), op.getLhs());
    return rewriter.notifyMatchFailure(op, "the divisor is neither 1 nor -1");
  }
};

// Pattern: mean(x) -> mul(sum(x), 1 / n) [if f32 or f64 and n is a power of two; fast: any n]
struct ReduceMean : OpRewritePattern<MeanOp> {
  ReduceMean(MLIRContext *context, bool fast = false) : OpRewritePattern(context), fast(fast) {}

  LogicalResult matchAndRewrite(MeanOp op, PatternRewriter &rewriter) const override {
    if (hasHalfElements(op.getInput()))
      return rewriter.notifyMatchFailure(op, "the sum would be rounded to half");
    int64_t count = 1;
    for (int64_t axis : op.getAxes()) {
      int64_t extent = tensorType(op.getInput()).getDimSize(axis);
      if (ShapedType::isDynamic(extent) || llvm::MulOverflow(count, extent, count))
        return rewriter.notifyMatchFailure(op, "the number of elements is unknown");
    }
    bool isExact = count > 0 && llvm::isPowerOf2_64(count);
    if (count == 0 || (!isExact && !fast))
      return rewriter.notifyMatchFailure(op, "the number of elements is no power of two");
    Value sum = SumOp::create(rewriter, op.getLoc(), op.getInput(), op.getAxes(), op.getKeepdims());
    auto scalar = RankedTensorType::get({}, tensorType(sum).getElementType());
    Value factor = createSplat(rewriter, op.getLoc(), scalar, 1.0 / static_cast<double>(count));
    return replaceByOp<MulOp>(rewriter, op, op.getLoc(), sum, factor);
  }

  bool fast;
};

} // namespace

void mlir::torsh::populateReduceStrengthPatterns(RewritePatternSet &patterns) {
  patterns.add<ReducePow, ReduceDiv, ReduceReciprocalOfSqrt, ReduceRemainder, ReduceFloorDivide,
               ReduceMean>(patterns.getContext());
}

void mlir::torsh::populateFastReduceStrengthPatterns(RewritePatternSet &patterns) {
  patterns.add<ReducePowFast, ReduceDivBySqrt>(patterns.getContext());
  patterns.add<ReduceDiv, ReduceReciprocalOfSqrt, ReduceMean>(patterns.getContext(),
                                                              /*fast=*/true);
}
