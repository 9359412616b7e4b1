// SPDX-License-Identifier: Apache-2.0
// Emits a product of matrices, or a convolution, and what follows it.

#ifndef TORSHJIT_LIB_GPU_CONTRACTIONEMITTER_H
#define TORSHJIT_LIB_GPU_CONTRACTIONEMITTER_H

#include "KernelEmitter.h"
#include "torshjit/GPU/ContractionAtom.h"

namespace mlir::torsh::gpu {

class ContractionEmitter {
public:
  ContractionEmitter(KernelEmitter &k, linalg::GenericOp op, const ContractionLoops &loops);
  LogicalResult emit();

  /// Loops that are one side of the product: batch, rows, columns or depth.
  struct LoopGroup {
    SmallVector<unsigned> loops;
    SmallVector<Value> extents;
    Value total;
  };

private:
  /// An operand's tile in workgroup memory: `outer` rows or columns by the depth.
  struct StagedTile {
    OpOperand *operand = nullptr;
    Value memory;
    /// Elements of the tile in memory, of which there are as many as stages.
    int64_t size = 0;
    int64_t outer = 0, pitch = 0;
    /// Whether neighbouring threads read along the depth.
    bool depthFirst = false;
    /// Whether rows of the tile are along the rows or columns of the operand.
    bool isTransposed = false;
    /// How many neighbours a thread reads at a time.
    int64_t vector = 1;
  };

  StagedTile stage(unsigned number, const LoopGroup &outer, int64_t count);
  int64_t chooseStages();
  StagedOperand asOperand(const StagedTile &staged, Value stageNumber = {});
  void setLoops(SmallVectorImpl<Value> &loops, const LoopGroup &group, Value position);

  /// The accumulators of a tile of the result.
  FailureOr<SmallVector<Value>> multiply();
  FailureOr<SmallVector<Value>> multiplyInStages(ValueRange accumulators);
  LogicalResult load(const StagedTile &staged, const LoopGroup &outer, Value first,
                     Value firstDepth, Value stageNumber = {});
  FailureOr<Value> loadElement(const StagedTile &staged, const LoopGroup &outer, Value own,
                               Value ownDepth);
  /// Computes and stores what depends on one element of the product.
  LogicalResult finish(Value row, Value column, Value sum);

  KernelEmitter &k;
  ElementEmitter &e;
  OpBuilder &b;
  Location loc;
  linalg::GenericOp op;
  bool leftIsFirst;
  ContractionTile tile;
  SimtAtom simt;
  const ContractionAtom *atom;
  LoopGroup batch, rows, columns, depth;
  StagedTile left, right;
  int64_t stages;
  // Of the tile that is being emitted.
  Value firstRow, firstColumn;
  SmallVector<Value> base;
};

} // namespace mlir::torsh::gpu

#endif // TORSHJIT_LIB_GPU_CONTRACTIONEMITTER_H
