// SPDX-License-Identifier: Apache-2.0
// Gathers the constants of commutative operations; upstream's folder of the trait
// has put each of them last.

#include "ConstantMatching.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

// Pattern: sub(x, c) -> add(x, neg(c)) [if c is a constant]
struct SubOfConstant : OpRewritePattern<SubOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SubOp op, PatternRewriter &rewriter) const override {
    if (!getConstantElements(op.getRhs()) || getConstantElements(op.getLhs()))
      return rewriter.notifyMatchFailure(op, "the second operand alone is not constant");
    auto negated = NegOp::create(rewriter, op.getLoc(), op.getRhs());
    FailureOr<DenseElementsAttr> value = evaluateElementwise(negated, {});
    rewriter.eraseOp(negated);
    if (failed(value))
      return rewriter.notifyMatchFailure(op, "the constant is too large to negate");
    Value constant = ConstantOp::create(rewriter, op.getLoc(), *value);
    return replaceByOp<AddOp>(rewriter, op, op.getLoc(), op.getLhs(), constant);
  }
};

// Pattern: f(f(x, c), d) -> f(x, f(c, d)) [if c and d are constants, one of them a splat, and
//          f is and, maximum, minimum, or, xor, or add or mul of integers; fast: of floats]
template <typename OpTy> struct GatherConstants : OpRewritePattern<OpTy> {
  GatherConstants(MLIRContext *context, bool fast = false)
      : OpRewritePattern<OpTy>(context), fast(fast) {}

  /// Whether f(f(x, y), z) may stand for f(x, f(y, z)).
  bool isAssociative(OpTy op) const {
    if constexpr (std::is_same_v<OpTy, AddOp> || std::is_same_v<OpTy, MulOp>)
      return fast || !hasFloatElements(op.getLhs());
    return true;
  }

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    auto inner = op.getLhs().template getDefiningOp<OpTy>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the first operand is of another operation");
    if (!isAssociative(op))
      return rewriter.notifyMatchFailure(op, "float sums and products are not associative");
    DenseElementsAttr c = getConstantElements(inner.getRhs());
    DenseElementsAttr d = getConstantElements(op.getRhs());
    if (!c || !d || getConstantElements(inner.getLhs()))
      return rewriter.notifyMatchFailure(op, "there are not two constants and a variable");
    if (c.getType() != d.getType() && c.getNumElements() != 1 && d.getNumElements() != 1)
      return rewriter.notifyMatchFailure(op, "the constants together might be larger");
    Location loc = mergedLoc(inner, op);
    Value constants = createFolded<OpTy>(rewriter, loc, inner.getRhs(), op.getRhs());
    return replaceByOp<OpTy>(rewriter, op, loc, inner.getLhs(), constants);
  }

  bool fast;
};

} // namespace

void mlir::torsh::populateSimplifyCommutativePatterns(RewritePatternSet &patterns) {
  patterns.add<SubOfConstant, GatherConstants<AddOp>, GatherConstants<AndOp>,
               GatherConstants<MaximumOp>, GatherConstants<MinimumOp>, GatherConstants<MulOp>,
               GatherConstants<OrOp>, GatherConstants<XorOp>>(patterns.getContext());
}

void mlir::torsh::populateReassociateFloatPatterns(RewritePatternSet &patterns) {
  patterns.add<GatherConstants<AddOp>, GatherConstants<MulOp>>(patterns.getContext(),
                                                               /*fast=*/true);
}
