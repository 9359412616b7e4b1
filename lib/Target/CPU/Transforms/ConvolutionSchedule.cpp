// SPDX-License-Identifier: Apache-2.0
// The numbers of convolutions on the CPU.

#include "ConvolutionSchedule.h"
#include "DotForms.h"
#include "torshjit/Buffer/DepthGroups.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::torsh::cpu;

/// Outputs of a group up to which vectors run along the width of the image.
static constexpr int64_t kFewOutputs = 8;
/// Results of a tile whose vectors run along the width: they and what they read stay in
/// the nearest caches.
static constexpr int64_t kPlaneTile = 1 << 14, kSmallPlaneTile = 1 << 12;
/// Elements of packed filters that stay in the second cache while positions pass by, and
/// positions of a tile whose vectors run along the outputs.
static constexpr int64_t kFilterBlock = 1 << 16, kMostPixels = 512;
/// What copying the image for a tile costs, in outputs computed of it.
static constexpr int64_t kCopyCost = 2, kPackCost = 8;
/// What a '?' extent, a side of an image mostly, is taken to be.
static constexpr int64_t kAssumedSide = 64;

static int64_t assumed(int64_t extent) {
  return ShapedType::isDynamic(extent) ? kAssumedSide : std::max<int64_t>(extent, 1);
}

namespace {

/// The axes of a convolution's result.
struct Axes {
  SmallVector<int64_t> images; // and groups: what the window does not slide over
  SmallVector<int64_t> positions;
  std::optional<int64_t> outputs;
};

} // namespace

static std::optional<Axes> axesOf(linalg::GenericOp op) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (!maps[1].isProjectedPermutation() || !maps[2].isProjectedPermutation() ||
      maps[2].getNumResults() == 0)
    return std::nullopt;
  auto isIn = [&](size_t map, AffineExpr index) {
    return maps[map].isFunctionOfDim(cast<AffineDimExpr>(index).getPosition());
  };
  AffineExpr last = maps[2].getResults().back();
  // As torsh-lower-contractions tells a pointwise convolution from a matrix product.
  bool isPointwise = maps[0].isProjectedPermutation();
  if (isPointwise && (!isIn(0, last) || isIn(1, last)))
    return std::nullopt;
  Axes axes;
  bool hasChannels =
      llvm::any_of(maps[2].getResults(), [&](AffineExpr index) { return isIn(1, index); });
  bool afterChannels = false;
  for (auto [axis, index] : llvm::enumerate(maps[2].getResults())) {
    if (isIn(1, index)) {
      afterChannels = true;
      if (isIn(0, index)) {
        axes.images.push_back(axis);
        continue;
      }
      if (axes.outputs)
        return std::nullopt;
      axes.outputs = axis;
      continue;
    }
    // Where no channel says where the image begins, the first axis is that of images, unless
    // the window slides over it.
    bool isImage =
        hasChannels ? !afterChannels
                    : axis == 0 && index != last && llvm::is_contained(maps[0].getResults(), index);
    (isImage ? axes.images : axes.positions).push_back(axis);
  }
  if (isPointwise && !axes.outputs)
    return std::nullopt;
  if (axes.positions.empty())
    return std::nullopt;
  return axes;
}

/// Vectors along the width of the image: for few outputs of each group.
static ConvolutionSchedule scheduleAlongWidth(const Axes &axes, ArrayRef<int64_t> shape,
                                              int64_t outputs, int64_t threads, int64_t lanes) {
  ConvolutionSchedule schedule;
  int64_t width = assumed(shape[axes.positions.back()]);
  // A vector longer than the image is wide computes what nobody asked for.
  schedule.registerTile = {4, std::min<int64_t>(lanes, llvm::PowerOf2Ceil(width))};
  schedule.tile.assign(shape.size(), 1);
  if (axes.outputs)
    schedule.tile[*axes.outputs] = 0;

  // Whole images, or as many rows as fit; several images where they are small.
  int64_t budget = std::max<int64_t>(1, kPlaneTile / outputs), plane = 1, tiles = 1;
  for (int64_t axis : llvm::reverse(axes.positions)) {
    int64_t extent = assumed(shape[axis]);
    bool isWhole = axis == axes.positions.back() || extent <= budget;
    int64_t size = isWhole ? extent : llvm::divideCeil(extent, llvm::divideCeil(extent, budget));
    schedule.tile[axis] = isWhole ? 0 : size;
    tiles *= llvm::divideCeil(extent, size);
    plane *= size;
    budget = isWhole ? std::max<int64_t>(1, budget / extent) : 1;
  }
  for (int64_t axis : axes.images)
    tiles *= assumed(shape[axis]);
  int64_t enough = 4 * threads;
  if (tiles < enough && axes.positions.size() > 1) {
    // Few images: each in pieces of rows.
    int64_t axis = axes.positions[axes.positions.size() - 2];
    int64_t pieces = llvm::divideCeil(enough, std::max<int64_t>(tiles, 1));
    schedule.tile[axis] = std::max<int64_t>(1, llvm::divideCeil(assumed(shape[axis]), pieces));
  } else if (!axes.images.empty()) {
    int64_t axis = axes.images.back();
    int64_t extent = assumed(shape[axis]);
    int64_t together = std::min({kSmallPlaneTile / (plane * outputs), tiles / enough, extent});
    // A divisor, so that all tiles are of one shape.
    while (together > 1 && extent % together != 0)
      --together;
    schedule.tile[axis] = std::max<int64_t>(1, together);
  }
  return schedule;
}

