// SPDX-License-Identifier: Apache-2.0
// Contractions that take over what happens to their operands and result.

#include "ConstantMatching.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

// Pattern: matmul(x, permute(w)) -> linear(x, w) [if w is a matrix, transposed]
struct MatmulOfTransposed : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatmulOp op, PatternRewriter &rewriter) const override {
    auto permute = op.getRhs().getDefiningOp<PermuteOp>();
    if (!permute)
      return rewriter.notifyMatchFailure(op, "the second operand is not permuted");
    if (permute.getPermutation() != ArrayRef<int64_t>{1, 0})
      return rewriter.notifyMatchFailure(op, "the second operand is not a transposed matrix");
    return replaceByOp<LinearOp>(rewriter, op, mergedLoc(permute, op), op.getLhs(),
                                 permute.getInput(), /*bias=*/Value(), op.getDtypeAttr());
  }
};

// Pattern: add(linear(x, w), b) -> linear(x, w, b) [if b is a vector, the linear has no other use,
//          and its accumulator has the type of its result]
struct AddToBias : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AddOp op, PatternRewriter &rewriter) const override {
    if (hasHalfElements(op.getResult()))
      return rewriter.notifyMatchFailure(op, "the sum would be rounded once less");
    Value bias = op.getRhs();
    auto linear = op.getLhs().getDefiningOp<LinearOp>();
    if (!linear || linear.getBias()) {
      linear = op.getRhs().getDefiningOp<LinearOp>();
      bias = op.getLhs();
    }
    if (!linear || linear.getBias() || !linear->hasOneUse())
      return rewriter.notifyMatchFailure(op, "no operand is a linear of one use without bias");
    auto type = tensorType(bias);
    if (type.getRank() != 1 || type.getDimSize(0) != tensorType(linear.getWeight()).getDimSize(0))
      return rewriter.notifyMatchFailure(op, "the other operand is not a bias");
    return replaceByOp<LinearOp>(rewriter, op, mergedLoc(linear, op), linear.getInput(),
                                 linear.getWeight(), bias, linear.getDtypeAttr());
  }
};

} // namespace

void mlir::torsh::populateSimplifyContractionPatterns(RewritePatternSet &patterns) {
  patterns.add<MatmulOfTransposed, AddToBias>(patterns.getContext());
}
