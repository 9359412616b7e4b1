// SPDX-License-Identifier: Apache-2.0
// The contract that holds after the kernels phase.

#include "HostExtents.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "torshjit/Dialect/Torsh/IR/TorshAttention.h"
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::torsh {
#define GEN_PASS_DEF_VERIFYKERNELSPASS
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir;
using namespace mlir::torsh;

static LogicalResult verifyHost(func::FuncOp func, llvm::DenseSet<StringAttr> &launched) {
  if (func.isDeclaration())
    return success();
  if (!func.getBody().hasOneBlock())
    return func.emitError("kernels phase: function @")
           << func.getSymName() << " must have one block";
  for (Operation &op : func.getBody().front()) {
    if (auto launch = dyn_cast<LaunchOp>(op)) {
      launched.insert(launch.getKernelAttr().getAttr());
      continue;
    }
    if (isa<ConstantOp, ReshapeOp, CheckOp, AssertOp, HostCallOp, func::ReturnOp>(op))
      continue;
    if (!isIndexComputation(&op))
      return op.emitOpError("is left in the host program after the kernels phase");
    if (auto dim = dyn_cast<tensor::DimOp>(op); dim && !isa<BlockArgument>(dim.getSource()))
      return op.emitOpError("must be resolved to extents of the function's arguments");
  }
  return success();
}

static LogicalResult verifyKernel(KernelOp kernel, const llvm::DenseSet<StringAttr> &launched) {
  if (!launched.contains(kernel.getSymNameAttr()))
    return kernel.emitOpError("is never launched");
  if (!kernel.getKind())
    return kernel.emitOpError("has no kind");
  for (Operation &op : kernel.getBody().front()) {
    // As after the phase graph.
    auto whole = dyn_cast<WholeOpInterface>(op);
    if (isa<DecomposableOpInterface>(op) && !(whole && whole.canStayWhole()))
      return op.emitOpError("is composite and must be decomposed before the kernels phase");
    bool isAllowed =
        isIndexComputation(&op) || (isa_and_present<TorshDialect>(op.getDialect()) &&
                                    !isa<LaunchOp, CheckOp, AssertOp, HostCallOp, KernelOp>(op));
    if (!isAllowed)
      return op.emitOpError("is not allowed in a kernel");
  }
  return success();
}

namespace {
class VerifyKernelsPass : public torsh::impl::VerifyKernelsPassBase<VerifyKernelsPass> {
  void runOnOperation() override {
    llvm::DenseSet<StringAttr> launched;
    for (Operation &op : *getOperation().getBody()) {
      auto func = dyn_cast<func::FuncOp>(op);
      if (!func && !isa<KernelOp>(op)) {
        op.emitOpError("is neither a function nor a kernel");
        return signalPassFailure();
      }
      if (func && failed(verifyHost(func, launched)))
        return signalPassFailure();
    }
    for (auto kernel : getOperation().getOps<KernelOp>())
      if (failed(verifyKernel(kernel, launched)))
        return signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
