// SPDX-License-Identifier: Apache-2.0
// The product of a skinny contraction whose wide operand is contiguous along the depth.

#include "SkinnyContraction.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::torsh;

/// Blocks of the depth over which the rows' panels stay in the first cache, and in each the
/// columns: `vectors` at a time, then what is left.
void SkinnyContraction::emitDepth(const DepthRange &range, Sums &sums) {
  packThinByVector(range);
  int64_t block = llvm::alignTo(depthBlock, lanes);
  Value whole = roundDown(columnTotal, vectors);
  forLoop(range.start, range.end, block, [&](Value k) {
    std::optional<int64_t> known = range.size && *range.size <= block ? range.size : std::nullopt;
    Value count = known ? constant(*known) : min(constant(block), sub(range.end, k));
    auto tile = [&](Value column, int64_t width) {
      forPanels([&](Value row, int64_t panel) {
        emitDepthTile(row, panel, column, width, k, count, range, sums);
      });
    };
    forLoop(constant(0), whole, vectors, [&](Value column) { tile(column, vectors); });
    if (std::optional<int64_t> total = columns.staticTotal()) {
      if (int64_t left = *total % vectors)
        tile(whole, left);
    } else if (vectors > 1) {
      forLoop(whole, columnTotal, 1, [&](Value column) { tile(column, 1); });
    }
  });
}

/// The sums of `panel` rows by `width` columns over `count` of the depth from `k` on, added
/// to what is there.
void SkinnyContraction::emitDepthTile(Value row, int64_t panel, Value column, int64_t width,
                                      Value k, Value count, const DepthRange &range, Sums &sums) {
  Value columnStride = getValueOrCreateConstantIndexOp(b, loc, wide.strides[columns.loops.back()]);
  SmallVector<Value> from;
  for (int64_t c = 0; c < width; ++c)
    from.push_back(add(add(wideStart, k), mul(add(column, constant(c)), columnStride)));
  Value thinBase;
  if (thinPacked) {
    Value padded = roundDown(add(sub(range.end, range.start), constant(lanes - 1)), lanes);
    thinBase = add(mul(row, padded), mul(sub(k, range.start), constant(panel)));
  } else {
    thinBase = thinOffset(row, k);
  }
  auto step = [&](Value i, ValueRange own, Value mask) {
    SmallVector<Value> factors, next(own.size());
    for (int64_t c = 0; c < width; ++c) {
      Value offset = add(from[c], i);
      factors.push_back(loadWide(offset, mask));
      if (ahead && !mask)
        prefetchWide(offset, mul(constant(ahead), columnStride));
    }
    for (int64_t r = 0; r < panel; ++r) {
      Value x;
      if (thinPacked)
        x = vector::LoadOp::create(
            b, loc, vectorType, thinPacked,
            add(thinBase, add(mul(i, constant(panel)), constant(r * lanes))));
      else if (mask)
        x = vector::MaskedLoadOp::create(b, loc, vectorType, thin.flat, add(thinBase, i), mask,
                                         zeros());
      else
        x = vector::LoadOp::create(b, loc, vectorType, thin.flat, add(thinBase, i));
      for (int64_t c = 0; c < width; ++c)
        next[r * width + c] = multiplyAdd(x, factors[c], own[r * width + c]);
    }
    return next;
  };
  SmallVector<Value> initial(panel * width, zeros());
  Value whole = roundDown(count, lanes);
  auto loop = scf::ForOp::create(b, loc, constant(0), whole, constant(lanes), initial,
                                 [&](OpBuilder &inner, Location, Value i, ValueRange own) {
                                   OpBuilder::InsertionGuard guard(b);
                                   b.setInsertionPoint(inner.getInsertionBlock(),
                                                       inner.getInsertionPoint());
                                   scf::YieldOp::create(b, loc, step(i, own, {}));
                                 });
  SmallVector<Value> tile(loop.getResults());
  std::optional<int64_t> known = getConstantIntValue(count);
  if ((known && *known % lanes) || !known) {
    SmallVector<Type> types(tile.size(), vectorType);
    auto ragged = scf::IfOp::create(b, loc, types, less(whole, count), /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(ragged.thenBlock());
    scf::YieldOp::create(b, loc, step(whole, tile, maskOf(sub(count, whole))));
    b.setInsertionPointToStart(ragged.elseBlock());
    scf::YieldOp::create(b, loc, tile);
    tile.assign(ragged.getResults().begin(), ragged.getResults().end());
  }
  for (int64_t r = 0; r < panel; ++r) {
    Value at = sums.row(add(row, constant(r)));
    for (int64_t c = 0; c < width; ++c) {
      Value own = add(column, constant(c));
      Value place = add(at, sums.columnStride ? mul(own, sums.columnStride) : own);
      Value old = memref::LoadOp::create(b, loc, sums.memory, place);
      Value sum =
          vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD, tile[r * width + c], old,
                                      arith::FastMathFlags::reassoc);
      memref::StoreOp::create(b, loc, sum, sums.memory, place);
    }
  }
}
