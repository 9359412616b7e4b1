// SPDX-License-Identifier: Apache-2.0
// The filters of a convolution, packed so that those of neighbouring outputs are
// neighbours: before the loop over tiles, once for all of them.

#include "DirectConvolution.h"
#include "TransposeVectors.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "torshjit/Dialect/Torsh/IR/TorshPanels.h"
#include <numeric>

using namespace mlir;
using namespace mlir::torsh;

/// Filters of which more than this many elements are packed by all threads.
static constexpr int64_t kSmallestParallel = 1 << 16;

/// Whether an offset is a multiple of `unit`: 0, or counted by a loop whose steps are.
static bool isMultiple(OpFoldResult offset, int64_t unit) {
  if (std::optional<int64_t> known = getConstantIntValue(offset))
    return *known % unit == 0;
  auto argument = dyn_cast<BlockArgument>(cast<Value>(offset));
  auto loop = argument ? dyn_cast<scf::ForallOp>(argument.getOwner()->getParentOp()) : nullptr;
  if (!loop)
    return false;
  std::optional<int64_t> from =
      getConstantIntValue(loop.getMixedLowerBound()[argument.getArgNumber()]);
  std::optional<int64_t> step = getConstantIntValue(loop.getMixedStep()[argument.getArgNumber()]);
  return from == 0 && step && *step % unit == 0;
}

/// Whether each filter is used by one tile, and there for one piece of the image: then a block
/// of filters is packed where it is used, and still is in cache.
bool DirectConvolution::usesFiltersOnce() {
  if (findPanelsView(op.getInputs()[1]))
    return false;
  std::optional<int64_t> rows = row ? getConstantIntValue(row->extent) : std::optional<int64_t>(1);
  if (!rows || *rows > chunkRows || !positions.empty())
    return false;
  auto tiles = op->getParentOfType<scf::ForallOp>();
  if (!tiles)
    return true;
  auto view = op.getInputs()[1].getDefiningOp<memref::SubViewOp>();
  for (auto [number, from, to, step] : llvm::enumerate(
           tiles.getMixedLowerBound(), tiles.getMixedUpperBound(), tiles.getMixedStep())) {
    std::optional<int64_t> begin = getConstantIntValue(from), end = getConstantIntValue(to);
    std::optional<int64_t> by = getConstantIntValue(step);
    if (begin && end && by && *end - *begin <= *by)
      continue;
    if (!view || !llvm::is_contained(view.getOffsets(), tiles.getInductionVar(number)))
      return false;
  }
  return true;
}

/// Gives the packed filters their strides along the depth, from the innermost; returns the
/// elements of one block of outputs.
int64_t DirectConvolution::layOutDepth() {
  filters.strides.assign(op.getNumLoops(), b.getIndexAttr(0));
  int64_t distance = width * step;
  for (const Loop &loop : llvm::reverse(depth)) {
    filters.strides[loop.number] = b.getIndexAttr(distance);
    distance *= *getConstantIntValue(loop.extent);
  }
  return distance;
}

int64_t DirectConvolution::pairedAxis() {
  AffineExpr loop = getAffineDimExpr(depth.back().number, op.getContext());
  return *op.getIndexingMapsArray()[1].getResultPosition(loop);
}

/// Filters that another kernel packed have to be those of all tiles, in the order in which
/// these read them.
LogicalResult DirectConvolution::checkGivenFilters(Value source) {
  PanelsViewOp given = findPanelsView(source);
  if (!given)
    return success();
  PanelLayout layout = given.getLayout();
  if (source == given.getResult() && layout.width == width && layout.block == depthTotal &&
      layout.step == step && (step == 1 || layout.depth.back() == pairedAxis()) &&
      given.getPanels().getType().getElementType() == filterElement())
    return success();
  return op.emitError("the schedule reads its filters otherwise than ")
         << *given.getOperation() << " says";
}

