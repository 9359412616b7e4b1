// SPDX-License-Identifier: Apache-2.0
// Fails where the module breaks the contract of a phase.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "torshjit/Compiler/Passes.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_VERIFYPHASEPASS
#include "torshjit/Compiler/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

namespace {

class VerifyPhasePass : public torsh::impl::VerifyPhasePassBase<VerifyPhasePass> {
public:
  using VerifyPhasePassBase::VerifyPhasePassBase;

private:
  void runOnOperation() override {
    LogicalResult holds = phase == "graph"    ? verifyGraph()
                          : phase == "linalg" ? verifyKernels({"affine", "arith", "bufferization",
                                                               "func", "linalg", "math", "memref",
                                                               "scf", "tensor"},
                                                              /*allowTensors=*/true)
                          : phase == "loops"  ? verifyKernels({"affine", "arith", "func", "math",
                                                               "memref", "scf", "vector", "ub"},
                                                              /*allowTensors=*/false)
                          : phase == "llvm"
                              ? verifyLLVM()
                              : getOperation().emitError("unknown phase '") << phase << "'";
    if (failed(holds))
      signalPassFailure();
  }

  LogicalResult broken(Operation *op) {
    return op->emitError("'") << op->getName() << "' is not allowed after the phase " << phase;
  }

  LogicalResult verifyGraph() {
    WalkResult result = getOperation().walk([&](DecomposableOpInterface op) {
      return WalkResult(broken(op));
    });
    return failure(result.wasInterrupted());
  }

  LogicalResult verifyKernels(ArrayRef<StringRef> dialects, bool allowTensors) {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!isKernel(function))
        continue;
      WalkResult result = function.walk([&](Operation *op) {
        bool isKnown = llvm::is_contained(dialects, op->getName().getDialectNamespace());
        bool hasTensor = llvm::any_of(op->getResultTypes(), llvm::IsaPred<TensorType>);
        if (isKnown && (allowTensors || !hasTensor))
          return WalkResult::advance();
        return WalkResult(broken(op));
      });
      if (result.wasInterrupted())
        return failure();
    }
    if (auto kernels = getOperation().getOps<KernelOp>(); !kernels.empty())
      return broken(*kernels.begin());
    return success();
  }

  LogicalResult verifyLLVM() {
    WalkResult result = getOperation().getBody()->walk([&](Operation *op) {
      if (isa<LLVM::LLVMDialect>(op->getDialect()))
        return WalkResult::advance();
      return WalkResult(broken(op));
    });
    return failure(result.wasInterrupted());
  }
};

} // namespace
