// SPDX-License-Identifier: Apache-2.0
// Operands of a structured operation as linear functions of its loops.

#ifndef TORSHJIT_LIB_BUFFER_LINEARACCESS_H
#define TORSHJIT_LIB_BUFFER_LINEARACCESS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::torsh {

/// An operand whose element for a point of the iteration space is at
/// `sum of stride * index` from its first one. Every memref indexed by linear
/// expressions is such an operand, windows included.
struct LinearAccess {
  /// All of the operand's memory as one axis.
  Value flat;
  /// Elements from one iteration of each loop to the next.
  SmallVector<OpFoldResult> strides;

  /// Builds the access, or fails if an index is not linear.
  static FailureOr<LinearAccess> create(OpBuilder &builder, Location loc, Value memref,
                                        AffineMap map);
};

/// Several loops taken as one, the last varying fastest.
struct LoopGroup {
  SmallVector<unsigned> loops;
  SmallVector<OpFoldResult> extents;

  bool empty() const { return loops.empty(); }
  /// The number of iterations.
  Value total(OpBuilder &builder, Location loc) const;
  /// The number of iterations where it is static.
  std::optional<int64_t> staticTotal() const;
  /// The distance in `access` between neighbouring iterations, if it is the same
  /// between all.
  std::optional<int64_t> uniformStride(const LinearAccess &access) const;
  /// The distance in `access` from the first iteration to iteration `index`.
  Value offset(OpBuilder &builder, Location loc, Value index, const LinearAccess &access) const;
};

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_LINEARACCESS_H
