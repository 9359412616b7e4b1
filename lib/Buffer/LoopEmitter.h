// SPDX-License-Identifier: Apache-2.0
// Short names for index arithmetic and loops.

#ifndef TORSHJIT_LIB_BUFFER_LOOPEMITTER_H
#define TORSHJIT_LIB_BUFFER_LOOPEMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::torsh {

/// Builds at the insertion point of a builder that several emitters share.
struct LoopEmitter {
  LoopEmitter(OpBuilder &builder, Location loc) : b(builder), loc(loc) {}

  Value constant(int64_t value) const { return arith::ConstantIndexOp::create(b, loc, value); }
  Value add(Value x, Value y) const { return arith::AddIOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) const { return arith::MulIOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) const { return arith::SubIOp::create(b, loc, x, y); }
  Value min(Value x, Value y) const { return arith::MinSIOp::create(b, loc, x, y); }
  Value div(Value x, int64_t y) const { return arith::DivUIOp::create(b, loc, x, constant(y)); }
  Value ceilDiv(Value x, int64_t y) const { return div(add(x, constant(y - 1)), y); }
  Value equal(Value x, Value y) const {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, y);
  }
  Value less(Value x, Value y) const {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, y);
  }

  void forLoop(Value from, Value to, int64_t step, function_ref<void(Value)> body) const {
    auto loop = scf::ForOp::create(b, loc, from, to, constant(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    body(loop.getInductionVar());
  }

  /// `otherwise` may be null.
  void ifElse(Value condition, function_ref<void()> then, function_ref<void()> otherwise) const {
    auto branch = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/bool(otherwise));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    then();
    if (!otherwise)
      return;
    b.setInsertionPointToStart(branch.elseBlock());
    otherwise();
  }

  OpBuilder &b;
  Location loc;
};

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_LOOPEMITTER_H
