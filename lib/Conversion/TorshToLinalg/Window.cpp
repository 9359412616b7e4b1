// SPDX-License-Identifier: Apache-2.0
// Pools: a margin, and a generic that reduces over the window.

#include "Generic.h"
#include "Padding.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "torshjit/Dialect/Torsh/IR/ElementTypes.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

using utils::IteratorType;

/// Reduces the windows of a (n, c, spatial...) tensor. `input` is squeezed,
/// `inputType` has all axes; the margin has the value `init`, which is also that
/// of an empty reduction.
Value poolWindows(OpBuilder &builder, Operation *op, ArrayRef<OpFoldResult> extents,
                  RankedTensorType inputType, Value input, ArrayRef<WindowAxis> window,
                  TypedAttr init, Type wide, BodyBuilder step) {
  Location loc = op->getLoc();
  auto type = storedType(op->getResult(0));
  Type element = inputType.getElementType();
  Value initial = arith::ConstantOp::create(builder, loc, init);
  SmallVector<int64_t> low{0, 0}, high{0, 0};
  bool padded = false;
  for (const WindowAxis &axis : window) {
    low.push_back(axis.paddingLow);
    high.push_back(axis.paddingHigh);
    padded |= axis.paddingLow || axis.paddingHigh;
  }
  if (padded) {
    Value margin = wide == element ? initial : convertFloat(builder, loc, initial, element);
    PaddedTensor result = padTensor(builder, loc, inputType, input, low, high, margin);
    input = result.value;
    inputType = result.type;
  }

  SmallVector<int64_t> read{-1, -1};
  for (auto [i, axis] : llvm::enumerate(window))
    read.push_back(type.getDimSize(i + 2) == 1 ? axis.span() : -1);
  PaddedTensor cropped = cropTensor(builder, loc, {input, inputType}, read);
  input = cropped.value;
  inputType = cropped.type;

  Loops loops(builder.getContext());
  SmallVector<AffineExpr> left, result;
  for (int64_t extent : type.getShape())
    result.push_back(loops.add(extent, IteratorType::parallel));
  left.append({result[0], result[1]});
  // The window's loops take their extents from an operand that is never read.
  SmallVector<AffineExpr> windowIndices;
  SmallVector<int64_t> windowShape;
  for (auto [i, axis] : llvm::enumerate(window)) {
    AffineExpr k = loops.add(axis.window, IteratorType::reduction);
    left.push_back(result[i + 2] * axis.stride + k * axis.dilation);
    windowIndices.push_back(k);
    windowShape.push_back(axis.window);
  }
  auto windowType = RankedTensorType::get(windowShape, element);
  Value windowTensor =
      tensor::EmptyOp::create(builder, loc, squeeze(windowType).getShape(), element);
  Value accumulator = filledTensor(builder, loc, extents, initial);
  return torsh::reduce(builder, loc, {input, windowTensor},
                       {loops.map(inputType, left), loops.map(windowType, windowIndices)},
                       accumulator, loops.map(type, result), loops.getIterators(),
                       [&](OpBuilder &b, Location l, ValueRange x) {
                         Value value = wide == element ? x[0] : convertFloat(b, l, x[0], wide);
                         return step(b, l, {value, x[2]});
                       });
}

template <typename OpTy> SmallVector<WindowAxis> windowOf(OpTy op) {
  SmallVector<WindowAxis> axes;
  for (size_t i = 0; i < op.getWindow().size(); ++i) {
    int64_t dilation = 1;
    if constexpr (std::is_same_v<OpTy, MaxPoolOp>)
      dilation = op.getDilation()[i];
    axes.push_back({op.getWindow()[i], op.getStride()[i], op.getPaddingLow()[i],
                    op.getPaddingHigh()[i], dilation});
  }
  return axes;
}

