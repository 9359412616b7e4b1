// SPDX-License-Identifier: Apache-2.0
// Loops and vectors that lowerings to registers are written with.

#ifndef TORSHJIT_LIB_BUFFER_VECTORFORMS_H
#define TORSHJIT_LIB_BUFFER_VECTORFORMS_H

#include "LoopEmitter.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::torsh {

/// Short names for vectors of floats as well.
class VectorForms : public LoopEmitter {
public:
  using LoopEmitter::add;
  using LoopEmitter::LoopEmitter;
  using LoopEmitter::mul;

  Value add(Value x, int64_t y) const { return add(x, constant(y)); }
  Value mul(Value x, int64_t y) const { return mul(x, constant(y)); }

  /// A loop that carries values.
  SmallVector<Value> carry(Value from, Value to, int64_t step, ValueRange initial,
                           llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body);

  /// A constant float, or vector of floats, of the type.
  Value number(Type type, double value);
  Value splat(Value scalar, VectorType type) {
    return vector::BroadcastOp::create(b, loc, type, scalar);
  }
  /// Neighbours in memory from `offset`, as elements of `type`.
  Value load(VectorType type, Value memory, Value offset);
  /// One element as `type`.
  Value loadScalar(Type type, Value memory, Value offset);
  Value loadBool(Value memory, Value offset);
  /// The vector or scalar, as elements of the memory.
  void store(Value x, Value memory, Value offset);

  Value addf(Value x, Value y) { return arith::AddFOp::create(b, loc, x, y); }
  Value subf(Value x, Value y) { return arith::SubFOp::create(b, loc, x, y); }
  Value mulf(Value x, Value y) { return arith::MulFOp::create(b, loc, x, y); }
  Value divf(Value x, Value y) { return arith::DivFOp::create(b, loc, x, y); }
  Value fma(Value x, Value y, Value z) { return vector::FMAOp::create(b, loc, x, y, z); }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(b, loc, condition, x, y);
  }
  Value compare(arith::CmpFPredicate predicate, Value x, Value y) {
    return arith::CmpFOp::create(b, loc, predicate, x, y);
  }
  /// The larger of each pair, `y` where either is NaN: one instruction on x86.
  Value larger(Value x, Value y) { return select(compare(arith::CmpFPredicate::OGT, x, y), x, y); }

  /// 2^x for x of at most 0 or NaN, vectors of f32 or f64: within 2 ULP, 0 where that is no
  /// normal number.
  Value exp2(Value x);
};

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_VECTORFORMS_H
