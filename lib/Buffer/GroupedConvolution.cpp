// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions, others with few outputs for each input, and pools.

#include "GroupedConvolution.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::torsh;

/// Outputs of a group that share what is read of the input, in registers.
static constexpr int64_t kMostOutputs = 8;
/// Places of a window that are unrolled; more are loops.
static constexpr int64_t kMostUnrolled = 64;

bool GroupedConvolution::isPool(linalg::GenericOp op) {
  if (op.getInputs().size() != 2 || op.getOutputs().size() != 1 ||
      !llvm::all_of(op->getOperandTypes(), llvm::IsaPred<MemRefType>))
    return false;
  Block *body = op.getBody();
  Value element = body->getArgument(0), before = body->getArgument(2);
  if (!body->getArgument(1).use_empty() || !element.hasOneUse() || !before.hasOneUse())
    return false;
  Operation *last = body->getTerminator()->getOperand(0).getDefiningOp();
  if (!isa_and_nonnull<arith::AddFOp, arith::MaximumFOp, arith::MaxSIOp, arith::MaxUIOp>(last) ||
      !llvm::is_contained(last->getOperands(), before))
    return false;
  Value other = last->getOperand(last->getOperand(0) == before ? 1 : 0);
  if (auto wide = other.getDefiningOp<arith::ExtFOp>())
    other = wide.getIn();
  return other == element && !op.getIndexingMapsArray()[0].isProjectedPermutation();
}

LogicalResult GroupedConvolution::classify() {
  if (failed(analyze()) || isPointwise)
    return failure();
  if (outputs.size() > 1)
    return failure();
  if (isPool(op))
    combination = op.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  if (!outputs.empty()) {
    std::optional<int64_t> count = getConstantIntValue(outputs[0].extent);
    if (!count || *count > kMostOutputs)
      return failure();
    numOutputs = *count;
  }
  column = positions.pop_back_val();
  if (stride(result, *column) != 1)
    return failure();
  std::optional<int64_t> step = stride(input, *column);
  if (step != 1 && step != 2)
    return failure();
  columnStride = *step;
  if (!positions.empty())
    row = positions.pop_back_val();
  // The innermost loops of the window are unrolled, as far as they are short.
  window = std::move(depth);
  int64_t unrolled = 1;
  size_t first = window.size();
  while (first > 0) {
    std::optional<int64_t> extent = getConstantIntValue(window[first - 1].extent);
    if (!extent || unrolled * *extent * numOutputs > kMostUnrolled)
      break;
    unrolled *= *extent;
    --first;
  }
  channels.assign(window.begin(), window.begin() + first);
  window.erase(window.begin(), window.begin() + first);
  rowsOfTile = !row ? 1 : numOutputs <= 2 ? 4 : numOutputs <= 4 ? 2 : 1;
  if (schedule && schedule.getRegisterTile().size() == 2) {
    rowsOfTile = std::min(rowsOfTile, std::max<int64_t>(1, schedule.getRegisterTile()[0]));
    lanes = std::max<int64_t>(1, schedule.getRegisterTile()[1]);
  }
  return success();
}

void GroupedConvolution::emit() {
  initial = takeInitialValue();
  b.setInsertionPoint(op);
  targets.assign(1, result);
  if (initial)
    takeEpilogue(*column);
  if (epilogue)
    b.setInsertionPoint(epilogue);
  llvm::append_range(outer, positions);
  SmallVector<const LinearAccess *> accesses{&input, &weight};
  for (const LinearAccess &target : targets)
    accesses.push_back(&target);
  forEach(outer, accesses, SmallVector<Value>(accesses.size(), constant(0)),
          [&](ArrayRef<Value> offsets) {
            emitRows({offsets[0], offsets[1], SmallVector<Value>(offsets.drop_front(2))});
          });
  eraseOps();
}

