// SPDX-License-Identifier: Apache-2.0
// Building linalg.generic operations over loops of which some have no extent.

#ifndef TORSHJIT_LIB_CONVERSION_TORSHTOLINALG_GENERIC_H
#define TORSHJIT_LIB_CONVERSION_TORSHTOLINALG_GENERIC_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "torshjit/Conversion/TorshToLinalg/TorshToLinalg.h"

namespace mlir::torsh {

/// The type of a tensor with all of its axes, its elements as they are stored.
RankedTensorType storedType(Value tensor);

/// A constant with its elements as they are stored: the same bits.
DenseElementsAttr storedElements(DenseElementsAttr elements);

using BodyBuilder = function_ref<Value(OpBuilder &, Location, ValueRange)>;

/// The extents of the operation's result without its unit axes.
FailureOr<SmallVector<OpFoldResult>> squeezedExtents(OpBuilder &builder, Operation *op,
                                                     unsigned result = 0);

/// An uninitialised tensor.
Value emptyTensor(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> extents, Type element);

/// A tensor of one value.
Value filledTensor(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> extents, Value value);

/// A tensor whose elements `body` computes from those of `inputs`; all loops are
/// parallel and the result is indexed by them in order.
Value elementwise(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> extents,
                  ValueRange inputs, ArrayRef<AffineMap> maps, Type element, BodyBuilder body);

/// `init` combined with the elements of `inputs`; `body` gets the inputs'
/// elements and then the accumulator.
Value reduce(OpBuilder &builder, Location loc, ValueRange inputs, ArrayRef<AffineMap> maps,
             Value init, AffineMap resultMap, ArrayRef<utils::IteratorType> iterators,
             BodyBuilder body);

/// The element type in which sums of `element` are accumulated.
Type accumulatorType(Type element);

/// `value` as `type`: f16 and bf16 widened to f32 or narrowed from it.
Value convertFloat(OpBuilder &builder, Location loc, Value value, Type type);

/// `tensor` with its elements as `element`, itself if it has them already.
Value convertElements(OpBuilder &builder, Location loc, Value tensor, Type element);

/// Numbers the loops of an operation, leaving out those of extent 1, whose index
/// is the constant 0.
class Loops {
public:
  explicit Loops(MLIRContext *context) : context(context) {}

  /// The index of a new loop of this extent.
  AffineExpr add(int64_t extent, utils::IteratorType iterator) {
    if (extent == 1)
      return getAffineConstantExpr(0, context);
    iterators.push_back(iterator);
    return getAffineDimExpr(iterators.size() - 1, context);
  }
  ArrayRef<utils::IteratorType> getIterators() const { return iterators; }

  /// The map that reads an operand of type `type` at `indices`, one per axis;
  /// unit axes are left out.
  AffineMap map(ShapedType type, ArrayRef<AffineExpr> indices) const {
    SmallVector<AffineExpr> kept;
    for (int64_t axis : keptAxes(type))
      kept.push_back(indices[axis]);
    return AffineMap::get(iterators.size(), 0, kept, context);
  }

private:
  MLIRContext *context;
  SmallVector<utils::IteratorType> iterators;
};

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_CONVERSION_TORSHTOLINALG_GENERIC_H
