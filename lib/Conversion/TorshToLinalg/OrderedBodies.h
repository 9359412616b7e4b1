// SPDX-License-Identifier: Apache-2.0
// The scalar steps of scans, orders and scattered writes.

#ifndef TORSHJIT_LIB_CONVERSION_TORSHTOLINALG_ORDEREDBODIES_H
#define TORSHJIT_LIB_CONVERSION_TORSHTOLINALG_ORDEREDBODIES_H

#include "mlir/IR/Builders.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

namespace mlir::torsh {

/// What combined with an element gives the element. -0.0 is that of float sums, but an
/// exclusive scan begins with 0.0.
TypedAttr neutralElement(OpBuilder &b, ScanKind kind, Type type, bool isUnsigned, bool isExclusive);

Value combine(OpBuilder &b, Location loc, ScanKind kind, Value x, Value y, bool isUnsigned);

/// What an element `x` becomes by the update `y`.
Value combine(OpBuilder &b, Location loc, ScatterReduction reduction, Value x, Value y,
              bool isUnsigned);

/// An integer of the width of `x` in whose order elements are: a NaN is larger than every number,
/// and zeros are equal. It has a sign, but for those of unsigned elements and of bools.
Value orderKey(OpBuilder &b, Location loc, Value x);

/// A position along an axis, counted from its start: an index, which may lie outside.
Value positionFromStart(OpBuilder &b, Location loc, Value position, bool isUnsigned, Value extent);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_CONVERSION_TORSHTOLINALG_ORDEREDBODIES_H
