// SPDX-License-Identifier: Apache-2.0
// Convolutions with many outputs: vectors run along the outputs.

#include "DirectConvolution.h"
#include "TransposeVectors.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "torshjit/Buffer/DepthGroups.h"
#include "torshjit/Dialect/Torsh/IR/TorshPanels.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace mlir::torsh;

/// Convolutions of fewer multiplications than this are left as plain loops.
static constexpr int64_t kSmallestPacked = 4096;
/// Fewer take less time than bodies that leave out the margin take to compile.
static constexpr int64_t kSmallestSkipping = 100000;
/// Positions whose sums are kept at a time, before they are written as rows of the result.
static constexpr int64_t kMostSums = 512;
/// Places of the innermost loop of the depth that are unrolled.
static constexpr int64_t kMostUnrolled = 1;

LogicalResult DirectConvolution::classify() {
  if (failed(analyze()) || outputs.size() != 1)
    return failure();
  column = positions.pop_back_val();
  std::optional<int64_t> columnCount = getConstantIntValue(column.extent);
  std::optional<int64_t> outputCount = getConstantIntValue(outputs[0].extent);
  if (!columnCount || !outputCount || stride(result, column) != 1)
    return failure();
  numColumns = *columnCount;
  numOutputs = *outputCount;
  depthTotal = 1;
  for (const Loop &loop : depth) {
    std::optional<int64_t> extent = getConstantIntValue(loop.extent);
    if (!extent || *extent == 0)
      return failure();
    depthTotal *= *extent;
  }
  int64_t work = numColumns * numOutputs * depthTotal;
  for (const Loop &loop : llvm::concat<const Loop>(positions, outer))
    work *= getConstantIntValue(loop.extent).value_or(kSmallestPacked);
  if (work <= kSmallestPacked)
    return failure();
  // Filters whose number the type does not say are packed for each tile: not worth it.
  if (!cast<MemRefType>(op.getInputs()[1].getType()).hasStaticShape())
    return failure();
  if (!positions.empty())
    row = positions.pop_back_val();
  if (schedule && schedule.getRegisterTile().size() >= 2) {
    numPixels = std::max<int64_t>(1, schedule.getRegisterTile()[0]);
    width = std::max<int64_t>(1, schedule.getRegisterTile()[1]);
  }
  channelsFirst.assign(depth.begin(), depth.end());
  if (schedule && findPairedLoop(op, schedule.getRegisterTile())) {
    step = 2;
    depth[0].extent = b.getIndexAttr(depthExtent() / step);
    std::rotate(depth.begin(), depth.begin() + 1, depth.end());
  }
  if (schedule && schedule.getBlock().size() == 3)
    depthBlock = std::max<int64_t>(1, schedule.getBlock()[2]);
  numBlocks = llvm::divideCeil(numOutputs, width);
  chunkRows = std::max<int64_t>(1, kMostSums / numColumns);
  std::optional<int64_t> numRows =
      row ? getConstantIntValue(row->extent) : std::optional<int64_t>(1);
  if (numRows)
    chunkRows = std::min(chunkRows, *numRows);
  if (work >= kSmallestSkipping)
    findTaps();
  return success();
}

