// SPDX-License-Identifier: Apache-2.0
// Attention that is taken whole.

#include "Attention.h"
#include "Generic.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "torshjit/Dialect/Torsh/IR/TorshAttention.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

/// Where each of `axes` of a tensor of type `type` lies in the squeezed one, -1 for one of
/// extent 1.
SmallVector<int64_t> squeezedAxes(RankedTensorType type, ArrayRef<int64_t> axes) {
  SmallVector<int64_t> places(type.getRank(), -1);
  for (auto [place, axis] : llvm::enumerate(keptAxes(type)))
    places[axis] = static_cast<int64_t>(place);
  return llvm::map_to_vector(axes, [&](int64_t axis) { return axis < 0 ? -1 : places[axis]; });
}

// Pattern: attention -> streamed_attention into an empty tensor
struct LowerAttention : OpConversionPattern<AttentionOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(AttentionOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    auto type = storedType(op.getResult());
    int64_t rank = type.getRank();
    SmallVector<int64_t> maskAxes, resultAxes(rank);
    if (op.getMask()) {
      int64_t own = storedType(op.getMask()).getRank();
      for (int64_t axis = 0; axis < rank; ++axis)
        maskAxes.push_back(axis - (rank - own) < 0 ? -1 : axis - (rank - own));
      maskAxes = squeezedAxes(storedType(op.getMask()), maskAxes);
    }
    for (auto [own, axis] : llvm::enumerate(op.getAxesOfResult()))
      resultAxes[axis] = static_cast<int64_t>(own);
    Value init = emptyTensor(rewriter, op.getLoc(), *extents, type.getElementType());
    auto streamed = StreamedAttentionOp::create(
        rewriter, op.getLoc(), TypeRange{init.getType()}, adaptor.getQuery(), adaptor.getKey(),
        adaptor.getValue(), adaptor.getMask(), init, op.getScaleAttr(), op.getCausalAttr(),
        rewriter.getF64FloatAttr(op.getHiddenScore()), op.getZeroMaskedRowsAttr(),
        rewriter.getI64IntegerAttr(op.getGroupSize()),
        rewriter.getDenseI64ArrayAttr(squeezedAxes(storedType(op.getQuery()), op.getAxesOfQuery())),
        rewriter.getDenseI64ArrayAttr(squeezedAxes(storedType(op.getKey()), op.getAxesOfKey())),
        rewriter.getDenseI64ArrayAttr(squeezedAxes(storedType(op.getValue()), op.getAxesOfValue())),
        rewriter.getDenseI64ArrayAttr(maskAxes),
        rewriter.getDenseI64ArrayAttr(squeezedAxes(type, resultAxes)));
    rewriter.replaceOp(op, streamed.getResults());
    return success();
  }
};

} // namespace

void mlir::torsh::populateAttentionPatterns(const TypeConverter &types,
                                            RewritePatternSet &patterns) {
  patterns.add<LowerAttention>(types, patterns.getContext());
}
