// SPDX-License-Identifier: Apache-2.0
// Packs a panel of columns while the one before is multiplied: each tile of the register asks
// memory for some of it, and after a few of them what has arrived is packed, before it leaves the
// second cache again, where rows a power of two apart fall on one another.

#include "ContractionLowering.h"

using namespace mlir;
using namespace mlir::torsh;

/// How many parts of a panel are packed one by one.
static constexpr int64_t kParts = 16;

/// Multiplies panel `x` of columns with all rows, and packs the panel behind it: the next of this
/// block of the depth, or the first of the next block.
void ContractionLowering::emitColumnsAhead(Value x, Value depthStart, Value depthCount) {
  Value zero = constant(0);
  Value next = add(x, constant(1));
  Value isSame = less(next, columns.panels);
  Value nextStart = add(depthStart, constant(depthBlock));
  Value nextCount = min(constant(depthBlock), sub(depthTotal, nextStart));
  auto select = [&](Value condition, Value value, Value other) -> Value {
    return arith::SelectOp::create(b, loc, condition, value, other);
  };
  auto atLeast = [&](Value value, int64_t least) -> Value {
    return arith::MaxSIOp::create(b, loc, value, constant(least));
  };
  next = select(isSame, next, zero);
  Value start = select(isSame, depthStart, nextStart);
  Value count = select(isSame, depthCount, atLeast(nextCount, 0));
  Value isInParts = columns.isInParts(next);
  Value inParts = select(isInParts, count, zero);
  int64_t multiple = columns.partMultiple();
  Value part = arith::CeilDivUIOp::create(b, loc, count, atLeast(rows.panels, 1));
  part = mul(ceilDiv(part, multiple), constant(multiple));

  int64_t steps = std::max<int64_t>(1, schedule.getBlock()[0] / rows.width / kParts);
  forLoop(zero, rows.panels, steps, [&](Value firstRow) {
    Value lastRow = min(add(firstRow, constant(steps)), rows.panels);
    forLoop(firstRow, lastRow, 1, [&](Value y) {
      Value at = mul(y, part);
      columns.prefetchPart(next, start, min(at, count), min(add(at, part), count));
      emitRegisterTile(y, x, depthStart, depthCount);
    });
    columns.packPart(next, start, count, min(mul(firstRow, part), inParts),
                     min(mul(lastRow, part), inParts));
  });
  auto finish = [&] { columns.finish(next, add(next, constant(1)), start, count); };
  auto all = [&] { columns.pack(next, add(next, constant(1)), start, count); };
  ifElse(less(zero, count), [&] { ifElse(isInParts, finish, all); }, nullptr);
}
