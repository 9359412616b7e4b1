// SPDX-License-Identifier: Apache-2.0
// Chooses the tile sizes of each kernel for the CPU.

#include "AttentionSchedule.h"
#include "ContractionSchedule.h"
#include "ConvolutionSchedule.h"
#include "SkinnySchedule.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "torshjit/Dialect/Torsh/IR/TorshPanels.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"
#include "torshjit/Tensor/OrderedGenerics.h"
#include "torshjit/Tensor/Passes.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_SELECTCPUSCHEDULESPASS
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

/// Work below which a kernel runs on one thread without tiles, in simple vector
/// operations an element: some microseconds, what waking a thread costs.
static constexpr int64_t kSmallestParallel = 1 << 16;
/// Elements of a tile that is read and written once, and of one whose
/// intermediate results should stay in the first cache.
static constexpr int64_t kStreamTile = 1 << 15, kCachedTile = 1 << 12;
/// Neighbouring elements that a tile takes at least, and as many as a tile that goes across
/// memory in order, or sums across it, takes where there are enough: a run is what the processor
/// reads ahead, and it starts anew at each page. Sums of 4096 columns stay in the first cache.
static constexpr int64_t kSmallestRun = 256, kOrderedRun = 1024, kSummedRun = 4096;
/// Work of a tile from which on it matters more that all threads have some than that runs are
/// long, and the shortest run then: four vectors side by side.
static constexpr int64_t kTileWork = 1 << 14, kShortestRun = 64;
/// The shortest run where each element takes a long row: a line of them.
static constexpr int64_t kRunOfRows = 16;
/// Extents from which on a transposition is worth tiles of its own.
static constexpr int64_t kSmallestSide = 33;
/// Bytes of a tile along an operand that lies the other way round, and along the result.
static constexpr int64_t kTransposedBytes = 512, kTransposedRun = 256;
/// Bytes of a result that are computed in the first cache before they are written past
/// the others: short enough that reading and writing take turns within what the processor
/// looks ahead, long enough that the loops cost nothing.
static constexpr int64_t kStreamBytes = 2048;

static int64_t assumed(int64_t extent) {
  return ShapedType::isDynamic(extent) ? cpu::kAssumedExtent : extent;
}

static int64_t iterations(linalg::LinalgOp op) {
  int64_t product = 1;
  for (int64_t extent : op.getStaticLoopRanges())
    product *= assumed(extent);
  return product;
}

/// The cost of one iteration in simple operations.
static int64_t bodyCost(linalg::LinalgOp op) {
  int64_t cost = 0;
  for (Operation &inner : op.getBlock()->without_terminator())
    cost += isa<math::MathDialect>(inner.getDialect()) ? 10
            : isa<arith::DivFOp, arith::RemFOp>(inner) ? 4
                                                       : 1;
  return std::max<int64_t>(cost, 1);
}

