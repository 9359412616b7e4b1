// SPDX-License-Identifier: Apache-2.0
// Operands of contractions that are packed by a kernel of their own.

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "torshjit/Dialect/Torsh/IR/TorshPanels.h"

using namespace mlir;
using namespace mlir::torsh;

int64_t PanelLayout::countElements(ArrayRef<int64_t> shape) const {
  int64_t rowCount = 1, depthCount = 1;
  for (int64_t axis : rows)
    rowCount *= shape[axis];
  for (int64_t axis : depth)
    depthCount *= shape[axis];
  int64_t panel = static_cast<int64_t>(llvm::alignTo(depthCount, step)) * width;
  if (sums)
    panel += static_cast<int64_t>(llvm::divideCeil(depthCount, block)) * width * step;
  return static_cast<int64_t>(llvm::divideCeil(rowCount, width)) * panel;
}

/// That the layout is one of `operand`, and `panels` as large as it says.
static LogicalResult verifyLayout(Operation *op, const PanelLayout &layout, MemRefType operand,
                                  MemRefType panels) {
  if (layout.width < 1 || layout.block < 1 || layout.step < 1 || layout.block % layout.step != 0)
    return op->emitOpError("needs a positive width, step and block, the last a multiple of step");
  SmallVector<int64_t> axes(layout.rows);
  llvm::append_range(axes, layout.depth);
  llvm::sort(axes);
  if (!llvm::equal(axes, llvm::seq<int64_t>(0, operand.getRank())))
    return op->emitOpError("needs each axis of ") << operand << " once, in rows or in depth";
  int64_t elements = layout.countElements(operand.getShape());
  if (panels.getDimSize(0) != elements)
    return op->emitOpError("needs panels of ") << elements << " elements, got " << panels;
  return success();
}

LogicalResult PackPanelsOp::verify() {
  return verifyLayout(*this, getLayout(), getSource().getType(), getPanels().getType());
}

LogicalResult PanelsViewOp::verify() {
  return verifyLayout(*this, getLayout(), getResult().getType(), getPanels().getType());
}

Value PanelsViewOp::getViewSource() { return getPanels(); }

PanelsViewOp mlir::torsh::findPanelsView(Value operand) {
  while (Operation *op = operand.getDefiningOp()) {
    if (auto view = dyn_cast<PanelsViewOp>(op))
      return view;
    if (!isa<bufferization::ToTensorOp, tensor::ExtractSliceOp, memref::SubViewOp>(op))
      return {};
    operand = op->getOperand(0);
  }
  return {};
}