LogicalResult DirectConvolution::emit() {
  initial = takeInitialValue();
  b.setInsertionPoint(op);
  targets.assign(1, result);
  if (initial)
    takeEpilogue(column);
  if (epilogue)
    b.setInsertionPoint(epilogue);
  packsBlocks = step == 1 && usesFiltersOnce();
  Value zero = constant(0), first = zero;
  if (packsBlocks) {
    filterOutputs = numOutputs;
    layOutDepth();
    int64_t kept = std::min(depthTotal, depthStep() * (depthTotal / depthExtent())) * width;
    filters.flat = allocate(kept, element);
  } else {
    FailureOr<Value> packed = packFilters();
    if (failed(packed))
      return failure();
    first = *packed;
  }
  // Squares of sums are read whole: what lies past the last sum is not written.
  int64_t kept = (chunkRows * numColumns + 16) * width;
  sums = allocate(kept, element);
  llvm::append_range(outer, positions);
  if (packsImage())
    layOutImage();
  else
    image = input;
  SmallVector<const LinearAccess *> accesses{&input, packsBlocks ? &weight : &filters};
  for (const LinearAccess &target : targets)
    accesses.push_back(&target);
  SmallVector<Value> starts(accesses.size(), zero);
  starts[1] = first;
  forEach(outer, accesses, starts, [&](ArrayRef<Value> offsets) {
    Place place{offsets[0], offsets[1], SmallVector<Value>(offsets.drop_front(2))};
    firstRow = zero;
    if (packsImage()) {
      packImage(place.input);
      place.input = constant(0);
    }
    if (!row)
      return emitChunk(place, constant(1));
    Value total = asValue(row->extent);
    forLoop(zero, total, chunkRows, [&](Value y) {
      std::optional<int64_t> known = getConstantIntValue(row->extent);
      Value rows = known && *known % chunkRows == 0 ? constant(chunkRows)
                                                    : min(constant(chunkRows), sub(total, y));
      firstRow = y;
      emitChunk({add(place.input, advance(image, *row, y)), place.filters,
                 advanceTargets(place.result, *row, y)},
                rows);
    });
  });
  eraseOps();
  return success();
}

int64_t DirectConvolution::depthExtent() const { return *getConstantIntValue(depth[0].extent); }

int64_t DirectConvolution::depthStep() const {
  return std::max<int64_t>(1, depthBlock / (depthTotal / depthExtent()));
}

