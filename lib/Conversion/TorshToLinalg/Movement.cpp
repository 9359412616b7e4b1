// SPDX-License-Identifier: Apache-2.0
// Constants and movements.

#include "Generic.h"
#include "Padding.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include <limits>

using namespace mlir;
using namespace mlir::torsh;

using utils::IteratorType;

/// Whether a tensor has no elements. Upstream's slices of one are invalid.
static bool isEmpty(Type type) { return llvm::is_contained(cast<ShapedType>(type).getShape(), 0); }

PaddedTensor mlir::torsh::padTensor(OpBuilder &builder, Location loc, RankedTensorType type,
                                    Value value, ArrayRef<int64_t> low, ArrayRef<int64_t> high,
                                    Value margin) {
  SmallVector<int64_t> shape;
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    shape.push_back(type.isDynamicDim(axis) ? ShapedType::kDynamic
                                            : type.getDimSize(axis) + low[axis] + high[axis]);
  auto paddedType = RankedTensorType::get(shape, type.getElementType());
  SmallVector<OpFoldResult> extents, offsets, sizes;
  AffineExpr extent = builder.getAffineSymbolExpr(0);
  int64_t own = 0;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    bool inSource = type.getDimSize(axis) != 1, inResult = shape[axis] != 1;
    OpFoldResult size = inSource ? tensor::getMixedSize(builder, loc, value, own)
                                 : OpFoldResult(builder.getIndexAttr(1));
    own += inSource;
    if (!inResult)
      continue;
    sizes.push_back(size);
    offsets.push_back(builder.getIndexAttr(low[axis]));
    extents.push_back(applyToExtents(builder, loc, extent + (low[axis] + high[axis]), {size}));
  }
  Value filled = filledTensor(builder, loc, extents, margin);
  if (isEmpty(type))
    return {filled, paddedType};
  SmallVector<OpFoldResult> strides(sizes.size(), builder.getIndexAttr(1));
  Value result =
      tensor::InsertSliceOp::create(builder, loc, value, filled, offsets, sizes, strides);
  return {result, paddedType};
}

