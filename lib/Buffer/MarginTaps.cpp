// SPDX-License-Identifier: Apache-2.0
// Convolutions that do not multiply the margin. A margin of zeros adds nothing to a sum, unless the
// filter is infinite or NaN there. A chunk has a position inside of the image for each tap, whose
// sum shows that; so a chunk with such a sum is computed again, with all taps.

#include "DirectConvolution.h"
#include "ImageMargin.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::torsh;

/// Channels that are summed for one tap after the other: what the taps read of the image stays in
/// the first cache.
static constexpr int64_t kChannels = 32;
/// Fewer channels are no innermost loop.
static constexpr int64_t kFewestChannels = 8;
/// At least one of so many taps along a row is in the margin where such taps are left out: fewer
/// gain less than other bodies take to compile.
static constexpr int64_t kMostTaps = 32;

/// Finds the loops of the window, where leaving out taps is worth while and each one has a column
/// inside of the image.
void DirectConvolution::findTaps() {
  if (!row || step != 1 || depth.size() != 3 || depthExtent() < kFewestChannels)
    return;
  FailureOr<ImageMargin> margin = findMargin(op.getInputs()[0]);
  if (failed(margin))
    return;
  AffineMap map = op.getIndexingMapsArray()[0];
  b.setInsertionPoint(op);
  auto find = [&](const Loop &position, const Loop &loop) -> std::optional<Taps> {
    for (auto [axis, index] : llvm::enumerate(map.getResults())) {
      if (!index.isFunctionOfDim(position.number) || !index.isFunctionOfDim(loop.number))
        continue;
      auto strideOf = [&](const Loop &own) -> int64_t {
        SmallVector<AffineExpr> ones(map.getNumDims(), b.getAffineConstantExpr(0));
        ones[own.number] = b.getAffineConstantExpr(1);
        auto known = dyn_cast<AffineConstantExpr>(index.replaceDims(ones));
        return known ? known.getValue() : 0;
      };
      OpFoldResult low = margin->low[axis];
      Value end = add(asValue(low), asValue(margin->count[axis]));
      Taps taps{loop, strideOf(position), strideOf(loop), low, getAsOpFoldResult(end)};
      return taps.stride > 0 && taps.dilation > 0 ? std::optional(taps) : std::nullopt;
    }
    return std::nullopt;
  };
  rowTaps = find(*row, depth[1]);
  columnTaps = find(column, depth[2]);
  if (!rowTaps || !columnTaps)
    return rowTaps.reset();
  std::optional<int64_t> low = getConstantIntValue(columnTaps->low);
  std::optional<int64_t> end = getConstantIntValue(columnTaps->end);
  int64_t taps = *getConstantIntValue(columnTaps->loop.extent), outside = 0;
  for (int64_t tap = 0; low && end && tap < taps; ++tap)
    for (int64_t x = 0; x < numColumns; ++x) {
      int64_t at = x * columnTaps->stride + tap * columnTaps->dilation;
      outside += at < *low || at >= *end;
    }
  if (!low || !end || *end - *low < columnTaps->stride ||
      (numColumns - 1) * columnTaps->stride < *low || (taps - 1) * columnTaps->dilation >= *end ||
      outside * kMostTaps < taps * numColumns)
    rowTaps.reset();
}

/// Whether each tap has a row inside of the image, among `rows` of the chunk.
Value DirectConvolution::canSkip(Value rows) {
  int64_t taps = *getConstantIntValue(rowTaps->loop.extent);
  Value low = asValue(rowTaps->low), end = asValue(rowTaps->end),
        stride = constant(rowTaps->stride);
  Value last = mul(sub(add(firstRow, rows), constant(1)), stride);
  Value lastTap = add(mul(firstRow, stride), constant((taps - 1) * rowTaps->dilation));
  Value hasRows = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, sub(end, low), stride);
  Value hasFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, last, low);
  Value both = b.createOrFold<arith::AndIOp>(loc, hasRows, hasFirst);
  return b.createOrFold<arith::AndIOp>(loc, both, less(lastTap, end));
}

