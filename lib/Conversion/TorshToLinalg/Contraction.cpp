// SPDX-License-Identifier: Apache-2.0
// Matmul, linear and convolution: a zeroed accumulator, one generic that
// multiplies and adds, and an epilogue that adds the bias and narrows.

#include "Generic.h"
#include "Padding.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "torshjit/Dialect/Torsh/IR/ElementTypes.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

using utils::IteratorType;

/// An operand of a product as it is stored: squeezed, with how it is read.
struct Factor {
  Value tensor;
  AffineMap map;
  bool isUnsigned = false;
};

Factor factor(Value original, Value stored, AffineMap map) {
  return {stored, map, isUnsigned(original.getType())};
}

/// An element of a factor in the accumulator's type.
Value widen(OpBuilder &b, Location loc, const Factor &factor, Value element, Type wide) {
  if (isa<FloatType>(wide))
    return convertFloat(b, loc, element, wide);
  if (element.getType() == wide)
    return element;
  return factor.isUnsigned ? arith::ExtUIOp::create(b, loc, wide, element).getResult()
                           : arith::ExtSIOp::create(b, loc, wide, element).getResult();
}

/// The sum over the reduction loops of `lhs` times `rhs`, accumulated in the type
/// that sums of `element` are.
Value contract(OpBuilder &builder, Location loc, const Loops &loops, ArrayRef<OpFoldResult> extents,
               const Factor &lhs, const Factor &rhs, AffineMap resultMap, Type element) {
  Type wide = accumulatorType(getStorageType(element));
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(wide));
  Value init = filledTensor(builder, loc, extents, zero);
  Value result = torsh::reduce(
      builder, loc, {lhs.tensor, rhs.tensor}, {lhs.map, rhs.map}, init, resultMap,
      loops.getIterators(), [&](OpBuilder &b, Location l, ValueRange x) -> Value {
        Value left = widen(b, l, lhs, x[0], wide), right = widen(b, l, rhs, x[1], wide);
        if (!isa<FloatType>(wide))
          return arith::AddIOp::create(b, l, x[2], arith::MulIOp::create(b, l, left, right));
        // Contraction to fused multiply-add and any order of
        // summation are what a matrix product means by rounding.
        auto flags = arith::FastMathFlags::reassoc | arith::FastMathFlags::contract;
        Value product = arith::MulFOp::create(b, l, left, right, flags);
        return arith::AddFOp::create(b, l, x[2], product, flags);
      });
  // What marks it for packing and register tiling.
  result.getDefiningOp()->setAttr("torsh.contraction", builder.getUnitAttr());
  return result;
}

/// Adds `bias`, which follows the axis `channel` of the result (of type `type`
/// with all axes), to the accumulator, and narrows to the result's element type.
Value finish(OpBuilder &builder, Location loc, RankedTensorType type,
             ArrayRef<OpFoldResult> extents, Value accumulator, Value bias, int64_t channel) {
  Type wide = storedType(accumulator).getElementType();
  if (!bias)
    return convertElements(builder, loc, accumulator, type.getElementType());
  Loops loops(builder.getContext());
  SmallVector<AffineExpr> indices;
  for (int64_t extent : type.getShape())
    indices.push_back(loops.add(extent, IteratorType::parallel));
  auto biasType = RankedTensorType::get({type.getDimSize(channel)}, type.getElementType());
  return elementwise(builder, loc, extents, {accumulator, bias},
                     {loops.map(type, indices), loops.map(biasType, indices[channel])},
                     type.getElementType(), [&](OpBuilder &b, Location l, ValueRange x) -> Value {
                       if (!isa<FloatType>(wide))
                         return arith::AddIOp::create(b, l, x[0], x[1]);
                       Value sum =
                           arith::AddFOp::create(b, l, x[0], convertFloat(b, l, x[1], wide));
                       return convertFloat(b, l, sum, type.getElementType());
                     });
}

