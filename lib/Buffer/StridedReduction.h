// SPDX-License-Identifier: Apache-2.0
// Reductions across memory.

#ifndef TORSHJIT_LIB_BUFFER_STRIDEDREDUCTION_H
#define TORSHJIT_LIB_BUFFER_STRIDEDREDUCTION_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::torsh {

/// Replaces by loops a reduction whose result is contiguous along the parallel loop `inner`:
/// several rows are combined before they meet the result, which is so read and written once
/// for all of them. Fails, and changes nothing, where the operation is no such reduction.
LogicalResult lowerStridedReduction(RewriterBase &rewriter, linalg::GenericOp op, unsigned inner);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_STRIDEDREDUCTION_H