/// Whether one of the sums of some rows is infinite or NaN.
Value DirectConvolution::isAnySumInfinite(Value rows) {
  auto type = VectorType::get({width}, element);
  unsigned bits = element.getIntOrFloatBitWidth();
  auto integers = VectorType::get({width}, b.getIntegerType(bits));
  auto semantics = &cast<FloatType>(element).getFloatSemantics();
  APInt exponent = APFloat::getInf(*semantics).bitcastToAPInt();
  Value mask = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(integers, exponent));
  Value zero = zeros(integers);
  auto nest = scf::ForOp::create(
      b, loc, constant(0), mul(rows, constant(numColumns * width)), constant(width),
      ValueRange{zero}, [&](OpBuilder &inner, Location, Value at, ValueRange before) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
        Value sum = vector::LoadOp::create(b, loc, type, sums, at);
        Value own =
            arith::AndIOp::create(b, loc, vector::BitCastOp::create(b, loc, integers, sum), mask);
        Value most = arith::MaxUIOp::create(b, loc, before[0], own);
        scf::YieldOp::create(b, loc, most);
      });
  Value most = vector::ReductionOp::create(b, loc, vector::CombiningKind::MAXUI, nest.getResult(0));
  Value infinite = arith::ConstantOp::create(b, loc, b.getIntegerAttr(most.getType(), exponent));
  return equal(most, infinite);
}

/// Emits the sums of a chunk, again with all taps where one is infinite or NaN.
void DirectConvolution::emitSkipping(Value rows, function_ref<void()> emit) {
  if (!rowTaps)
    return emit();
  skips = canSkip(rows);
  if (!isa<FloatType>(element))
    return emit();
  scf::WhileOp::create(
      b, loc, TypeRange{}, ValueRange{skips},
      [&](OpBuilder &inner, Location, ValueRange arguments) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
        skips = arguments[0];
        emit();
        Value again = arith::AndIOp::create(b, loc, skips, isAnySumInfinite(rows));
        scf::ConditionOp::create(b, loc, again, ValueRange{});
      },
      [&](OpBuilder &inner, Location, ValueRange) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
        Value no = arith::ConstantOp::create(b, loc, b.getBoolAttr(false));
        scf::YieldOp::create(b, loc, no);
      });
}

/// The fewest columns, but none, that a tap has in the margin before, and after, the image: of
/// the tiles at the edges, or of the one at `x`.
std::pair<int64_t, int64_t> DirectConvolution::columnsInMargin(Value x, int64_t columns) {
  int64_t low = *getConstantIntValue(columnTaps->low), end = *getConstantIntValue(columnTaps->end);
  std::optional<int64_t> known = getConstantIntValue(x);
  int64_t first = known.value_or(0),
          last = known.value_or(numColumns / columns * columns - columns);
  int64_t before = 0, after = 0, taps = *getConstantIntValue(columnTaps->loop.extent);
  for (int64_t tap = 0; tap < taps; ++tap) {
    auto place = [&](int64_t column) {
      return column * columnTaps->stride + tap * columnTaps->dilation;
    };
    int64_t left = 0, right = 0;
    while (left < columns && place(first + left) < low)
      ++left;
    while (right < columns && place(last + columns - 1 - right) >= end)
      ++right;
    before = left && (!before || left < before) ? left : before;
    after = right && (!after || right < after) ? right : after;
  }
  return {before, after};
}

/// The last value of the index of a loop, or of a constant.
static std::optional<int64_t> lastValue(Value index) {
  if (std::optional<int64_t> known = getConstantIntValue(index))
    return known;
  auto argument = dyn_cast<BlockArgument>(index);
  auto loop = argument ? dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp()) : nullptr;
  std::optional<int64_t> end =
      loop ? getConstantIntValue(loop.getUpperBound()) : std::optional<int64_t>();
  std::optional<int64_t> step = loop ? getConstantIntValue(loop.getStep()) : end;
  return end ? std::optional(*end - step.value_or(1)) : std::nullopt;
}