namespace {

class SelectCPUSchedulesPass
    : public torsh::impl::SelectCPUSchedulesPassBase<SelectCPUSchedulesPass> {
public:
  using SelectCPUSchedulesPassBase::SelectCPUSchedulesPassBase;

private:
  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (!isKernel(kernel) || kernel->hasAttr("torsh.schedule"))
      return;
    if (auto attention = kernel.getOps<StreamedAttentionOp>(); !attention.empty()) {
      kernel->setAttr("torsh.schedule", selectAttentionSchedule(*attention.begin(), vectorBits));
      return;
    }
    markSkinnyProducts(kernel);
    linalg::GenericOp contraction;
    int64_t work = 0;
    bool isEmpty = false;
    kernel.walk([&](linalg::LinalgOp op) {
      work += iterations(op) * bodyCost(op);
      isEmpty |= llvm::is_contained(op.getStaticLoopRanges(), 0);
      if (isContraction(op))
        contraction = cast<linalg::GenericOp>(op.getOperation());
    });
    linalg::LinalgOp root = getTilingRoot(kernel);
    // Upstream cannot tile what does not iterate: the sum over an axis of extent 0.
    if (isEmpty)
      root = {};
    SmallVector<int64_t> tile, registerTile, block, tileOfResult;
    bool isParallel = root && work >= kSmallestParallel, isSplit = false;
    if (contraction) {
      std::optional<unsigned> given;
      for (OpOperand *input : contraction.getDpsInputOperands())
        if (findPanelsView(input->get()))
          given = input->getOperandNumber();
      cpu::Machine machine{threads, vectorBits, level1, level2, dotFeatures};
      cpu::ContractionSchedule product = cpu::scheduleContraction(contraction, machine, given);
      tileOfResult = product.tile;
      registerTile = product.registerTile;
      block = product.block;
      if (std::optional<cpu::ConvolutionSchedule> convolution =
              cpu::scheduleConvolution(contraction, machine, product)) {
        tileOfResult = convolution->tile;
        registerTile = convolution->registerTile;
        block = {block[0], block[1], convolution->depth};
      } else if (std::optional<SkinnyShape> skinny = matchSkinny(contraction)) {
        SkinnyMachine machine{threads, vectorBits};
        int64_t rest = work - iterations(contraction) * bodyCost(contraction);
        isParallel &= rest >= kSmallestParallel || isWorthThreads(contraction, *skinny);
        SkinnyNumbers numbers = selectSkinny(contraction, *skinny, machine, isParallel);
        if (!ShapedType::isDynamic(skinny->rowCount)) {
          tileOfResult = tileSkinny(contraction, *skinny, numbers, machine);
          block.clear(); // Packing is for what may have more rows.
        }
        numbers.appendTo(block);
        isSplit = skinny->columnsLast && numbers.split > 0;
      }
    }
    if (isParallel && !isSplit)
      tile = contraction && isTiledAlike(root, contraction) ? loopsOf(root, tileOfResult)
                                                            : tileLoops(root, work);
    if (int64_t run = contraction || tile.empty() ? 0 : streamedRun(kernel))
      block = {run};
    kernel->setAttr("torsh.schedule",
                    ScheduleAttr::get(&getContext(), tile, /*grain=*/1, registerTile, block,
                                      /*threads=*/0, /*lanes=*/0, /*vector=*/0));
  }

  /// How many elements of a result to write past the caches at a time: none unless what the
  /// kernel moves is more than fits them, and the result a good part of it. Who reads
  /// the result next then reads from memory either way.
  int64_t streamedRun(func::FuncOp kernel) {
    auto numInputs = kernel->getAttrOfType<IntegerAttr>("torsh.num_inputs");
    if (!numInputs)
      return 0;
    int64_t moved = 0, written = 0, elementBytes = 0;
    for (auto [number, type] : llvm::enumerate(kernel.getArgumentTypes())) {
      auto memory = cast<MemRefType>(type);
      int64_t size = 1, bytes = bytesOf(memory.getElementType());
      for (int64_t extent : memory.getShape())
        size *= assumed(extent);
      moved += size * bytes;
      if (int64_t(number) < numInputs.getInt())
        continue;
      written = std::max(written, size * bytes);
      elementBytes = std::max(elementBytes, bytes);
    }
    return moved > lastLevelCache && written >= lastLevelCache / 4 ? kStreamBytes / elementBytes
                                                                   : 0;
  }

  static int64_t bytesOf(Type element) {
    return element.isIntOrFloat() ? std::max<int64_t>(element.getIntOrFloatBitWidth() / 8, 1) : 8;
  }

  /// Whether the tiles of the root are those of the contraction's result: it is the
  /// contraction, or is indexed as its result is.
  static bool isTiledAlike(linalg::LinalgOp root, linalg::GenericOp contraction) {
    if (root->getNumResults() != 1)
      return false;
    AffineMap map = root.getMatchingIndexingMap(root.getDpsInitOperand(0));
    auto shapeOf = [](Operation *op) { return cast<ShapedType>(op->getResult(0).getType()); };
    return root == contraction ||
           (map.isPermutation() && shapeOf(root).getShape() == shapeOf(contraction).getShape());
  }

