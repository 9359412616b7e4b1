// SPDX-License-Identifier: Apache-2.0
// Replaces transcendental functions by arithmetic that vectorises.

#include "../../Math/Functions.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"
#include "torshjit/Target/SubnormalLogarithm.h"

using namespace mlir;
using namespace mlir::torsh::formulas;

namespace mlir::torsh {
#define GEN_PASS_DEF_APPROXIMATEMATHPASS
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"
} // namespace mlir::torsh

namespace {

/// Lets products and sums of what stands between the two operations be fused.
void allowFused(Operation *after, Operation *before) {
  auto allow = [](Operation *op) {
    if (isa<arith::AddFOp, arith::SubFOp, arith::MulFOp>(op))
      op->setAttr("fastmath",
                  arith::FastMathFlagsAttr::get(op->getContext(), arith::FastMathFlags::contract));
  };
  Operation *op = after ? after->getNextNode() : &before->getBlock()->front();
  for (; op != before; op = op->getNextNode())
    op->walk(allow);
}

/// f32, in which upstream has a polynomial of its own for some functions, and f64.
enum class Domain { F32AndF64, F64 };

template <typename OpTy> LogicalResult checkDomain(OpTy op, Domain domain, PatternRewriter &r) {
  Type type = getElementTypeOrSelf(op.getType());
  if (type.isF64() || (type.isF32() && domain == Domain::F32AndF64))
    return success();
  return r.notifyMatchFailure(op, "not a type of the domain");
}

// Pattern: function of one number -> arithmetic [if its type is in the domain]
template <typename OpTy, Scalar (*function)(Scalar), Domain domain = Domain::F32AndF64>
struct ExpandUnary : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    if (failed(checkDomain(op, domain, rewriter)))
      return failure();
    Operation *previous = op->getPrevNode();
    ImplicitLocOpBuilder builder(op.getLoc(), rewriter);
    Value result = function(Scalar(builder, op.getOperand())).get();
    allowFused(previous, op);
    rewriter.replaceOp(op, result);
    return success();
  }
};

// Pattern: function of two numbers -> arithmetic [if their type is in the domain]
template <typename OpTy, Scalar (*function)(Scalar, Scalar)>
struct ExpandBinary : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    if (failed(checkDomain(op, Domain::F32AndF64, rewriter)))
      return failure();
    Operation *previous = op->getPrevNode();
    ImplicitLocOpBuilder builder(op.getLoc(), rewriter);
    Scalar x(builder, op->getOperand(0)), y(builder, op->getOperand(1));
    Value result = function(x, y).get();
    allowFused(previous, op);
    rewriter.replaceOp(op, result);
    return success();
  }
};

Scalar fma(Scalar x, double y, Scalar z) {
  return x.make<math::FmaOp>(x.get(), x.constant(y).get(), z.get());
}
Scalar fma(Scalar x, Scalar y, double z) {
  return x.make<math::FmaOp>(x.get(), y.get(), x.constant(z).get());
}

/// exp of f32 for processors with fused products and an instruction that scales by a power of
/// two (AVX-512): that rounds once where the result is subnormal, and overflows as it should.
/// The polynomial was fitted by Remez' exchange to exp(r) / |r| <= ln 2 / 2, the first
/// coefficient held at 1: its own error is a thirtieth of a unit in the last place.
Scalar exponentialByScaling(Scalar x) {
  // Adding it leaves the nearest integer in the last bits of the sum.
  constexpr double kShift = 0x1.8p23;
  // A NaN passes through. Beyond these bounds the result is zero or infinity all the same.
  Scalar bounded = select(x > 89, 89, x);
  bounded = select(bounded < -104, -104, bounded);
  Scalar shifted = fma(bounded, 1.44269504088896341, bounded.constant(kShift));
  Scalar n = shifted - kShift;
  // ln 2 in two parts: the first has so few bits that its product with n is exact.
  Scalar r = fma(n, -0x1.62e400p-1, bounded);
  r = fma(n, -0x1.7f7d1cp-20, r);
  Scalar p = x.constant(0x1.6ae720p-10);
  for (double c : {0x1.126792p-7, 0x1.555822p-5, 0x1.55541ap-3, 0x1.fffffcp-2, 1.0, 1.0})
    p = fma(p, r, c);
  Scalar bits = toBits(shifted);
  Scalar exponent = bits - bits.integer(0x4b400000);
  if (!isa<VectorType>(p.get().getType()))
    return p.make<LLVM::LoadExpOp>(p.get().getType(), p.get(), exponent.get());
  // MLIR's operation takes no vector, LLVM's intrinsic does.
  ImplicitLocOpBuilder &builder = p.getBuilder();
  auto call =
      LLVM::CallIntrinsicOp::create(builder, p.get().getType(), builder.getStringAttr("llvm.ldexp"),
                                    ValueRange{p.get(), exponent.get()});
  return {builder, call->getResult(0)};
}

