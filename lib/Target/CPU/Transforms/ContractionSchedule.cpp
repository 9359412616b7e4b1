// SPDX-License-Identifier: Apache-2.0
// A model of the caches: a block of columns stays in the second one while all rows of
// a tile stream past it, a panel at a time.

#include "ContractionSchedule.h"
#include "DotForms.h"
#include "mlir/IR/TypeUtilities.h"
#include "torshjit/Buffer/PackedProducts.h"

using namespace mlir;
using namespace mlir::torsh;
using namespace mlir::torsh::cpu;

/// Rows that a tile has where there are as many: they pay for packing the columns.
static constexpr int64_t kRowTarget = 1024;
/// Panels of columns that a tile has at most; more make its result too large to stay
/// in the second cache until what follows the product reads it.
static constexpr int64_t kColumnPanels = 16;
/// Tiles for each thread, where there is work for as many.
static constexpr int64_t kTilesPerThread = 4;
/// Up to so many rows, packing columns that lie along the depth would cost a good part of
/// the product; as many rows more would cost the same.
static constexpr int64_t kRowsToExchange = 96, kPackingInRows = 16;
/// Rows that are broadcast from where they lie: more would fall on one another in the
/// first cache where they are a power of two apart.
static constexpr int64_t kRowsInPlace = 6;
/// From so many rows on, packing the columns again for each tile costs less than
/// writing them to memory packed.
static constexpr int64_t kRowsToRepack = 512;

static int64_t assumed(int64_t extent) {
  return ShapedType::isDynamic(extent) ? kAssumedExtent : std::max<int64_t>(extent, 1);
}

namespace {

/// The axes of the result by what they index.
struct Axes {
  SmallVector<int64_t> rows, columns;
  bool isBatched = false;
  unsigned rowsInput = 0;

  explicit Axes(linalg::GenericOp contraction) {
    SmallVector<AffineMap> maps = contraction.getIndexingMapsArray();
    for (auto [axis, index] : llvm::enumerate(maps[2].getResults())) {
      unsigned loop = cast<AffineDimExpr>(index).getPosition();
      bool inLeft = maps[0].isFunctionOfDim(loop), inRight = maps[1].isFunctionOfDim(loop);
      if (inLeft && !inRight)
        rows.push_back(axis);
      else if (inRight && !inLeft)
        columns.push_back(axis);
      else
        isBatched = true;
    }
    if (!columns.empty() && !rows.empty() && rows.back() > columns.back()) {
      std::swap(rows, columns);
      rowsInput = 1;
    }
  }
};

} // namespace

static int64_t product(ShapedType type, ArrayRef<int64_t> axes) {
  int64_t total = 1;
  for (int64_t axis : axes)
    total *= assumed(type.getDimSize(axis));
  return total;
}

/// How many iterations of a loop of `extent` a tile takes so that, with `inner`
/// elements for each, about `target` elements fill whole multiples of `multiple`.
static int64_t splitLoop(int64_t extent, int64_t inner, int64_t target, int64_t multiple) {
  if (inner % multiple == 0 || inner >= target)
    return std::max<int64_t>(1, target / inner);
  if (inner == 1)
    return std::max(multiple, target / multiple * multiple);
  int64_t best = 1, least = std::numeric_limits<int64_t>::max();
  for (int64_t count = 1; count <= std::min(extent, 2 * target / inner); ++count) {
    auto padded = [&](int64_t iterations) {
      return llvm::divideCeil(iterations * inner, multiple) * multiple;
    };
    int64_t all = extent / count * padded(count) + padded(extent % count);
    if (all < least || (all == least && count * inner <= target)) {
      least = all;
      best = count;
    }
  }
  return best;
}

/// Gives the axes, from the innermost, all of their extent until `target` is reached;
/// 0 is all of it.
static void assign(ShapedType type, ArrayRef<int64_t> axes, int64_t target, int64_t multiple,
                   SmallVectorImpl<int64_t> &sizes) {
  int64_t inner = 1;
  for (int64_t axis : llvm::reverse(axes)) {
    int64_t extent = assumed(type.getDimSize(axis));
    if (!type.isDynamicDim(axis) && inner * extent <= target) {
      sizes[axis] = 0;
      inner *= extent;
    } else {
      sizes[axis] = inner < target ? splitLoop(extent, inner, target, multiple) : 1;
      inner = target;
    }
  }
}

static int64_t countTiles(ShapedType type, ArrayRef<int64_t> sizes) {
  int64_t count = 1;
  for (auto [extent, size] : llvm::zip_equal(type.getShape(), sizes))
    if (size)
      count *= llvm::divideCeil(assumed(extent), size);
  return count;
}

