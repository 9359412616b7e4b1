// SPDX-License-Identifier: Apache-2.0
// The loops of a convolution on memrefs, sorted by what they run over.

#ifndef TORSHJIT_LIB_BUFFER_CONVOLUTIONNEST_H
#define TORSHJIT_LIB_BUFFER_CONVOLUTIONNEST_H

#include "LinearAccess.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

namespace mlir::torsh {

/// A contraction that slides a window over its left operand. Emits index arithmetic
/// and loops for the lowerings that derive from it.
class ConvolutionNest {
public:
  ConvolutionNest(linalg::GenericOp op, ScheduleAttr schedule);

protected:
  /// A loop of the operation that is not of extent 1.
  struct Loop {
    unsigned number;
    OpFoldResult extent;
  };

  /// Sorts the loops. Fails for what is no convolution, or not addressed linearly.
  LogicalResult analyze();

  Value constant(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }
  Value value(OpFoldResult x);
  Value add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(loc, x, y); }
  Value sub(Value x, Value y) { return b.createOrFold<arith::SubIOp>(loc, x, y); }
  Value mul(Value x, Value y) { return b.createOrFold<arith::MulIOp>(loc, x, y); }
  Value min(Value x, Value y) { return b.createOrFold<arith::MinSIOp>(loc, x, y); }
  void forLoop(Value from, Value to, int64_t step, function_ref<void(Value)> body);

  /// How far `steps` iterations of a loop lead in an operand.
  Value advance(const LinearAccess &access, const Loop &loop, Value steps) {
    return mul(steps, value(access.strides[loop.number]));
  }
  Value advance(const LinearAccess &access, const Loop &loop, int64_t steps) {
    return advance(access, loop, constant(steps));
  }
  std::optional<int64_t> stride(const LinearAccess &access, const Loop &loop) const;

  /// Loops over `loops`, outermost first, with the offset that they lead to in each of
  /// `accesses`, from those in `offsets`.
  void forEach(ArrayRef<Loop> loops, ArrayRef<const LinearAccess *> accesses,
               ArrayRef<Value> offsets, function_ref<void(ArrayRef<Value>)> body);

  /// The value that all of the result has before the operation, if it is known; what
  /// sets it is erased.
  Value takeInitialValue();

  /// Looks for what may become the epilogue, before there are views of the result.
  void findEpilogue();
  /// Makes the elementwise operation that alone reads the result, if there is one, part of
  /// what is written: `targets` are its operands then, the one it writes first. The
  /// emission moves to where it stands.
  void takeEpilogue(const Loop &column);
  /// Erases the operation and what it took with it.
  void eraseOps();
  /// Writes a vector of sums that runs along the columns, those lanes that `mask` has.
  void writeSums(Value sums, ArrayRef<Value> at, Value mask);
  /// The offsets in all targets after `steps` iterations of a loop.
  SmallVector<Value> advanceTargets(ArrayRef<Value> at, const Loop &loop, Value steps);

  /// `x`, of an operand's element type, as the accumulator's.
  Value widen(Value x);
  Value zeros(VectorType type) {
    return arith::ConstantOp::create(b, loc, type, b.getZeroAttr(type));
  }
  Value multiplyAdd(Value x, Value y, Value sum);
  /// The first `count` of `lanes` lanes.
  Value firstLanes(int64_t lanes, Value count);

  linalg::GenericOp op;
  OpBuilder b;
  Location loc;
  ScheduleAttr schedule;
  Type element; // of the accumulator
  bool isPointwise = false;
  LinearAccess input, weight, result;
  SmallVector<LinearAccess> targets; // the result, or the operands of the epilogue
  linalg::GenericOp reader;          // alone of the result
  linalg::GenericOp epilogue;
  unsigned columnOfEpilogue = 0;
  SmallVector<Loop> outer; // images, groups, and positions but the last one
  SmallVector<Loop> outputs, positions, depth;
};

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_CONVOLUTIONNEST_H
