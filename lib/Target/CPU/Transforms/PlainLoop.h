// SPDX-License-Identifier: Apache-2.0
// Loops over the elements of a row, as torsh-lower-to-loops leaves them.

#ifndef TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_PLAINLOOP_H
#define TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_PLAINLOOP_H

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::torsh::cpu {

/// Whether a loop is innermost, with nothing but memory and arithmetic in it.
inline bool isPlain(scf::ForOp loop) {
  return llvm::all_of(loop.getBody()->without_terminator(), [](Operation &op) {
    return op.getNumRegions() == 0 && (isPure(&op) || isa<memref::LoadOp, memref::StoreOp>(op));
  });
}

/// Whether a loop is known to have fewer iterations than that.
inline bool isShorterThan(scf::ForOp loop, int64_t iterations) {
  std::optional<llvm::APInt> count = loop.getStaticTripCount();
  return count && count->slt(iterations);
}

} // namespace mlir::torsh::cpu

#endif // TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_PLAINLOOP_H
