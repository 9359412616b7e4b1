// SPDX-License-Identifier: Apache-2.0
// Type rules of the operations whose positions are data, and of orders along an axis.

#include "mlir/IR/Builders.h"
#include "torshjit/Dialect/Torsh/IR/TorshBuilders.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

using namespace mlir;
using namespace mlir::torsh;

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

//===----------------------------------------------------------------------===//
// Gather and scatter
//===----------------------------------------------------------------------===//

/// The shape that index tensors broadcast to.
static FailureOr<SmallVector<int64_t>> broadcastIndices(ValueRange indices) {
  SmallVector<ArrayRef<int64_t>> shapes;
  for (Value index : indices)
    shapes.push_back(tensorType(index).getShape());
  return broadcastShapes(shapes);
}

/// The shape of what `indices` pick from `data`.
static FailureOr<SmallVector<int64_t>> inferPickedShape(std::optional<Location> loc, StringRef name,
                                                        RankedTensorType data, ValueRange indices,
                                                        ArrayRef<int64_t> axes) {
  if (indices.empty() || indices.size() != axes.size())
    return emitOptionalError(loc, name,
                             ": needs one tensor of positions for each of its axes, of "
                             "which there is at least one"),
           failure();
  for (auto [i, axis] : llvm::enumerate(axes))
    if (axis < 0 || axis >= data.getRank() || (i && axes[i - 1] >= axis))
      return emitOptionalError(loc, name, ": axes must be distinct, sorted axes of ", data),
             failure();
  FailureOr<SmallVector<int64_t>> positions = broadcastIndices(indices);
  if (failed(positions))
    return emitOptionalError(loc, name, ": the shapes of the positions do not broadcast"),
           failure();
  SmallVector<int64_t> shape;
  for (auto [axis, extent] : llvm::enumerate(data.getShape())) {
    if (static_cast<int64_t>(axis) == axes.front())
      llvm::append_range(shape, *positions);
    if (!llvm::is_contained(axes, static_cast<int64_t>(axis)))
      shape.push_back(extent);
  }
  return shape;
}

/// Refuses to read at positions along an axis that has no element.
static LogicalResult verifyReadable(std::optional<Location> loc, StringRef name,
                                    RankedTensorType data, int64_t axis, ArrayRef<int64_t> result) {
  if (data.getDimSize(axis) == 0 && !llvm::is_contained(result, 0))
    return emitOptionalError(loc, name, ": axis ", axis, " of ", data, " has no element to read");
  return success();
}

/// The extents of the broadcast of `indices`.
static SmallVector<OpFoldResult> reifyIndexShape(OpBuilder &builder, Location loc,
                                                 ValueRange indices, ArrayRef<int64_t> shape) {
  SmallVector<OpFoldResult> extents;
  int64_t rank = shape.size();
  for (auto [axis, extent] : llvm::enumerate(shape)) {
    if (!ShapedType::isDynamic(extent)) {
      extents.push_back(builder.getIndexAttr(extent));
      continue;
    }
    for (Value index : indices) {
      int64_t own = static_cast<int64_t>(axis) - (rank - tensorType(index).getRank());
      if (own >= 0 && tensorType(index).isDynamicDim(own)) {
        extents.push_back(getExtent(builder, loc, index, own));
        break;
      }
    }
  }
  return extents;
}

SmallVector<int64_t> GatherOp::getIndexShape() { return *broadcastIndices(getIndices()); }
SmallVector<int64_t> ScatterOp::getIndexShape() { return *broadcastIndices(getIndices()); }

LogicalResult GatherOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  RankedTensorType data = tensorType(adaptor.getData());
  FailureOr<SmallVector<int64_t>> shape =
      inferPickedShape(loc, getOperationName(), data, adaptor.getIndices(), adaptor.getAxes());
  if (failed(shape))
    return failure();
  for (int64_t axis : adaptor.getAxes())
    if (failed(verifyReadable(loc, getOperationName(), data, axis, *shape)))
      return failure();
  types.push_back(RankedTensorType::get(*shape, data.getElementType()));
  return success();
}

LogicalResult GatherOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> positions =
      reifyIndexShape(builder, getLoc(), getIndices(), getIndexShape());
  SmallVector<OpFoldResult> extents;
  for (int64_t axis = 0; axis < tensorType(getData()).getRank(); ++axis) {
    if (axis == getAxes().front())
      llvm::append_range(extents, positions);
    if (!llvm::is_contained(getAxes(), axis))
      extents.push_back(getExtent(builder, getLoc(), getData(), axis));
  }
  shapes.push_back(std::move(extents));
  return success();
}