/// tanh of f32, by the exponential of twice the number but near zero, where Cephes' polynomial
/// keeps the digits that the exponential would lose.
Scalar tangentHyperbolicOfSingle(Scalar x) {
  Scalar magnitude = abs(x), square = x * x;
  Scalar near = x * square *
                    polynomial(square, {-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2,
                                        1.33314422036e-1, -3.33332819422e-1}) +
                x;
  Scalar twice = magnitude + magnitude;
  Scalar e = twice.make<math::ExpOp>(twice.get());
  Scalar far = 1 - 2 / (e + 1);
  return copySign(select(magnitude < 0.625, near, far), x);
}

/// log(1 + x) of f32 as log(1 + x) as rounded and, in first order, what the rounding lost.
Scalar logarithmOnePlusOfSingle(Scalar x) {
  Scalar sum = x + 1;
  Scalar logarithm = sum.make<math::LogOp>(sum.get());
  Scalar lost = select(sum > 2, 1 - (sum - x), x - (sum - 1));
  Scalar result = select((x == INFINITY) | (x == -1.0), logarithm, logarithm + lost / sum);
  // Zero keeps its sign, which the sum loses.
  return select(x == 0.0, x, result);
}

/// erf of f32: x + x P(x^2) near zero, and 1 - 2^(-t R(t)) of its magnitude t beyond. P and R
/// were fitted for the least relative error, a quarter and a fourteenth of a unit in the last
/// place; the power of two is what attention takes for its weights.
Scalar errorFunctionOfSingle(Scalar x) {
  Scalar magnitude = abs(x), square = x * x;
  Scalar near = x * polynomial(square, {-5.990853326755327e-4, 4.9931800924852875e-3,
                                        -2.676661604563889e-2, 1.1281816157335572e-1,
                                        -3.7612493684873516e-1, 1.2837914955536583e-1}) +
                x;
  // From there on it rounds to 1; a NaN stays one.
  Scalar t = select(magnitude > 4.05, 4.05, magnitude);
  Scalar exponent =
      t * polynomial(t, {-3.079708841859951e-4, 4.632189752975989e-3, -3.3004398723254426e-2,
                         1.5183209015534013e-1, 9.171688140220835e-1, 1.6280959988859298});
  // Leaves the nearest integer in the last bits, which with the bias are the power's exponent.
  constexpr double kShift = 0x1.8p23 + 127;
  Scalar shifted = kShift - exponent;
  Scalar rest = (kShift - shifted) - exponent;
  Scalar power = fromBits(toBits(shifted) << 23);
  Scalar ofRest =
      polynomial(rest, {0.0013264726899107613, 0.009671512660558362, 0.055507337442446736,
                        0.24022242084919296, 0.6931469775984704, 1.0});
  return select(magnitude < 0.921875, near, copySign(1 - ofRest * power, x));
}

// Pattern: function of f32 -> polynomials and other functions of f32
template <typename OpTy, Scalar (*function)(Scalar)> struct ExpandSingle : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not of f32");
    Operation *previous = op->getPrevNode();
    ImplicitLocOpBuilder builder(op.getLoc(), rewriter);
    Value result = function(Scalar(builder, op.getOperand())).get();
    allowFused(previous, op);
    rewriter.replaceOp(op, result);
    return success();
  }
};

// Pattern: exp of f32 -> polynomial and scaling
struct ExpandExponential : OpRewritePattern<math::ExpOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::ExpOp op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not of f32");
    ImplicitLocOpBuilder builder(op.getLoc(), rewriter);
    rewriter.replaceOp(op, exponentialByScaling(Scalar(builder, op.getOperand())).get());
    return success();
  }
};

class ApproximateMathPass : public torsh::impl::ApproximateMathPassBase<ApproximateMathPass> {
public:
  using ApproximateMathPassBase::ApproximateMathPassBase;

private:
  void runOnOperation() override {
    torsh::scaleSubnormalLogarithms(getOperation());
    RewritePatternSet patterns(&getContext());
    // Upstream's polynomial is accurate over all of f32's normal numbers.
    populateMathPolynomialApproximationPatterns(
        patterns, [](StringRef name) { return name == math::LogOp::getOperationName(); });
    patterns
        .add<ExpandUnary<math::SinOp, sine>, ExpandUnary<math::CosOp, cosine>,
             ExpandUnary<math::ExpOp, exponential>, ExpandUnary<math::ExpM1Op, exponentialMinusOne>,
             ExpandUnary<math::LogOp, logarithm, Domain::F64>,
             ExpandUnary<math::Log1pOp, logarithmOnePlus, Domain::F64>,
             ExpandUnary<math::TanhOp, tangentHyperbolic, Domain::F64>,
             ExpandUnary<math::ErfOp, errorFunction, Domain::F64>,
             ExpandBinary<math::Atan2Op, arctangent>, ExpandBinary<math::PowFOp, power>>(
            &getContext());
    patterns.add<ExpandSingle<math::TanhOp, tangentHyperbolicOfSingle>,
                 ExpandSingle<math::Log1pOp, logarithmOnePlusOfSingle>,
                 ExpandSingle<math::ErfOp, errorFunctionOfSingle>>(&getContext(),
                                                                   /*benefit=*/2);
    if (hasScale)
      patterns.add<ExpandExponential>(&getContext(), /*benefit=*/2);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
