// SPDX-License-Identifier: Apache-2.0
// The schedule of a kernel that is attention.

#include "AttentionSchedule.h"

using namespace mlir;
using namespace mlir::torsh;

/// Work below which a kernel runs on one thread, in multiplications.
static constexpr int64_t kSmallestParallel = 1 << 18;
/// What a '?' extent is taken to be.
static constexpr int64_t kAssumedExtent = 256;
/// Keys of a block at most, whole register tiles: its weights, 64 queries wide, lie in the first
/// cache beside its values.
static constexpr int64_t kBlockOfKeys = 64;

ScheduleAttr mlir::torsh::selectAttentionSchedule(StreamedAttentionOp op, int64_t vectorBits) {
  auto query = cast<ShapedType>(op.getQuery().getType());
  auto key = cast<ShapedType>(op.getKey().getType());
  int64_t rank = op.getQueryAxes().size();
  auto extent = [](ShapedType type, int64_t axis) {
    int64_t known = axis < 0 ? 1 : type.getDimSize(axis);
    return ShapedType::isDynamic(known) ? kAssumedExtent : known;
  };
  int64_t lanes = vectorBits / (query.getElementType().isF64() ? 64 : 32);
  // Accumulators fill all registers but those of the operands.
  bool isWide = vectorBits >= 512;
  int64_t numRows = extent(query, op.getQueryAxes()[rank - 2]);
  int64_t most = (isWide ? 4 : 2) * lanes;
  // Tiles of equal size, as many as the largest possible would be.
  int64_t rows = llvm::alignTo(
      llvm::divideCeil(numRows, std::max<int64_t>(llvm::divideCeil(numRows, most), 1)), lanes);
  rows = std::max(rows, lanes);
  int64_t vectors = rows / lanes;
  static constexpr int64_t kWideHeights[] = {12, 12, 8, 6}, kHeights[] = {8, 6};
  int64_t height = isWide ? kWideHeights[vectors - 1] : kHeights[vectors - 1];
  if (!isWide)
    while (rows * 2 <= 64 && rows < numRows)
      rows *= 2;
  int64_t work =
      numRows * extent(key, op.getKeyAxes()[rank - 2]) * extent(query, op.getQueryAxes()[rank - 1]);
  for (int64_t axis = 0; axis < rank - 2; ++axis)
    work *= extent(query, op.getQueryAxes()[axis]);
  SmallVector<int64_t> tile;
  if (work >= kSmallestParallel) {
    tile.assign(rank - 2, 1);
    tile.push_back(rows);
  }
  return ScheduleAttr::get(op.getContext(), tile, /*grain=*/1, {height, vectors},
                           {rows, kBlockOfKeys / height * height}, /*threads=*/0, /*lanes=*/0,
                           /*vector=*/lanes);
}
