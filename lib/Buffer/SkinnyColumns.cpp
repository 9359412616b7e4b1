// SPDX-License-Identifier: Apache-2.0
// The product of a skinny contraction whose wide operand is contiguous along its columns.

#include "SkinnyContraction.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::torsh;

/// Blocks of the depth; the last one is a loop of its own, so that the others have a length
/// that LLVM knows.
void SkinnyContraction::emitColumns(const DepthRange &range, Sums &sums) {
  packThinByDepth(range);
  int64_t block = range.size ? std::min(depthBlock, *range.size) : depthBlock;
  if (block == 0)
    return;
  Value whole = add(range.start, roundDown(sub(range.end, range.start), block));
  forLoop(range.start, whole, block,
          [&](Value k) { emitColumnTiles(k, range, constant(block), sums); });
  if (range.size && *range.size % block == 0)
    return;
  auto rest = scf::IfOp::create(b, loc, less(whole, range.end), /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(rest.thenBlock());
  emitColumnTiles(whole, range, sub(range.end, whole), sums);
}

/// Tiles of `vectors` vectors of columns, what is left of whole vectors, and a last one
/// under a mask; the panels of rows one after another on each, while it is in the cache.
void SkinnyContraction::emitColumnTiles(Value k, const DepthRange &range, Value count, Sums &sums) {
  auto tile = [&](Value column, int64_t width, Value mask) {
    forPanels([&](Value row, int64_t panel) {
      emitColumnTile(row, panel, column, width, mask, k, range, count, sums);
    });
  };
  int64_t width = vectors * lanes;
  Value whole = roundDown(columnTotal, width), lined = roundDown(columnTotal, lanes);
  forLoop(constant(0), whole, width, [&](Value column) { tile(column, vectors, {}); });
  if (std::optional<int64_t> known = columns.staticTotal()) {
    if (int64_t left = *known % width / lanes)
      tile(whole, left, {});
    if (int64_t left = *known % lanes)
      tile(lined, 1, firstLanes(lanes, constant(left)));
    return;
  }
  if (vectors > 1)
    forLoop(whole, lined, lanes, [&](Value column) { tile(column, 1, {}); });
  auto ragged = scf::IfOp::create(b, loc, less(lined, columnTotal), /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ragged.thenBlock());
  tile(lined, 1, firstLanes(lanes, sub(columnTotal, lined)));
}

/// `panel` rows of `width` vectors of sums, over `count` of the depth from `k` on.
void SkinnyContraction::emitColumnTile(Value row, int64_t panel, Value column, int64_t width,
                                       Value mask, Value k, const DepthRange &range, Value count,
                                       Sums &sums) {
  SmallVector<Value> places, tile;
  for (int64_t r = 0; r < panel; ++r) {
    Value at = add(sums.row(add(row, constant(r))), column);
    for (int64_t v = 0; v < width; ++v) {
      places.push_back(add(at, constant(v * lanes)));
      tile.push_back(
          startsFromZero ? zeros()
          : mask
              ? vector::MaskedLoadOp::create(b, loc, vectorType, sums.memory, places.back(), mask,
                                             zeros())
                    .getResult()
              : vector::LoadOp::create(b, loc, vectorType, sums.memory, places.back()).getResult());
    }
  }
  OpFoldResult stride = wide.strides[depth.loops.back()];
  Value step = asValue(stride);
  Value from = add(add(wideStart, column), mul(k, step));
  Value thinBase = thinPacked ? add(mul(row, sub(range.end, range.start)),
                                    mul(sub(k, range.start), constant(panel)))
                              : thinOffset(row, k);
  Value thinStep = thinPacked ? constant(panel) : asValue(thin.strides[depth.loops.back()]);
  int64_t nextRow = thinPacked ? 1 : rows.uniformStride(thin).value_or(0);
  auto loop = scf::ForOp::create(
      b, loc, constant(0), count, constant(1), tile,
      [&](OpBuilder &inner, Location, Value i, ValueRange own) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
        Value at = add(from, mul(i, step));
        SmallVector<Value> factors, next;
        for (int64_t v = 0; v < width; ++v) {
          Value offset = add(at, constant(v * lanes));
          factors.push_back(loadWide(offset, mask));
          if (ahead && !mask)
            prefetchWide(offset, constant(ahead));
        }
        Value thinAt = add(thinBase, mul(i, thinStep));
        for (int64_t r = 0; r < panel; ++r) {
          Value scalar = memref::LoadOp::create(b, loc, thinPacked ? thinPacked : thin.flat,
                                                add(thinAt, constant(r * nextRow)));
          Value all = splat(scalar);
          for (int64_t v = 0; v < width; ++v)
            next.push_back(multiplyAdd(all, factors[v], own[r * width + v]));
        }
        scf::YieldOp::create(b, loc, next);
      });
  for (auto [place, sum] : llvm::zip_equal(places, loop.getResults()))
    if (mask)
      vector::MaskedStoreOp::create(b, loc, sums.memory, place, mask, sum);
    else
      vector::StoreOp::create(b, loc, sum, sums.memory, place);
}
