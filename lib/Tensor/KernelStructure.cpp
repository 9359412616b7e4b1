// SPDX-License-Identifier: Apache-2.0
// What the passes on kernels ask about them.

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

bool mlir::torsh::isKernel(func::FuncOp function) { return function->hasAttr("torsh.kernel"); }

bool mlir::torsh::isContraction(Operation *op) {
  // A product of a tensor with itself, element by element, has one operand left
  // once MLIR has merged equal ones: a reduction like any other.
  auto generic = dyn_cast<linalg::GenericOp>(op);
  return generic && generic->hasAttr("torsh.contraction") && generic.getNumDpsInputs() == 2;
}

linalg::LinalgOp mlir::torsh::getTilingRoot(func::FuncOp kernel) {
  linalg::LinalgOp root;
  for (auto result : kernel.getOps<bufferization::MaterializeInDestinationOp>()) {
    if (!isa<MemRefType>(result.getDest().getType()))
      continue; // What a scattered write starts from.
    auto op = result.getSource().getDefiningOp<linalg::LinalgOp>();
    if (op && (!root || root->isBeforeInBlock(op)))
      root = op;
  }
  return root;
}
