// SPDX-License-Identifier: Apache-2.0
// Type rules of constants and movements.

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Builders.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include <limits>

using namespace mlir;
using namespace mlir::torsh;

static constexpr int64_t kToTheEnd = std::numeric_limits<int64_t>::max();

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

//===----------------------------------------------------------------------===//
// Constant and iota
//===----------------------------------------------------------------------===//

LogicalResult ConstantOp::inferReturnTypes(MLIRContext *, std::optional<Location>, ValueRange,
                                           DictionaryAttr attributes, OpaqueProperties properties,
                                           RegionRange, SmallVectorImpl<Type> &types) {
  ElementsAttr value;
  if (properties)
    value = properties.as<ConstantOp::Properties *>()->value;
  else
    value = attributes.getAs<ElementsAttr>("value");
  if (!value)
    return failure();
  types.push_back(value.getType());
  return success();
}

LogicalResult IotaOp::verify() {
  auto type = tensorType(getResult());
  if (static_cast<int64_t>(getAxis()) < 0 || static_cast<int64_t>(getAxis()) >= type.getRank())
    return emitOpError("axis ") << getAxis() << " is out of range for " << type;
  if (getDynamicSizes().size() != type.getNumDynamicDims())
    return emitOpError("needs one size per '?' of its result");
  return success();
}

//===----------------------------------------------------------------------===//
// Reshape and broadcast
//===----------------------------------------------------------------------===//

/// The product of the static extents, at most the largest i64.
static int64_t staticVolume(ArrayRef<int64_t> shape) {
  if (llvm::is_contained(shape, 0))
    return 0;
  int64_t volume = 1;
  for (int64_t extent : shape)
    if (!ShapedType::isDynamic(extent) && llvm::MulOverflow(volume, extent, volume))
      return std::numeric_limits<int64_t>::max();
  return volume;
}

/// The extents of `type`, its `?` taken from `sizes`.
static SmallVector<OpFoldResult> mixExtents(OpBuilder &builder, RankedTensorType type,
                                            ValueRange sizes) {
  SmallVector<OpFoldResult> extents;
  size_t next = 0;
  for (int64_t extent : type.getShape())
    extents.push_back(ShapedType::isDynamic(extent) ? OpFoldResult(sizes[next++])
                                                    : builder.getIndexAttr(extent));
  return extents;
}

static LogicalResult verifyReshaping(Operation *op, RankedTensorType input, RankedTensorType result,
                                     size_t sizes) {
  if (input.getElementType() != result.getElementType())
    return op->emitOpError("keeps the element type, got ") << input << " and " << result;
  if (sizes && sizes != result.getNumDynamicDims())
    return op->emitOpError("needs one size per '?' of its result, or none");
  return success();
}

LogicalResult ReshapeOp::verify() {
  auto input = tensorType(getInput()), result = tensorType(getResult());
  if (failed(verifyReshaping(*this, input, result, getDynamicSizes().size())))
    return failure();
  if (getDynamicSizes().empty() && result.getNumDynamicDims() > 1)
    return emitOpError("has several '?' in its result, so each needs a size");
  int64_t from = staticVolume(input.getShape()), to = staticVolume(result.getShape());
  if (input.hasStaticShape() && result.hasStaticShape() ? from != to : false)
    return emitOpError("cannot give ") << input << " the shape of " << result;
  if (input.hasStaticShape() && result.getNumDynamicDims() == 1 && (to == 0 || from % to))
    return emitOpError("cannot give ") << input << " the shape of " << result;
  return success();
}