Value mlir::torsh::dropUnitAxes(OpBuilder &builder, Location loc, RankedTensorType type,
                                Value value, ArrayRef<int64_t> shape) {
  SmallVector<OpFoldResult> sizes;
  SmallVector<int64_t> kept;
  for (int64_t axis : keptAxes(type)) {
    bool isUnit = type.isDynamicDim(axis) && shape[axis] == 1;
    sizes.push_back(isUnit ? OpFoldResult(builder.getIndexAttr(1))
                           : tensor::getMixedSize(builder, loc, value, sizes.size()));
    if (!isUnit)
      kept.push_back(type.getDimSize(axis));
  }
  if (kept.size() == sizes.size())
    return value;
  SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(sizes.size(), builder.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(builder, loc,
                                        RankedTensorType::get(kept, type.getElementType()), value,
                                        offsets, sizes, strides);
}

PaddedTensor mlir::torsh::cropTensor(OpBuilder &builder, Location loc, PaddedTensor tensor,
                                     ArrayRef<int64_t> read) {
  SmallVector<int64_t> shape(tensor.type.getShape());
  SmallVector<OpFoldResult> sizes;
  bool isCropped = false;
  int64_t own = 0;
  for (auto [axis, extent] : llvm::enumerate(tensor.type.getShape())) {
    bool cropsAxis = read[axis] >= 0 && !ShapedType::isDynamic(extent) && read[axis] < extent;
    if (cropsAxis)
      shape[axis] = read[axis];
    isCropped |= cropsAxis;
    if (extent == 1)
      continue;
    sizes.push_back(cropsAxis ? OpFoldResult(builder.getIndexAttr(read[axis]))
                              : tensor::getMixedSize(builder, loc, tensor.value, own));
    ++own;
  }
  if (!isCropped)
    return tensor;
  auto type = RankedTensorType::get(shape, tensor.type.getElementType());
  SmallVector<OpFoldResult> offsets(sizes.size(), builder.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(sizes.size(), builder.getIndexAttr(1));
  if (isEmpty(tensor.type))
    return {emptyTensor(builder, loc, sizes, type.getElementType()), type};
  Value value = tensor::ExtractSliceOp::create(builder, loc, squeeze(type), tensor.value, offsets,
                                               sizes, strides);
  return {value, type};
}

namespace {

// Pattern: constant -> arith.constant
struct LowerConstant : OpConversionPattern<torsh::ConstantOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(torsh::ConstantOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
    if (!elements)
      return rewriter.notifyMatchFailure(op, "its data is not in the module");
    RankedTensorType type = squeeze(storedType(op.getResult()));
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(op, storedElements(elements).reshape(type));
    return success();
  }
};

// Pattern: iota -> generic of linalg.index
struct LowerIota : OpConversionPattern<IotaOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(IotaOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = storedType(op.getResult());
    Type element = type.getElementType();
    Loops loops(rewriter.getContext());
    SmallVector<AffineExpr> indices;
    SmallVector<OpFoldResult> extents;
    size_t next = 0;
    for (int64_t extent : type.getShape()) {
      indices.push_back(loops.add(extent, IteratorType::parallel));
      if (ShapedType::isDynamic(extent))
        extents.push_back(adaptor.getDynamicSizes()[next++]);
      else if (extent != 1)
        extents.push_back(rewriter.getIndexAttr(extent));
    }
    auto dim = dyn_cast<AffineDimExpr>(indices[op.getAxis()]);
    Value result =
        elementwise(rewriter, op.getLoc(), extents, {}, {}, element,
                    [&](OpBuilder &b, Location l, ValueRange) -> Value {
                      Value index =
                          dim ? linalg::IndexOp::create(b, l, dim.getPosition()).getResult()
                              : arith::ConstantIndexOp::create(b, l, 0).getResult();
                      Value wide = arith::IndexCastOp::create(b, l, b.getI64Type(), index);
                      if (isa<FloatType>(element))
                        return arith::SIToFPOp::create(b, l, element, wide);
                      if (element.getIntOrFloatBitWidth() < 64)
                        return arith::TruncIOp::create(b, l, element, wide);
                      return wide;
                    });
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// A copy of `input` read through `map` from the loops over the result.
Value gatherCopy(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> extents, Value input,
                 AffineMap map, Type element) {
  return elementwise(builder, loc, extents, input, map, element,
                     [](OpBuilder &, Location, ValueRange x) { return x[0]; });
}

// Pattern: permute -> generic that reads its input through the inverse permutation
struct LowerPermute : OpConversionPattern<PermuteOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(PermuteOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto input = storedType(op.getInput()), type = storedType(op.getResult());
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    Loops loops(rewriter.getContext());
    SmallVector<AffineExpr> source(input.getRank());
    for (auto [i, axis] : llvm::enumerate(op.getPermutation()))
      source[axis] = loops.add(type.getDimSize(i), IteratorType::parallel);
    rewriter.replaceOp(op, gatherCopy(rewriter, op.getLoc(), *extents, adaptor.getInput(),
                                      loops.map(input, source), type.getElementType()));
    return success();
  }
};

// Pattern: broadcast -> generic that leaves out the repeated axes of its input
struct LowerBroadcast : OpConversionPattern<BroadcastOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(BroadcastOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto input = storedType(op.getInput()), type = storedType(op.getResult());
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    Loops loops(rewriter.getContext());
    SmallVector<AffineExpr> indices;
    for (int64_t extent : type.getShape())
      indices.push_back(loops.add(extent, IteratorType::parallel));
    AffineMap map = loops.map(input, ArrayRef<AffineExpr>(indices).take_back(input.getRank()));
    rewriter.replaceOp(op, gatherCopy(rewriter, op.getLoc(), *extents, adaptor.getInput(), map,
                                      type.getElementType()));
    return success();
  }
};

// Pattern: slice, strides positive -> tensor.extract_slice; else a generic that extracts
struct LowerSlice : OpConversionPattern<SliceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(SliceOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto input = storedType(op.getInput()), type = storedType(op.getResult());
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    if (isEmpty(type)) {
      rewriter.replaceOp(op, emptyTensor(rewriter, loc, *extents, type.getElementType()));
      return success();
    }
    if (llvm::any_of(op.getStride(), [](int64_t s) { return s < 0; })) {
      rewriter.replaceOp(op, extractEach(rewriter, op, adaptor.getInput(), *extents));
      return success();
    }
    SmallVector<OpFoldResult> offsets, sizes, strides;
    size_t next = 0;
    for (int64_t axis = 0; axis < type.getRank(); ++axis) {
      OpFoldResult size = rewriter.getIndexAttr(1);
      if (type.getDimSize(axis) != 1)
        size = (*extents)[next++];
      if (input.getDimSize(axis) == 1 && type.getDimSize(axis) == 1)
        continue;
      offsets.push_back(rewriter.getIndexAttr(op.getStart()[axis]));
      sizes.push_back(size);
      strides.push_back(rewriter.getIndexAttr(op.getStride()[axis]));
    }
    rewriter.replaceOpWithNewOp<tensor::ExtractSliceOp>(op, squeeze(type), adaptor.getInput(),
                                                        offsets, sizes, strides);
    return success();
  }

private:
  static Value extractEach(OpBuilder &builder, SliceOp op, Value input,
                           ArrayRef<OpFoldResult> extents) {
    auto inputType = storedType(op.getInput()), type = storedType(op.getResult());
    SmallVector<int64_t> loopOfAxis;
    int64_t next = 0;
    for (int64_t extent : type.getShape())
      loopOfAxis.push_back(extent == 1 ? -1 : next++);
    return elementwise(builder, op.getLoc(), extents, {}, {}, type.getElementType(),
                       [&](OpBuilder &b, Location l, ValueRange) -> Value {
                         SmallVector<Value> indices;
                         for (int64_t axis : keptAxes(inputType)) {
                           Value start = arith::ConstantIndexOp::create(b, l, op.getStart()[axis]);
                           if (loopOfAxis[axis] >= 0) {
                             Value step = arith::MulIOp::create(
                                 b, l, linalg::IndexOp::create(b, l, loopOfAxis[axis]),
                                 arith::ConstantIndexOp::create(b, l, op.getStride()[axis]));
                             start = arith::AddIOp::create(b, l, start, step);
                           }
                           indices.push_back(start);
                         }
                         return tensor::ExtractOp::create(b, l, input, indices);
                       });
  }
};

