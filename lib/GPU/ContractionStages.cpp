// SPDX-License-Identifier: Apache-2.0
// Several tiles of the depth staged at a time: the next are copied while one is
// multiplied.

#include "ContractionEmitter.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::torsh::gpu;

/// As many stages as the atom uses and workgroup memory holds. One, where what is staged
/// is not copied in whole vectors: copies in the background are of vectors alone.
int64_t ContractionEmitter::chooseStages() {
  std::optional<int64_t> total = getConstantIntValue(depth.total);
  if (left.vector == 1 || right.vector == 1 || !total || *total % tile.depth != 0)
    return 1;
  auto bytes = [&](const StagedTile &staged) {
    return staged.size * k.elementOf(staged.operand->get()).getIntOrFloatBitWidth() / 8;
  };
  int64_t most =
      std::min(k.traits.workgroupBytes / (bytes(left) + bytes(right)), *total / tile.depth);
  return std::max<int64_t>(1, std::min(atom->getStages(), most));
}

/// Tile i of the depth lies in stage i modulo their number. While it is multiplied, tile
/// i + stages - 1 is copied to where tile i - 1 was: the barrier before that is after
/// every thread's products of tile i - 1.
FailureOr<SmallVector<Value>> ContractionEmitter::multiplyInStages(ValueRange accumulators) {
  auto stageOf = [&](Value firstDepth) {
    return e.rem(e.div(firstDepth, e.constant(tile.depth)), e.constant(stages));
  };
  auto copy = [&](Value firstDepth) -> LogicalResult {
    Value number = stageOf(firstDepth);
    return failure(failed(load(left, rows, firstRow, firstDepth, number)) ||
                   failed(load(right, columns, firstColumn, firstDepth, number)));
  };
  for (int64_t i = 0; i + 1 < stages; ++i) {
    if (failed(copy(e.constant(i * tile.depth))))
      return failure();
    atom->commit(e);
  }
  auto product = e.forLoop(
      e.constant(0), depth.total, e.constant(tile.depth), accumulators,
      [&](Value firstDepth, ValueRange carried) -> FailureOr<SmallVector<Value>> {
        atom->wait(e, stages - 2);
        k.barrier();
        Value next = e.add(firstDepth, e.constant((stages - 1) * tile.depth));
        auto copyNext = [&]() -> FailureOr<SmallVector<Value>> {
          if (failed(copy(next)))
            return failure();
          return SmallVector<Value>();
        };
        if (failed(e.ifThen(e.lessThan(next, depth.total), {}, copyNext)))
          return failure();
        // Even where there was nothing to copy: groups are counted.
        atom->commit(e);
        Value number = stageOf(firstDepth);
        return atom->multiply(e, op, tile, asOperand(left, number), asOperand(right, number),
                              leftIsFirst, SmallVector<Value>(carried));
      });
  // The next tile of the result is staged in the same memory.
  k.barrier();
  return product;
}
