// SPDX-License-Identifier: Apache-2.0
// The numbers of contractions that are bound by reading one operand.

#include "SkinnySchedule.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::torsh;

/// Rows in a panel at most: with more, too few columns fit beside them into the registers.
static constexpr int64_t kPanelRows = 8;
/// Rows in a panel where their number is not known.
static constexpr int64_t kUnknownPanelRows = 4;
/// From so many rows on a vector of the wide operand takes so long to multiply that the
/// processor's own prefetching falls behind.
static constexpr int64_t kPrefetchedRows = 4;
/// Bytes of the thin operand that stay in the first cache beside what streams through.
static constexpr int64_t kThinBytes = 16384;
/// How far ahead lines are asked for where few rows run along the depth: the processor's own
/// prefetching ends with each page, and looks up the next one late.
static constexpr int64_t kRunAheadBytes = 1024;
/// The least depth that is worth a range of its own, and the most ranges: their sums are
/// added by one thread.
static constexpr int64_t kSmallestRange = 128, kMostRanges = 8;
/// Bytes of a wide operand that stays in the caches: nothing is gained by reading it in order.
static constexpr int64_t kCachedWide = 1 << 16;
/// Vectors of the depth up to which it is short.
static constexpr int64_t kShortDepth = 16;
/// Multiplications, and bytes of the wide operand, from which on a product takes longer than
/// waking a thread does.
static constexpr int64_t kThreadedProducts = 1 << 18, kThreadedBytes = 1 << 18;

static int64_t elementBits(linalg::GenericOp op) {
  return std::max<int64_t>(
      getElementTypeOrSelf(op.getDpsInits()[0].getType()).getIntOrFloatBitWidth(), 8);
}

/// Whether a kernel reads the tensor where its caller has it.
static bool isArgument(Value tensor) {
  while (Operation *op = tensor.getDefiningOp()) {
    if (isa<bufferization::ToTensorOp>(op))
      return true;
    if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(op))
      return false;
    tensor = op->getOperand(0);
  }
  return false;
}

/// The product of the extents, 0 where one is not known.
static int64_t knownCount(linalg::LinalgOp op, ArrayRef<unsigned> loops) {
  int64_t product = 1;
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  for (unsigned loop : loops)
    product *= ShapedType::isDynamic(extents[loop]) ? 0 : extents[loop];
  return product;
}

/// How many ranges of the depth to make for the threads, 0 where they rather divide the
/// columns or the batch.
static int64_t selectSplit(linalg::GenericOp contraction, const SkinnyShape &shape,
                           const SkinnyMachine &machine) {
  // A range is rows of the wide operand, one run through memory; a range of columns is a
  // short piece of every row.
  int64_t depth = knownCount(contraction, shape.depth);
  if (machine.threads < 2 || !shape.columnsLast || !shape.batch.empty() ||
      shape.depth.size() != 1 || shape.columns.size() != 1 ||
      ShapedType::isDynamic(shape.rowCount) || !isArgument(contraction.getInputs()[shape.wide]))
    return 0;
  int64_t ranges = std::min({depth / kSmallestRange, 2 * machine.threads, kMostRanges});
  return ranges >= machine.threads ? ranges : 0;
}

bool mlir::torsh::isWorthThreads(linalg::GenericOp contraction, const SkinnyShape &shape) {
  SmallVector<int64_t> extents = contraction.getStaticLoopRanges();
  int64_t products = 1, read = 1;
  AffineMap wide = contraction.getIndexingMapsArray()[shape.wide];
  for (auto [loop, extent] : llvm::enumerate(extents)) {
    if (ShapedType::isDynamic(extent))
      return true;
    products *= extent;
    read *= wide.isFunctionOfDim(loop) ? extent : 1;
  }
  Type own = getElementTypeOrSelf(contraction.getInputs()[shape.wide].getType());
  return products >= kThreadedProducts ||
         read * int64_t(own.getIntOrFloatBitWidth()) / 8 >= kThreadedBytes;
}