/// All rows of the image: tiles of several, then what is left.
void GroupedConvolution::emitRows(const Place &place) {
  if (!row)
    return emitRow(1, place);
  auto at = [&](Value y) -> Place {
    return {add(place.input, advance(input, *row, y)), place.weight,
            advanceTargets(place.result, *row, y)};
  };
  Value total = asValue(row->extent);
  if (std::optional<int64_t> known = getConstantIntValue(row->extent)) {
    // As even as possible: the last tile is not one row.
    int64_t tiles = llvm::divideCeil(*known, rowsOfTile), rows = llvm::divideCeil(*known, tiles);
    int64_t whole = *known / rows * rows;
    forLoop(constant(0), constant(whole), rows, [&](Value y) { emitRow(rows, at(y)); });
    if (*known > whole)
      emitRow(*known - whole, at(constant(whole)));
    return;
  }
  Value tile = constant(rowsOfTile);
  Value whole = mul(arith::DivUIOp::create(b, loc, total, tile), tile);
  if (rowsOfTile > 1)
    forLoop(constant(0), whole, rowsOfTile, [&](Value y) { emitRow(rowsOfTile, at(y)); });
  forLoop(rowsOfTile > 1 ? whole : constant(0), total, 1, [&](Value y) { emitRow(1, at(y)); });
}

/// All columns of some rows: whole vectors, then a shorter one.
void GroupedConvolution::emitRow(int64_t rows, const Place &place) {
  auto at = [&](Value x) -> Place {
    return {add(place.input, advance(input, *column, x)), place.weight,
            advanceTargets(place.result, *column, x)};
  };
  if (std::optional<int64_t> known = getConstantIntValue(column->extent)) {
    int64_t whole = *known / lanes * lanes, rest = *known - whole;
    forLoop(constant(0), constant(whole), lanes,
            [&](Value x) { emitTile({rows, lanes, {}}, at(x)); });
    int64_t width = llvm::PowerOf2Ceil(rest);
    if (rest)
      emitTile({rows, width, rest == width ? Value() : constant(rest)}, at(constant(whole)));
    return;
  }
  Value total = asValue(column->extent), width = constant(lanes);
  Value whole = mul(arith::DivUIOp::create(b, loc, total, width), width);
  forLoop(constant(0), whole, lanes, [&](Value x) { emitTile({rows, lanes, {}}, at(x)); });
  forLoop(whole, total, lanes, [&](Value x) { emitTile({rows, lanes, sub(total, x)}, at(x)); });
}

void GroupedConvolution::emitTile(const Tile &tile, const Place &place) {
  auto type = VectorType::get({tile.lanes}, element);
  Value mask;
  if (tile.count)
    mask = firstLanes(tile.lanes, tile.count);
  SmallVector<SmallVector<Value>> places;
  SmallVector<Value> sums;
  for (int64_t output = 0; output < numOutputs; ++output)
    for (int64_t r = 0; r < tile.rows; ++r) {
      SmallVector<Value> own = place.result;
      if (output)
        own = advanceTargets(own, outputs[0], constant(output));
      if (r)
        own = advanceTargets(own, *row, constant(r));
      Value at = own.front();
      places.push_back(std::move(own));
      if (initial)
        sums.push_back(vector::BroadcastOp::create(b, loc, type, initial));
      else if (mask)
        sums.push_back(
            vector::MaskedLoadOp::create(b, loc, type, result.flat, at, mask, zeros(type)));
      else
        sums.push_back(vector::LoadOp::create(b, loc, type, result.flat, at));
    }
  sums = accumulate(tile, place, channels, std::move(sums));
  for (auto [at, sum] : llvm::zip_equal(places, sums))
    writeSums(sum, at, mask);
}

