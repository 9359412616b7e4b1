// SPDX-License-Identifier: Apache-2.0
// Squares of vectors transposed in registers.

#ifndef TORSHJIT_LIB_BUFFER_TRANSPOSEVECTORS_H
#define TORSHJIT_LIB_BUFFER_TRANSPOSEVECTORS_H

#include "mlir/IR/Builders.h"

namespace mlir::torsh {

/// As many vectors as each has lanes, a power of two, with rows and lanes exchanged.
SmallVector<Value> transposeVectors(OpBuilder &builder, Location loc, SmallVector<Value> square);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_TRANSPOSEVECTORS_H