LogicalResult ReshapeOp::reifyResultShapes(OpBuilder &builder,
                                           ReifiedRankedShapedTypeDims &shapes) {
  auto result = tensorType(getResult());
  if (!getDynamicSizes().empty() || result.hasStaticShape()) {
    shapes.push_back(mixExtents(builder, result, getDynamicSizes()));
    return success();
  }
  // The one `?` is the number of elements over the product of the other extents.
  auto input = tensorType(getInput());
  AffineExpr volume = builder.getAffineConstantExpr(staticVolume(input.getShape()));
  SmallVector<OpFoldResult> dynamic;
  for (int64_t axis = 0; axis < input.getRank(); ++axis)
    if (input.isDynamicDim(axis))
      dynamic.push_back(getExtent(builder, getLoc(), getInput(), axis));
  // A product of extents is not affine, so it is built step by step.
  OpFoldResult product = builder.getIndexAttr(1);
  AffineExpr s0 = builder.getAffineSymbolExpr(0), s1 = builder.getAffineSymbolExpr(1);
  for (OpFoldResult extent : dynamic)
    product = applyToExtents(builder, getLoc(), s0 * s1, {product, extent});
  int64_t rest = std::max<int64_t>(staticVolume(result.getShape()), 1);
  OpFoldResult missing = applyToExtents(builder, getLoc(), (s0 * volume).floorDiv(rest), {product});
  SmallVector<OpFoldResult> extents;
  for (int64_t extent : result.getShape())
    extents.push_back(ShapedType::isDynamic(extent) ? missing : builder.getIndexAttr(extent));
  shapes.push_back(std::move(extents));
  return success();
}

LogicalResult BroadcastOp::verify() {
  auto input = tensorType(getInput()), result = tensorType(getResult());
  if (failed(verifyReshaping(*this, input, result, getDynamicSizes().size())))
    return failure();
  int64_t offset = result.getRank() - input.getRank();
  if (offset < 0)
    return emitOpError("cannot lower the rank: ") << input << " to " << result;
  for (int64_t axis = 0; axis < result.getRank(); ++axis) {
    int64_t to = result.getDimSize(axis);
    int64_t from = axis < offset ? 1 : input.getDimSize(axis - offset);
    bool isDynamic = ShapedType::isDynamic(from);
    if (from != 1 && from != to && !isDynamic)
      return emitOpError("cannot broadcast ") << input << " to " << result;
    if (ShapedType::isDynamic(to) && !isDynamic && getDynamicSizes().empty())
      return emitOpError("needs sizes: a '?' of the result is not one of the input");
  }
  return success();
}

LogicalResult BroadcastOp::reifyResultShapes(OpBuilder &builder,
                                             ReifiedRankedShapedTypeDims &shapes) {
  auto input = tensorType(getInput()), result = tensorType(getResult());
  if (!getDynamicSizes().empty() || result.hasStaticShape()) {
    shapes.push_back(mixExtents(builder, result, getDynamicSizes()));
    return success();
  }
  SmallVector<OpFoldResult> extents;
  int64_t offset = result.getRank() - input.getRank();
  for (int64_t axis = 0; axis < result.getRank(); ++axis)
    extents.push_back(result.isDynamicDim(axis)
                          ? getExtent(builder, getLoc(), getInput(), axis - offset)
                          : builder.getIndexAttr(result.getDimSize(axis)));
  shapes.push_back(std::move(extents));
  return success();
}

//===----------------------------------------------------------------------===//
// Permute
//===----------------------------------------------------------------------===//

LogicalResult PermuteOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto type = tensorType(adaptor.getInput());
  ArrayRef<int64_t> permutation = adaptor.getPermutation();
  if (static_cast<int64_t>(permutation.size()) != type.getRank() ||
      !isPermutationVector(permutation))
    return emitOptionalError(loc, getOperationName(), ": permutation must name each axis of ", type,
                             " once");
  SmallVector<int64_t> shape;
  for (int64_t axis : permutation)
    shape.push_back(type.getDimSize(axis));
  types.push_back(RankedTensorType::get(shape, type.getElementType()));
  return success();
}

LogicalResult PermuteOp::reifyResultShapes(OpBuilder &builder,
                                           ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> extents;
  for (int64_t axis : getPermutation())
    extents.push_back(getExtent(builder, getLoc(), getInput(), axis));
  shapes.push_back(std::move(extents));
  return success();
}

//===----------------------------------------------------------------------===//
// Slice
//===----------------------------------------------------------------------===//

