// SPDX-License-Identifier: Apache-2.0
// Logarithms of f32 below the normal range.

#include "torshjit/Target/SubnormalLogarithm.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

/// The smallest normal f32, what carries every smaller one above it, and the natural
/// logarithm of that.
static constexpr float kSmallestNormal = 0x1p-126f, kScale = 0x1p24f;
static constexpr float kLogOfScale = 16.635532333438686f;

static Value like(OpBuilder &b, Location loc, Type type, float constant) {
  TypedAttr value = b.getF32FloatAttr(constant);
  if (auto shaped = dyn_cast<ShapedType>(type))
    value = SplatElementsAttr::get(shaped, value);
  return arith::ConstantOp::create(b, loc, value);
}

void mlir::torsh::scaleSubnormalLogarithms(Operation *root) {
  root->walk([](math::LogOp op) {
    Type type = op.getType();
    if (!getElementTypeOrSelf(type).isF32())
      return;
    OpBuilder b(op);
    Location loc = op.getLoc();
    Value x = op.getOperand();
    // Zero and what has no logarithm stay themselves when they are scaled.
    Value isSmall = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, x,
                                          like(b, loc, type, kSmallestNormal));
    Value scaled = arith::MulFOp::create(b, loc, x, like(b, loc, type, kScale));
    op.getOperandMutable().assign(arith::SelectOp::create(b, loc, isSmall, scaled, x));
    b.setInsertionPointAfter(op);
    Value lower = arith::SubFOp::create(b, loc, op, like(b, loc, type, kLogOfScale));
    Value result = arith::SelectOp::create(b, loc, isSmall, lower, op);
    op.getResult().replaceUsesWithIf(result, [&](OpOperand &use) {
      return use.getOwner() != lower.getDefiningOp() && use.getOwner() != result.getDefiningOp();
    });
  });
}
