// SPDX-License-Identifier: Apache-2.0
// Replaces mathematical functions by arithmetic.

#include "../../Math/Functions.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "torshjit/Target/Metal/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::torsh::formulas;

namespace mlir::torsh {
#define GEN_PASS_DEF_EXPANDMETALMATHPASS
#include "torshjit/Target/Metal/Transforms/Passes.h.inc"
} // namespace mlir::torsh

namespace {

/// What an expansion is right for. f16 is computed in f32.
enum class Domain { F32AndF64, F64, Floats, Integers };

bool contains(Domain domain, Type type) {
  switch (domain) {
  case Domain::F32AndF64:
    return type.isF32() || type.isF64();
  case Domain::F64:
    return type.isF64();
  case Domain::Floats:
    return isa<FloatType>(type);
  case Domain::Integers:
    return type.isIntOrIndex();
  }
  llvm_unreachable("unknown domain");
}

// Pattern: function of one number -> arithmetic [if its type is in the domain]
template <typename OpTy, Scalar (*function)(Scalar), Domain domain = Domain::F32AndF64>
struct ExpandUnary : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    if (!contains(domain, op.getType()))
      return rewriter.notifyMatchFailure(op, "not a type of the domain");
    ImplicitLocOpBuilder builder(op.getLoc(), rewriter);
    rewriter.replaceOp(op, function(Scalar(builder, op.getOperand())).get());
    return success();
  }
};

// Pattern: function of two numbers -> arithmetic [if their type is in the domain]
template <typename OpTy, Scalar (*function)(Scalar, Scalar), Domain domain = Domain::F32AndF64>
struct ExpandBinary : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    if (!contains(domain, op.getType()))
      return rewriter.notifyMatchFailure(op, "not a type of the domain");
    ImplicitLocOpBuilder builder(op.getLoc(), rewriter);
    Scalar x(builder, op->getOperand(0)), y(builder, op->getOperand(1));
    rewriter.replaceOp(op, function(x, y).get());
    return success();
  }
};

// A NaN on either side is the result. The device's own maximum need not know NaNs.
Scalar maximum(Scalar x, Scalar y) { return select((x > y) | isNaN(x), x, y); }
Scalar minimum(Scalar x, Scalar y) { return select((x < y) | isNaN(x), x, y); }
// A NaN on one side is not.
Scalar maximumNumber(Scalar x, Scalar y) { return select((x > y) | isNaN(y), x, y); }
Scalar minimumNumber(Scalar x, Scalar y) { return select((x < y) | isNaN(y), x, y); }
Scalar truncated(Scalar x) { return copySign(floor(abs(x)), x); }

// With the sign of the dividend, also for the smallest integer: upstream's goes by the
// magnitude, which that has none of.
Scalar signedRemainder(Scalar x, Scalar y) { return x - (x / y) * y; }
// The zeros below the lowest one are the ones that subtracting 1 makes of them.
Scalar countTrailingZeros(Scalar x) {
  Scalar below = (x ^ -1) & (x - 1);
  return below.make<math::CtPopOp>(below.get());
}

Scalar arctangentOfSlope(Scalar x) { return arctangent(x, x.constant(1)); }
Scalar inverseSquareRoot(Scalar x) { return 1 / x.make<math::SqrtOp>(x.get()); }
Scalar logarithmBase10(Scalar x) { return logarithm(x) * 0.434294481903251828; }
Scalar logarithmToBase2(Scalar x) { return logarithm(x) * 1.44269504088896341; }
Scalar tangent(Scalar x) { return sine(x) / cosine(x); }

/// What SPIR-V has, and is exact about, for every float.
bool isNative(Operation *op) {
  return isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp, math::FloorOp, math::FmaOp,
             math::RoundEvenOp, math::RoundOp, math::SqrtOp, math::CountLeadingZerosOp,
             math::CtPopOp>(op);
}

class ExpandMetalMathPass : public torsh::impl::ExpandMetalMathPassBase<ExpandMetalMathPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    patterns.add<
        ExpandUnary<math::TruncOp, truncated, Domain::Floats>,
        ExpandUnary<math::AtanOp, arctangentOfSlope>, ExpandUnary<math::CosOp, cosine>,
        ExpandUnary<math::CountTrailingZerosOp, countTrailingZeros, Domain::Integers>,
        ExpandUnary<math::ErfOp, errorFunction, Domain::F64>, ExpandUnary<math::ExpOp, exponential>,
        ExpandUnary<math::Exp2Op, exponentialBase2>,
        ExpandUnary<math::ExpM1Op, exponentialMinusOne>, ExpandUnary<math::LogOp, logarithm>,
        ExpandUnary<math::Log10Op, logarithmBase10>, ExpandUnary<math::Log1pOp, logarithmOnePlus>,
        ExpandUnary<math::Log2Op, logarithmToBase2>, ExpandUnary<math::RsqrtOp, inverseSquareRoot>,
        ExpandUnary<math::SinOp, sine>, ExpandUnary<math::TanOp, tangent>,
        ExpandUnary<math::TanhOp, tangentHyperbolic>, ExpandBinary<arith::RemFOp, remainder>,
        ExpandBinary<arith::RemSIOp, signedRemainder, Domain::Integers>,
        ExpandBinary<math::Atan2Op, arctangent>, ExpandBinary<math::PowFOp, power>,
        ExpandBinary<arith::MaximumFOp, maximum, Domain::Floats>,
        ExpandBinary<arith::MinimumFOp, minimum, Domain::Floats>,
        ExpandBinary<arith::MaxNumFOp, maximumNumber, Domain::Floats>,
        ExpandBinary<arith::MinNumFOp, minimumNumber, Domain::Floats>>(context);
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    // Of those that are left, what others are made of.
    math::populateExpansionPatterns(patterns, {"acosh", "asinh", "atanh", "cosh", "fpowi", "sinh"});
    populatePolynomialApproximateErfPattern(patterns);
    populatePolynomialApproximateErfcPattern(patterns);
    auto always = [](StringRef) { return true; };
    populateMathF32ExpansionPatterns(patterns, always);
    populateMathPolynomialApproximationPatterns(patterns, [](StringRef name) {
      return name == math::CbrtOp::getOperationName() || name == math::AcosOp::getOperationName() ||
             name == math::AsinOp::getOperationName();
    });
    GreedyRewriteConfig config;
    config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      return signalPassFailure();

    WalkResult walk = getOperation().walk([](Operation *op) {
      bool isFunction = op->getDialect()->getNamespace() == "math" || isa<arith::RemFOp>(op);
      if (!isFunction || isNative(op))
        return WalkResult::advance();
      op->emitOpError("on ") << op->getResult(0).getType() << " is not supported by SPIR-V: f32 is";
      return WalkResult::interrupt();
    });
    if (walk.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