/// The sums over the loops `channels`, which stay loops, and the unrolled window.
SmallVector<Value> GroupedConvolution::accumulate(const Tile &tile, const Place &place,
                                                  ArrayRef<Loop> channels,
                                                  SmallVector<Value> sums) {
  if (!channels.empty()) {
    auto loop = scf::ForOp::create(
        b, loc, constant(0), asValue(channels.front().extent), constant(1), sums,
        [&](OpBuilder &inner, Location, Value index, ValueRange before) {
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
          Place next{add(place.input, advance(input, channels.front(), index)),
                     add(place.weight, advance(weight, channels.front(), index)), place.result};
          SmallVector<Value> after =
              accumulate(tile, next, channels.drop_front(), SmallVector<Value>(before));
          scf::YieldOp::create(b, loc, after);
        });
    return SmallVector<Value>(loop.getResults());
  }
  auto type = VectorType::get({tile.lanes}, element);
  // Rows of the tile read the same vectors where their windows overlap.
  DenseMap<Value, Value> splats;
  llvm::SmallDenseMap<int64_t, Value> loaded;
  SmallVector<int64_t> index(window.size(), 0);
  bool more = true;
  while (more) {
    Value from = place.input, factor = place.weight;
    std::optional<int64_t> distance = 0;
    for (auto [loop, i] : llvm::zip_equal(window, index)) {
      if (!i)
        continue;
      from = add(from, advance(input, loop, i));
      factor = add(factor, advance(weight, loop, i));
      std::optional<int64_t> own = stride(input, loop);
      distance = distance && own ? std::optional<int64_t>(*distance + *own * i) : std::nullopt;
    }
    SmallVector<Value> vectors;
    for (int64_t r = 0; r < tile.rows; ++r) {
      std::optional<int64_t> known = distance;
      if (r) {
        std::optional<int64_t> own = stride(input, *row);
        known = known && own ? std::optional<int64_t>(*known + *own * r) : std::nullopt;
      }
      Value read = known ? loaded.lookup(*known) : Value();
      if (!read) {
        read = loadInput(tile, r ? add(from, advance(input, *row, r)) : from);
        if (known)
          loaded[*known] = read;
      }
      vectors.push_back(read);
    }
    for (int64_t r = 0; combination && r < tile.rows; ++r) {
      OperationState state(loc, combination->getName(), ValueRange{sums[r], vectors[r]}, type,
                           combination->getAttrDictionary().getValue());
      sums[r] = b.create(state)->getResult(0);
    }
    for (int64_t output = 0; !combination && output < numOutputs; ++output) {
      Value at = output ? add(factor, advance(weight, outputs[0], output)) : factor;
      Value scalar = widen(memref::LoadOp::create(b, loc, weight.flat, at));
      Value splat = vector::BroadcastOp::create(b, loc, type, scalar);
      for (int64_t r = 0; r < tile.rows; ++r) {
        Value &sum = sums[output * tile.rows + r];
        sum = multiplyAdd(vectors[r], splat, sum);
      }
    }
    // The next place of the window, the last loop fastest.
    more = false;
    for (size_t i = window.size(); i-- > 0;) {
      if (++index[i] < *getConstantIntValue(window[i].extent)) {
        more = true;
        break;
      }
      index[i] = 0;
    }
  }
  return sums;
}

/// `lanes` elements from `offset` on, those from `count` on zero.
Value GroupedConvolution::loadPart(int64_t lanes, Value offset, Value count) {
  Type own = cast<MemRefType>(input.flat.getType()).getElementType();
  auto type = VectorType::get({lanes}, own);
  if (!count)
    return vector::LoadOp::create(b, loc, type, input.flat, offset);
  return vector::MaskedLoadOp::create(b, loc, type, input.flat, offset, firstLanes(lanes, count),
                                      zeros(type));
}

/// What the tile's results read of the input, in the accumulator's type.
Value GroupedConvolution::loadInput(const Tile &tile, Value offset) {
  if (columnStride == 1 || tile.lanes == 1)
    return widen(loadPart(tile.lanes, offset, tile.count));
  // Every other element of two vectors. The second one starts an element early, so
  // that nothing past the last element that is needed is read.
  int64_t n = tile.lanes;
  Value needed, rest;
  if (tile.count) {
    needed = sub(mul(tile.count, constant(2)), constant(1));
    rest = sub(needed, constant(n - 1));
  }
  Value low = loadPart(n, offset, needed);
  Value high = loadPart(n, add(offset, constant(n - 1)), rest);
  SmallVector<int64_t> even;
  for (int64_t i = 0; i < n; ++i)
    even.push_back(2 * i < n ? 2 * i : n + 2 * i - (n - 1));
  return widen(vector::ShuffleOp::create(b, loc, low, high, even));
}