/// How many columns the thread that is busy longest computes, where `rowTiles` times as many tiles
/// as columns make are taken by the thread that is idle first.
static int64_t busiestThread(int64_t columns, int64_t tile, int64_t rowTiles, int64_t threads) {
  int64_t whole = columns / tile * rowTiles, narrow = columns % tile ? rowTiles : 0;
  int64_t rounds = whole / threads, late = whole % threads;
  // What is narrower fills up beside the last round.
  int64_t early = late ? threads - late : threads;
  return rounds * tile +
         std::max<int64_t>(late ? tile : 0, llvm::divideCeil(narrow, early) * (columns % tile));
}

/// The widest tile of at most `target` columns, and at least half of that, with which threads
/// are done at about the same time.
static int64_t balanceColumns(int64_t columns, int64_t target, int64_t width, int64_t rowTiles,
                              int64_t threads) {
  auto busiest = [&](int64_t tile) { return busiestThread(columns, tile, rowTiles, threads); };
  int64_t least = busiest(target);
  for (int64_t tile = target; tile >= std::max(target / 2, width); tile -= width)
    least = std::min(least, busiest(tile));
  for (int64_t tile = target; tile > width; tile -= width)
    // Narrower tiles cost a little more for each column.
    if (busiest(tile) * 64 <= least * 65)
      return tile;
  return target;
}

static int64_t roundUp(int64_t value, int64_t multiple) {
  return llvm::divideCeil(value, multiple) * multiple;
}

/// Whether the last axis of an operand is the depth's.
static bool liesAlongDepth(linalg::GenericOp contraction, unsigned input) {
  SmallVector<AffineMap> maps = contraction.getIndexingMapsArray();
  if (maps[input].getNumResults() == 0)
    return false;
  auto last = dyn_cast<AffineDimExpr>(maps[input].getResults().back());
  return last && !maps[2].isFunctionOfDim(last.getPosition());
}

/// A product of few rows by columns that lie along the depth, as weights of linear layers
/// do: the columns are read once, where they lie, and broadcast; the rows are packed as
/// vectors. None where another way is better.
static std::optional<ContractionSchedule> scheduleFewRows(linalg::GenericOp contraction,
                                                          const Axes &axes, int64_t depth,
                                                          const Machine &machine) {
  auto type = cast<ShapedType>(contraction.getResult(0).getType());
  unsigned columnsInput = 1 - axes.rowsInput;
  bool isKnown = llvm::none_of(axes.rows, [&](int64_t axis) { return type.isDynamicDim(axis); });
  if (axes.isBatched || axes.rows.empty() || axes.columns.empty() || !isKnown ||
      !liesAlongDepth(contraction, columnsInput) ||
      getElementTypeOrSelf(contraction.getInputs()[columnsInput]) != type.getElementType())
    return std::nullopt;
  int64_t bits = std::max<int64_t>(type.getElementTypeBitWidth(), 8);
  int64_t rows = product(type, axes.rows), width = 2 * machine.vectorBits / bits;
  int64_t padded = roundUp(rows, width);
  if (rows > kRowsToExchange || padded > roundUp(rows, 8) + kPackingInRows)
    return std::nullopt;
  // All of the rows stay in the second cache.
  int64_t target = std::max<int64_t>(64, machine.level2 / (padded * bits / 8));
  int64_t blocks = llvm::divideCeil(depth, target);
  int64_t depthBlock = llvm::divideCeil(depth, blocks);
  int64_t columns = 16 * kRowsInPlace;
  while (columns > kRowsInPlace && machine.threads > 1 &&
         product(type, axes.columns) < columns * kTilesPerThread * machine.threads)
    columns = roundUp(columns / 2, kRowsInPlace);
  ContractionSchedule schedule;
  schedule.registerTile = {kRowsInPlace, width};
  schedule.tile.assign(type.getRank(), 1);
  assign(type, axes.rows, rows, width, schedule.tile);
  assign(type, axes.columns, columns, kRowsInPlace, schedule.tile);
  schedule.block = {padded, columns, depthBlock, countTiles(type, schedule.tile) > 1 ? 2 : 1, 0};
  return schedule;
}

static ProductElements elementsOf(linalg::GenericOp contraction, unsigned rowsInput) {
  auto elementOf = [&](unsigned input) {
    return getElementTypeOrSelf(contraction.getInputs()[input]);
  };
  return {elementOf(rowsInput), elementOf(1 - rowsInput),
          getElementTypeOrSelf(contraction.getResult(0)), isZeroExtended(contraction, rowsInput),
          isZeroExtended(contraction, 1 - rowsInput)};
}

unsigned mlir::torsh::cpu::getRowsInput(linalg::GenericOp contraction) {
  return Axes(contraction).rowsInput;
}

