// SPDX-License-Identifier: Apache-2.0
// Casts after casts.

#include "ConstantMatching.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"

using namespace mlir;
using namespace mlir::torsh;

/// Whether every value of `from` is one of `to`, so that the cast loses nothing.
static bool holds(Type to, Type from) {
  auto toFloat = dyn_cast<FloatType>(to), fromFloat = dyn_cast<FloatType>(from);
  if (fromFloat)
    return toFloat && (fromFloat == toFloat ||
                       (toFloat.getWidth() > fromFloat.getWidth() &&
                        toFloat.getFPMantissaWidth() >= fromFloat.getFPMantissaWidth()));
  // The bits of the largest magnitude of each.
  bool hasSign = !from.isInteger(1) && !isUnsigned(from);
  unsigned bits = from.getIntOrFloatBitWidth() - hasSign;
  if (toFloat)
    // Every float type has the exponent of as many bits as its mantissa has.
    return bits <= static_cast<unsigned>(toFloat.getFPMantissaWidth());
  bool toHasSign = !to.isInteger(1) && !isUnsigned(to);
  return (toHasSign || !hasSign) && to.getIntOrFloatBitWidth() - toHasSign >= bits;
}

/// Whether a cast from `from` over `over` to `to` gives what the direct cast
/// gives, given that `over` holds all values of `from`.
static bool isDirect(Type from, Type over, Type to) {
  // Out of the range of an integer the intermediate type decides what comes out.
  if (isa<FloatType>(over) && isa<IntegerType>(to) && !to.isInteger(1))
    return isa<IntegerType>(from) && holds(to, from);
  // Integers become f16 and bf16 by way of f32, rounding twice.
  if (isa<IntegerType>(from) && isa<Float16Type, BFloat16Type>(to))
    return isa<FloatType>(over) && holds(to, from);
  return true;
}

namespace {

// Pattern: cast(cast(x)) -> cast(x) [if the inner cast loses nothing]
struct CastOfCast : OpRewritePattern<CastOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CastOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<CastOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is not a cast");
    Type from = tensorType(inner.getInput()).getElementType();
    if (!holds(inner.getDtype(), from))
      return rewriter.notifyMatchFailure(op, "the inner cast may lose something");
    if (!isDirect(from, inner.getDtype(), op.getDtype()))
      return rewriter.notifyMatchFailure(op, "the direct cast rounds or clamps differently");
    if (from == op.getDtype()) {
      rewriter.replaceOp(op, inner.getInput());
      return success();
    }
    return replaceByOp<CastOp>(rewriter, op, mergedLoc(inner, op), inner.getInput(), op.getDtype());
  }
};

} // namespace

void mlir::torsh::populateSimplifyCastPatterns(RewritePatternSet &patterns) {
  patterns.add<CastOfCast>(patterns.getContext());
}
