// SPDX-License-Identifier: Apache-2.0
// One order for the operands of commutative operations, and constants gathered.

#include "ConstantMatching.h"
#include "mlir/IR/Matchers.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"

using namespace mlir;
using namespace mlir::torsh;

/// Whether `x` comes before `y` in the one order: what is defined further out and
/// earlier comes first, constants come last.
static bool comesBefore(Value x, Value y) {
  bool xIsConstant = matchPattern(x, m_Constant()), yIsConstant = matchPattern(y, m_Constant());
  if (xIsConstant != yIsConstant)
    return yIsConstant;
  if (xIsConstant)
    return false; // Constants move about and are merged: their order means nothing.
  Block *xBlock = x.getParentBlock(), *yBlock = y.getParentBlock();
  if (xBlock != yBlock)
    // Both dominate their user, so that one lies around or before the other.
    return xBlock->getParent()->isProperAncestor(yBlock->getParent());
  auto xArgument = dyn_cast<BlockArgument>(x), yArgument = dyn_cast<BlockArgument>(y);
  if (xArgument && yArgument)
    return xArgument.getArgNumber() < yArgument.getArgNumber();
  if (xArgument || yArgument)
    return static_cast<bool>(xArgument);
  auto xResult = cast<OpResult>(x), yResult = cast<OpResult>(y);
  if (xResult.getOwner() == yResult.getOwner())
    return xResult.getResultNumber() < yResult.getResultNumber();
  return xResult.getOwner()->isBeforeInBlock(yResult.getOwner());
}

namespace {

// Pattern: f(y, x) -> f(x, y) [if f is commutative and x comes before y]
struct OrderOperands : OpInterfaceRewritePattern<ElementwiseOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(ElementwiseOpInterface op,
                                PatternRewriter &rewriter) const override {
    if (!op->hasTrait<OpTrait::IsCommutative>() || op->getNumOperands() != 2)
      return rewriter.notifyMatchFailure(op, "not a commutative operation of two operands");
    Value lhs = op->getOperand(0), rhs = op->getOperand(1);
    if (lhs == rhs || !comesBefore(rhs, lhs))
      return rewriter.notifyMatchFailure(op, "the operands are in order");
    rewriter.modifyOpInPlace(op, [&] { op->setOperands({rhs, lhs}); });
    return success();
  }
};

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
  patterns.add<OrderOperands, SubOfConstant, GatherConstants<AddOp>, GatherConstants<AndOp>,
               GatherConstants<MaximumOp>, GatherConstants<MinimumOp>, GatherConstants<MulOp>,
               GatherConstants<OrOp>, GatherConstants<XorOp>>(patterns.getContext());
}

void mlir::torsh::populateReassociateFloatPatterns(RewritePatternSet &patterns) {
  patterns.add<GatherConstants<AddOp>, GatherConstants<MulOp>>(patterns.getContext(),
                                                               /*fast=*/true);
}
