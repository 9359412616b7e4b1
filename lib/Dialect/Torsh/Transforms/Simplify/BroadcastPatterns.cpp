// SPDX-License-Identifier: Apache-2.0
// Broadcasts that what surrounds them makes needless, or that can wait.

#include "ConstantMatching.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"

using namespace mlir;
using namespace mlir::torsh;

/// Whether every `?` of the result is one of the input, so that the operand alone
/// says what the broadcast says.
static bool makesNoDynamicExtent(BroadcastOp op) { return op.getDynamicSizes().empty(); }

namespace {

// Pattern: broadcast(x) -> x [if the types are equal]
struct BroadcastToItself : OpRewritePattern<BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BroadcastOp op, PatternRewriter &rewriter) const override {
    if (op.getType() != op.getInput().getType() || !makesNoDynamicExtent(op))
      return rewriter.notifyMatchFailure(op, "the shape changes");
    rewriter.replaceOp(op, op.getInput());
    return success();
  }
};

// Pattern: broadcast(broadcast(x)) -> broadcast(x) [if the inner one takes no sizes]
struct BroadcastOfBroadcast : OpRewritePattern<BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BroadcastOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<BroadcastOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is not a broadcast");
    if (!makesNoDynamicExtent(inner))
      return rewriter.notifyMatchFailure(op, "the inner sizes would be lost");
    rewriter
        .replaceOpWithNewOp<BroadcastOp>(op, op.getType(), inner.getInput(), op.getDynamicSizes())
        ->setLoc(mergedLoc(inner, op));
    return success();
  }
};

// Pattern: f(broadcast(x), y...) -> f(x, y...) [if f broadcasts to the same type anyway]
struct ElementwiseOfBroadcast : OpInterfaceRewritePattern<ElementwiseOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(ElementwiseOpInterface op,
                                PatternRewriter &rewriter) const override {
    SmallVector<Value> operands(op->getOperands());
    auto result = tensorType(op->getResult(0));
    bool changed = false;
    for (Value &operand : operands) {
      auto broadcast = operand.getDefiningOp<BroadcastOp>();
      if (!broadcast || !makesNoDynamicExtent(broadcast))
        continue;
      Value kept = std::exchange(operand, broadcast.getInput());
      if (hasResultShape(operands, result))
        changed = true;
      else
        operand = kept;
    }
    if (!changed)
      return rewriter.notifyMatchFailure(op, "no operand is a needless broadcast");
    rewriter.modifyOpInPlace(op, [&] { op->setOperands(operands); });
    return success();
  }

  /// Whether the operands broadcast to the shape of `result` by themselves.
  static bool hasResultShape(ValueRange operands, RankedTensorType result) {
    SmallVector<ArrayRef<int64_t>> shapes;
    for (Value operand : operands)
      shapes.push_back(tensorType(operand).getShape());
    FailureOr<SmallVector<int64_t>> shape = broadcastShapes(shapes);
    return succeeded(shape) && ArrayRef<int64_t>(*shape) == result.getShape();
  }
};

// Pattern: f(broadcast(x)) -> broadcast(f(x)) [if f has one operand]
struct BroadcastAfterUnary : OpInterfaceRewritePattern<ElementwiseOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(ElementwiseOpInterface op,
                                PatternRewriter &rewriter) const override {
    if (op->getNumOperands() != 1)
      return rewriter.notifyMatchFailure(op, "more than one operand");
    auto broadcast = op->getOperand(0).getDefiningOp<BroadcastOp>();
    if (!broadcast)
      return rewriter.notifyMatchFailure(op, "the operand is not a broadcast");
    auto type = tensorType(op->getResult(0));
    Type small = tensorType(broadcast.getInput()).clone(type.getElementType());
    OperationState state(op.getLoc(), op->getName());
    state.addOperands(broadcast.getInput());
    state.addAttributes(op->getDiscardableAttrDictionary().getValue());
    state.propertiesAttr = op->getPropertiesAsAttribute();
    state.addTypes(small);
    Operation *computed = rewriter.create(state);
    rewriter
        .replaceOpWithNewOp<BroadcastOp>(op, type, computed->getResult(0),
                                         broadcast.getDynamicSizes())
        ->setLoc(broadcast.getLoc());
    return success();
  }
};

} // namespace

void mlir::torsh::populateSimplifyBroadcastPatterns(RewritePatternSet &patterns) {
  patterns
      .add<BroadcastToItself, BroadcastOfBroadcast, ElementwiseOfBroadcast, BroadcastAfterUnary>(
          patterns.getContext());
}