/// The sums of a register tile of which `top` is the first row. A tap leaves out all rows, the
/// first one or the last one, or some columns at an edge.
SmallVector<Value> DirectConvolution::accumulateTaps(Value top, Value x, int64_t rows,
                                                     int64_t columns, Value from, Value factors,
                                                     ArrayRef<Value> pixels,
                                                     const DepthRange &range,
                                                     SmallVector<Value> tile) {
  int64_t rowCount = *getConstantIntValue(rowTaps->loop.extent);
  int64_t columnCount = *getConstantIntValue(columnTaps->loop.extent);
  // Where nothing may be left out, nothing is margin.
  Value zero = constant(0), far = constant(int64_t(1) << 40);
  auto bound = [&](OpFoldResult own, Value other) -> Value {
    return arith::SelectOp::create(b, loc, skips, asValue(own), other);
  };
  Value low = bound(rowTaps->low, zero), end = bound(rowTaps->end, far);
  Value columnLow = bound(columnTaps->low, zero), columnEnd = bound(columnTaps->end, far);
  Value place = mul(top, constant(rowTaps->stride));
  Value lastPlace = add(place, constant((rows - 1) * rowTaps->stride));
  // The first tap of a row at `at` that is not before a bound.
  auto tapFrom = [&](Value at, Value from) {
    Value left = arith::MaxSIOp::create(b, loc, sub(from, at), zero);
    return min(ceilDiv(left, rowTaps->dilation), constant(rowCount));
  };
  auto isFrom = [&](Value x, Value y) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, x, y);
  };
  auto overLoop = [&](Value first, Value last, int64_t by, ValueRange init,
                      function_ref<SmallVector<Value>(Value, ValueRange)> body) {
    auto nest = scf::ForOp::create(b, loc, first, last, constant(by), init,
                                   [&](OpBuilder &inner, Location, Value index, ValueRange before) {
                                     OpBuilder::InsertionGuard guard(b);
                                     b.setInsertionPoint(inner.getInsertionBlock(),
                                                         inner.getInsertionPoint());
                                     scf::YieldOp::create(b, loc, body(index, before));
                                   });
    return SmallVector<Value>(nest.getResults());
  };
  Value firstTap = tapFrom(lastPlace, low), lastTap = tapFrom(place, end);
  // Rows that are left over are few: no bodies of their own.
  std::optional<int64_t> knownTop = getConstantIntValue(top);
  auto [before, after] =
      knownTop && *knownTop > 0 ? std::pair<int64_t, int64_t>(0, 0) : columnsInMargin(x, columns);
  // A tile of several rows may have its last one at the edge.
  std::optional<int64_t> lastTop = lastValue(top), knownEnd = getConstantIntValue(rowTaps->end);
  bool mayLackLast =
      !lastTop || !knownEnd ||
      (*lastTop + rows - 1) * rowTaps->stride + (rowCount - 1) * rowTaps->dilation >= *knownEnd;

  auto ofTap = [&, before = before, after = after](Value channelFrom, Value channelTo, Value tapRow,
                                                   Value tapColumn, ValueRange own) {
    prefetchLines(add(mul(tapRow, constant(columnCount)), tapColumn), rowCount * columnCount);
    Value at = add(add(from, advance(image, rowTaps->loop, tapRow)),
                   advance(image, columnTaps->loop, tapColumn));
    Value factorsAt = add(add(factors, advance(filters, rowTaps->loop, tapRow)),
                          advance(filters, columnTaps->loop, tapColumn));
    Value column =
        add(mul(x, constant(columnTaps->stride)), mul(tapColumn, constant(columnTaps->dilation)));
    Value offset = mul(tapRow, constant(rowTaps->dilation));
    // What is left out, and when; all but that is what remains.
    SmallVector<std::pair<Value, std::array<int64_t, 4>>> cases;
    if (rows > 1)
      cases.push_back({less(add(place, offset), low), {1, rows, 0, columns}});
    if (rows > 1 && mayLackLast)
      cases.push_back({isFrom(add(lastPlace, offset), end), {0, rows - 1, 0, columns}});
    if (before)
      cases.push_back({less(add(column, constant((before - 1) * columnTaps->stride)), columnLow),
                       {0, rows, before, columns}});
    if (after)
      cases.push_back(
          {isFrom(add(column, constant((columns - after) * columnTaps->stride)), columnEnd),
           {0, rows, 0, columns - after}});
    auto body = [&](const std::array<int64_t, 4> &kept) {
      SmallVector<int64_t> inside;
      for (int64_t dy = kept[0]; dy < kept[1]; ++dy)
        for (int64_t dx = kept[2]; dx < kept[3]; ++dx)
          inside.push_back(dy * columns + dx);
      return accumulateChannels(channelFrom, channelTo, at, factorsAt, pixels, inside, own);
    };
    std::function<SmallVector<Value>(size_t)> choose = [&](size_t i) -> SmallVector<Value> {
      if (i == cases.size())
        return body({0, rows, 0, columns});
      auto branch = scf::IfOp::create(b, loc, own.getTypes(), cases[i].first, true);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      scf::YieldOp::create(b, loc, body(cases[i].second));
      b.setInsertionPointToStart(branch.elseBlock());
      scf::YieldOp::create(b, loc, choose(i + 1));
      return SmallVector<Value>(branch.getResults());
    };
    return choose(0);
  };
  auto overTaps = [&](Value channelFrom, Value channelTo, ValueRange init) {
    return overLoop(firstTap, lastTap, 1, init, [&](Value tapRow, ValueRange ofRow) {
      return overLoop(zero, constant(columnCount), 1, ofRow, [&](Value tapColumn, ValueRange own) {
        return ofTap(channelFrom, channelTo, tapRow, tapColumn, own);
      });
    });
  };
  if (range.isAll && depthExtent() <= 2 * kChannels)
    return overTaps(range.from, range.to, tile);
  return overLoop(range.from, range.to, kChannels, tile, [&](Value channel, ValueRange own) {
    return overTaps(channel, min(add(channel, constant(kChannels)), range.to), own);
  });
}

