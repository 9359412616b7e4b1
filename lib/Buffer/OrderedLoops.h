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

  /// The extent of a loop where it is static, else `ShapedType::kDynamic`.
  int64_t staticExtent(unsigned loop) { return staticRanges[loop]; }
  /// Whether `emitVector` can: memory is read along its last axis, and what there is in the body
  /// between it and the value works element by element. `given` are values that will be known.
  bool canVectorize(Value value, unsigned along, ArrayRef<Value> given);
  /// Whether neighbours along the loop are neighbours in the result.
  bool isAlongResult(unsigned loop);
  /// Bits of the widest of what is stored and computed for the value.
  unsigned widestBits(Value value, ArrayRef<Value> given);
  /// As `emit`, at `lanes` points along the loop `along`, of which `index` is the first.
  Value emitVector(Value value, ArrayRef<Value> index, unsigned along, int64_t lanes,
                   IRMapping &known);
  Value loadResultVector(ArrayRef<Value> index, int64_t lanes);
  void storeResultVector(Value vector, ArrayRef<Value> index);

  /// The element of the result at a point: its loops' entries of `index` have to be there.
  Value loadResult(ArrayRef<Value> index);
  void storeResult(Value value, ArrayRef<Value> index);

  /// Emits loops over the full extents of `loops`, the last one innermost, and `body` in
  /// them with their indices in `index`; the builder stands after the loops then.
  void forEach(ArrayRef<unsigned> loops, SmallVectorImpl<Value> &index,
               llvm::function_ref<void()> body);

private:
  /// Calls `visit` with each value that `value` is computed from, itself included.
  void forEachSource(Value value, ArrayRef<Value> given, llvm::function_ref<void(Value)> visit);
  SmallVector<Value> position(AffineMap map, ArrayRef<Value> index);

  OpBuilder &b;
  linalg::GenericOp op;
  SmallVector<Range> ranges;
  SmallVector<int64_t> staticRanges;
};

// Each replaces the generic by loops before it; the caller erases it.
void emitScan(OpBuilder &builder, linalg::GenericOp op, int64_t vectorBits);
void emitRank(OpBuilder &builder, linalg::GenericOp op);
void emitScatter(OpBuilder &builder, linalg::GenericOp op);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_ORDEREDLOOPS_H