/// Packs the filters, before the loop over tiles where they are the same for all tiles.
/// Returns where those of this tile start.
FailureOr<Value> DirectConvolution::packFilters() {
  AffineMap map = op.getIndexingMapsArray()[1];
  Value source = op.getInputs()[1];
  unsigned outputLoop = outputs[0].number;
  auto tiles = op->getParentOfType<scf::ForallOp>();
  auto view = source.getDefiningOp<memref::SubViewOp>();
  SmallVector<OpFoldResult> offsets(map.getNumResults(), b.getIndexAttr(0));
  bool isOutside = tiles && tiles.isDefinedOutsideOfLoop(source);
  auto loopOf = [&](size_t axis) { return cast<AffineDimExpr>(map.getResult(axis)).getPosition(); };
  if (tiles && !isOutside && view && tiles.isDefinedOutsideOfLoop(view.getSource()) &&
      view.getSourceType().getRank() == view.getType().getRank() &&
      view.getSourceType().hasStaticShape()) {
    isOutside = llvm::all_of(view.getMixedStrides(),
                             [](OpFoldResult x) { return getConstantIntValue(x) == 1; });
    for (auto [axis, offset] : llvm::enumerate(view.getMixedOffsets())) {
      bool isDepth = !op.getIndexingMapsArray()[2].isFunctionOfDim(loopOf(axis));
      if (isDepth)
        isOutside &= view.getSourceType().getDimSize(axis) == view.getType().getDimSize(axis);
      else if (loopOf(axis) == outputLoop)
        isOutside &= isMultiple(offset, width);
    }
    if (isOutside) {
      offsets = view.getMixedOffsets();
      source = view.getSource();
    }
  }

  if (failed(checkGivenFilters(source)))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  if (isOutside)
    b.setInsertionPoint(tiles);
  auto type = cast<MemRefType>(source.getType());
  LinearAccess access = *LinearAccess::create(b, loc, source, map);
  // From the innermost: the places of the depth, blocks of outputs, groups.
  PanelsViewOp given = findPanelsView(source);
  int64_t perBlock = layOutDepth(), distance = perBlock;
  SmallVector<std::pair<unsigned, int64_t>> groups; // loops and their extents
  for (size_t axis = 0; axis < map.getNumResults(); ++axis) {
    unsigned loop = loopOf(axis);
    if (loop == outputLoop)
      filterOutputs = type.getDimSize(axis);
    else if (op.getIndexingMapsArray()[2].isFunctionOfDim(loop))
      groups.push_back({loop, type.getDimSize(axis)});
  }
  int64_t blocks = llvm::divideCeil(filterOutputs, width);
  distance *= blocks;
  for (auto [loop, extent] : llvm::reverse(groups)) {
    filters.strides[loop] = b.getIndexAttr(distance);
    distance *= extent;
  }
  filters.flat = given ? Value(given.getPanels()) : allocate(distance, filterElement());

  auto packAll = [&](Value number) {
    // The number of a block, those of the last group's outputs counted fastest.
    Value block =
        groups.empty() ? number : arith::RemUIOp::create(b, loc, number, constant(blocks));
    Value rest =
        groups.empty() ? constant(0) : arith::DivUIOp::create(b, loc, number, constant(blocks));
    Value from = constant(0), to = mul(number, constant(perBlock));
    for (auto [loop, extent] : llvm::reverse(groups)) {
      Value index = arith::RemUIOp::create(b, loc, rest, constant(extent));
      rest = arith::DivUIOp::create(b, loc, rest, constant(extent));
      from = add(from, mul(index, asValue(access.strides[loop])));
    }
    Value target = filters.flat;
    if (step > 1)
      target = allocate(perBlock, element);
    packBlock(access, from, target, step > 1 ? constant(0) : to, block, constant(0),
              constant(depthTotal));
    if (step > 1)
      pairBlock(target, to);
  };
  int64_t count = distance / perBlock;
  if (given) {
    // As torsh.pack_panels left them.
  } else if (isOutside && count > 1 && distance >= kSmallestParallel) {
    auto loop = scf::ForallOp::create(b, loc, ArrayRef<OpFoldResult>{b.getIndexAttr(0)},
                                      ArrayRef<OpFoldResult>{b.getIndexAttr(count)},
                                      ArrayRef<OpFoldResult>{b.getIndexAttr(1)}, ValueRange(),
                                      std::nullopt);
    OpBuilder::InsertionGuard inner(b);
    b.setInsertionPoint(loop.getTerminator());
    packAll(loop.getInductionVar(0));
  } else {
    forLoop(constant(0), constant(count), 1, packAll);
  }

  b.setInsertionPoint(op);
  Value first = constant(0);
  for (size_t axis = 0; axis < map.getNumResults(); ++axis) {
    unsigned loop = loopOf(axis);
    if (loop == outputLoop) {
      Value block = arith::DivUIOp::create(b, loc, asValue(offsets[axis]), constant(width));
      first = add(first, mul(block, constant(perBlock)));
    } else if (op.getIndexingMapsArray()[2].isFunctionOfDim(loop)) {
      first = add(first, mul(asValue(offsets[axis]), asValue(filters.strides[loop])));
    }
  }
  return first;
}