/// Vectors along the outputs: blocks of outputs and some rows of an image.
static ConvolutionSchedule scheduleAlongOutputs(const Axes &axes, ArrayRef<int64_t> shape,
                                                int64_t outputs, int64_t threads, int64_t lanes,
                                                int64_t registers, int64_t copyCost) {
  ConvolutionSchedule schedule;
  // The vectors of outputs that leave the fewest lanes empty, and as many positions as the
  // registers hold beside them.
  int64_t vectors = 2;
  auto padded = [&](int64_t count) { return llvm::alignTo(outputs, count * lanes); };
  for (int64_t count : {3, 1})
    if (padded(count) < padded(vectors))
      vectors = count;
  int64_t width = vectors * lanes;
  schedule.registerTile = {std::max<int64_t>(1, (registers - 2 - vectors) / vectors), width};
  schedule.depth = std::max<int64_t>(256, kFilterBlock / width);
  schedule.isAlongOutputs = true;
  schedule.tile.assign(shape.size(), 1);
  int64_t axis = axes.positions.back(), columns = assumed(shape[axis]);
  schedule.tile[axis] = 0;

  // Outputs and rows of a tile: so that all threads have equally many tiles, and little of
  // the image is read for two of them.
  int64_t images = 1;
  for (int64_t image : axes.images)
    images *= assumed(shape[image]);
  for (int64_t outer : ArrayRef(axes.positions).drop_back().drop_back(axes.positions.size() > 1))
    images *= assumed(shape[outer]);
  bool hasRows = axes.positions.size() > 1;
  int64_t rows = hasRows ? assumed(shape[axes.positions[axes.positions.size() - 2]]) : 1;
  double best = 0;
  int64_t bestRows = rows, bestOutputs = outputs;
  for (int64_t tileOutputs = width; tileOutputs <= std::max(outputs, width); tileOutputs += width) {
    bool isAll = tileOutputs >= outputs;
    if (!isAll && outputs % tileOutputs != 0)
      continue;
    for (int64_t tileRows = 1; tileRows <= rows; ++tileRows) {
      int64_t pixels = tileRows * columns;
      if (tileRows > 1 && pixels > kMostPixels)
        break;
      int64_t tiles =
          images * (isAll ? 1 : outputs / tileOutputs) * llvm::divideCeil(rows, tileRows);
      double share = static_cast<double>(tiles) / threads;
      double cost = std::ceil(share) / share;                            // idle threads
      cost *= 1.0 + 0.15 / tileRows + 4.0 / static_cast<double>(pixels); // halo and filters
      cost *= 1.0 + static_cast<double>(copyCost) / static_cast<double>(tileOutputs);
      cost *= rows % tileRows ? 1.1 : 1.0; // tiles of another shape
      cost *= static_cast<double>(llvm::alignTo(rows, tileRows)) / static_cast<double>(rows);
      if (best == 0 || cost < best) {
        best = cost;
        bestRows = tileRows;
        bestOutputs = isAll ? 0 : tileOutputs;
      }
    }
  }
  schedule.tile[*axes.outputs] = bestOutputs == outputs ? 0 : bestOutputs;
  if (hasRows)
    schedule.tile[axes.positions[axes.positions.size() - 2]] = bestRows;
  return schedule;
}

std::optional<ConvolutionSchedule>
mlir::torsh::cpu::scheduleConvolution(linalg::GenericOp contraction, const Machine &machine,
                                      const ContractionSchedule &product) {
  std::optional<Axes> axes = axesOf(contraction);
  if (!axes || product.groupsIntegers)
    return std::nullopt;
  ArrayRef<int64_t> shape = cast<ShapedType>(contraction.getResult(0).getType()).getShape();
  int64_t outputs = axes->outputs ? shape[*axes->outputs] : 1;
  if (ShapedType::isDynamic(outputs) || outputs == 0)
    return std::nullopt;
  Type element = getElementTypeOrSelf(contraction.getDpsInits()[0].getType());
  int64_t lanes = machine.vectorBits / std::max<int64_t>(element.getIntOrFloatBitWidth(), 8);
  int64_t registers = machine.vectorBits >= 512 ? 32 : 16;
  bool isPointwise = contraction.getIndexingMapsArray()[0].isProjectedPermutation();
  if (outputs <= kFewOutputs && isPointwise)
    return std::nullopt;
  if (outputs <= kFewOutputs)
    return scheduleAlongWidth(*axes, shape, outputs, machine.threads, lanes);
  if (ShapedType::isDynamic(shape[axes->positions.back()]))
    return std::nullopt;
  bool isNarrow = getElementTypeOrSelf(contraction.getInputs()[0].getType()) != element;
  ConvolutionSchedule schedule = scheduleAlongOutputs(*axes, shape, outputs, machine.threads, lanes,
                                                      registers, isNarrow ? kPackCost : kCopyCost);
  SmallVector<int64_t> paired = schedule.registerTile;
  auto elementOf = [&](unsigned input) {
    return getElementTypeOrSelf(contraction.getInputs()[input].getType());
  };
  if (std::optional<DepthGrouping> grouping =
          groupForDots({elementOf(0), elementOf(1), element}, machine.dotFeatures))
    paired.append({grouping->step, grouping->flipsRows});
  if (findPairedLoop(contraction, paired)) {
    schedule.registerTile = paired;
    schedule.depth *= 2;
  }
  return schedule;
}
