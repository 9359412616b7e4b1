// SPDX-License-Identifier: Apache-2.0
// Type rules of the pools.

#include "mlir/IR/Builders.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

using namespace mlir;
using namespace mlir::torsh;

static LogicalResult inferPoolType(std::optional<Location> loc, StringRef name, Value input,
                                   ArrayRef<int64_t> extents, ArrayRef<int64_t> stride,
                                   ArrayRef<int64_t> low, ArrayRef<int64_t> high,
                                   ArrayRef<int64_t> dilation, SmallVectorImpl<Type> &types) {
  auto type = cast<RankedTensorType>(input.getType());
  FailureOr<SmallVector<WindowAxis>> window =
      getWindow(loc, name, type.getRank() - 2, extents, stride, low, high, dilation);
  if (failed(window))
    return failure();
  for (const WindowAxis &axis : *window)
    if (axis.paddingLow >= axis.span() || axis.paddingHigh >= axis.span())
      return emitOptionalError(loc, name, ": padding must be smaller than the window, which spans ",
                               axis.span());
  SmallVector<int64_t> shape(type.getShape().take_front(2));
  if (failed(inferWindowExtents(loc, name, type.getShape().drop_front(2), *window, shape)))
    return failure();
  types.push_back(RankedTensorType::get(shape, type.getElementType()));
  return success();
}

static LogicalResult reifyPoolShape(Operation *op, Value input, ArrayRef<int64_t> extents,
                                    ArrayRef<int64_t> stride, ArrayRef<int64_t> low,
                                    ArrayRef<int64_t> high, ArrayRef<int64_t> dilation,
                                    OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  Location loc = op->getLoc();
  SmallVector<OpFoldResult> result{getExtent(builder, loc, input, 0),
                                   getExtent(builder, loc, input, 1)};
  for (size_t i = 0; i < extents.size(); ++i)
    result.push_back(reifyWindowExtent(builder, loc, input, i + 2,
                                       {extents[i], stride[i], low[i], high[i], dilation[i]}));
  shapes.push_back(std::move(result));
  return success();
}

LogicalResult MaxPoolOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferPoolType(loc, getOperationName(), adaptor.getInput(), adaptor.getWindow(),
                       adaptor.getStride(), adaptor.getPaddingLow(), adaptor.getPaddingHigh(),
                       adaptor.getDilation(), types);
}

LogicalResult MaxPoolOp::reifyResultShapes(OpBuilder &builder,
                                           ReifiedRankedShapedTypeDims &shapes) {
  return reifyPoolShape(*this, getInput(), getWindow(), getStride(), getPaddingLow(),
                        getPaddingHigh(), getDilation(), builder, shapes);
}

LogicalResult AvgPoolOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  SmallVector<int64_t> dilation(adaptor.getWindow().size(), 1);
  return inferPoolType(loc, getOperationName(), adaptor.getInput(), adaptor.getWindow(),
                       adaptor.getStride(), adaptor.getPaddingLow(), adaptor.getPaddingHigh(),
                       dilation, types);
}

LogicalResult AvgPoolOp::reifyResultShapes(OpBuilder &builder,
                                           ReifiedRankedShapedTypeDims &shapes) {
  SmallVector<int64_t> dilation(getWindow().size(), 1);
  return reifyPoolShape(*this, getInput(), getWindow(), getStride(), getPaddingLow(),
                        getPaddingHigh(), dilation, builder, shapes);
}
