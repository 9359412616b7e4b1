// SPDX-License-Identifier: Apache-2.0
// Loops for the generics that torsh-lower-ordered takes apart.

#ifndef TORSHJIT_LIB_BUFFER_ORDEREDLOOPS_H
#define TORSHJIT_LIB_BUFFER_ORDEREDLOOPS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/BitVector.h"

namespace mlir::torsh {

/// Emits parts of the body of a generic on memrefs at points of its loops.
class GenericOnMemory {
public:
  GenericOnMemory(OpBuilder &builder, linalg::GenericOp op);

  OpBuilder &getBuilder() { return b; }
  Location getLoc() { return op.getLoc(); }
  linalg::GenericOp getOp() { return op; }
  unsigned getNumLoops() { return op.getNumLoops(); }
  /// The extent of a loop.
  Value extent(unsigned loop);
  Value constant(int64_t value);

  /// The loops that the computation of a value of the body depends on.
  llvm::BitVector loopsOf(Value value);

  /// The value of the body at the point `index`, one entry per loop. `known` has values of
  /// the body that are given, block arguments or results; other inputs are loaded.
  Value emit(Value value, ArrayRef<Value> index, IRMapping &known);

  /// The element of the result at a point: its loops' entries of `index` have to be there.
  Value loadResult(ArrayRef<Value> index);
  void storeResult(Value value, ArrayRef<Value> index);

  /// Emits loops over the full extents of `loops`, the last one innermost, and `body` in
  /// them with their indices in `index`; the builder stands after the loops then.
  void forEach(ArrayRef<unsigned> loops, SmallVectorImpl<Value> &index,
               llvm::function_ref<void()> body);

private:
  SmallVector<Value> position(AffineMap map, ArrayRef<Value> index);

  OpBuilder &b;
  linalg::GenericOp op;
  SmallVector<Range> ranges;
};

// Each replaces the generic by loops before it; the caller erases it.
void emitScan(OpBuilder &builder, linalg::GenericOp op);
void emitRank(OpBuilder &builder, linalg::GenericOp op);
void emitScatter(OpBuilder &builder, linalg::GenericOp op);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_ORDEREDLOOPS_H