ContractionSchedule mlir::torsh::cpu::scheduleContraction(linalg::GenericOp contraction,
                                                          const Machine &machine,
                                                          std::optional<unsigned> given) {
  ContractionSchedule schedule;
  auto type = cast<ShapedType>(contraction.getResult(0).getType());
  int64_t bits = std::max<int64_t>(type.getElementType().getIntOrFloatBitWidth(), 8);
  int64_t bytes = bits / 8;
  int64_t height = machine.vectorBits >= 512 ? 8 : 6, width = 2 * machine.vectorBits / bits;
  schedule.registerTile = {height, width};
  SmallVector<AffineMap> maps = contraction.getIndexingMapsArray();
  Axes axes(contraction);
  ProductElements elements = elementsOf(contraction, axes.rowsInput);
  std::optional<DepthGrouping> grouping = groupForDots(elements, machine.dotFeatures);
  int64_t step = grouping ? grouping->step : 1;
  if (grouping) {
    schedule.registerTile.append({step, grouping->flipsRows});
    schedule.groupsIntegers = elements.sum.isInteger();
  }
  int64_t panelBytes = bytes / step;

  int64_t depth = 1;
  for (auto [loop, extent] : llvm::enumerate(contraction.getStaticLoopRanges()))
    if (!maps[2].isFunctionOfDim(loop))
      depth *= assumed(extent);
  if (!given)
    if (auto few = scheduleFewRows(contraction, axes, depth, machine))
      return *few;

  // A panel of columns takes an eighth of the second cache, so that the accumulators
  // are seldom added to the result; blocks of the depth are about equal.
  int64_t depthTarget = machine.level2 / 8 / (width * panelBytes);
  if (axes.isBatched)
    depthTarget /= 4; // A tile packs its rows too.
  depthTarget = std::max<int64_t>(depthTarget, 64);
  int64_t blocks = std::max<int64_t>(1, (depth + depthTarget / 2) / depthTarget);
  int64_t depthBlock = blocks == 1 ? depth : roundUp(llvm::divideCeil(depth, blocks), 16);
  int64_t inCache = std::max(width, machine.level2 / 2 / (depthBlock * panelBytes));
  int64_t columnTarget = std::min(inCache / width, kColumnPanels) * width;
  int64_t rowTarget = std::max(height, machine.level2 / 2 / (columnTarget * bytes));
  rowTarget = std::min(axes.isBatched ? std::min(rowTarget, inCache) : rowTarget, kRowTarget) /
              height * height;

  SmallVector<int64_t> sizes(type.getRank(), 1);
  auto assignAll = [&] {
    std::fill(sizes.begin(), sizes.end(), 1);
    assign(type, axes.rows, rowTarget, height, sizes);
    assign(type, axes.columns, columnTarget, width, sizes);
    return countTiles(type, sizes);
  };
  // Smaller tiles, those of columns first, until there is work for every thread.
  int64_t wanted = machine.threads == 1 ? 1 : kTilesPerThread * machine.threads;
  while (assignAll() < wanted) {
    int64_t leastColumns = rowTarget > 16 * height ? 2 * width : width;
    if (columnTarget > leastColumns)
      columnTarget = std::max(leastColumns, columnTarget / 2 / width * width);
    else if (rowTarget > 4 * height)
      rowTarget = std::max(4 * height, rowTarget / 2 / height * height);
    else
      break;
  }

  auto tilesAlong = [&](ArrayRef<int64_t> along) {
    SmallVector<int64_t> own(sizes.size(), 0);
    for (int64_t axis : along)
      own[axis] = sizes[axis];
    return countTiles(type, own);
  };
  if (machine.threads > 1 && axes.columns.size() == 1 && sizes[axes.columns.front()] &&
      !type.isDynamicDim(axes.columns.front())) {
    columnTarget = balanceColumns(type.getDimSize(axes.columns.front()), columnTarget, width,
                                  tilesAlong(axes.rows), machine.threads);
    assignAll();
  }
  int64_t rowTiles = tilesAlong(axes.rows), columnTiles = tilesAlong(axes.columns);
  // What is widened or changed on the way is so once, while it is packed.
  bool isChanged = elements.rows != elements.sum;
  if (grouping)
    isChanged = grouping->flipsRows || (step == 2 && elements.rows.isInteger(8));
  bool fewRows = height % 8 != 0 && !isChanged && depth % step == 0 &&
                 liesAlongDepth(contraction, axes.rowsInput);
  bool repacks = rowTiles > 1 && rowTarget < kRowsToRepack;
  schedule.block = {std::min(rowTarget, roundUp(product(type, axes.rows), height)),
                    std::min(columnTarget, roundUp(product(type, axes.columns), width)), depthBlock,
                    fewRows                              ? 0
                    : columnTiles > 1 && !axes.isBatched ? 2
                                                         : 1,
                    repacks && !axes.isBatched ? 2 : 1};
  if (given)
    schedule.block[given == axes.rowsInput ? 3 : 4] = kGivenPanels;
  schedule.tile = std::move(sizes);
  return schedule;
}
