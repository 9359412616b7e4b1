// SPDX-License-Identifier: Apache-2.0
// The numbers of contractions that are bound by reading one operand.

#ifndef TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_SKINNYSCHEDULE_H
#define TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_SKINNYSCHEDULE_H

#include "torshjit/Tensor/SkinnyShape.h"

namespace mlir::torsh {

/// The processor as far as these numbers depend on it.
struct SkinnyMachine {
  int64_t threads, vectorBits;
};

/// Whether threads make the contraction quicker.
bool isWorthThreads(linalg::GenericOp contraction, const SkinnyShape &shape);

/// The numbers of a skinny contraction. Where the kernel is not worth threads, the depth is not
/// split.
SkinnyNumbers selectSkinny(linalg::GenericOp contraction, const SkinnyShape &shape,
                           const SkinnyMachine &machine, bool isParallel);

/// Sizes of tiles for the axes of the contraction's result that share the wide operand among
/// the threads.
SmallVector<int64_t> tileSkinny(linalg::GenericOp contraction, const SkinnyShape &shape,
                                const SkinnyNumbers &numbers, const SkinnyMachine &machine);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_SKINNYSCHEDULE_H