LogicalResult ScatterOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  RankedTensorType data = tensorType(adaptor.getData()), updates = tensorType(adaptor.getUpdates());
  FailureOr<SmallVector<int64_t>> shape =
      inferPickedShape(loc, getOperationName(), data, adaptor.getIndices(), adaptor.getAxes());
  if (failed(shape))
    return failure();
  auto picked = RankedTensorType::get(*shape, data.getElementType());
  if (updates.getElementType() != data.getElementType() ||
      failed(verifyCompatibleShape(updates.getShape(), *shape)))
    return emitOptionalError(loc, getOperationName(), ": updates must be ", picked, ", got ",
                             updates);
  types.push_back(data);
  return success();
}

/// Refuses a combination that the element type lacks.
static LogicalResult verifyReduction(Operation *op, Type element, ScatterReduction reduction) {
  if (element.isInteger(1) && reduction != ScatterReduction::none)
    return op->emitOpError("combines numbers, not bools");
  return success();
}

LogicalResult ScatterOp::verify() {
  return verifyReduction(*this, tensorType(getData()).getElementType(), getReduction());
}

LogicalResult ScatterOp::reifyResultShapes(OpBuilder &builder,
                                           ReifiedRankedShapedTypeDims &shapes) {
  return reifyShapeOf(getData(), builder, shapes);
}

void ScatterOp::getExtentConstraints(SmallVectorImpl<ExtentConstraint> &constraints) {
  auto data = tensorType(getData()), updates = tensorType(getUpdates());
  SmallVector<int64_t> positions = getIndexShape();
  int64_t axis = 0; // of the updates
  auto constrain = [&](int64_t extent, int64_t operand, int64_t operandAxis) {
    int64_t own = updates.getDimSize(axis);
    if (ShapedType::isDynamic(extent))
      constraints.push_back(ShapedType::isDynamic(own)
                                ? ExtentConstraint{operand, operandAxis, 1, axis}
                                : ExtentConstraint{operand, operandAxis, -1, own});
    else if (ShapedType::isDynamic(own))
      constraints.push_back({1, axis, -1, extent});
    ++axis;
  };
  for (int64_t i = 0; i < data.getRank(); ++i) {
    if (i == getAxes().front())
      for (auto [place, extent] : llvm::enumerate(positions)) {
        int64_t operand = 0, own = 0;
        for (auto [number, index] : llvm::enumerate(getIndices())) {
          int64_t candidate =
              static_cast<int64_t>(place) -
              (static_cast<int64_t>(positions.size()) - tensorType(index).getRank());
          if (candidate >= 0 && tensorType(index).getDimSize(candidate) == extent) {
            operand = static_cast<int64_t>(number) + 2;
            own = candidate;
            break;
          }
        }
        constrain(extent, operand, own);
      }
    if (!llvm::is_contained(getAxes(), i))
      constrain(data.getDimSize(i), 0, i);
  }
}

//===----------------------------------------------------------------------===//
// Along an axis
//===----------------------------------------------------------------------===//

/// Checks that `other` has the rank of `data`, and its extents but along `axis`.
static LogicalResult verifyRows(std::optional<Location> loc, StringRef name, RankedTensorType data,
                                RankedTensorType other, int64_t axis, StringRef role) {
  if (axis < 0 || axis >= data.getRank())
    return emitOptionalError(loc, name, ": axis ", axis, " is out of range for ", data);
  if (other.getRank() != data.getRank())
    return emitOptionalError(loc, name, ": ", role, " must have the rank of ", data, ", got ",
                             other);
  for (int64_t i = 0; i < data.getRank(); ++i) {
    int64_t extent = data.getDimSize(i), own = other.getDimSize(i);
    if (i != axis && !ShapedType::isDynamic(extent) && !ShapedType::isDynamic(own) && extent != own)
      return emitOptionalError(loc, name, ": ", role, " must have the extents of ", data,
                               " but along axis ", axis, ", got ", other);
  }
  return success();
}

static void constrainRows(RankedTensorType data, RankedTensorType other, int64_t number,
                          int64_t axis, SmallVectorImpl<ExtentConstraint> &constraints) {
  for (int64_t i = 0; i < data.getRank(); ++i) {
    int64_t extent = data.getDimSize(i), own = other.getDimSize(i);
    if (i == axis)
      continue;
    if (ShapedType::isDynamic(extent))
      constraints.push_back(ShapedType::isDynamic(own) ? ExtentConstraint{0, i, number, i}
                                                       : ExtentConstraint{0, i, -1, own});
    else if (ShapedType::isDynamic(own))
      constraints.push_back({number, i, -1, extent});
  }
}