/// Adds a range of the channels, for one tap, to the sums of the pixels that are `inside`.
SmallVector<Value> DirectConvolution::accumulateChannels(Value channelFrom, Value channelTo,
                                                         Value from, Value factors,
                                                         ArrayRef<Value> pixels,
                                                         ArrayRef<int64_t> inside,
                                                         ValueRange tile) {
  if (inside.empty())
    return SmallVector<Value>(tile);
  SmallVector<Value> kept(tile), init;
  for (int64_t i : inside)
    init.push_back(tile[i]);
  auto type = VectorType::get({width}, element);
  auto nest = scf::ForOp::create(
      b, loc, channelFrom, channelTo, constant(1), init,
      [&](OpBuilder &inner, Location, Value channel, ValueRange before) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
        Value factorAt = add(factors, advance(filters, depth[0], channel));
        Value factor = vector::LoadOp::create(b, loc, type, filters.flat, factorAt);
        prefetchFilters(factorAt);
        Value at = add(from, advance(image, depth[0], channel));
        SmallVector<Value> sums;
        for (auto [i, sum] : llvm::zip_equal(inside, before)) {
          Value scalar = memref::LoadOp::create(b, loc, image.flat, add(at, pixels[i]));
          sums.push_back(
              multiplyAdd(vector::BroadcastOp::create(b, loc, type, scalar), factor, sum));
        }
        scf::YieldOp::create(b, loc, sums);
      });
  for (auto [i, sum] : llvm::zip_equal(inside, nest.getResults()))
    kept[i] = sum;
  return kept;
}
