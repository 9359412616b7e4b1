// SPDX-License-Identifier: Apache-2.0
// What the patterns ask of constants and types, and how they replace an operation
// without changing its type.

#ifndef TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_CONSTANTMATCHING_H
#define TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_CONSTANTMATCHING_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/PatternMatch.h"
#include "torshjit/Dialect/Torsh/IR/ElementTypes.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"

namespace mlir::torsh {

inline RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }
inline bool hasFloatElements(Value value) {
  return isa<FloatType>(tensorType(value).getElementType());
}
inline bool hasUnsignedElements(Value value) { return isUnsigned(value.getType()); }
inline bool hasHalfElements(Value value) {
  return isa<Float16Type, BFloat16Type>(tensorType(value).getElementType());
}

/// The elements of a constant, or null.
DenseElementsAttr getConstantElements(Value value);

/// The one number of which `value` is a constant splat, if it is one that a double
/// holds. An integer is read as signed, also an unsigned one: all ones are -1.
std::optional<double> getConstantSplat(Value value);

/// Whether `value` is a constant splat of `number`; 0.0 and -0.0 differ.
bool isConstantSplat(Value value, double number);

/// A constant splat of `type`.
Value createSplat(OpBuilder &builder, Location loc, RankedTensorType type, double number);

/// Whether some extents that `op` requires to agree are checked only when the
/// program runs, so that dropping `op` would drop the check.
bool hasRuntimeChecks(Operation *op);

/// Replaces `op` by `value` if the types agree and no run-time check is lost.
LogicalResult replaceByValue(PatternRewriter &rewriter, Operation *op, Value value);

/// Replaces `op` by a splat of its type, if that is static and no check is lost.
LogicalResult replaceBySplat(PatternRewriter &rewriter, Operation *op, double number);

/// Replaces `op` by a new operation if that has the types of the results of `op`.
template <typename OpTy, typename... Args>
LogicalResult replaceByOp(PatternRewriter &rewriter, Operation *op, Location loc, Args &&...args) {
  OperationState state(loc, OpTy::getOperationName());
  OpTy::build(rewriter, state, std::forward<Args>(args)...);
  if (TypeRange(state.types) != TypeRange(op->getResultTypes()))
    return rewriter.notifyMatchFailure(op, "the new operation has another type");
  rewriter.replaceOp(op, rewriter.create(state)->getResults());
  return success();
}

/// The location of what two operations merge into, `second` using `first`: both of
/// theirs. Past a few it stays that of `second`, so that a long chain of merges
/// does not take a location as long as the chain at each of its links.
Location mergedLoc(Operation *first, Operation *second);

/// An elementwise operation on constants, evaluated if that is possible.
template <typename OpTy>
Value createFolded(PatternRewriter &rewriter, Location loc, Value x, Value y) {
  auto op = OpTy::create(rewriter, loc, x, y);
  FailureOr<DenseElementsAttr> value = evaluateElementwise(op, {});
  if (failed(value))
    return op;
  rewriter.eraseOp(op);
  return ConstantOp::create(rewriter, loc, *value);
}

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_CONSTANTMATCHING_H
