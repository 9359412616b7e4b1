// SPDX-License-Identifier: Apache-2.0
// Fails where the module breaks the contract of a phase.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "torshjit/Compiler/Passes.h"
#include "torshjit/Dialect/Torsh/IR/ElementTypes.h"
#include "torshjit/Dialect/Torsh/IR/TorshAttention.h"
#include "torshjit/Dialect/Torsh/IR/TorshPanels.h"
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
    LogicalResult holds = phase == "graph" ? verifyGraph()
                          : phase == "linalg"
                              ? verifyLinalg()
                              : getOperation().emitError("unknown phase '") << phase << "'";
    if (failed(holds))
      signalPassFailure();
  }

  LogicalResult broken(Operation *op) {
    return op->emitError("'") << op->getName() << "' is not allowed after the phase " << phase;
  }

  LogicalResult verifyGraph() {
    WalkResult result = getOperation().walk([&](Operation *op) {
      // What can stay whole has been left so for the target, which refuses what it does not know.
      auto whole = dyn_cast<WholeOpInterface>(op);
      if (isa<DecomposableOpInterface>(op) && !(whole && whole.canStayWhole()))
        return WalkResult(broken(op));
      for (Region &region : op->getRegions())
        for (Block &block : region)
          if (failed(verifySizes(op, block.getArgumentTypes())))
            return WalkResult::interrupt();
      return WalkResult(verifySizes(op, op->getResultTypes()));
    });
    return failure(result.wasInterrupted());
  }

  /// Refuses tensors that no process can hold, so that the passes after this phase
  /// can multiply extents without a thought of overflow. As in NumPy, an extent of 0
  /// does not make the others harmless.
  static LogicalResult verifySizes(Operation *op, TypeRange types) {
    constexpr int64_t kLargest = int64_t(1) << 47; // bytes of user address space
    for (Type type : types) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      if (!tensor || !tensor.getElementType().isIntOrFloat())
        continue;
      int64_t bytes = std::max<int64_t>(1, tensor.getElementTypeBitWidth() / 8);
      for (int64_t extent : tensor.getShape()) {
        if (extent <= 0)
          continue; // '?' or empty.
        if (extent > kLargest / bytes)
          return op->emitError("'") << op->getName() << "' has a tensor of more than 2^47 bytes, "
                                    << "the most that a process can address: " << tensor;
        bytes *= extent;
      }
    }
    return success();
  }

  LogicalResult verifyLinalg() {
    static constexpr StringRef kDialects[] = {
        "affine", "arith", "bufferization", "func", "linalg", "math", "memref", "scf", "tensor"};
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!isKernel(function))
        continue;
      auto hasUnsigned = [](Type type) { return isUnsigned(type); };
      WalkResult result = function.walk([&](Operation *op) {
        if (llvm::any_of(op->getResultTypes(), hasUnsigned) ||
            llvm::any_of(op->getOperandTypes(), hasUnsigned))
          return WalkResult(op->emitError("'")
                            << op->getName() << "' has an unsigned type, of which "
                            << "there is none after the phase " << phase);
        // What targets take whole, or pack once, has a form of its own in kernels.
        if (isa<StreamedAttentionOp, PackPanelsOp, PanelsViewOp>(op) ||
            llvm::is_contained(kDialects, op->getName().getDialectNamespace()))
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
};

} // namespace