LogicalResult SliceOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  auto type = tensorType(adaptor.getInput());
  size_t rank = type.getRank();
  StringRef name = getOperationName();
  if (adaptor.getStart().size() != rank || adaptor.getStop().size() != rank ||
      adaptor.getStride().size() != rank)
    return emitOptionalError(loc, name, ": start, stop and stride must have ", rank,
                             " entries, one per axis");
  SmallVector<int64_t> shape;
  for (size_t axis = 0; axis < rank; ++axis) {
    int64_t extent = type.getDimSize(axis), start = adaptor.getStart()[axis];
    int64_t stop = adaptor.getStop()[axis], stride = adaptor.getStride()[axis];
    if (stride == 0)
      return emitOptionalError(loc, name, ": stride must not be zero on axis ", axis);
    if (ShapedType::isDynamic(extent)) {
      if (stride < 0 || start < 0 || stop < start)
        return emitOptionalError(loc, name,
                                 ": needs 0 <= start <= stop and a positive stride "
                                 "on the '?' axis ",
                                 axis);
      shape.push_back(stop == kToTheEnd ? ShapedType::kDynamic
                                        : llvm::divideCeilSigned(stop - start, stride));
      continue;
    }
    if (stop == kToTheEnd && stride > 0)
      stop = extent;
    bool inside = stride > 0
                      ? 0 <= start && start <= extent && stop <= extent
                      : -1 <= start && start < std::max<int64_t>(extent, 1) && stop >= -1 - extent;
    if (!inside)
      return emitOptionalError(loc, name, ": [", start, ", ", stop, ") by ", stride,
                               " is out of range for axis ", axis, " of ", type);
    // A stop on the wrong side of start, however far, takes nothing.
    int64_t distance =
        stride > 0 ? std::max(stop, start) - start : start - std::clamp<int64_t>(stop, -1, start);
    shape.push_back(distance == 0 ? 0 : (distance - 1) / llvm::AbsoluteValue(stride) + 1);
  }
  types.push_back(RankedTensorType::get(shape, type.getElementType()));
  return success();
}

LogicalResult SliceOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  auto result = tensorType(getResult());
  SmallVector<OpFoldResult> extents;
  AffineExpr extent = builder.getAffineSymbolExpr(0);
  for (int64_t axis = 0; axis < result.getRank(); ++axis) {
    if (!result.isDynamicDim(axis)) {
      extents.push_back(builder.getIndexAttr(result.getDimSize(axis)));
      continue;
    }
    OpFoldResult count =
        applyToExtents(builder, getLoc(), (extent - getStart()[axis]).ceilDiv(getStride()[axis]),
                       {getExtent(builder, getLoc(), getInput(), axis)});
    extents.push_back(count);
  }
  shapes.push_back(std::move(extents));
  return success();
}

//===----------------------------------------------------------------------===//
// Concat
//===----------------------------------------------------------------------===//

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  StringRef name = getOperationName();
  if (adaptor.getInputs().empty())
    return emitOptionalError(loc, name, ": needs at least one tensor");
  auto first = tensorType(adaptor.getInputs().front());
  auto axis = static_cast<int64_t>(adaptor.getAxis());
  if (axis < 0 || axis >= first.getRank())
    return emitOptionalError(loc, name, ": axis ", axis, " is out of range for ", first);
  SmallVector<int64_t> shape(first.getShape());
  for (Value input : adaptor.getInputs().drop_front()) {
    auto type = tensorType(input);
    if (type.getRank() != first.getRank() || type.getElementType() != first.getElementType())
      return emitOptionalError(loc, name, ": tensors must have one rank and element type, got ",
                               first, " and ", type);
    for (int64_t i = 0; i < first.getRank(); ++i) {
      int64_t extent = type.getDimSize(i);
      if (i == axis && (ShapedType::isDynamic(shape[i]) || ShapedType::isDynamic(extent)))
        shape[i] = ShapedType::kDynamic;
      else if (i == axis && llvm::AddOverflow(shape[i], extent, shape[i]))
        return emitOptionalError(loc, name, ": the extent along axis ", i, " exceeds i64");
      else if (i == axis)
        continue;
      else if (ShapedType::isDynamic(shape[i]))
        shape[i] = extent;
      else if (!ShapedType::isDynamic(extent) && extent != shape[i])
        return emitOptionalError(loc, name, ": extents differ along axis ", i, ": ", first, " and ",
                                 type);
    }
  }
  types.push_back(RankedTensorType::get(shape, first.getElementType()));
  return success();
}