// Pattern: matmul -> generic over (batch..., m, n, k)
struct LowerMatmul : OpConversionPattern<MatmulOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(MatmulOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto lhs = storedType(op.getLhs()), rhs = storedType(op.getRhs());
    auto type = storedType(op.getResult());
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    Loops loops(rewriter.getContext());
    SmallVector<AffineExpr> result;
    for (int64_t extent : type.getShape())
      result.push_back(loops.add(extent, IteratorType::parallel));
    // One of the two may know the extent that the other leaves open.
    int64_t depth = lhs.getShape().back() == 1 || rhs.getShape().drop_back().back() == 1
                        ? 1
                        : lhs.getShape().back();
    AffineExpr k = loops.add(depth, IteratorType::reduction);
    SmallVector<AffineExpr> left(ArrayRef<AffineExpr>(result).take_back(lhs.getRank()));
    SmallVector<AffineExpr> right(ArrayRef<AffineExpr>(result).take_back(rhs.getRank()));
    left.back() = k;
    right[right.size() - 2] = k;
    Value accumulator = contract(rewriter, op.getLoc(), loops, *extents,
                                 factor(op.getLhs(), adaptor.getLhs(), loops.map(lhs, left)),
                                 factor(op.getRhs(), adaptor.getRhs(), loops.map(rhs, right)),
                                 loops.map(type, result), type.getElementType());
    rewriter.replaceOp(op, finish(rewriter, op.getLoc(), type, *extents, accumulator, {}, 0));
    return success();
  }
};

// Pattern: linear -> generic over (m..., n, k), bias and narrowing after it
struct LowerLinear : OpConversionPattern<LinearOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LinearOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto input = storedType(op.getInput()), weight = storedType(op.getWeight());
    auto type = storedType(op.getResult());
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    Loops loops(rewriter.getContext());
    SmallVector<AffineExpr> result;
    for (int64_t extent : type.getShape())
      result.push_back(loops.add(extent, IteratorType::parallel));
    int64_t depth =
        input.getShape().back() == 1 || weight.getDimSize(1) == 1 ? 1 : input.getShape().back();
    AffineExpr k = loops.add(depth, IteratorType::reduction);
    SmallVector<AffineExpr> left(result);
    left.back() = k;
    Value accumulator =
        contract(rewriter, op.getLoc(), loops, *extents,
                 factor(op.getInput(), adaptor.getInput(), loops.map(input, left)),
                 factor(op.getWeight(), adaptor.getWeight(), loops.map(weight, {result.back(), k})),
                 loops.map(type, result), type.getElementType());
    rewriter.replaceOp(op, finish(rewriter, op.getLoc(), type, *extents, accumulator,
                                  adaptor.getBias(), type.getRank() - 1));
    return success();
  }
};

/// Splits the axis `axis` of `type` into (groups, rest); `value` is squeezed.
std::pair<Value, RankedTensorType> splitAxis(OpBuilder &builder, Location loc,
                                             RankedTensorType type, Value value, int64_t axis,
                                             int64_t groups, int64_t rest) {
  SmallVector<int64_t> shape(type.getShape());
  shape[axis] = groups;
  shape.insert(shape.begin() + axis + 1, rest);
  auto split = RankedTensorType::get(shape, type.getElementType());
  RankedTensorType squeezed = squeeze(split);
  if (squeezed == value.getType())
    return {value, split};
  // Both parts are more than 1: one axis of the squeezed tensor becomes two.
  SmallVector<ReassociationIndices> parts;
  SmallVector<OpFoldResult> extents;
  int64_t next = 0;
  for (auto [i, kept] : llvm::enumerate(keptAxes(type))) {
    parts.push_back({next++});
    if (kept == axis) {
      parts.back().push_back(next++);
      extents.push_back(builder.getIndexAttr(groups));
      extents.push_back(builder.getIndexAttr(rest));
    } else {
      extents.push_back(tensor::getMixedSize(builder, loc, value, i));
    }
  }
  return {tensor::ExpandShapeOp::create(builder, loc, squeezed, value, parts, extents), split};
}

