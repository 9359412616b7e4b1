// SPDX-License-Identifier: Apache-2.0
// Shape rules shared by the operations.

#include "torshjit/Dialect/Torsh/IR/ShapeInference.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "torshjit/Dialect/Torsh/IR/TorshTraits.h"
#include <limits>

using namespace mlir;
using namespace mlir::torsh;

static constexpr int64_t kDynamic = ShapedType::kDynamic;

static ArrayRef<int64_t> shapeOf(Type type) { return cast<RankedTensorType>(type).getShape(); }

//===----------------------------------------------------------------------===//
// Broadcasting
//===----------------------------------------------------------------------===//

FailureOr<int64_t> mlir::torsh::broadcastExtents(int64_t lhs, int64_t rhs) {
  if (lhs == rhs || rhs == 1)
    return lhs;
  if (lhs == 1)
    return rhs;
  if (lhs == kDynamic)
    return rhs;
  if (rhs == kDynamic)
    return lhs;
  return failure();
}

FailureOr<SmallVector<int64_t>> mlir::torsh::broadcastShapes(ArrayRef<ArrayRef<int64_t>> shapes) {
  size_t rank = 0;
  for (ArrayRef<int64_t> shape : shapes)
    rank = std::max(rank, shape.size());
  SmallVector<int64_t> result(rank, 1);
  for (ArrayRef<int64_t> shape : shapes) {
    for (auto [axis, extent] : llvm::enumerate(shape)) {
      int64_t &out = result[rank - shape.size() + axis];
      FailureOr<int64_t> joined = broadcastExtents(out, extent);
      if (failed(joined))
        return failure();
      out = *joined;
    }
  }
  return result;
}

LogicalResult mlir::torsh::inferBroadcastType(std::optional<Location> loc, StringRef opName,
                                              ValueRange operands, Type elementType,
                                              SmallVectorImpl<Type> &types) {
  SmallVector<ArrayRef<int64_t>> shapes;
  Type operandType = cast<RankedTensorType>(operands.front().getType()).getElementType();
  for (Value operand : operands) {
    auto type = cast<RankedTensorType>(operand.getType());
    if (type.getElementType() != operandType)
      return emitOptionalError(loc, opName, ": operands must have one element type, got ",
                               operandType, " and ", type.getElementType());
    shapes.push_back(type.getShape());
  }
  FailureOr<SmallVector<int64_t>> shape = broadcastShapes(shapes);
  if (failed(shape))
    return emitOptionalError(loc, opName, ": shapes do not broadcast: ", operands.front().getType(),
                             " and ", operands.back().getType());
  types.push_back(RankedTensorType::get(*shape, elementType ? elementType : operandType));
  return success();
}

void mlir::torsh::getBroadcastConstraints(TypeRange types,
                                          SmallVectorImpl<ExtentConstraint> &constraints) {
  int64_t rank = 0;
  for (Type type : types)
    rank = std::max<int64_t>(rank, shapeOf(type).size());
  for (int64_t axis = 0; axis < rank; ++axis) {
    // The first `?` is compared with every other `?`, and with the first static
    // extent other than 1.
    std::optional<std::pair<int64_t, int64_t>> first;
    int64_t fixed = 1;
    for (auto [number, type] : llvm::enumerate(types)) {
      ArrayRef<int64_t> shape = shapeOf(type);
      int64_t own = axis - (rank - static_cast<int64_t>(shape.size()));
      if (own < 0)
        continue;
      if (shape[own] != kDynamic) {
        if (shape[own] != 1)
          fixed = shape[own];
        continue;
      }
      if (first)
        constraints.push_back({first->first, first->second, static_cast<int64_t>(number), own});
      else
        first = {static_cast<int64_t>(number), own};
    }
    if (first && fixed != 1)
      constraints.push_back({first->first, first->second, -1, fixed});
  }
}

OpFoldResult mlir::torsh::getExtent(OpBuilder &builder, Location loc, Value value, int64_t axis) {
  return tensor::getMixedSize(builder, loc, value, axis);
}

OpFoldResult mlir::torsh::applyToExtents(OpBuilder &builder, Location loc, AffineExpr expr,
                                         ArrayRef<OpFoldResult> extents) {
  return affine::makeComposedFoldedAffineApply(builder, loc, expr, extents);
}

LogicalResult mlir::torsh::reifyBroadcastShape(Operation *op, OpBuilder &builder,
                                               ReifiedRankedShapedTypeDims &shapes) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<OpFoldResult> extents;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    if (!type.isDynamicDim(axis)) {
      extents.push_back(builder.getIndexAttr(type.getDimSize(axis)));
      continue;
    }
    for (Value operand : op->getOperands()) {
      auto operandType = cast<RankedTensorType>(operand.getType());
      int64_t own = axis - (type.getRank() - operandType.getRank());
      if (own < 0 || !operandType.isDynamicDim(own))
        continue;
      extents.push_back(getExtent(builder, op->getLoc(), operand, own));
      break;
    }
  }
  shapes.push_back(std::move(extents));
  return success();
}

