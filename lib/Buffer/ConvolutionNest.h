// SPDX-License-Identifier: Apache-2.0
// The loops of a convolution on memrefs, sorted by what they run over.

#ifndef TORSHJIT_LIB_BUFFER_CONVOLUTIONNEST_H
#define TORSHJIT_LIB_BUFFER_CONVOLUTIONNEST_H

#include "LoopEmitter.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

namespace mlir::torsh {

/// A contraction that slides a window over its left operand.
class ConvolutionNest : protected LoopEmitter {
public:
  ConvolutionNest(linalg::GenericOp op, OpBuilder &builder, ScheduleAttr schedule);

protected:
  /// A loop of the operation that is not of extent 1.
  struct Loop {
    unsigned number;
    OpFoldResult extent;
  };

  /// Sorts the loops. Fails for what is no convolution, or not addressed linearly.
  LogicalResult analyze();

  /// How far `steps` iterations of a loop lead in an operand.
  Value advance(const LinearAccess &access, const Loop &loop, Value steps) {
    return mul(steps, asValue(access.strides[loop.number]));
  }
  Value advance(const LinearAccess &access, const Loop &loop, int64_t steps) {
    return advance(access, loop, constant(steps));
  }
  std::optional<int64_t> stride(const LinearAccess &access, const Loop &loop) const;

  /// `LoopEmitter::forEach` of such loops.
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

  linalg::GenericOp op;
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
