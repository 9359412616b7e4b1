// SPDX-License-Identifier: Apache-2.0
// Expands functions of f32 for which the hardware has no instruction.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "torshjit/Target/CUDA/Transforms/Passes.h"
#include "torshjit/Target/SubnormalLogarithm.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_EXPANDCUDAMATHPASS
#include "torshjit/Target/CUDA/Transforms/Passes.h.inc"
} // namespace mlir::torsh

namespace {

bool isF32(Value value) { return getElementTypeOrSelf(value.getType()).isF32(); }

Value like(OpBuilder &builder, Location loc, Value value, double constant) {
  TypedAttr attr = builder.getF32FloatAttr(static_cast<float>(constant));
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    attr = SplatElementsAttr::get(vector, attr);
  return arith::ConstantOp::create(builder, loc, attr);
}

constexpr double kLog2e = 1.4426950408889634074;

// Pattern: math.exp -> exp2(n) * exp2(f) with n + f = x * log2(e)
//
// The instruction for exp2 is good to 2 units in the last place, but x * log2(e) is
// not: its rounding error grows with x. So the whole part n is split off, and the
// rest is computed with both halves of log2(e). n is rounded down: rounded to
// nearest it would overflow at 2^128 for results that do not.
struct ExpandExp : OpRewritePattern<math::ExpOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::ExpOp op, PatternRewriter &rewriter) const override {
    if (!isF32(op.getOperand()))
      return rewriter.notifyMatchFailure(op, "not of f32");
    Location loc = op.getLoc();
    auto constant = [&](double value) { return like(rewriter, loc, op.getOperand(), value); };
    float upper = static_cast<float>(kLog2e);
    Value log2e = constant(upper), rest = constant(kLog2e - upper);
    // Beyond these the result is infinity or 0; infinities would become NaN.
    Value x = arith::MinimumFOp::create(rewriter, loc, op.getOperand(), constant(89.0));
    x = arith::MaximumFOp::create(rewriter, loc, x, constant(-105.0));
    Value n = math::FloorOp::create(rewriter, loc, arith::MulFOp::create(rewriter, loc, x, log2e));
    Value f = math::FmaOp::create(rewriter, loc, x, log2e, arith::NegFOp::create(rewriter, loc, n));
    f = math::FmaOp::create(rewriter, loc, x, rest, f);
    rewriter.replaceOpWithNewOp<arith::MulFOp>(op, math::Exp2Op::create(rewriter, loc, f),
                                               math::Exp2Op::create(rewriter, loc, n));
    return success();
  }
};

// Pattern: math.exp -> exp2(x * log2(e)) [if fast]
struct ExpandExpFast : OpRewritePattern<math::ExpOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::ExpOp op, PatternRewriter &rewriter) const override {
    if (!isF32(op.getOperand()))
      return rewriter.notifyMatchFailure(op, "not of f32");
    Value scaled = arith::MulFOp::create(rewriter, op.getLoc(), op.getOperand(),
                                         like(rewriter, op.getLoc(), op.getOperand(), kLog2e));
    rewriter.replaceOpWithNewOp<math::Exp2Op>(op, scaled);
    return success();
  }
};

// Pattern: math.rsqrt -> 1 / sqrt(x)
struct ExpandRsqrt : OpRewritePattern<math::RsqrtOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::RsqrtOp op, PatternRewriter &rewriter) const override {
    if (!isF32(op.getOperand()))
      return rewriter.notifyMatchFailure(op, "not of f32");
    Value one = like(rewriter, op.getLoc(), op.getOperand(), 1);
    Value root = math::SqrtOp::create(rewriter, op.getLoc(), op.getOperand());
    rewriter.replaceOpWithNewOp<arith::DivFOp>(op, one, root);
    return success();
  }
};

/// Lets the code generator take the hardware's approximation of an operation.
template <typename OpTy> void approximate(OpTy op) {
  if (isF32(op.getResult()))
    op.setFastmath(op.getFastmath() | arith::FastMathFlags::afn | arith::FastMathFlags::arcp);
}

class ExpandCUDAMathPass : public torsh::impl::ExpandCUDAMathPassBase<ExpandCUDAMathPass> {
public:
  using ExpandCUDAMathPassBase::ExpandCUDAMathPassBase;

private:
  void runOnOperation() override {
    torsh::scaleSubnormalLogarithms(getOperation());
    RewritePatternSet patterns(&getContext());
    if (fast)
      patterns.add<ExpandExpFast>(&getContext());
    else
      patterns.add<ExpandExp>(&getContext());
    patterns.add<ExpandRsqrt>(&getContext());
    // The functions whose upstream polynomial is accurate over all of f32, logarithms
    // over all of its normal numbers; sine, cosine and atan2 are not among them.
    populateMathPolynomialApproximationPatterns(patterns, [&](StringRef name) {
      if (name == math::TanhOp::getOperationName())
        return !fast;
      return llvm::is_contained({math::LogOp::getOperationName(), math::Log1pOp::getOperationName(),
                                 math::ExpM1Op::getOperationName(),
                                 math::ErfOp::getOperationName()},
                                name);
    });
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    if (!fast)
      return;
    getOperation().walk([](Operation *op) {
      llvm::TypeSwitch<Operation *>(op).Case<arith::DivFOp, math::SqrtOp, math::TanhOp>(
          [](auto op) { approximate(op); });
    });
  }
};

} // namespace