// Pattern: conv -> (pad); generic over (n, group, o, spatial..., c, window...); bias
struct LowerConv : OpConversionPattern<ConvOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ConvOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto weight = storedType(op.getWeight()), type = storedType(op.getResult());
    int64_t spatial = op.getNumSpatialAxes(), groups = op.getGroups();
    int64_t outputs = weight.getDimSize(0) / groups, channels = weight.getDimSize(1);
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");

    RankedTensorType inputType = storedType(op.getInput());
    Value input = adaptor.getInput();
    if (inputType.isDynamicDim(1)) {
      // The weight says how many channels there are.
      SmallVector<int64_t> shape(inputType.getShape());
      shape[1] = channels * groups;
      input = dropUnitAxes(rewriter, loc, inputType, input, shape);
      inputType = RankedTensorType::get(shape, inputType.getElementType());
    }
    if (squeeze(inputType) != input.getType())
      input = tensor::CastOp::create(rewriter, loc, squeeze(inputType), input);
    // The split comes first: what pads or cuts the input then is its direct producer, where
    // tiling finds it.
    std::tie(input, inputType) = splitAxis(rewriter, loc, inputType, input, 1, groups, channels);
    // A zero margin, materialised.
    if (llvm::any_of(op.getPaddingLow(), [](int64_t p) { return p; }) ||
        llvm::any_of(op.getPaddingHigh(), [](int64_t p) { return p; })) {
      SmallVector<int64_t> low{0, 0, 0}, high{0, 0, 0};
      llvm::append_range(low, op.getPaddingLow());
      llvm::append_range(high, op.getPaddingHigh());
      Value zero = arith::ConstantOp::create(rewriter, loc,
                                             rewriter.getZeroAttr(inputType.getElementType()));
      PaddedTensor padded = padTensor(rewriter, loc, inputType, input, low, high, zero);
      input = padded.value;
      inputType = padded.type;
    }

    SmallVector<int64_t> read{-1, -1, -1};
    for (int64_t i = 0; i < spatial; ++i)
      read.push_back(type.getDimSize(i + 2) == 1
                         ? (weight.getDimSize(i + 2) - 1) * op.getDilation()[i] + 1
                         : -1);
    auto [x, xType] = cropTensor(rewriter, loc, {input, inputType}, read);
    auto [w, wType] = splitAxis(rewriter, loc, weight, adaptor.getWeight(), 0, groups, outputs);

    Loops loops(rewriter.getContext());
    AffineExpr n = loops.add(xType.getDimSize(0), IteratorType::parallel);
    AffineExpr g = loops.add(groups, IteratorType::parallel);
    AffineExpr o = loops.add(outputs, IteratorType::parallel);
    SmallVector<AffineExpr> positions, result{n, g, o}, left{n, g}, right{g, o};
    for (int64_t i = 0; i < spatial; ++i)
      positions.push_back(loops.add(type.getDimSize(i + 2), IteratorType::parallel));
    AffineExpr c = loops.add(channels, IteratorType::reduction);
    left.push_back(c);
    right.push_back(c);
    for (int64_t i = 0; i < spatial; ++i) {
      AffineExpr k = loops.add(weight.getDimSize(i + 2), IteratorType::reduction);
      left.push_back(positions[i] * op.getStride()[i] + k * op.getDilation()[i]);
      right.push_back(k);
      result.push_back(positions[i]);
    }
    // The result with its channel axis in two parts.
    SmallVector<int64_t> splitShape(type.getShape());
    splitShape[1] = groups;
    splitShape.insert(splitShape.begin() + 2, outputs);
    auto splitType = RankedTensorType::get(splitShape, type.getElementType());
    bool bothParts = groups > 1 && outputs > 1;
    SmallVector<OpFoldResult> splitExtents(*extents);
    SmallVector<ReassociationIndices> parts;
    if (bothParts) {
      size_t position = type.getDimSize(0) != 1;
      splitExtents[position] = rewriter.getIndexAttr(groups);
      splitExtents.insert(splitExtents.begin() + position + 1, rewriter.getIndexAttr(outputs));
      int64_t next = 0;
      for (size_t i = 0; i < extents->size(); ++i) {
        parts.push_back({next++});
        if (i == position)
          parts.back().push_back(next++);
      }
    }
    Value accumulator = contract(rewriter, loc, loops, splitExtents,
                                 factor(op.getInput(), x, loops.map(xType, left)),
                                 factor(op.getWeight(), w, loops.map(wType, right)),
                                 loops.map(splitType, result), type.getElementType());
    if (bothParts)
      accumulator = tensor::CollapseShapeOp::create(rewriter, loc, accumulator, parts);
    rewriter.replaceOp(op,
                       finish(rewriter, loc, type, *extents, accumulator, adaptor.getBias(), 1));
    return success();
  }
};

} // namespace

void mlir::torsh::populateContractionPatterns(const TypeConverter &types,
                                              RewritePatternSet &patterns) {
  patterns.add<LowerMatmul, LowerLinear, LowerConv>(types, patterns.getContext());
}
