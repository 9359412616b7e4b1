// SPDX-License-Identifier: Apache-2.0
// Shape rules shared by the operations: result types, result extents as IR, and
// the equalities between extents that only a running program can check.

#ifndef TORSHJIT_DIALECT_TORSH_IR_SHAPEINFERENCE_H
#define TORSHJIT_DIALECT_TORSH_IR_SHAPEINFERENCE_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir::torsh {

/// Two extents that must be equal: (operand number, axis) each. A second operand
/// of -1 means that the first extent must equal the constant in `otherAxis`.
struct ExtentConstraint {
  int64_t operand, axis;
  int64_t otherOperand, otherAxis;
};

/// On a reduction without a value for the empty set: its axes may be empty all the
/// same when the program runs, since its result is then not used.
inline constexpr llvm::StringLiteral kMayBeEmptyAttrName = "torsh.may_be_empty";

/// The NumPy broadcast of two extents, or failure. A `?` never broadcasts, so
/// with a static extent other than 1 it gives that extent.
FailureOr<int64_t> broadcastExtents(int64_t lhs, int64_t rhs);

/// The NumPy broadcast of shapes aligned from the last axis, or failure.
FailureOr<SmallVector<int64_t>> broadcastShapes(ArrayRef<ArrayRef<int64_t>> shapes);

/// Infers the result of an elementwise operation on `operands`; its element type
/// is `elementType`, or that of the operands, which must then agree.
LogicalResult inferBroadcastType(std::optional<Location> loc, StringRef opName, ValueRange operands,
                                 Type elementType, SmallVectorImpl<Type> &types);

void getBroadcastConstraints(TypeRange types, SmallVectorImpl<ExtentConstraint> &constraints);

LogicalResult reifyBroadcastShape(Operation *op, OpBuilder &builder,
                                  ReifiedRankedShapedTypeDims &shapes);

/// The extents of `value` itself.
LogicalResult reifyShapeOf(Value value, OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes);

/// One extent of `value`, an attribute where it is static.
OpFoldResult getExtent(OpBuilder &builder, Location loc, Value value, int64_t axis);

/// The value of an affine expression of extents, folded where they are static.
OpFoldResult applyToExtents(OpBuilder &builder, Location loc, AffineExpr expr,
                            ArrayRef<OpFoldResult> extents);

LogicalResult inferReductionType(std::optional<Location> loc, StringRef opName, Value input,
                                 ArrayRef<int64_t> axes, bool keepdims,
                                 SmallVectorImpl<Type> &types, Type elementType = {});

/// Refuses an axis of extent 0 unless the operation is DefinedOnEmptyAxes.
LogicalResult verifyReductionExtents(Operation *op, Value input, ArrayRef<int64_t> axes);

LogicalResult reifyReductionShape(Operation *op, Value input, ArrayRef<int64_t> axes, bool keepdims,
                                  OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes);

/// An i64 for each element of `input`, whose rows lie along `axis`.
LogicalResult inferOrderType(std::optional<Location> loc, StringRef opName, Value input,
                             int64_t axis, SmallVectorImpl<Type> &types);

/// The sliding window of a convolution or pool along one spatial axis.
struct WindowAxis {
  int64_t window, stride, paddingLow, paddingHigh, dilation;

  /// The extent the window covers.
  int64_t span() const { return (window - 1) * dilation + 1; }
  /// The result's extent for a static input extent; at most 0 if the window does not fit.
  int64_t resultExtent(int64_t input) const {
    int64_t room = input + paddingLow + paddingHigh - span();
    return room < 0 ? 0 : room / stride + 1;
  }
};

/// Checks the window's attributes against `rank` spatial axes and collects them.
FailureOr<SmallVector<WindowAxis>> getWindow(std::optional<Location> loc, StringRef opName,
                                             int64_t rank, ArrayRef<int64_t> window,
                                             ArrayRef<int64_t> stride, ArrayRef<int64_t> paddingLow,
                                             ArrayRef<int64_t> paddingHigh,
                                             ArrayRef<int64_t> dilation);

/// Appends the spatial extents of a windowed operation's result to `shape`.
LogicalResult inferWindowExtents(std::optional<Location> loc, StringRef opName,
                                 ArrayRef<int64_t> spatial, ArrayRef<WindowAxis> window,
                                 SmallVectorImpl<int64_t> &shape);

/// The result extent along one spatial axis as IR.
OpFoldResult reifyWindowExtent(OpBuilder &builder, Location loc, Value input, int64_t axis,
                               const WindowAxis &window);

} // namespace mlir::torsh

#endif // TORSHJIT_DIALECT_TORSH_IR_SHAPEINFERENCE_H