  /// From sizes for the axes of the root's result to sizes for its loops.
  static SmallVector<int64_t> loopsOf(linalg::LinalgOp root, ArrayRef<int64_t> sizes) {
    AffineMap map = root.getMatchingIndexingMap(root.getDpsInitOperand(0));
    SmallVector<int64_t> tile(root.getNumLoops(), 0);
    for (auto [index, size] : llvm::zip_equal(map.getResults(), sizes))
      tile[cast<AffineDimExpr>(index).getPosition()] = size;
    return tile;
  }

  /// The loops of `op` along which its tiles can be computed apart, their
  /// producers included: those of which no producer needs more than the tile.
  llvm::BitVector separableLoops(linalg::LinalgOp op,
                                 DenseMap<Operation *, llvm::BitVector> &known) {
    if (auto found = known.find(op); found != known.end())
      return found->second;
    llvm::BitVector loops(op.getNumLoops());
    for (auto [loop, iterator] : llvm::enumerate(op.getIteratorTypesArray()))
      if (iterator == utils::IteratorType::parallel)
        loops.set(loop);
    for (unsigned loop : getOrderedLoops(op))
      loops.reset(loop);
    for (OpOperand *operand : op.getDpsInputOperands()) {
      auto producer = operand->get().getDefiningOp<linalg::LinalgOp>();
      // A scalar is read whole by every tile, and computed before them.
      if (!producer || op.getMatchingIndexingMap(operand).getNumResults() == 0)
        continue;
      llvm::BitVector inProducer = separableLoops(producer, known);
      AffineMap result = producer.getMatchingIndexingMap(producer.getDpsInitOperand(0));
      AffineMap read = op.getMatchingIndexingMap(operand);
      llvm::BitVector separable(op.getNumLoops());
      for (auto [index, source] : llvm::zip_equal(read.getResults(), result.getResults())) {
        auto loop = dyn_cast<AffineDimExpr>(index);
        auto inner = dyn_cast<AffineDimExpr>(source);
        if (loop && inner && inProducer.test(inner.getPosition()))
          separable.set(loop.getPosition());
      }
      // A loop that the operand does not depend on makes every tile compute all
      // of the producer: only cheap where the producer reduces nothing.
      loops &= separable;
    }
    return known[op] = loops;
  }

  /// Whether an operation reduces along another loop than the one along which its
  /// operands are contiguous.
  static bool reducesAcrossMemory(linalg::LinalgOp op) {
    SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
    return op.getNumReductionLoops() > 0 &&
           llvm::any_of(op.getDpsInputOperands(), [&](OpOperand *operand) {
             AffineMap map = op.getMatchingIndexingMap(operand);
             auto along = map.getNumResults() ? dyn_cast<AffineDimExpr>(map.getResults().back())
                                              : AffineDimExpr(nullptr);
             bool isReduced = false;
             for (auto [loop, iterator] : llvm::enumerate(iterators))
               isReduced |= iterator == utils::IteratorType::reduction && map.isFunctionOfDim(loop);
             return along && isReduced &&
                    iterators[along.getPosition()] == utils::IteratorType::parallel;
           });
  }

