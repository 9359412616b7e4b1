// SPDX-License-Identifier: Apache-2.0
// Short names for index arithmetic, loops and memory.

#ifndef TORSHJIT_LIB_BUFFER_LOOPEMITTER_H
#define TORSHJIT_LIB_BUFFER_LOOPEMITTER_H

#include "LinearAccess.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::torsh {

/// Builds at the insertion point of a builder that several emitters share.
struct LoopEmitter {
  LoopEmitter(OpBuilder &builder, Location loc) : b(builder), loc(loc) {}

  Value constant(int64_t value) const { return arith::ConstantIndexOp::create(b, loc, value); }
  Value asValue(OpFoldResult x) const;
  Value add(Value x, Value y) const { return b.createOrFold<arith::AddIOp>(loc, x, y); }
  Value mul(Value x, Value y) const { return b.createOrFold<arith::MulIOp>(loc, x, y); }
  Value sub(Value x, Value y) const { return b.createOrFold<arith::SubIOp>(loc, x, y); }
  Value min(Value x, Value y) const { return b.createOrFold<arith::MinSIOp>(loc, x, y); }
  Value div(Value x, int64_t y) const {
    return b.createOrFold<arith::DivUIOp>(loc, x, constant(y));
  }
  /// Nothing is negative.
  Value ceilDiv(Value x, int64_t y) const { return div(add(x, constant(y - 1)), y); }
  Value roundDown(Value x, int64_t y) const { return mul(div(x, y), constant(y)); }
  Value equal(Value x, Value y) const {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, y);
  }
  Value less(Value x, Value y) const {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, y);
  }

  void forLoop(Value from, Value to, int64_t step, function_ref<void(Value)> body) const;
  /// `otherwise` may be null.
  void ifElse(Value condition, function_ref<void()> then, function_ref<void()> otherwise) const;
  /// Loops over a group, the outermost first, with the offset that they lead to in each of
  /// `accesses`, from those in `offsets`.
  void forEach(const LoopGroup &group, ArrayRef<const LinearAccess *> accesses,
               ArrayRef<Value> offsets, function_ref<void(ArrayRef<Value>)> body) const;

  /// The mask of the first `count` of `lanes` lanes.
  Value firstLanes(int64_t lanes, Value count) const;
  /// Memory of the kernel, as many elements as are known or computed.
  Value allocate(Value elements, Type type) const;
  Value allocate(int64_t elements, Type type) const { return allocate(constant(elements), type); }
  /// Asks for the line of a one-dimensional `memory` that has an element, for the first cache
  /// (3) or for the second one (2).
  void prefetchLine(Value memory, Value element, bool isWrite, unsigned locality) const;

  /// Takes away that the result was filled with zeros right before, if it was: for what writes
  /// all of it before it reads it.
  static bool removeZeroFill(linalg::GenericOp op);

  OpBuilder &b;
  Location loc;
};

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_LOOPEMITTER_H
