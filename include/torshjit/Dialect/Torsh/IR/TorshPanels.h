// SPDX-License-Identifier: Apache-2.0
// Operands of contractions that are packed by a kernel of their own.

#ifndef TORSHJIT_DIALECT_TORSH_IR_TORSHPANELS_H
#define TORSHJIT_DIALECT_TORSH_IR_TORSHPANELS_H

#include "mlir/Interfaces/ViewLikeInterface.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include <tuple>

namespace mlir::torsh {

/// The order in which an operand lies when it is packed; `torsh.pack_panels` says what each is.
struct PanelLayout {
  SmallVector<int64_t> rows, depth; // axes of the operand
  int64_t width = 0, block = 0, step = 1;
  bool flips = false;
  int64_t sums = 0;
  bool withoutSign = false;

  bool operator==(const PanelLayout &other) const {
    return std::tie(rows, depth, width, block, step, flips, sums, withoutSign) ==
           std::tie(other.rows, other.depth, other.width, other.block, other.step, other.flips,
                    other.sums, other.withoutSign);
  }
  /// Elements of all panels of an operand of this (static) shape.
  int64_t countElements(ArrayRef<int64_t> shape) const;
};

} // namespace mlir::torsh

#define GET_OP_CLASSES
#include "torshjit/Dialect/Torsh/IR/TorshPanelOps.h.inc"

namespace mlir::torsh {

/// The view that an operand of a kernel's operation is, or is a part of: a tensor of it, or a
/// memref. Null for other operands.
PanelsViewOp findPanelsView(Value operand);

} // namespace mlir::torsh

#endif // TORSHJIT_DIALECT_TORSH_IR_TORSHPANELS_H
