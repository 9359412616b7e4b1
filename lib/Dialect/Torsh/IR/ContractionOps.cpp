// SPDX-License-Identifier: Apache-2.0
// Type rules of matmul, linear and convolution.

#include "mlir/IR/Builders.h"
#include "torshjit/Dialect/Torsh/IR/ElementTypes.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

using namespace mlir;
using namespace mlir::torsh;

static bool agree(int64_t lhs, int64_t rhs) {
  return lhs == rhs || ShapedType::isDynamic(lhs) || ShapedType::isDynamic(rhs);
}

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Appends that two extents must be equal, if only a running program can tell.
static void requireEqual(Operation *op, int64_t operand, int64_t axis, int64_t otherOperand,
                         int64_t otherAxis, SmallVectorImpl<ExtentConstraint> &constraints) {
  int64_t extent = tensorType(op->getOperand(operand)).getDimSize(axis);
  int64_t other = tensorType(op->getOperand(otherOperand)).getDimSize(otherAxis);
  if (ShapedType::isDynamic(extent))
    ShapedType::isDynamic(other) ? constraints.push_back({operand, axis, otherOperand, otherAxis})
                                 : constraints.push_back({operand, axis, -1, other});
  else if (ShapedType::isDynamic(other))
    constraints.push_back({otherOperand, otherAxis, -1, extent});
}

static bool isInteger(Type type) { return isa<IntegerType>(type) && !type.isInteger(1); }

/// The element type of the result: the operands', or `dtype`, which holds all values
/// of theirs.
static FailureOr<Type> inferElementType(std::optional<Location> loc, StringRef opName, Value lhs,
                                        Value rhs, Value bias, std::optional<Type> dtype) {
  Type left = tensorType(lhs).getElementType(), right = tensorType(rhs).getElementType();
  Type result = dtype.value_or(left);
  if (!dtype && left != right)
    return emitOptionalError(loc, opName, ": operands must have one element type, got ", left,
                             " and ", right);
  for (Type operand : {left, right})
    if (dtype && (!isInteger(*dtype) || isUnsigned(*dtype) || !isInteger(operand) ||
                  operand.getIntOrFloatBitWidth() >= dtype->getIntOrFloatBitWidth()))
      return emitOptionalError(loc, opName, ": cannot widen ", operand, " to dtype ", *dtype,
                               ", which must be a wider integer with a sign");
  if (bias && tensorType(bias).getElementType() != result)
    return emitOptionalError(loc, opName, ": operands must have one element type, got ", result,
                             " and ", tensorType(bias).getElementType());
  return result;
}

static LogicalResult checkBias(std::optional<Location> loc, StringRef opName, Value bias,
                               int64_t extent) {
  if (bias && (tensorType(bias).getRank() != 1 || !agree(tensorType(bias).getDimSize(0), extent)))
    return emitOptionalError(
        loc, opName, ": bias must have the shape of the weight's first axis, got ", bias.getType());
  return success();
}

//===----------------------------------------------------------------------===//
// Matmul
//===----------------------------------------------------------------------===//

LogicalResult MatmulOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto lhs = tensorType(adaptor.getLhs()), rhs = tensorType(adaptor.getRhs());
  FailureOr<Type> element = inferElementType(loc, getOperationName(), adaptor.getLhs(),
                                             adaptor.getRhs(), {}, adaptor.getDtype());
  if (failed(element))
    return failure();
  if (lhs.getRank() < 2 || rhs.getRank() < 2)
    return emitOptionalError(loc, getOperationName(), ": operands must have rank 2 or more, got ",
                             lhs, " and ", rhs);
  if (!agree(lhs.getShape().back(), rhs.getShape().drop_back().back()))
    return emitOptionalError(loc, getOperationName(), ": inner extents differ: ", lhs, " and ",
                             rhs);
  FailureOr<SmallVector<int64_t>> shape =
      broadcastShapes({lhs.getShape().drop_back(2), rhs.getShape().drop_back(2)});
  if (failed(shape))
    return emitOptionalError(loc, getOperationName(), ": leading axes do not broadcast: ", lhs,
                             " and ", rhs);
  shape->push_back(lhs.getShape().drop_back().back());
  shape->push_back(rhs.getShape().back());
  types.push_back(RankedTensorType::get(*shape, *element));
  return success();
}

LogicalResult MatmulOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  auto type = tensorType(getResult());
  int64_t rank = type.getRank();
  SmallVector<OpFoldResult> extents;
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (!type.isDynamicDim(axis)) {
      extents.push_back(builder.getIndexAttr(type.getDimSize(axis)));
      continue;
    }
    // The column axis comes from the right, the row axis from the left, a
    // leading one from the operand in which it is a `?`.
    Value source = axis == rank - 1 ? getRhs() : getLhs();
    int64_t own = axis - (rank - tensorType(source).getRank());
    if (axis < rank - 2 && (own < 0 || !tensorType(source).isDynamicDim(own))) {
      source = getRhs();
      own = axis - (rank - tensorType(source).getRank());
    }
    extents.push_back(getExtent(builder, getLoc(), source, own));
  }
  shapes.push_back(std::move(extents));
  return success();
}

