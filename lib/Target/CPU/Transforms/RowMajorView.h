// SPDX-License-Identifier: Apache-2.0
// Memrefs made of a pointer and extents.

#ifndef TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_ROWMAJORVIEW_H
#define TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_ROWMAJORVIEW_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir::torsh {

/// The product of two sizes, folded where both are static.
OpFoldResult multiplySizes(OpBuilder &builder, Location loc, OpFoldResult x, OpFoldResult y);

/// What `pointer`, a memref without axes, points to as a row-major `type` of the
/// given extents; the pointer itself for a type without axes.
Value viewRowMajor(OpBuilder &builder, Location loc, Value pointer, MemRefType type,
                   ArrayRef<OpFoldResult> sizes);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_ROWMAJORVIEW_H
