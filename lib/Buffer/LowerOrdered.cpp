// SPDX-License-Identifier: Apache-2.0
// Lowers scans, ranks and scattered writes to loops that look at each element once.

#include "OrderedLoops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "torshjit/Buffer/Passes.h"
#include "torshjit/Tensor/OrderedGenerics.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_LOWERORDEREDPASS
#include "torshjit/Buffer/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

namespace {

class LowerOrderedPass : public torsh::impl::LowerOrderedPassBase<LowerOrderedPass> {
public:
  using LowerOrderedPassBase::LowerOrderedPassBase;

private:
  void runOnOperation() override {
    if (!isKernel(getOperation()))
      return;
    SmallVector<linalg::GenericOp> generics;
    getOperation().walk([&](linalg::GenericOp op) { generics.push_back(op); });
    for (linalg::GenericOp op : generics) {
      OpBuilder builder(op);
      if (findMarked(op, kScanMark))
        emitScan(builder, op, vectorBits);
      else if (findMarked(op, kRankMark))
        emitRank(builder, op);
      else if (findMarked(op, kScatterMark) && op.getNumReductionLoops() > 0)
        emitScatter(builder, op);
      else
        continue;
      op.erase();
    }
  }
};

} // namespace