/// All outputs of some rows: sums over blocks of the depth, then the results.
void DirectConvolution::emitChunk(const Place &place, Value rows) {
  forLoop(constant(0), constant(numBlocks), 1, [&](Value block) {
    Value firstOutput = mul(block, constant(width));
    Place own{place.input, place.filters, advanceTargets(place.result, outputs[0], firstOutput)};
    if (!packsBlocks)
      own.filters = add(place.filters, mul(block, constant(width * depthTotal)));
    int64_t extent = depthExtent(), step = depthStep(), inner = depthTotal / extent;
    auto sumRange = [&](Value from, Value to, bool isAll) {
      if (packsBlocks) {
        packBlock(weight, place.filters, filters.flat, constant(0), block,
                  mul(from, constant(inner)), mul(sub(to, from), constant(inner)));
        // Where the first place of the depth would be.
        own.filters = sub(constant(0), advance(filters, depth[0], from));
      }
      emitSums(own, rows, {from, to, isAll});
    };
    emitSkipping(rows, [&] {
      if (step >= extent)
        return sumRange(constant(0), constant(extent), /*isAll=*/true);
      auto type = VectorType::get({width}, element);
      forLoop(constant(0), mul(rows, constant(numColumns * width)), width,
              [&](Value at) { vector::StoreOp::create(b, loc, zeros(type), sums, at); });
      forLoop(constant(0), constant(extent), step, [&](Value from) {
        sumRange(from, min(add(from, constant(step)), constant(extent)), /*isAll=*/false);
      });
    });
    storeSums(own, rows, firstOutput);
  });
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// The sums of a range of the depth, for all positions of some rows.
void DirectConvolution::emitSums(const Place &place, Value rows, const DepthRange &range) {
  // Where the image is narrow, several rows make a register tile.
  int64_t together = std::clamp<int64_t>(numPixels / numColumns, 1, chunkRows);
  std::optional<int64_t> known = getConstantIntValue(rows);
  if (known) {
    together = llvm::divideCeil(*known, llvm::divideCeil(*known, together));
    int64_t whole = *known / together * together;
    forLoop(constant(0), constant(whole), together,
            [&](Value y) { emitColumns(place, y, together, range); });
    if (whole < *known)
      emitColumns(place, constant(whole), *known - whole, range);
    return;
  }
  Value whole = mul(arith::DivUIOp::create(b, loc, rows, constant(together)), constant(together));
  if (together > 1)
    forLoop(constant(0), whole, together, [&](Value y) { emitColumns(place, y, together, range); });
  forLoop(together > 1 ? whole : constant(0), rows, 1,
          [&](Value y) { emitColumns(place, y, 1, range); });
}

/// Register tiles along some rows, of as even a size as there is.
void DirectConvolution::emitColumns(const Place &place, Value y, int64_t rows,
                                    const DepthRange &range) {
  int64_t tiles = llvm::divideCeil(numColumns * rows, numPixels);
  int64_t columns = llvm::divideCeil(numColumns, rows > 1 ? 1 : tiles);
  int64_t whole = numColumns / columns * columns;
  forLoop(constant(0), constant(whole), columns,
          [&](Value x) { emitTile(place, y, x, rows, columns, range); });
  if (whole < numColumns)
    emitTile(place, y, constant(whole), rows, numColumns - whole, range);
}

void DirectConvolution::emitTile(const Place &place, Value y, Value x, int64_t rows,
                                 int64_t columns, const DepthRange &range) {
  auto type = VectorType::get({width}, element);
  Value from = add(place.input, advance(image, column, x));
  if (row)
    from = add(from, advance(image, *row, y));
  Value firstSum = mul(add(mul(y, constant(numColumns)), x), constant(width));
  SmallVector<Value> pixels, places, tile;
  for (int64_t dy = 0; dy < rows; ++dy)
    for (int64_t dx = 0; dx < columns; ++dx) {
      Value pixel = advance(image, column, dx);
      pixels.push_back(dy ? add(pixel, advance(image, *row, dy)) : pixel);
      places.push_back(add(firstSum, constant((dy * numColumns + dx) * width)));
      tile.push_back(range.isAll
                         ? zeros(type)
                         : vector::LoadOp::create(b, loc, type, sums, places.back()).getResult());
    }
  planPrefetch(place, y, x, rows * columns);
  Value next = rows > 1 ? advance(image, *row, rows) : advance(image, column, columns);
  planLines(place, y, x, add(from, add(pixels.back(), next)), range);
  tile = rowTaps ? accumulateTaps(add(firstRow, y), x, rows, columns, from, place.filters, pixels,
                                  range, std::move(tile))
                 : accumulate(0, from, place.filters, pixels, range, std::move(tile));
  for (auto [at, sum] : llvm::zip_equal(places, tile))
    vector::StoreOp::create(b, loc, sum, sums, at);
}

/// Filters that another kernel packed come from memory where all weights of a network do not fit
/// in the caches: the tiles of a chunk share those of the block of outputs behind among them.
void DirectConvolution::planPrefetch(const Place &place, Value y, Value x, int64_t tilePixels) {
  filtersAhead = {};
  if (!findPanelsView(op.getInputs()[1]))
    return;
  Value done = mul(add(mul(y, constant(numColumns)), x), constant(depthTotal * width));
  filtersAhead = {place.filters, done, tilePixels};
}

void DirectConvolution::prefetchFilters(Value factors) {
  if (!filtersAhead.first)
    return;
  int64_t pixelsOfChunk = std::max(filtersAhead.tilePixels, chunkRows * numColumns);
  Value own = mul(sub(factors, filtersAhead.first), constant(filtersAhead.tilePixels));
  Value at = add(filtersAhead.first, constant(width * depthTotal));
  at = add(at, div(add(filtersAhead.done, own), pixelsOfChunk));
  int64_t line = std::max<int64_t>(1, 512 / filterElement().getIntOrFloatBitWidth());
  int64_t count = llvm::divideCeil(width * step * filtersAhead.tilePixels, pixelsOfChunk);
  for (int64_t c = 0; c < count; c += line)
    prefetchLine(filters.flat, add(at, constant(c)), /*isWrite=*/false, /*locality=*/2);
}

/// What a register tile writes and what its epilogue reads lie in as many lines as there are
/// outputs, far from one another; where no window has the image read many times, what the tile
/// behind reads comes from where another thread may have written it.
void DirectConvolution::planLines(const Place &place, Value y, Value x, Value nextPixels,
                                  const DepthRange &range) {
  linesAhead.clear();
  for (auto [i, target] : llvm::enumerate(targets)) {
    if (!range.isAll || stride(target, column) != 1)
      continue;
    Value first = add(place.result[i], advance(target, column, x));
    if (row)
      first = add(first, advance(target, *row, y));
    linesAhead.push_back({target.flat, first, asValue(target.strides[outputs[0].number]), width,
                          /*isWrite=*/i == 0});
  }
  if (isPointwise && !packsImage())
    linesAhead.push_back({input.flat, nextPixels, asValue(input.strides[depth[0].number]),
                          depthExtent(), /*isWrite=*/false});
}

/// At iteration `k` of `count`: its share of the lines.
void DirectConvolution::prefetchLines(Value k, int64_t iterations) {
  for (const LinesAhead &lines : linesAhead) {
    int64_t each = llvm::divideCeil(lines.count, iterations);
    for (int64_t i = 0; i < each; ++i) {
      Value number = add(mul(k, constant(each)), constant(i));
      if (lines.count < each * iterations)
        number = min(number, constant(lines.count - 1));
      prefetchLine(lines.memory, add(lines.first, mul(number, lines.stride)), lines.isWrite,
                   /*locality=*/3);
    }
  }
}

/// The sums over the loops of the depth from `loop` on: loops that carry the register
/// tile, the innermost one unrolled where it is short.
SmallVector<Value> DirectConvolution::accumulate(size_t loop, Value from, Value factors,
                                                 ArrayRef<Value> pixels, const DepthRange &range,
                                                 SmallVector<Value> tile) {
  auto type = VectorType::get({width}, element);
  if (loop == depth.size()) {
    Type own = filterElement();
    Value factor =
        vector::LoadOp::create(b, loc, VectorType::get({width * step}, own), filters.flat, factors);
    prefetchFilters(factors);
    for (auto [pixel, sum] : llvm::zip_equal(pixels, tile)) {
      if (step > 1) {
        Value pair = vector::LoadOp::create(b, loc, VectorType::get({step}, own), image.flat,
                                            add(from, pixel));
        sum = dotGroups(b, loc, {pair}, {factor}, sum);
        continue;
      }
      Value scalar = memref::LoadOp::create(b, loc, image.flat, add(from, pixel));
      sum = multiplyAdd(vector::BroadcastOp::create(b, loc, type, scalar), factor, sum);
    }
    return tile;
  }
  const Loop &own = depth[loop];
  int64_t extent = *getConstantIntValue(own.extent);
  if (loop > 0 && loop + 1 == depth.size() && extent <= kMostUnrolled) {
    for (int64_t i = 0; i < extent; ++i)
      tile = accumulate(loop + 1, add(from, advance(image, own, i)),
                        add(factors, advance(filters, own, i)), pixels, range, std::move(tile));
    return tile;
  }
  auto nest = scf::ForOp::create(
      b, loc, loop ? constant(0) : range.from, loop ? constant(extent) : range.to, constant(1),
      tile, [&](OpBuilder &inner, Location, Value index, ValueRange before) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
        if (loop == 0)
          prefetchLines(index, depthExtent());
        SmallVector<Value> after = accumulate(loop + 1, add(from, advance(image, own, index)),
                                              add(factors, advance(filters, own, index)), pixels,
                                              range, SmallVector<Value>(before));
        scf::YieldOp::create(b, loc, after);
      });
  return SmallVector<Value>(nest.getResults());
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// Writes the sums of some rows, whose vectors run along the outputs, as rows of the
/// result.
void DirectConvolution::storeSums(const Place &place, Value rows, Value firstOutput) {
  // Rows that follow one another in all that is read and written are one.
  bool isFlat = !row || llvm::all_of(targets, [&](const LinearAccess &target) {
    std::optional<int64_t> step = stride(target, column);
    return step && stride(target, *row) == *step * numColumns;
  });
  if (isFlat)
    return storeRun(constant(0), mul(rows, constant(numColumns)), place.result, firstOutput);
  forLoop(constant(0), rows, 1, [&](Value y) {
    storeRun(mul(y, constant(numColumns * width)), constant(numColumns),
             advanceTargets(place.result, *row, y), firstOutput);
  });
}

/// Neighbouring positions: whole squares, then what is left.
void DirectConvolution::storeRun(Value firstSum, Value count, ArrayRef<Value> at,
                                 Value firstOutput) {
  int64_t n = std::gcd(width, element.getIntOrFloatBitWidth() > 32 ? 8 : 16);
  auto square = [&](Value x, Value left) {
    storeSquares(add(firstSum, mul(x, constant(width))), left, advanceTargets(at, column, x),
                 firstOutput, /*isWhole=*/!left);
  };
  std::optional<int64_t> known = getConstantIntValue(count);
  Value whole = known ? constant(*known / n * n)
                      : mul(arith::DivUIOp::create(b, loc, count, constant(n)), constant(n));
  forLoop(constant(0), whole, n, [&](Value x) { square(x, {}); });
  if (!known || *known % n != 0)
    forLoop(whole, count, n, [&](Value x) { square(x, sub(count, x)); });
}

/// The sums of some positions, transposed a square at a time. Outputs past the last one
/// and positions from `count` on are not written.
void DirectConvolution::storeSquares(Value firstSum, Value count, ArrayRef<Value> at,
                                     Value firstOutput, bool isWhole) {
  int64_t n = std::gcd(width, element.getIntOrFloatBitWidth() > 32 ? 8 : 16);
  auto type = VectorType::get({n}, element);
  bool isRagged = numOutputs % width != 0;
  bool isZero =
      initial && (matchPattern(initial, m_Zero()) || matchPattern(initial, m_AnyZeroFloat()));
  forLoop(constant(0), constant(width), n, [&](Value lane) {
    SmallVector<Value> square;
    for (int64_t i = 0; i < n; ++i) {
      Value from = add(add(firstSum, constant(i * width)), lane);
      square.push_back(vector::LoadOp::create(b, loc, type, sums, from));
    }
    square = transposeVectors(b, loc, std::move(square));
    for (auto [i, x] : llvm::enumerate(square)) {
      Value output = add(lane, constant(i));
      Value exists;
      if (isRagged)
        exists = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, add(firstOutput, output),
                                       constant(numOutputs));
      auto write = [&] {
        SmallVector<Value> to = advanceTargets(at, outputs[0], output);
        Value mask = isWhole ? Value() : firstLanes(n, count), before, sum = x;
        if (initial)
          before = vector::BroadcastOp::create(b, loc, type, initial);
        else if (mask)
          before =
              vector::MaskedLoadOp::create(b, loc, type, result.flat, to[0], mask, zeros(type));
        else
          before = vector::LoadOp::create(b, loc, type, result.flat, to[0]);
        if (!isZero)
          sum = isa<FloatType>(element) ? arith::AddFOp::create(b, loc, before, x).getResult()
                                        : arith::AddIOp::create(b, loc, before, x).getResult();
        writeSums(sum, to, mask);
      };
      if (!isRagged) {
        write();
        continue;
      }
      auto branch = scf::IfOp::create(b, loc, exists, /*withElseRegion=*/false);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      write();
    }
  });
}
