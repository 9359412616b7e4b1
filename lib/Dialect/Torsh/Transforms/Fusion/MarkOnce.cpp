// SPDX-License-Identifier: Apache-2.0
// Marks the launches that give the same at every call.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "torshjit/Dialect/Torsh/IR/FixedValues.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h"

namespace mlir::torsh {
#define GEN_PASS_DEF_MARKONCEPASS
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir;
using namespace mlir::torsh;

/// Whether nothing is done with a value but that it is returned, as it is or reshaped.
static bool isOnlyReturned(Value value) {
  return llvm::all_of(value.getUsers(), [](Operation *user) {
    auto reshape = dyn_cast<ReshapeOp>(user);
    return isa<func::ReturnOp>(user) || (reshape && isOnlyReturned(reshape.getResult()));
  });
}

/// Whether a kernel does more for each element of its result than move it.
static bool isCostly(LaunchOp launch, const SymbolTable &symbols) {
  Operation *kernel = symbols.lookup(launch.getKernel());
  auto kind = kernel ? kernel->getAttrOfType<KernelKindAttr>("torsh.kind") : nullptr;
  if (auto op = dyn_cast_or_null<KernelOp>(kernel))
    kind = op.getKindAttr();
  return kind && kind.getValue() != KernelKind::elementwise &&
         kind.getValue() != KernelKind::movement;
}

/// Profit: the result of a call has memory of its own, which it is written to or copied to.
static bool pays(LaunchOp launch, const SymbolTable &symbols) {
  return isCostly(launch, symbols) || !llvm::all_of(launch.getResults(), isOnlyReturned);
}

namespace {
class MarkOncePass : public torsh::impl::MarkOncePassBase<MarkOncePass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    // A launch that another one reads is not only returned, so that all it reads is once, too.
    getOperation().walk([&](LaunchOp launch) {
      if (llvm::all_of(launch.getResults(), isFixed) && pays(launch, symbols))
        launch->setAttr(kOnceAttrName, UnitAttr::get(&getContext()));
      else
        launch->removeAttr(kOnceAttrName);
    });
    markAllAnalysesPreserved();
  }
};
} // namespace