// Pattern: concat -> insert_slice of each input into an empty tensor
struct LowerConcat : OpConversionPattern<ConcatOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ConcatOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = storedType(op.getResult());
    auto axis = static_cast<int64_t>(op.getAxis());
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    Value result = emptyTensor(rewriter, loc, *extents, type.getElementType());
    if (isEmpty(type)) { // Also where an input leaves the extent open that is 0.
      rewriter.replaceOp(op, result);
      return success();
    }
    if (type.getDimSize(axis) == 1) {
      // One input has the only element along the axis; the others are empty.
      for (auto [original, input] : llvm::zip_equal(op.getInputs(), adaptor.getInputs()))
        if (storedType(original).getDimSize(axis) == 1)
          result = input;
      // The result may know extents that this input leaves open.
      if (result.getType() != squeeze(type))
        result = tensor::CastOp::create(rewriter, loc, squeeze(type), result);
      rewriter.replaceOp(op, result);
      return success();
    }
    AffineExpr sum = rewriter.getAffineSymbolExpr(0) + rewriter.getAffineSymbolExpr(1);
    OpFoldResult offset = rewriter.getIndexAttr(0);
    for (auto [original, input] : llvm::zip_equal(op.getInputs(), adaptor.getInputs())) {
      auto inputType = storedType(original);
      if (isEmpty(inputType))
        continue;
      // An axis that another input says is 1 is none of the result's.
      SmallVector<int64_t> agreed(type.getShape());
      agreed[axis] = inputType.getDimSize(axis);
      Value piece = dropUnitAxes(rewriter, loc, inputType, input, agreed);
      SmallVector<OpFoldResult> offsets, sizes;
      int64_t own = 0;
      OpFoldResult along = rewriter.getIndexAttr(1);
      for (int64_t i = 0; i < type.getRank(); ++i) {
        bool inInput = inputType.getDimSize(i) != 1 && agreed[i] != 1;
        OpFoldResult size = inInput ? tensor::getMixedSize(rewriter, loc, piece, own)
                                    : OpFoldResult(rewriter.getIndexAttr(1));
        own += inInput;
        if (type.getDimSize(i) == 1)
          continue;
        if (i == axis)
          along = size;
        offsets.push_back(i == axis ? offset : OpFoldResult(rewriter.getIndexAttr(0)));
        sizes.push_back(size);
      }
      SmallVector<OpFoldResult> strides(sizes.size(), rewriter.getIndexAttr(1));
      result = tensor::InsertSliceOp::create(rewriter, loc, piece, result, offsets, sizes, strides);
      offset = applyToExtents(rewriter, loc, sum, {offset, along});
    }
    rewriter.replaceOp(op, result);
    return success();
  }
};