LogicalResult mlir::torsh::reifyShapeOf(Value value, OpBuilder &builder,
                                        ReifiedRankedShapedTypeDims &shapes) {
  shapes.push_back(tensor::getMixedSizes(builder, value.getLoc(), value));
  return success();
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

LogicalResult mlir::torsh::inferReductionType(std::optional<Location> loc, StringRef opName,
                                              Value input, ArrayRef<int64_t> axes, bool keepdims,
                                              SmallVectorImpl<Type> &types, Type elementType) {
  auto type = cast<RankedTensorType>(input.getType());
  for (auto [i, axis] : llvm::enumerate(axes)) {
    if (axis < 0 || axis >= type.getRank())
      return emitOptionalError(loc, opName, ": axis ", axis, " is out of range for rank ",
                               type.getRank());
    if (i && axes[i - 1] >= axis)
      return emitOptionalError(loc, opName, ": axes must be distinct and sorted");
  }
  SmallVector<int64_t> shape;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    if (!llvm::is_contained(axes, axis))
      shape.push_back(type.getDimSize(axis));
    else if (keepdims)
      shape.push_back(1);
  }
  types.push_back(RankedTensorType::get(shape, elementType ? elementType : type.getElementType()));
  return success();
}

LogicalResult mlir::torsh::verifyReductionExtents(Operation *op, Value input,
                                                  ArrayRef<int64_t> axes) {
  if (op->hasTrait<DefinedOnEmptyAxes>())
    return success();
  // Called before the types are inferred, which refuses an axis out of range.
  ArrayRef<int64_t> shape = shapeOf(input.getType());
  for (int64_t axis : axes)
    if (axis >= 0 && axis < static_cast<int64_t>(shape.size()) && shape[axis] == 0)
      return op->emitOpError("reduces an axis of extent 0, which has no value");
  return success();
}

LogicalResult mlir::torsh::reifyReductionShape(Operation *op, Value input, ArrayRef<int64_t> axes,
                                               bool keepdims, OpBuilder &builder,
                                               ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> extents;
  int64_t rank = cast<RankedTensorType>(input.getType()).getRank();
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (!llvm::is_contained(axes, axis))
      extents.push_back(getExtent(builder, op->getLoc(), input, axis));
    else if (keepdims)
      extents.push_back(builder.getIndexAttr(1));
  }
  shapes.push_back(std::move(extents));
  return success();
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

FailureOr<SmallVector<WindowAxis>>
mlir::torsh::getWindow(std::optional<Location> loc, StringRef opName, int64_t rank,
                       ArrayRef<int64_t> window, ArrayRef<int64_t> stride,
                       ArrayRef<int64_t> paddingLow, ArrayRef<int64_t> paddingHigh,
                       ArrayRef<int64_t> dilation) {
  if (rank < 1 || rank > 3)
    return emitOptionalError(loc, opName, ": needs one to three spatial axes, got ", rank);
  constexpr int64_t kLargest = std::numeric_limits<int32_t>::max();
  SmallVector<WindowAxis> axes;
  for (auto [name, values] :
       {std::pair("window", window), std::pair("stride", stride),
        std::pair("padding_low", paddingLow), std::pair("padding_high", paddingHigh),
        std::pair("dilation", dilation)})
    if (static_cast<int64_t>(values.size()) != rank)
      return emitOptionalError(loc, opName, ": ", name, " must have ", rank,
                               " entries, one per spatial axis, got ", values.size());
  for (int64_t i = 0; i < rank; ++i) {
    if (window[i] < 1 || stride[i] < 1 || dilation[i] < 1)
      return emitOptionalError(loc, opName, ": window, stride and dilation must be positive");
    if (paddingLow[i] < 0 || paddingHigh[i] < 0)
      return emitOptionalError(loc, opName, ": padding must not be negative");
    for (int64_t value : {window[i], stride[i], dilation[i], paddingLow[i], paddingHigh[i]})
      if (value > kLargest)
        return emitOptionalError(loc, opName,
                                 ": window, stride, dilation and padding must be at most ",
                                 kLargest, ", got ", value);
    axes.push_back({window[i], stride[i], paddingLow[i], paddingHigh[i], dilation[i]});
  }
  return axes;
}

LogicalResult mlir::torsh::inferWindowExtents(std::optional<Location> loc, StringRef opName,
                                              ArrayRef<int64_t> spatial,
                                              ArrayRef<WindowAxis> window,
                                              SmallVectorImpl<int64_t> &shape) {
  for (auto [extent, axis] : llvm::zip_equal(spatial, window)) {
    if (extent == kDynamic) {
      shape.push_back(kDynamic);
      continue;
    }
    int64_t result = axis.resultExtent(extent);
    if (result < 1)
      return emitOptionalError(loc, opName, ": a window that spans ", axis.span(),
                               " does not fit an extent of ", extent, " padded by ",
                               axis.paddingLow, " and ", axis.paddingHigh);
    shape.push_back(result);
  }
  return success();
}

OpFoldResult mlir::torsh::reifyWindowExtent(OpBuilder &builder, Location loc, Value input,
                                            int64_t axis, const WindowAxis &window) {
  AffineExpr extent = builder.getAffineSymbolExpr(0);
  AffineExpr result =
      (extent + window.paddingLow + window.paddingHigh - window.span()).floorDiv(window.stride) + 1;
  return applyToExtents(builder, loc, result, {getExtent(builder, loc, input, axis)});
}