SkinnyNumbers mlir::torsh::selectSkinny(linalg::GenericOp contraction, const SkinnyShape &shape,
                                        const SkinnyMachine &machine, bool isParallel) {
  int64_t lanes = std::max<int64_t>(machine.vectorBits / elementBits(contraction), 1);
  // Three quarters of the registers are sums; the rest holds what they are made of.
  int64_t registers = machine.vectorBits >= 512 ? 32 : 16, sums = registers * 3 / 4;
  // Over a short depth it is adding up the sums' lanes that takes the time: as many sums
  // as a vector has lanes are added up together.
  int64_t depthTotal = knownCount(contraction, shape.depth);
  bool isShort = !shape.columnsLast && depthTotal && depthTotal <= kShortDepth * lanes;
  int64_t mostRows = machine.vectorBits >= 512 && !isShort ? kPanelRows : kPanelRows / 2;
  int64_t rows = std::min(kUnknownPanelRows, mostRows);
  if (!ShapedType::isDynamic(shape.rowCount)) {
    // Panels of equal height.
    int64_t known = std::max<int64_t>(shape.rowCount, 1);
    rows = llvm::divideCeil(known, llvm::divideCeil(known, mostRows));
  }
  bool isSlow = rows >= kPrefetchedRows, isPrefetched = isSlow && isParallel && !isShort;
  if (shape.columnsLast) {
    // One row does little with what it reads: runs through few rows of the wide operand
    // keep the processor's prefetching ahead. More rows keep their sums longer.
    int64_t vectors = std::clamp<int64_t>(sums / rows, 1, rows == 1 ? 2 : isSlow ? 8 : 4);
    int64_t depth = isSlow ? 32 : 8;
    int64_t columns = knownCount(contraction, shape.columns);
    // Tiles of few vectors are as wide as each other.
    if (int64_t all = llvm::divideCeil(columns, lanes); all && all <= 2 * vectors)
      vectors = llvm::divideCeil(all, llvm::divideCeil(all, vectors));
    if (depthTotal && columns && depthTotal * columns * elementBits(contraction) / 8 <= kCachedWide)
      depth = depthTotal;
    return {rows,
            vectors,
            lanes,
            depth,
            isPrefetched ? 2 * vectors * lanes : 0,
            isParallel ? selectSplit(contraction, shape, machine) : 0};
  }
  int64_t vectors = std::clamp<int64_t>(sums / rows, 1, 8);
  if (isShort)
    vectors = std::clamp<int64_t>(llvm::bit_floor(uint64_t(lanes / rows)), 1, 8);
  int64_t depth = kThinBytes / rows * 8 / elementBits(contraction) / lanes * lanes;
  if (!isSlow && !isShort) {
    Type own = getElementTypeOrSelf(contraction.getInputs()[shape.wide].getType());
    int64_t ahead = kRunAheadBytes * 8 / own.getIntOrFloatBitWidth();
    return {rows, vectors, lanes, std::max(depth, lanes), ahead, /*split=*/1};
  }
  return {rows, vectors, lanes, std::max(depth, lanes), isPrefetched ? 2 * vectors : 0, 0};
}

SmallVector<int64_t> mlir::torsh::tileSkinny(linalg::GenericOp contraction,
                                             const SkinnyShape &shape, const SkinnyNumbers &numbers,
                                             const SkinnyMachine &machine) {
  SmallVector<int64_t> extents = contraction.getStaticLoopRanges();
  SmallVector<int64_t> sizes(contraction.getNumLoops(), 0); // of the contraction's loops
  int64_t wanted = 2 * machine.threads;
  // Whole products of a batch first, then columns.
  auto divide = [&](unsigned loop, int64_t multiple) {
    int64_t extent = extents[loop];
    if (wanted <= 1 || ShapedType::isDynamic(extent))
      return;
    int64_t size = llvm::alignTo(llvm::divideCeil(extent, wanted), multiple);
    if (size >= extent)
      return;
    sizes[loop] = size;
    wanted = llvm::divideCeil(wanted, llvm::divideCeil(extent, size));
  };
  for (unsigned loop : shape.batch)
    divide(loop, 1);
  int64_t multiple = shape.columnsLast ? numbers.vectors * numbers.lanes : numbers.vectors;
  for (unsigned loop : shape.columns)
    divide(loop, loop == shape.columns.back() ? multiple : 1);
  SmallVector<int64_t> tile;
  for (AffineExpr index : contraction.getIndexingMapsArray()[2].getResults())
    tile.push_back(sizes[cast<AffineDimExpr>(index).getPosition()]);
  return tile;
}