// Pattern: max_pool -> (pad); generic with maximum
struct LowerMaxPool : OpConversionPattern<MaxPoolOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MaxPoolOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto inputType = storedType(op.getInput());
    Type element = inputType.getElementType();
    bool hasSign = !isUnsigned(op.getInput().getType());
    unsigned width = element.getIntOrFloatBitWidth();
    TypedAttr smallest;
    if (auto real = dyn_cast<FloatType>(element))
      smallest = rewriter.getFloatAttr(
          element, APFloat::getInf(real.getFloatSemantics(), /*Negative=*/true));
    else
      smallest = rewriter.getIntegerAttr(element, hasSign ? APInt::getSignedMinValue(width)
                                                          : APInt::getMinValue(width));
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    Value result =
        poolWindows(rewriter, op, *extents, inputType, adaptor.getInput(), windowOf(op), smallest,
                    element, [&](OpBuilder &b, Location l, ValueRange x) -> Value {
                      if (isa<FloatType>(element))
                        return arith::MaximumFOp::create(b, l, x[1], x[0]);
                      if (hasSign)
                        return arith::MaxSIOp::create(b, l, x[1], x[0]);
                      return arith::MaxUIOp::create(b, l, x[1], x[0]);
                    });
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// How many elements of the input the window at a position covers along one axis.
Value coveredElements(OpBuilder &b, Location loc, Value position, const WindowAxis &axis,
                      Value extent) {
  auto constant = [&](int64_t v) { return arith::ConstantIndexOp::create(b, loc, v); };
  Value start =
      arith::SubIOp::create(b, loc, arith::MulIOp::create(b, loc, position, constant(axis.stride)),
                            constant(axis.paddingLow));
  Value stop = arith::AddIOp::create(b, loc, start, constant(axis.window));
  stop = arith::MinSIOp::create(b, loc, stop, extent);
  start = arith::MaxSIOp::create(b, loc, start, constant(0));
  return arith::SubIOp::create(b, loc, stop, start);
}

// Pattern: avg_pool -> (pad); generic with addition; divide by the window's size
struct LowerAvgPool : OpConversionPattern<AvgPoolOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(AvgPoolOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto inputType = storedType(op.getInput()), type = storedType(op.getResult());
    Type element = inputType.getElementType(), wide = accumulatorType(element);
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    SmallVector<WindowAxis> window = windowOf(op);
    Value sum = poolWindows(
        rewriter, op, *extents, inputType, adaptor.getInput(), window, rewriter.getZeroAttr(wide),
        wide, [&](OpBuilder &b, Location l, ValueRange x) -> Value {
          return arith::AddFOp::create(b, l, x[1], x[0], arith::FastMathFlags::reassoc);
        });

    // Where every window counts fully, the divisor is one number.
    int64_t volume = 1;
    bool anyPadding = false;
    for (const WindowAxis &axis : window) {
      volume *= axis.window;
      anyPadding |= axis.paddingLow || axis.paddingHigh;
    }
    bool isConstant = op.getCountIncludePad() || !anyPadding;
    SmallVector<Value> inputExtents;
    for (size_t i = 0; !isConstant && i < window.size(); ++i)
      inputExtents.push_back(getValueOrCreateConstantIndexOp(
          rewriter, loc, getExtent(rewriter, loc, op.getInput(), i + 2)));
    Loops loops(rewriter.getContext());
    SmallVector<AffineExpr> indices;
    for (int64_t extent : type.getShape())
      indices.push_back(loops.add(extent, IteratorType::parallel));
    Value result = elementwise(
        rewriter, loc, *extents, sum, loops.map(type, indices), element,
        [&](OpBuilder &b, Location l, ValueRange x) {
          Value divisor;
          if (isConstant) {
            divisor = arith::ConstantOp::create(b, l, b.getFloatAttr(wide, volume));
          } else {
            Value count = arith::ConstantIndexOp::create(b, l, 1);
            for (auto [i, axis] : llvm::enumerate(window)) {
              auto dim = dyn_cast<AffineDimExpr>(indices[i + 2]);
              Value position = dim ? linalg::IndexOp::create(b, l, dim.getPosition()).getResult()
                                   : arith::ConstantIndexOp::create(b, l, 0).getResult();
              count = arith::MulIOp::create(b, l, count,
                                            coveredElements(b, l, position, axis, inputExtents[i]));
            }
            Value number = arith::IndexCastOp::create(b, l, b.getI64Type(), count);
            divisor = arith::SIToFPOp::create(b, l, wide, number);
          }
          return convertFloat(b, l, arith::DivFOp::create(b, l, x[0], divisor), element);
        });
    rewriter.replaceOp(op, result);
    return success();
  }
};

} // namespace

void mlir::torsh::populateWindowPatterns(const TypeConverter &types, RewritePatternSet &patterns) {
  patterns.add<LowerMaxPool, LowerAvgPool>(types, patterns.getContext());
}