LogicalResult TakeAlongAxisOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                                Adaptor adaptor, SmallVectorImpl<Type> &types) {
  RankedTensorType data = tensorType(adaptor.getData()), indices = tensorType(adaptor.getIndices());
  if (failed(verifyRows(loc, getOperationName(), data, indices, adaptor.getAxis(), "indices")) ||
      failed(verifyReadable(loc, getOperationName(), data, adaptor.getAxis(), indices.getShape())))
    return failure();
  types.push_back(RankedTensorType::get(indices.getShape(), data.getElementType()));
  return success();
}

LogicalResult TakeAlongAxisOp::reifyResultShapes(OpBuilder &builder,
                                                 ReifiedRankedShapedTypeDims &shapes) {
  return reifyShapeOf(getIndices(), builder, shapes);
}

void TakeAlongAxisOp::getExtentConstraints(SmallVectorImpl<ExtentConstraint> &constraints) {
  constrainRows(tensorType(getData()), tensorType(getIndices()), 1, getAxis(), constraints);
}

LogicalResult PutAlongAxisOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                               Adaptor adaptor, SmallVectorImpl<Type> &types) {
  RankedTensorType data = tensorType(adaptor.getData()), indices = tensorType(adaptor.getIndices());
  RankedTensorType updates = tensorType(adaptor.getUpdates());
  if (failed(verifyRows(loc, getOperationName(), data, indices, adaptor.getAxis(), "indices")))
    return failure();
  if (updates.getElementType() != data.getElementType() ||
      failed(verifyCompatibleShape(updates.getShape(), indices.getShape())))
    return emitOptionalError(loc, getOperationName(), ": updates must be ",
                             RankedTensorType::get(indices.getShape(), data.getElementType()),
                             ", got ", updates);
  types.push_back(data);
  return success();
}

LogicalResult PutAlongAxisOp::verify() {
  return verifyReduction(*this, tensorType(getData()).getElementType(), getReduction());
}

LogicalResult PutAlongAxisOp::reifyResultShapes(OpBuilder &builder,
                                                ReifiedRankedShapedTypeDims &shapes) {
  return reifyShapeOf(getData(), builder, shapes);
}

void PutAlongAxisOp::getExtentConstraints(SmallVectorImpl<ExtentConstraint> &constraints) {
  auto data = tensorType(getData()), indices = tensorType(getIndices());
  auto updates = tensorType(getUpdates());
  auto axis = static_cast<int64_t>(getAxis());
  constrainRows(data, indices, 1, axis, constraints);
  constrainRows(data, updates, 2, axis, constraints);
  int64_t extent = indices.getDimSize(axis), own = updates.getDimSize(axis);
  if (ShapedType::isDynamic(extent))
    constraints.push_back(ShapedType::isDynamic(own) ? ExtentConstraint{1, axis, 2, axis}
                                                     : ExtentConstraint{1, axis, -1, own});
  else if (ShapedType::isDynamic(own))
    constraints.push_back({2, axis, -1, extent});
}

//===----------------------------------------------------------------------===//
// Scans and orders
//===----------------------------------------------------------------------===//

LogicalResult ScanOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  RankedTensorType type = tensorType(adaptor.getInput());
  auto axis = static_cast<int64_t>(adaptor.getAxis());
  if (axis < 0 || axis >= type.getRank())
    return emitOptionalError(loc, getOperationName(), ": axis ", axis, " is out of range for ",
                             type);
  types.push_back(type);
  return success();
}

LogicalResult ScanOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyShapeOf(getInput(), builder, shapes);
}

LogicalResult mlir::torsh::inferOrderType(std::optional<Location> loc, StringRef opName,
                                          Value input, int64_t axis, SmallVectorImpl<Type> &types) {
  RankedTensorType type = tensorType(input);
  if (axis < 0 || axis >= type.getRank())
    return emitOptionalError(loc, opName, ": axis ", axis, " is out of range for ", type);
  types.push_back(type.clone(IntegerType::get(type.getContext(), 64)));
  return success();
}

FailureOr<SmallVector<Value>> ArgsortOp::decompose(OpBuilder &builder) {
  // The inverse of a permutation: each position is put where its element stands.
  Location loc = getLoc();
  Value rank = RankOp::create(builder, loc, getInput(), getAxis(), getDescending());
  RankedTensorType type = tensorType(rank);
  SmallVector<Value> sizes;
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    if (type.isDynamicDim(axis))
      sizes.push_back(cast<Value>(getExtent(builder, loc, getInput(), axis)));
  Value positions = IotaOp::create(builder, loc, type, sizes, getAxis());
  return SmallVector<Value>{PutAlongAxisOp::create(builder, loc, positions, rank, positions,
                                                   getAxis(), ScatterReduction::none)};
}
