// SPDX-License-Identifier: Apache-2.0
// Replaces transcendental functions by polynomials that vectorise.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"
#include "torshjit/Target/SubnormalLogarithm.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_APPROXIMATEMATHPASS
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"
} // namespace mlir::torsh

namespace {

class ApproximateMathPass : public torsh::impl::ApproximateMathPassBase<ApproximateMathPass> {
  void runOnOperation() override {
    torsh::scaleSubnormalLogarithms(getOperation());
    RewritePatternSet patterns(&getContext());
    // The functions whose upstream polynomial is accurate over all of f32, logarithms
    // over all of its normal numbers. Sine and cosine lose their accuracy for large arguments,
    // atan2 everywhere: those stay calls of the C library.
    populateMathPolynomialApproximationPatterns(patterns, [](StringRef name) {
      return llvm::is_contained({math::ExpOp::getOperationName(), math::LogOp::getOperationName(),
                                 math::Log1pOp::getOperationName(),
                                 math::ExpM1Op::getOperationName(),
                                 math::TanhOp::getOperationName(), math::ErfOp::getOperationName()},
                                name);
    });
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
