// SPDX-License-Identifier: Apache-2.0
// Identities of comparison, selection and bits.

#include "ConstantMatching.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"

using namespace mlir;
using namespace mlir::torsh;

/// The predicate p' with x p y == y p' x.
static ComparePredicate swapped(ComparePredicate predicate) {
  switch (predicate) {
  case ComparePredicate::lt:
    return ComparePredicate::gt;
  case ComparePredicate::le:
    return ComparePredicate::ge;
  case ComparePredicate::gt:
    return ComparePredicate::lt;
  case ComparePredicate::ge:
    return ComparePredicate::le;
  case ComparePredicate::eq:
  case ComparePredicate::ne:
    return predicate;
  }
  llvm_unreachable("a predicate without a case");
}

namespace {

// Pattern: compare lt|gt, x, x -> false
// Pattern: compare ne, x, x -> isnan(x) [if floats; integers: false]
// Pattern: compare eq|le|ge, x, x -> true [if integers]
struct CompareWithItself : OpRewritePattern<CompareOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CompareOp op, PatternRewriter &rewriter) const override {
    if (op.getLhs() != op.getRhs())
      return rewriter.notifyMatchFailure(op, "the operands differ");
    bool isFloat = hasFloatElements(op.getLhs());
    switch (op.getPredicate()) {
    case ComparePredicate::lt:
    case ComparePredicate::gt:
      return replaceBySplat(rewriter, op, 0);
    case ComparePredicate::ne:
      if (isFloat)
        return replaceByOp<IsNanOp>(rewriter, op, op.getLoc(), op.getLhs());
      return replaceBySplat(rewriter, op, 0);
    case ComparePredicate::eq:
    case ComparePredicate::le:
    case ComparePredicate::ge:
      if (isFloat)
        return rewriter.notifyMatchFailure(op, "NaN does not equal itself");
      return replaceBySplat(rewriter, op, 1);
    }
    llvm_unreachable("a predicate without a case");
  }
};

// Pattern: compare p, constant, x -> compare p', x, constant
struct CompareConstantLast : OpRewritePattern<CompareOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CompareOp op, PatternRewriter &rewriter) const override {
    if (!getConstantElements(op.getLhs()) || getConstantElements(op.getRhs()))
      return rewriter.notifyMatchFailure(op, "the first operand alone is not constant");
    return replaceByOp<CompareOp>(rewriter, op, op.getLoc(), swapped(op.getPredicate()),
                                  op.getRhs(), op.getLhs());
  }
};

// Pattern: select(true, x, y) -> x
// Pattern: select(false, x, y) -> y
// Pattern: select(c, x, x) -> x
// Pattern: select(not(c), x, y) -> select(c, y, x)
struct SimplifySelect : OpRewritePattern<SelectOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SelectOp op, PatternRewriter &rewriter) const override {
    if (op.getOnTrue() == op.getOnFalse())
      return replaceByValue(rewriter, op, op.getOnTrue());
    if (std::optional<double> condition = getConstantSplat(op.getCondition()))
      return replaceByValue(rewriter, op, *condition ? op.getOnTrue() : op.getOnFalse());
    if (auto negated = op.getCondition().getDefiningOp<NotOp>())
      return replaceByOp<SelectOp>(rewriter, op, mergedLoc(negated, op), negated.getInput(),
                                   op.getOnFalse(), op.getOnTrue());
    return rewriter.notifyMatchFailure(op, "the choice is open");
  }
};

// Pattern: not(not(x)) -> x
struct CancelNot : OpRewritePattern<NotOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(NotOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<NotOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is not a complement");
    rewriter.replaceOp(op, inner.getInput());
    return success();
  }
};

// Pattern: and|or(x, x) -> x
// Pattern: and(x, 0) -> 0, and(x, all ones) -> x
// Pattern: or(x, 0) -> x, or(x, all ones) -> all ones
template <typename OpTy> struct SimplifyAndOr : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    Value x = op.getLhs(), y = op.getRhs();
    if (x == y)
      return replaceByValue(rewriter, op, x);
    if (getConstantElements(x))
      std::swap(x, y);
    std::optional<double> mask = getConstantSplat(y);
    double ones = tensorType(x).getElementType().isInteger(1) ? 1 : -1;
    double neutral = std::is_same_v<OpTy, AndOp> ? ones : 0;
    double absorbing = std::is_same_v<OpTy, AndOp> ? 0 : ones;
    if (mask == neutral)
      return replaceByValue(rewriter, op, x);
    if (mask == absorbing)
      return replaceBySplat(rewriter, op, absorbing);
    return rewriter.notifyMatchFailure(op, "no operand is all zeros or all ones");
  }
};

// Pattern: xor(x, x) -> 0
// Pattern: xor(x, 0) -> x
// Pattern: xor(x, all ones) -> not(x)
struct SimplifyXor : OpRewritePattern<XorOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(XorOp op, PatternRewriter &rewriter) const override {
    Value x = op.getLhs(), y = op.getRhs();
    if (x == y)
      return replaceBySplat(rewriter, op, 0);
    if (getConstantElements(x))
      std::swap(x, y);
    std::optional<double> mask = getConstantSplat(y);
    if (mask == 0.0)
      return replaceByValue(rewriter, op, x);
    double ones = tensorType(x).getElementType().isInteger(1) ? 1 : -1;
    if (mask == ones && !hasRuntimeChecks(op))
      return replaceByOp<NotOp>(rewriter, op, op.getLoc(), x);
    return rewriter.notifyMatchFailure(op, "no operand is all zeros or all ones");
  }
};

} // namespace

void mlir::torsh::populateSimplifyLogicPatterns(RewritePatternSet &patterns) {
  patterns.add<CompareWithItself, CompareConstantLast, SimplifySelect, CancelNot,
               SimplifyAndOr<AndOp>, SimplifyAndOr<OrOp>, SimplifyXor>(patterns.getContext());
}