  SmallVector<int64_t> tileLoops(linalg::LinalgOp root, int64_t work) {
    DenseMap<Operation *, llvm::BitVector> known;
    llvm::BitVector separable = separableLoops(root, known);
    SmallVector<int64_t> ranges = root.getStaticLoopRanges();
    bool hasProducers = known.size() > 1;
    int64_t budget = hasProducers ? kCachedTile : kStreamTile;
    // What looks through a whole row for each of its elements is made to look at each once.
    SmallVector<unsigned> ordered = getOrderedLoops(root);
    int64_t total = iterations(root);
    for (unsigned loop : ordered)
      total /= std::max<int64_t>(assumed(ranges[loop]), 1);
    // An element of the result may take a row of what is reduced to it.
    int64_t longest = 1;
    int64_t own = std::max<int64_t>(iterations(root), 1);
    for (auto &[op, loops] : known)
      longest = std::max(longest, iterations(cast<linalg::LinalgOp>(op)) / own);
    budget = std::max<int64_t>(1, std::min(budget / longest, total / (4 * threads)));
    SmallVector<int64_t> tile(ranges.size(), 0);
    // Whole loops cost their extent of the budget.
    for (size_t loop = 0; loop < ranges.size(); ++loop)
      if (!separable.test(loop) && !llvm::is_contained(ordered, loop))
        budget = std::max<int64_t>(1, budget / std::max<int64_t>(assumed(ranges[loop]), 1));
    // A transposed operand is read along another loop than the last. Its tile is copied
    // in order; it is wide enough along both to use whole lines, and pages, of each.
    unsigned last = ranges.size() - 1;
    for (OpOperand *operand : root.getDpsInputOperands()) {
      AffineMap map = root.getMatchingIndexingMap(operand);
      if (ranges.empty() || map.getNumResults() == 0)
        continue;
      auto innermost = dyn_cast<AffineDimExpr>(map.getResults().back());
      if (innermost && innermost.getPosition() != last && separable.test(last) &&
          separable.test(innermost.getPosition()) && map.isFunctionOfDim(last) &&
          assumed(ranges[last]) >= kSmallestSide &&
          assumed(ranges[innermost.getPosition()]) >= kSmallestSide) {
        int64_t bytes = bytesOf(getElementTypeOrSelf(operand->get().getType()));
        for (size_t loop = 0; loop < ranges.size(); ++loop)
          tile[loop] = separable.test(loop) ? 1 : 0;
        tile[last] = kTransposedRun / bytes;
        tile[innermost.getPosition()] = kTransposedBytes / bytes;
        return tile;
      }
    }
    int64_t workOfElement = std::max<int64_t>(work / std::max<int64_t>(iterations(root), 1), 1);
    int64_t smallestRun =
        std::clamp(kTileWork / workOfElement, longest < kSmallestRun ? kShortestRun : kRunOfRows,
                   kSmallestRun);
    // A scan along another axis than the last takes whole rows, one after the other, and a
    // scattered write parts of rows, anywhere.
    unsigned along = last;
    auto generic = dyn_cast<linalg::GenericOp>(root.getOperation());
    bool isScatter = generic && findMarked(generic, kScatterMark);
    bool isAcross = isScatter || (generic && findMarked(generic, kScanMark));
    if (isAcross) {
      AffineMap map = root.getMatchingIndexingMap(root.getDpsInitOperand(0));
      along = cast<AffineDimExpr>(map.getResults().back()).getPosition();
      isAcross = !llvm::is_contained(ordered, along);
    }
    if (!ranges.empty() && isAcross)
      smallestRun = std::clamp(assumed(ranges[along]) / (2 * threads),
                               isScatter ? kShortestRun : kSmallestRun, kOrderedRun);
    else if (!ranges.empty() && llvm::any_of(known, [](auto &entry) {
               return reducesAcrossMemory(cast<linalg::LinalgOp>(entry.first));
             }))
      smallestRun = std::clamp(assumed(ranges[along]) / threads, kSmallestRun, kSummedRun);
    for (size_t loop = ranges.size(); loop-- > 0;) {
      if (!separable.test(loop))
        continue;
      int64_t extent = assumed(ranges[loop]);
      if (!ShapedType::isDynamic(ranges[loop]) && extent <= budget) {
        budget = std::max<int64_t>(1, budget / std::max<int64_t>(extent, 1));
        continue;
      }
      // The last loop runs along memory: less than some lines of it would waste
      // what is read.
      tile[loop] = loop == along ? std::max(budget, std::min(extent, smallestRun)) : budget;
      budget = 1;
    }
    return tile;
  }
};

} // namespace
