// SPDX-License-Identifier: Apache-2.0
// Fails where a kernel holds f64, which Metal does not have.

#include "torshjit/Target/Metal/Transforms/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_REFUSEFLOAT64PASS
#include "torshjit/Target/Metal/Transforms/Passes.h.inc"
} // namespace mlir::torsh

namespace {

class RefuseFloat64Pass : public torsh::impl::RefuseFloat64PassBase<RefuseFloat64Pass> {
  void runOnOperation() override {
    auto isF64 = [](Type type) { return getElementTypeOrSelf(type).isF64(); };
    WalkResult walk = getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (llvm::none_of(op->getOperandTypes(), isF64) && llvm::none_of(op->getResultTypes(), isF64))
        return WalkResult::advance();
      op->emitOpError("is on f64, which Metal does not have: f32 is the widest float there");
      return WalkResult::interrupt();
    });
    if (walk.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