// Pattern: pad -> fill; insert_slice
struct LowerPad : OpConversionPattern<PadOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(PadOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Value margin = tensor::ExtractOp::create(rewriter, op.getLoc(), adaptor.getValue());
    PaddedTensor result = padTensor(rewriter, op.getLoc(), storedType(op.getInput()),
                                    adaptor.getInput(), op.getLow(), op.getHigh(), margin);
    rewriter.replaceOp(op, result.value);
    return success();
  }
};

// Pattern: reshape -> nothing where only unit axes change, else collapse; expand
struct LowerReshape : OpConversionPattern<ReshapeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ReshapeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto from = storedType(adaptor.getInput());
    RankedTensorType to = squeeze(storedType(op.getResult()));
    if (from == to && from.getNumDynamicDims() <= 1) {
      rewriter.replaceOp(op, adaptor.getInput());
      return success();
    }
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    Value flat = adaptor.getInput();
    if (from.getRank() > 1) {
      ReassociationIndices all(llvm::to_vector(llvm::seq<int64_t>(from.getRank())));
      flat =
          tensor::CollapseShapeOp::create(rewriter, loc, flat, ArrayRef<ReassociationIndices>(all));
    } else if (from.getRank() == 0) {
      flat = tensor::ExpandShapeOp::create(
          rewriter, loc, RankedTensorType::get({1}, from.getElementType()), flat,
          ArrayRef<ReassociationIndices>{}, ArrayRef<OpFoldResult>{});
    }
    if (to.getRank() > 1) {
      ReassociationIndices all(llvm::to_vector(llvm::seq<int64_t>(to.getRank())));
      flat = tensor::ExpandShapeOp::create(rewriter, loc, to, flat,
                                           ArrayRef<ReassociationIndices>(all), *extents);
    } else if (flat.getType() != to) {
      flat = tensor::CastOp::create(rewriter, loc, to, flat);
    }
    rewriter.replaceOp(op, flat);
    return success();
  }
};

} // namespace

void mlir::torsh::populateMovementPatterns(const TypeConverter &types,
                                           RewritePatternSet &patterns) {
  patterns.add<LowerConstant, LowerIota, LowerPermute, LowerBroadcast, LowerSlice, LowerConcat,
               LowerPad, LowerReshape>(types, patterns.getContext());
}
