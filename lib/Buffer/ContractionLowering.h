// SPDX-License-Identifier: Apache-2.0
// Emits the loops of one contraction, after K. Goto and R. van de Geijn, "Anatomy
// of High-Performance Matrix Multiplication", 2008. The loops of the operation
// fall into four groups: batch loops, rows (in the result and one operand),
// columns (in the result and the other one) and depth (in both operands). Rows
// and columns are chosen so that the result is contiguous along the columns.

#ifndef TORSHJIT_LIB_BUFFER_CONTRACTIONLOWERING_H
#define TORSHJIT_LIB_BUFFER_CONTRACTIONLOWERING_H

#include "LinearAccess.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

namespace mlir::torsh {

class ContractionLowering {
public:
  ContractionLowering(linalg::GenericOp op, ScheduleAttr schedule);

  /// Sorts the loops into groups. Fails where plain loops are better, or an operand
  /// is not addressed linearly.
  LogicalResult classify();

  /// Emits the loops in place of the operation.
  void emit();

private:
  /// An operand with its loops, as rows or columns of the product.
  struct Side {
    LinearAccess access;
    LoopGroup group;
    int64_t width = 0;   // rows or columns of the register tile
    Value total, panels; // iterations of the group, and panels of `width` of them
    Value packed;        // the panels; null where the operand is read in place
    Value offsets;       // of a panel's elements, where their distances differ
    Value batchOffset;
  };

  // Short names for index arithmetic.
  Value constant(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return arith::MulIOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubIOp::create(b, loc, x, y); }
  Value min(Value x, Value y) { return arith::MinSIOp::create(b, loc, x, y); }
  Value ceilDiv(Value x, int64_t y) {
    return arith::DivUIOp::create(b, loc, add(x, constant(y - 1)), constant(y));
  }
  Value equal(Value x, Value y) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, y);
  }
  void forLoop(Value from, Value to, int64_t step, function_ref<void(Value)> body);
  void ifElse(Value condition, function_ref<void()> then, function_ref<void()> otherwise);

  Value allocate(int64_t elements, Type type);
  Value allocatePanels(const Side &side);
  void emitBatch(size_t next, SmallVectorImpl<Value> &indices);
  void emitProduct();

  // PackPanels.cpp
  void pack(Side &side, Value depthStart, Value depthCount);
  void packPanel(Side &side, Value panel, Value depthStart, Value depthCount);
  void packContiguous(Side &side, Value from, Value base, Value depthStart, Value depthCount);
  int64_t runLength(const Side &side) const;
  void packRuns(Side &side, int64_t run, Value base, Value depthStart, Value depthCount);
  void packTransposed(Side &side, Value start, Value base, Value depthStart, Value depthCount);
  void packEach(Side &side, Value start, Value count, Value base, Value depthStart,
                Value depthCount);
  void padPanel(Side &side, Value count, Value base, Value depthCount);
  Value loadElement(Side &side, Value offset);

  // RegisterTile.cpp
  void emitRegisterTile(Value rowPanel, Value columnPanel, Value depthStart, Value depthCount);
  SmallVector<Value> multiply(ValueRange tile, Value rowPanel, Value columnPanel, Value firstRow,
                              Value depthStart, Value depthCount);

  linalg::GenericOp op;
  OpBuilder b;
  Location loc;
  ScheduleAttr schedule;
  Type element; // of the accumulator
  LoopGroup batch, depth;
  Side rows, columns;
  LinearAccess result;
  Value resultOffset, depthTotal, tileBuffer;
  int64_t depthBlock = 256;
};

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_CONTRACTIONLOWERING_H