void MatmulOp::getExtentConstraints(SmallVectorImpl<ExtentConstraint> &constraints) {
  auto lhs = tensorType(getLhs()), rhs = tensorType(getRhs());
  requireEqual(*this, 0, lhs.getRank() - 1, 1, rhs.getRank() - 2, constraints);
  Type element = lhs.getElementType();
  getBroadcastConstraints(TypeRange{RankedTensorType::get(lhs.getShape().drop_back(2), element),
                                    RankedTensorType::get(rhs.getShape().drop_back(2), element)},
                          constraints);
}

//===----------------------------------------------------------------------===//
// Linear
//===----------------------------------------------------------------------===//

LogicalResult LinearOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto input = tensorType(adaptor.getInput()), weight = tensorType(adaptor.getWeight());
  FailureOr<Type> element =
      inferElementType(loc, getOperationName(), adaptor.getInput(), adaptor.getWeight(),
                       adaptor.getBias(), adaptor.getDtype());
  if (failed(element))
    return failure();
  if (input.getRank() < 1 || weight.getRank() != 2)
    return emitOptionalError(loc, getOperationName(),
                             ": input must have rank 1 or more and weight rank 2, got ", input,
                             " and ", weight);
  if (!agree(input.getShape().back(), weight.getDimSize(1)))
    return emitOptionalError(loc, getOperationName(),
                             ": last extents of input and weight differ: ", input, " and ", weight);
  if (failed(checkBias(loc, getOperationName(), adaptor.getBias(), weight.getDimSize(0))))
    return failure();
  SmallVector<int64_t> shape(input.getShape());
  shape.back() = weight.getDimSize(0);
  types.push_back(RankedTensorType::get(shape, *element));
  return success();
}

LogicalResult LinearOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> extents;
  int64_t rank = tensorType(getInput()).getRank();
  for (int64_t axis = 0; axis + 1 < rank; ++axis)
    extents.push_back(getExtent(builder, getLoc(), getInput(), axis));
  extents.push_back(getExtent(builder, getLoc(), getWeight(), 0));
  shapes.push_back(std::move(extents));
  return success();
}

void LinearOp::getExtentConstraints(SmallVectorImpl<ExtentConstraint> &constraints) {
  requireEqual(*this, 0, tensorType(getInput()).getRank() - 1, 1, 1, constraints);
  if (getBias())
    requireEqual(*this, 1, 0, 2, 0, constraints);
}

//===----------------------------------------------------------------------===//
// Convolution
//===----------------------------------------------------------------------===//

LogicalResult ConvOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  auto input = tensorType(adaptor.getInput()), weight = tensorType(adaptor.getWeight());
  StringRef name = getOperationName();
  FailureOr<Type> element = inferElementType(loc, name, adaptor.getInput(), adaptor.getWeight(),
                                             adaptor.getBias(), adaptor.getDtype());
  if (failed(element))
    return failure();
  int64_t groups = adaptor.getGroups();
  if (input.getRank() < 3 || weight.getRank() != input.getRank())
    return emitOptionalError(loc, name, ": input and weight must have one rank of 3 to 5, got ",
                             input, " and ", weight);
  for (int64_t extent : weight.getShape().drop_front(2))
    if (ShapedType::isDynamic(extent))
      return emitOptionalError(loc, name, ": the window's extents must be static, got ", weight);
  if (ShapedType::isDynamic(weight.getDimSize(0)) || ShapedType::isDynamic(weight.getDimSize(1)))
    return emitOptionalError(loc, name, ": the weight's extents must be static, got ", weight);
  int64_t channels;
  if (groups < 1 || weight.getDimSize(0) % groups ||
      llvm::MulOverflow(weight.getDimSize(1), groups, channels) ||
      !agree(input.getDimSize(1), channels))
    return emitOptionalError(loc, name, ": ", groups, " groups do not fit the channels of input ",
                             input, " and weight ", weight);
  if (failed(checkBias(loc, name, adaptor.getBias(), weight.getDimSize(0))))
    return failure();
  FailureOr<SmallVector<WindowAxis>> window = getWindow(
      loc, name, input.getRank() - 2, weight.getShape().drop_front(2), adaptor.getStride(),
      adaptor.getPaddingLow(), adaptor.getPaddingHigh(), adaptor.getDilation());
  if (failed(window))
    return failure();
  SmallVector<int64_t> shape{input.getDimSize(0), weight.getDimSize(0)};
  if (failed(inferWindowExtents(loc, name, input.getShape().drop_front(2), *window, shape)))
    return failure();
  types.push_back(RankedTensorType::get(shape, *element));
  return success();
}

LogicalResult ConvOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<OpFoldResult> extents{getExtent(builder, getLoc(), getInput(), 0),
                                    builder.getIndexAttr(tensorType(getWeight()).getDimSize(0))};
  for (int64_t i = 0; i < getNumSpatialAxes(); ++i)
    extents.push_back(
        reifyWindowExtent(builder, getLoc(), getInput(), i + 2,
                          {tensorType(getWeight()).getDimSize(i + 2), getStride()[i],
                           getPaddingLow()[i], getPaddingHigh()[i], getDilation()[i]}));
  shapes.push_back(std::move(extents));
  return success();
}

void ConvOp::getExtentConstraints(SmallVectorImpl<ExtentConstraint> &constraints) {
  if (tensorType(getInput()).isDynamicDim(1))
    constraints.push_back(
        {0, 1, -1, tensorType(getWeight()).getDimSize(1) * static_cast<int64_t>(getGroups())});
  if (getBias())
    requireEqual(*this, 1, 0, 2, 0, constraints);
}
