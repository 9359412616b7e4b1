// SPDX-License-Identifier: Apache-2.0
// The product of two staged tiles by ordinary arithmetic.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "torshjit/GPU/ContractionAtom.h"
#include "torshjit/GPU/ElementEmitter.h"

using namespace mlir;
using namespace mlir::torsh::gpu;

bool SimtAtom::accepts(linalg::GenericOp, const ContractionTile &tile) const {
  return tile.rows % rows == 0 && tile.columns % columns == 0 &&
         (tile.rows / rows) * (tile.columns / columns) == tile.threads;
}

// One more than the depth: neighbouring columns then lie in different banks.
int64_t SimtAtom::getPitch(int64_t depth) const { return depth + 1; }

SmallVector<Value> SimtAtom::initialize(ElementEmitter &, const ContractionTile &,
                                        Value init) const {
  return SmallVector<Value>(rows * columns, init);
}

/// The row or column that is the number-th of a thread: those of one number lie side
/// by side over the threads.
static Value spread(ElementEmitter &e, Value position, int64_t number, int64_t positions) {
  return e.add(position, e.constant(number * positions));
}

FailureOr<SmallVector<Value>> SimtAtom::multiply(ElementEmitter &e, linalg::GenericOp op,
                                                 const ContractionTile &tile,
                                                 const StagedOperand &left,
                                                 const StagedOperand &right, bool leftIsFirst,
                                                 SmallVector<Value> accumulators) const {
  int64_t threadColumns = tile.columns / columns, threadRows = tile.rows / rows;
  Value ownColumn = e.rem(tile.thread, e.constant(threadColumns));
  Value ownRow = e.div(tile.thread, e.constant(threadColumns));
  OpBuilder &b = e.getBuilder();
  SmallVector<Value> loops(op.getNumLoops(), e.constant(0)); // No body asks for them.
  return e.forLoop(e.constant(0), e.constant(tile.depth), e.constant(1), accumulators,
                   [&](Value k, ValueRange carried) -> FailureOr<SmallVector<Value>> {
                     auto read = [&](const StagedOperand &staged, Value at) -> Value {
                       Value offset = e.add(e.mul(at, e.constant(staged.pitch)), k);
                       Value value = memref::LoadOp::create(b, e.getLoc(), staged.memory, offset);
                       if (staged.element.isInteger(1))
                         value = arith::TruncIOp::create(b, e.getLoc(), staged.element, value);
                       return value;
                     };
                     SmallVector<Value> leftValues, rightValues, results;
                     for (int64_t i = 0; i < rows; ++i)
                       leftValues.push_back(read(left, spread(e, ownRow, i, threadRows)));
                     for (int64_t j = 0; j < columns; ++j)
                       rightValues.push_back(read(right, spread(e, ownColumn, j, threadColumns)));
                     for (int64_t i = 0; i < rows; ++i)
                       for (int64_t j = 0; j < columns; ++j) {
                         SmallVector<Value> inputs{leftValues[i], rightValues[j]};
                         if (!leftIsFirst)
                           std::swap(inputs[0], inputs[1]);
                         FailureOr<SmallVector<Value>> next = e.emitBody(
                             op, loops, inputs, SmallVector<Value>{carried[i * columns + j]});
                         if (failed(next))
                           return failure();
                         results.push_back(next->front());
                       }
                     return results;
                   });
}

LogicalResult SimtAtom::forEach(ElementEmitter &e, const ContractionTile &tile,
                                ArrayRef<Value> accumulators, ElementBody body) const {
  int64_t threadColumns = tile.columns / columns, threadRows = tile.rows / rows;
  Value ownColumn = e.rem(tile.thread, e.constant(threadColumns));
  Value ownRow = e.div(tile.thread, e.constant(threadColumns));
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      if (failed(body(spread(e, ownRow, i, threadRows), spread(e, ownColumn, j, threadColumns),
                      accumulators[i * columns + j])))
        return failure();
  return success();
}
