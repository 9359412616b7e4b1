// SPDX-License-Identifier: Apache-2.0
// The elementwise operation behind a product or a convolution, which is computed on the vectors
// of its sums before they are written.

#ifndef TORSHJIT_LIB_BUFFER_ELEMENTWISEREADER_H
#define TORSHJIT_LIB_BUFFER_ELEMENTWISEREADER_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::torsh {

/// The only reader of a buffer that `writer` computes: an operation that reduces nothing, with
/// nothing between the two that touches memory. Null if there is none. To be asked for before
/// there are views of the buffer.
linalg::GenericOp findOnlyReader(linalg::GenericOp writer);

/// Whether all of an operation can be computed on vectors, and these be read and written.
bool isComputedOnVectors(linalg::GenericOp op);

/// The maps of a reader's operands, in its order, from the loops of the operation that writes what
/// it reads. Fails where it reads that in a way that leaves loops out.
FailureOr<SmallVector<AffineMap>> mapsFromWriter(linalg::GenericOp writer,
                                                 linalg::GenericOp reader);

/// The operation on vectors of `lanes`, which `operands` has for each of its operands; it gets
/// those of its results.
void cloneOnVectors(OpBuilder &builder, Operation *op, IRMapping &operands, int64_t lanes);

/// Computes the body of `op` on vectors of `lanes`: what it yields. `arguments` has the vectors of
/// the inputs that the body uses.
SmallVector<Value> computeOnVectors(OpBuilder &builder, linalg::GenericOp op, IRMapping &arguments,
                                    int64_t lanes);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_ELEMENTWISEREADER_H
