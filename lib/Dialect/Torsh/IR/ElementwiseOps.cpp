// SPDX-License-Identifier: Apache-2.0
// Type rules of the elementwise operations that the shared ones do not cover.

#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

using namespace mlir;
using namespace mlir::torsh;

LogicalResult SelectOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  Type onTrue = cast<RankedTensorType>(adaptor.getOnTrue().getType()).getElementType();
  Type onFalse = cast<RankedTensorType>(adaptor.getOnFalse().getType()).getElementType();
  if (onTrue != onFalse)
    return emitOptionalError(loc, getOperationName(),
                             ": both choices must have one element type, got ", onTrue, " and ",
                             onFalse);
  SmallVector<ArrayRef<int64_t>> shapes;
  for (Value operand : adaptor.getOperands())
    shapes.push_back(cast<RankedTensorType>(operand.getType()).getShape());
  FailureOr<SmallVector<int64_t>> shape = broadcastShapes(shapes);
  if (failed(shape))
    return emitOptionalError(
        loc, getOperationName(), ": shapes do not broadcast: ", adaptor.getCondition().getType(),
        ", ", adaptor.getOnTrue().getType(), " and ", adaptor.getOnFalse().getType());
  types.push_back(RankedTensorType::get(*shape, onTrue));
  return success();
}

LogicalResult BitcastOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto input = cast<RankedTensorType>(adaptor.getInput().getType());
  Type dtype = adaptor.getDtype();
  if (!dtype.isIntOrFloat() || dtype.getIntOrFloatBitWidth() != input.getElementTypeBitWidth())
    return emitOptionalError(loc, getOperationName(), ": cannot take the bits of ", input, " as ",
                             dtype);
  types.push_back(input.clone(dtype));
  return success();
}

LogicalResult CastOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc, Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  Type dtype = adaptor.getDtype();
  if (!dtype.isIntOrFloat())
    return emitOptionalError(loc, getOperationName(), ": cannot convert to ", dtype);
  types.push_back(cast<RankedTensorType>(adaptor.getInput().getType()).clone(dtype));
  return success();
}