/// One block of outputs: a vector for each place of a range of the depth, zero past the last
/// output.
void DirectConvolution::packBlock(const LinearAccess &source, Value from, Value target, Value to,
                                  Value block, Value depthFrom, Value depthCount) {
  LoopGroup group;
  for (const Loop &loop : channelsFirst) {
    group.loops.push_back(loop.number);
    group.extents.push_back(loop.extent);
  }
  Value outputStride = asValue(source.strides[outputs[0].number]);
  auto own = cast<MemRefType>(source.flat.getType()).getElementType();
  bool isRun = group.uniformStride(source) == 1;
  int64_t n = std::gcd(width, element.getIntOrFloatBitWidth() > 32 ? 8 : 16);
  std::optional<int64_t> known = getConstantIntValue(depthCount);
  Value limit = constant(filterOutputs);
  forLoop(constant(0), constant(width), n, [&](Value lane) {
    Value output = add(mul(block, constant(width)), lane);
    Value row = add(from, mul(output, outputStride));
    auto oneByOne = [&](Value first) {
      forLoop(first, depthCount, 1, [&](Value k) {
        Value place = add(row, group.offset(b, loc, add(depthFrom, k), source));
        Value start = add(add(to, mul(k, constant(width))), lane);
        Value valid = min(constant(n), sub(limit, output));
        forLoop(constant(0), valid, 1, [&](Value r) {
          Value x =
              widen(memref::LoadOp::create(b, loc, source.flat, add(place, mul(r, outputStride))));
          memref::StoreOp::create(b, loc, x, target, add(start, r));
        });
        forLoop(arith::MaxSIOp::create(b, loc, valid, constant(0)), constant(n), 1, [&](Value r) {
          Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
          memref::StoreOp::create(b, loc, zero, target, add(start, r));
        });
      });
    };
    auto squares = [&] {
      auto type = VectorType::get({n}, own);
      Value whole = known
                        ? constant(*known / n * n)
                        : mul(arith::DivUIOp::create(b, loc, depthCount, constant(n)), constant(n));
      Value first = add(row, depthFrom);
      forLoop(constant(0), whole, n, [&](Value k) {
        SmallVector<Value> square;
        for (int64_t i = 0; i < n; ++i) {
          Value at = add(add(first, mul(constant(i), outputStride)), k);
          square.push_back(widen(vector::LoadOp::create(b, loc, type, source.flat, at)));
        }
        for (auto [i, x] : llvm::enumerate(transposeVectors(b, loc, std::move(square)))) {
          Value at = add(add(to, mul(add(k, constant(i)), constant(width))), lane);
          vector::StoreOp::create(b, loc, x, target, at);
        }
      });
      if (!known || *known % n != 0)
        oneByOne(whole);
    };
    if (!isRun)
      return oneByOne(constant(0));
    if (filterOutputs % n == 0 && filterOutputs % width == 0)
      return squares();
    Value isWhole =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sle, add(output, constant(n)), limit);
    auto branch = scf::IfOp::create(b, loc, isWhole, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    squares();
    b.setInsertionPointToStart(branch.elseBlock());
    oneByOne(constant(0));
  });
}

/// A block of widened filters, channels first, as pairs of channels: for each place of the window
/// and each pair a vector of both of the first output, both of the second one, and so on.
void DirectConvolution::pairBlock(Value wide, Value to) {
  int64_t n = std::gcd(width, 16), pairs = *getConstantIntValue(depth.back().extent);
  int64_t places = depthTotal / (pairs * step);
  auto type = VectorType::get({n}, element), words = VectorType::get({n}, b.getI32Type());
  auto splat = [&](uint32_t x) -> Value {
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(words, b.getI32IntegerAttr(static_cast<int32_t>(x))));
  };
  Value half = splat(16), high = splat(0xffff0000u);
  forLoop(constant(0), constant(places), 1, [&](Value place) {
    forLoop(constant(0), constant(pairs), 1, [&](Value pair) {
      Value from = mul(add(mul(pair, constant(step * places)), place), constant(width));
      Value own = mul(add(mul(place, constant(pairs)), pair), constant(width * step));
      for (int64_t lane = 0; lane < width; lane += n) {
        auto load = [&](int64_t channel) -> Value {
          Value at = add(from, constant(channel * places * width + lane));
          Value x = vector::LoadOp::create(b, loc, type, wide, at);
          return vector::BitCastOp::create(b, loc, words, x);
        };
        // Widened elements are upper halves.
        Value first = arith::ShRUIOp::create(b, loc, load(0), half);
        Value second = arith::AndIOp::create(b, loc, load(1), high);
        Value both = arith::OrIOp::create(b, loc, first, second);
        both =
            vector::BitCastOp::create(b, loc, VectorType::get({n * step}, filterElement()), both);
        vector::StoreOp::create(b, loc, both, filters.flat,
                                add(to, add(own, constant(lane * step))));
      }
    });
  });
}
