// SPDX-License-Identifier: Apache-2.0
// Products of staged tiles on the tensor cores of every GPU since sm_80.

#ifndef TORSHJIT_TARGET_CUDA_MMASYNCATOM_H
#define TORSHJIT_TARGET_CUDA_MMASYNCATOM_H

#include "torshjit/GPU/ContractionAtom.h"

namespace mlir::torsh::cuda {

/// The warps of a block share its tile out; each multiplies 16 rows by 8 columns by a
/// depth of 16 at a time (mma.sync.m16n8k16), of f16 or bf16, accumulated in f32. Its
/// fragments come by ldmatrix.
class MmaSyncAtom : public gpu::ContractionAtom {
public:
  void getDependentDialects(DialectRegistry &registry) const override;
  bool chooseTile(linalg::GenericOp op, int64_t rows, int64_t columns,
                  gpu::ContractionTile &tile) const override;
  bool accepts(linalg::GenericOp op, const gpu::ContractionTile &tile) const override;
  bool takesTransposed() const override { return true; }
  int64_t getStages() const override { return 4; }
  void commit(gpu::ElementEmitter &e) const override;
  void wait(gpu::ElementEmitter &e, int64_t pending) const override;
  int64_t getPitch(int64_t elements) const override;
  SmallVector<Value> initialize(gpu::ElementEmitter &e, const gpu::ContractionTile &tile,
                                Value init) const override;
  FailureOr<SmallVector<Value>> multiply(gpu::ElementEmitter &e, linalg::GenericOp op,
                                         const gpu::ContractionTile &tile,
                                         const gpu::StagedOperand &left,
                                         const gpu::StagedOperand &right, bool leftIsFirst,
                                         SmallVector<Value> accumulators) const override;
  LogicalResult forEach(gpu::ElementEmitter &e, const gpu::ContractionTile &tile,
                        ArrayRef<Value> accumulators, ElementBody body) const override;
};

} // namespace mlir::torsh::cuda

#endif // TORSHJIT_TARGET_CUDA_MMASYNCATOM_H
