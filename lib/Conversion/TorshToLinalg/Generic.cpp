// SPDX-License-Identifier: Apache-2.0
// Building linalg.generic operations over loops of which some have no extent.

#include "Generic.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "torshjit/Dialect/Torsh/IR/ElementTypes.h"

using namespace mlir;
using namespace mlir::torsh;

RankedTensorType mlir::torsh::storedType(Value tensor) {
  return getStorageType(cast<RankedTensorType>(tensor.getType()));
}

DenseElementsAttr mlir::torsh::storedElements(DenseElementsAttr elements) {
  if (!isUnsigned(elements.getElementType()))
    return elements;
  return elements.bitcast(getStorageType(elements.getElementType()));
}

FailureOr<SmallVector<OpFoldResult>> mlir::torsh::squeezedExtents(OpBuilder &builder, Operation *op,
                                                                  unsigned result) {
  auto type = cast<RankedTensorType>(op->getResult(result).getType());
  SmallVector<OpFoldResult> squeezed;
  if (type.hasStaticShape()) {
    for (int64_t axis : keptAxes(type))
      squeezed.push_back(builder.getIndexAttr(type.getDimSize(axis)));
    return squeezed;
  }
  ReifiedRankedShapedTypeDims shapes;
  auto shaped = dyn_cast<ReifyRankedShapedTypeOpInterface>(op);
  if (!shaped || failed(shaped.reifyResultShapes(builder, shapes)))
    return failure();
  for (int64_t axis : keptAxes(type))
    squeezed.push_back(shapes[result][axis]);
  return squeezed;
}

Value mlir::torsh::emptyTensor(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> extents,
                               Type element) {
  return tensor::EmptyOp::create(builder, loc, extents, element);
}

Value mlir::torsh::filledTensor(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> extents,
                                Value value) {
  Value empty = emptyTensor(builder, loc, extents, value.getType());
  return linalg::FillOp::create(builder, loc, value, empty).getResult(0);
}

Value mlir::torsh::elementwise(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> extents,
                               ValueRange inputs, ArrayRef<AffineMap> maps, Type element,
                               BodyBuilder body) {
  SmallVector<AffineMap> allMaps(maps);
  allMaps.push_back(builder.getMultiDimIdentityMap(extents.size()));
  SmallVector<utils::IteratorType> iterators(extents.size(), utils::IteratorType::parallel);
  Value out = emptyTensor(builder, loc, extents, element);
  return linalg::GenericOp::create(builder, loc, out.getType(), inputs, out, allMaps, iterators,
                                   [&](OpBuilder &b, Location bodyLoc, ValueRange arguments) {
                                     linalg::YieldOp::create(
                                         b, bodyLoc, body(b, bodyLoc, arguments.drop_back()));
                                   })
      .getResult(0);
}

Value mlir::torsh::reduce(OpBuilder &builder, Location loc, ValueRange inputs,
                          ArrayRef<AffineMap> maps, Value init, AffineMap resultMap,
                          ArrayRef<utils::IteratorType> iterators, BodyBuilder body) {
  SmallVector<AffineMap> allMaps(maps);
  allMaps.push_back(resultMap);
  return linalg::GenericOp::create(builder, loc, init.getType(), inputs, init, allMaps, iterators,
                                   [&](OpBuilder &b, Location bodyLoc, ValueRange arguments) {
                                     linalg::YieldOp::create(b, bodyLoc,
                                                             body(b, bodyLoc, arguments));
                                   })
      .getResult(0);
}

Type mlir::torsh::accumulatorType(Type element) {
  if (isa<Float16Type, BFloat16Type>(element))
    return Float32Type::get(element.getContext());
  return element;
}

Value mlir::torsh::convertFloat(OpBuilder &builder, Location loc, Value value, Type type) {
  if (value.getType() == type)
    return value;
  if (value.getType().getIntOrFloatBitWidth() < type.getIntOrFloatBitWidth())
    return arith::ExtFOp::create(builder, loc, type, value);
  return arith::TruncFOp::create(builder, loc, type, value);
}

Value mlir::torsh::convertElements(OpBuilder &builder, Location loc, Value tensor, Type element) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (type.getElementType() == element)
    return tensor;
  return elementwise(builder, loc, tensor::getMixedSizes(builder, loc, tensor), tensor,
                     builder.getMultiDimIdentityMap(type.getRank()), element,
                     [&](OpBuilder &b, Location bodyLoc, ValueRange x) {
                       return convertFloat(b, bodyLoc, x[0], element);
                     });
}