LogicalResult ConcatOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  auto result = tensorType(getResult());
  auto axis = static_cast<int64_t>(getAxis());
  SmallVector<OpFoldResult> extents;
  for (int64_t i = 0; i < result.getRank(); ++i) {
    if (!result.isDynamicDim(i)) {
      extents.push_back(builder.getIndexAttr(result.getDimSize(i)));
      continue;
    }
    OpFoldResult extent = getExtent(builder, getLoc(), getInputs().front(), i);
    if (i == axis) {
      AffineExpr sum = builder.getAffineSymbolExpr(0) + builder.getAffineSymbolExpr(1);
      for (Value input : getInputs().drop_front())
        extent = applyToExtents(builder, getLoc(), sum,
                                {extent, getExtent(builder, getLoc(), input, i)});
    }
    extents.push_back(extent);
  }
  shapes.push_back(std::move(extents));
  return success();
}

void ConcatOp::getExtentConstraints(SmallVectorImpl<ExtentConstraint> &constraints) {
  auto axis = static_cast<int64_t>(getAxis());
  int64_t rank = tensorType(getResult()).getRank();
  for (int64_t i = 0; i < rank; ++i) {
    if (i == axis)
      continue;
    std::optional<int64_t> firstDynamic;
    int64_t fixed = ShapedType::kDynamic;
    for (auto [number, input] : llvm::enumerate(getInputs())) {
      int64_t extent = tensorType(input).getDimSize(i);
      if (!ShapedType::isDynamic(extent))
        fixed = extent;
      else if (firstDynamic)
        constraints.push_back({*firstDynamic, i, static_cast<int64_t>(number), i});
      else
        firstDynamic = number;
    }
    if (firstDynamic && !ShapedType::isDynamic(fixed))
      constraints.push_back({*firstDynamic, i, -1, fixed});
  }
}

//===----------------------------------------------------------------------===//
// Pad
//===----------------------------------------------------------------------===//

LogicalResult PadOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  auto type = tensorType(adaptor.getInput()), value = tensorType(adaptor.getValue());
  StringRef name = getOperationName();
  if (value.getRank() != 0 || value.getElementType() != type.getElementType())
    return emitOptionalError(loc, name, ": value must be one element of type ",
                             type.getElementType(), ", got ", value);
  if (static_cast<int64_t>(adaptor.getLow().size()) != type.getRank() ||
      static_cast<int64_t>(adaptor.getHigh().size()) != type.getRank())
    return emitOptionalError(loc, name, ": low and high must have ", type.getRank(),
                             " entries, one per axis");
  SmallVector<int64_t> shape;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    int64_t low = adaptor.getLow()[axis], high = adaptor.getHigh()[axis];
    if (low < 0 || high < 0)
      return emitOptionalError(loc, name, ": padding must not be negative on axis ", axis);
    int64_t extent = type.isDynamicDim(axis) ? 0 : type.getDimSize(axis);
    if (llvm::AddOverflow(extent, low, extent) || llvm::AddOverflow(extent, high, extent))
      return emitOptionalError(loc, name, ": the extent along axis ", axis, " exceeds i64");
    shape.push_back(type.isDynamicDim(axis) ? ShapedType::kDynamic : extent);
  }
  types.push_back(RankedTensorType::get(shape, type.getElementType()));
  return success();
}

LogicalResult PadOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> extents;
  AffineExpr extent = builder.getAffineSymbolExpr(0);
  for (int64_t axis = 0; axis < tensorType(getInput()).getRank(); ++axis)
    extents.push_back(applyToExtents(builder, getLoc(), extent + (getLow()[axis] + getHigh()[axis]),
                                     {getExtent(builder, getLoc(), getInput(), axis)}));
  shapes.push_back(std::move(extents));
  return success();
}
