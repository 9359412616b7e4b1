// SPDX-License-Identifier: Apache-2.0
// Fails where a kernel holds an operation that the phase does not allow.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "torshjit/Target/Passes.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_VERIFYDIALECTSPASS
#include "torshjit/Target/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

namespace {

class VerifyDialectsPass : public torsh::impl::VerifyDialectsPassBase<VerifyDialectsPass> {
public:
  using VerifyDialectsPassBase::VerifyDialectsPassBase;

private:
  void runOnOperation() override {
    for (Operation &top : *getOperation().getBody()) {
      auto function = dyn_cast<func::FuncOp>(top);
      if (host && !(function && isKernel(function)))
        continue;
      WalkResult result = top.walk([&](Operation *op) {
        bool isKnown = llvm::any_of(dialects, [&](const std::string &dialect) {
          return op->getName().getDialectNamespace() == dialect;
        });
        if (isKnown && llvm::none_of(op->getResultTypes(), llvm::IsaPred<TensorType>))
          return WalkResult::advance();
        op->emitError("'") << op->getName() << "' is not allowed after the phase " << phase;
        return WalkResult::interrupt();
      });
      if (result.wasInterrupted())
        return signalPassFailure();
    }
  }
};

} // namespace
