// SPDX-License-Identifier: Apache-2.0
// The product of a skinny contraction whose wide operand is contiguous along the depth.

#include "SkinnyContraction.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace mlir::torsh;

/// Blocks of the depth over which the rows' panels stay in the first cache, and in each the
/// columns: `vectors` at a time, then what is left. Those at a time are neighbours or, if the
/// schedule says so, as far apart as they can be: each then begins where it ended before, so
/// that memory is read in that many long runs.
void SkinnyContraction::emitDepth(const DepthRange &range, Sums &sums) {
  packThinByVector(range);
  int64_t block = llvm::alignTo(depthBlock, lanes);
  Value whole = roundDown(columnTotal, vectors);
  forLoop(range.start, range.end, block, [&](Value k) {
    std::optional<int64_t> known = range.size && *range.size <= block ? range.size : std::nullopt;
    Value count = known ? constant(*known) : min(constant(block), sub(range.end, k));
    auto tile = [&](Value column, int64_t width, Value apart) {
      forPanels([&](Value row, int64_t panel) {
        emitDepthTile(row, panel, {column, apart}, width, k, count, range, sums);
      });
    };
    if (split > 0 && vectors > 1) {
      Value runs = arith::DivUIOp::create(b, loc, columnTotal, constant(vectors));
      forLoop(constant(0), runs, 1, [&](Value column) { tile(column, vectors, runs); });
    } else {
      forLoop(constant(0), whole, vectors, [&](Value column) { tile(column, vectors, {}); });
    }
    if (std::optional<int64_t> total = columns.staticTotal()) {
      if (int64_t left = *total % vectors)
        tile(whole, left, {});
    } else if (vectors > 1) {
      forLoop(whole, columnTotal, 1, [&](Value column) { tile(column, 1, {}); });
    }
  });
}

/// The sums of `panel` rows by `width` columns over `count` of the depth from `k` on, added
/// to what is there.
void SkinnyContraction::emitDepthTile(Value row, int64_t panel, const TileColumns &chosen,
                                      int64_t width, Value k, Value count, const DepthRange &range,
                                      Sums &sums) {
  Value columnStride = asValue(wide.strides[columns.loops.back()]);
  SmallVector<Value> from;
  for (int64_t c = 0; c < width; ++c)
    from.push_back(add(add(wideStart, k), mul(columnOf(chosen, c), columnStride)));
  Value thinBase;
  if (thinPacked) {
    Value padded = roundDown(add(sub(range.end, range.start), constant(lanes - 1)), lanes);
    thinBase = add(mul(row, padded), mul(sub(k, range.start), constant(panel)));
  } else {
    thinBase = thinOffset(row, k);
  }
  auto step = [&](Value i, ValueRange soFar, Value mask) {
    SmallVector<Value> factors, next(soFar.size());
    for (int64_t c = 0; c < width; ++c) {
      Value offset = add(from[c], i);
      factors.push_back(loadWide(offset, mask));
      if (ahead && !mask)
        prefetchWide(offset, chosen.apart ? constant(ahead) : mul(constant(ahead), columnStride));
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
        next[r * width + c] = multiplyAdd(x, factors[c], soFar[r * width + c]);
    }
    return next;
  };
  SmallVector<Value> initial(panel * width, zeros());
  Value whole = roundDown(count, lanes);
  auto loop = scf::ForOp::create(b, loc, constant(0), whole, constant(lanes), initial,
                                 [&](OpBuilder &inner, Location, Value i, ValueRange soFar) {
                                   OpBuilder::InsertionGuard guard(b);
                                   b.setInsertionPoint(inner.getInsertionBlock(),
                                                       inner.getInsertionPoint());
                                   scf::YieldOp::create(b, loc, step(i, soFar, {}));
                                 });
  SmallVector<Value> tile(loop.getResults());
  std::optional<int64_t> known = getConstantIntValue(count);
  if ((known && *known % lanes) || !known) {
    SmallVector<Type> types(tile.size(), vectorType);
    auto ragged = scf::IfOp::create(b, loc, types, less(whole, count), /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(ragged.thenBlock());
    scf::YieldOp::create(b, loc, step(whole, tile, firstLanes(lanes, sub(count, whole))));
    b.setInsertionPointToStart(ragged.elseBlock());
    scf::YieldOp::create(b, loc, tile);
    tile.assign(ragged.getResults().begin(), ragged.getResults().end());
  }
  storeSums(tile, row, width, chosen, sums);
}

Value SkinnyContraction::columnOf(const TileColumns &chosen, int64_t number) {
  Value distance = constant(number);
  return add(chosen.first, chosen.apart ? mul(distance, chosen.apart) : distance);
}

/// Adds what the lanes of each accumulator sum up to to the result: `width` columns of each row.
void SkinnyContraction::storeSums(ArrayRef<Value> tile, Value row, int64_t width,
                                  const TileColumns &chosen, Sums &sums) {
  auto plus = [&](Value x, Value y) -> Value {
    if (isa<FloatType>(element))
      return arith::AddFOp::create(b, loc, x, y);
    return arith::AddIOp::create(b, loc, x, y);
  };
  int64_t next = 0, count = tile.size();
  while (next < count) {
    int64_t group = llvm::bit_floor(uint64_t(std::min(lanes, count - next)));
    Value total = sumAcross(tile.slice(next, group), plus);
    for (int64_t lane = 0; lane < group;) {
      int64_t c = (next + lane) % width;
      Value at = sums.row(add(row, constant((next + lane) / width)));
      Value own = columnOf(chosen, c);
      Value place = add(at, sums.columnStride ? mul(own, sums.columnStride) : own);
      // A whole row of neighbours at once.
      bool isRow = c == 0 && width > 1 && !chosen.apart && !sums.columnStride;
      int64_t run = isRow && lane + width <= group ? width : 1;
      if (run > 1) {
        auto type = VectorType::get({run}, element);
        Value part = vector::ShuffleOp::create(
            b, loc, total, total, llvm::to_vector(llvm::seq<int64_t>(lane, lane + run)));
        Value old = vector::LoadOp::create(b, loc, type, sums.memory, place);
        vector::StoreOp::create(b, loc, plus(old, part), sums.memory, place);
      } else {
        Value part = vector::ExtractOp::create(b, loc, total, lane);
        Value old = memref::LoadOp::create(b, loc, sums.memory, place);
        memref::StoreOp::create(b, loc, plus(old, part), sums.memory, place);
      }
      lane += run;
    }
    next += group;
  }
}

/// A vector whose lane i is the sum of the lanes of `tile[i]`, a power of two of them. Each
/// round halves the number of vectors: of two, the lanes that have bit `s` of their number
/// take the second one's, and each lane adds its own and that with the other value of the bit.
Value SkinnyContraction::sumAcross(ArrayRef<Value> tile, function_ref<Value(Value, Value)> plus) {
  SmallVector<Value> vectors(tile);
  for (int64_t s = 1; s < lanes; s *= 2) {
    bool isPair = vectors.size() > 1;
    SmallVector<int64_t> own, other;
    for (int64_t i = 0; i < lanes; ++i) {
      int64_t from = isPair && (i & s) ? lanes : 0;
      own.push_back(from + i);
      other.push_back(from + (i ^ s));
    }
    SmallVector<Value> halved;
    for (size_t i = 0; i < vectors.size(); i += 2) {
      Value x = vectors[i], y = isPair ? vectors[i + 1] : x;
      halved.push_back(plus(vector::ShuffleOp::create(b, loc, x, y, own),
                            vector::ShuffleOp::create(b, loc, x, y, other)));
    }
    vectors = std::move(halved);
  }
  return vectors.front();
}
