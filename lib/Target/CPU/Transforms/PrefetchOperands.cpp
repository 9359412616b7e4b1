// SPDX-License-Identifier: Apache-2.0
// Has the rows that a kernel reads next brought from memory while it computes with those it has.

#include "PlainLoop.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_PREFETCHOPERANDSPASS
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

/// Bytes that come from memory as one.
static constexpr int64_t kLine = 64;

/// Elements between which a loop stops to prefetch: enough that a sum is not broken up often.
static constexpr int64_t kRun = 512;

/// Bytes that the processor needs to have asked for in time; it follows nearer ones by itself.
static constexpr int64_t kAhead = 2048;

/// Bytes beyond which what is fetched ahead would push out what is being computed with.
static constexpr int64_t kMost = 256 << 10;

/// How much slower than a sum a function is, to find the loop that has the most time.
static constexpr int64_t kFunctionCost = 12;

namespace {

/// What a loop reads of an argument of the kernel along its last axis.
struct Stream {
  scf::ForOp loop;
  memref::LoadOp load;
  BlockArgument argument;
  /// For each axis of the argument, what adds up to where it is read.
  SmallVector<SmallVector<OpFoldResult>> indices;
};

/// A loop around others, one of its indices, and what that grows by.
struct Movement {
  Operation *loop = nullptr;
  Value index;
  int64_t step = 0;
};

} // namespace

static int64_t bytesOf(Type element) {
  return element.isIntOrFloat() ? llvm::divideCeil(element.getIntOrFloatBitWidth(), 8) : 0;
}

static int64_t rowBytes(BlockArgument memory) {
  auto type = cast<MemRefType>(memory.getType());
  return type.getShape().back() * bytesOf(type.getElementType());
}

/// Over elements one after the other, that carries nothing from one to the next but in memory.
static bool isAlongRow(scf::ForOp loop) {
  return cpu::isPlain(loop) && getConstantIntValue(loop.getStep()) == 1 &&
         loop.getNumRegionIterArgs() == 0;
}

/// Of what changes from one iteration to the next; LLVM moves the rest out of the loop.
static int64_t costOf(scf::ForOp loop) {
  int64_t cost = 0;
  DenseSet<Value> changing = {loop.getInductionVar()};
  for (Operation &op : loop.getBody()->without_terminator()) {
    if (llvm::none_of(op.getOperands(), [&](Value x) { return changing.contains(x); }))
      continue;
    changing.insert(op.result_begin(), op.result_end());
    cost += op.getDialect()->getNamespace() == "math" ? kFunctionCost : 1;
  }
  return cost;
}

/// The argument that `load` reads, and at which of its indices: the views between are walked.
/// Null if the views are none that it knows.
static BlockArgument resolve(memref::LoadOp load, SmallVector<SmallVector<OpFoldResult>> &indices) {
  for (Value index : load.getIndices())
    indices.push_back({index});
  Value memory = load.getMemRef();
  while (auto view = memory.getDefiningOp<memref::SubViewOp>()) {
    llvm::SmallBitVector dropped = view.getDroppedDims();
    SmallVector<SmallVector<OpFoldResult>> outer;
    unsigned inner = 0;
    for (auto [axis, offset] : llvm::enumerate(view.getMixedOffsets())) {
      outer.push_back({offset});
      if (dropped[axis])
        continue;
      if (getConstantIntValue(view.getMixedStrides()[axis]) != 1)
        return {};
      outer.back().append(indices[inner++]);
    }
    indices = std::move(outer);
    memory = view.getSource();
  }
  auto argument = dyn_cast<BlockArgument>(memory);
  return argument && isa<func::FuncOp>(argument.getOwner()->getParentOp()) ? argument
                                                                           : BlockArgument();
}

/// Whether `value` is computed from `from`.
static bool dependsOn(Value value, Value from) {
  if (value == from)
    return true;
  Operation *op = value.getDefiningOp();
  return op && isPure(op) &&
         llvm::any_of(op->getOperands(), [&](Value operand) { return dependsOn(operand, from); });
}

static bool dependsOn(ArrayRef<OpFoldResult> sum, Value from) {
  return llvm::any_of(sum, [&](OpFoldResult part) {
    auto value = dyn_cast<Value>(part);
    return value && dependsOn(value, from);
  });
}

/// What goes on to other rows: the nearest loop around all that read `streams`, if the rows depend
/// on it. Within it they are in the caches.
static Movement findMovement(ArrayRef<Stream> streams) {
  Operation *around = streams.front().loop;
  for (const Stream &stream : streams)
    while (around && (!around->isProperAncestor(stream.loop) || !isa<LoopLikeOpInterface>(around)))
      around = around->getParentOp();
  auto loop = dyn_cast_or_null<LoopLikeOpInterface>(around);
  if (!loop)
    return {};
  std::optional<SmallVector<Value>> indices = loop.getLoopInductionVars();
  std::optional<SmallVector<OpFoldResult>> steps = loop.getLoopSteps();
  if (!indices || !steps)
    return {};
  // The innermost first.
  for (size_t i = indices->size(); i-- > 0;) {
    Value index = (*indices)[i];
    std::optional<int64_t> step = getConstantIntValue((*steps)[i]);
    if (step && llvm::any_of(streams.front().indices,
                             [&](ArrayRef<OpFoldResult> at) { return dependsOn(at, index); }))
      return {loop, index, *step};
  }
  return {};
}

/// Whether two loops within `around` are nested in loops over the same numbers, and are over the
/// same ones themselves.
static bool haveEqualBounds(scf::ForOp x, scf::ForOp y, Operation *around) {
  if (x == y)
    return true;
  if (!isEqualConstantIntOrValue(x.getLowerBound(), y.getLowerBound()) ||
      !isEqualConstantIntOrValue(x.getUpperBound(), y.getUpperBound()) ||
      !isEqualConstantIntOrValue(x.getStep(), y.getStep()))
    return false;
  Operation *outerX = x->getParentOp(), *outerY = y->getParentOp();
  if (outerX == around || outerY == around)
    return outerX == outerY;
  auto loopX = dyn_cast<scf::ForOp>(outerX), loopY = dyn_cast<scf::ForOp>(outerY);
  return outerX == outerY || (loopX && loopY && haveEqualBounds(loopX, loopY, around));
}

/// `value` where indices have the values that `mapping` says, in front of `loop`.
static Value rebuild(Value value, IRMapping &mapping, scf::ForOp loop, OpBuilder &b) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  if (!op || !isPure(op) || op->getNumRegions() != 0)
    return value;
  IRMapping operands;
  bool isSame = !loop->isAncestor(op);
  for (Value operand : op->getOperands()) {
    Value rebuilt = rebuild(operand, mapping, loop, b);
    isSame &= rebuilt == operand;
    operands.map(operand, rebuilt);
  }
  Value result =
      isSame ? value : b.clone(*op, operands)->getResult(cast<OpResult>(value).getResultNumber());
  mapping.map(value, result);
  return result;
}

namespace {

class PrefetchOperandsPass : public torsh::impl::PrefetchOperandsPassBase<PrefetchOperandsPass> {
public:
  using PrefetchOperandsPassBase::PrefetchOperandsPassBase;

private:
  void runOnOperation() override {
    auto schedule = getOperation()->getAttrOfType<ScheduleAttr>("torsh.schedule");
    // Contractions pack their operands.
    if (!isKernel(getOperation()) || (schedule && schedule.getBlock().size() > 1))
      return;
    // In the order of the loops, for each argument and parallel loop.
    llvm::MapVector<std::pair<Value, Operation *>, SmallVector<Stream>> readers;
    getOperation().walk([&](scf::ForOp loop) {
      if (!isAlongRow(loop) || cpu::isShorterThan(loop, kRun / 2))
        return;
      for (auto load : loop.getOps<memref::LoadOp>()) {
        Stream stream{loop, load, {}, {}};
        if (succeeded(match(stream)))
          readers[{stream.argument, loop->getParentOfType<scf::ForallOp>()}].push_back(stream);
      }
    });
    for (auto &[key, streams] : readers)
      prefetchNext(streams);
  }

  /// Profit: rows that one loop alone reads, the processor fetches ahead by itself. Where several
  /// do, memory is idle in all but the first; that which takes the longest prefetches.
  static void prefetchNext(ArrayRef<Stream> streams) {
    scf::ForOp longest = streams.front().loop;
    for (const Stream &stream : streams)
      if (costOf(stream.loop) > costOf(longest))
        longest = stream.loop;
    Movement movement = findMovement(streams);
    bool isReadAgain =
        movement.loop && llvm::any_of(streams, [&](const Stream &stream) {
          return stream.loop != longest && haveEqualBounds(stream.loop, longest, movement.loop);
        });
    if (!isReadAgain || movement.step * rowBytes(streams.front().argument) > kMost)
      return;
    SmallVector<Stream> own;
    for (const Stream &stream : streams)
      if (stream.loop == longest &&
          llvm::none_of(own, [&](const Stream &other) { return other.indices == stream.indices; }))
        own.push_back(stream);
    interleave(longest, own, movement);
  }

  /// Legality and profit: rows of an argument that lie one element after the other, and which no
  /// cache near by holds.
  LogicalResult match(Stream &stream) {
    stream.argument = resolve(stream.load, stream.indices);
    if (!stream.argument)
      return failure();
    auto type = cast<MemRefType>(stream.argument.getType());
    int64_t bytes = bytesOf(type.getElementType());
    if (!type.hasStaticShape() || !type.getLayout().isIdentity() || bytes == 0 ||
        type.getNumElements() * bytes < smallest)
      return failure();
    Value index = stream.loop.getInductionVar();
    ValueRange at = stream.load.getIndices();
    if (at.empty() || at.back() != index)
      return failure();
    for (ArrayRef<OpFoldResult> at : ArrayRef(stream.indices).drop_back())
      if (dependsOn(at, index))
        return failure();
    return success();
  }

  /// Cuts `loop` into runs, and asks before each for the same run of the rows that come next.
  static void interleave(scf::ForOp loop, ArrayRef<Stream> streams, Movement movement) {
    ImplicitLocOpBuilder b(loop.getLoc(), loop);
    Value run = arith::ConstantIndexOp::create(b, kRun);
    auto runs = scf::ForOp::create(b, loop.getLowerBound(), loop.getUpperBound(), run);
    b.setInsertionPointToStart(runs.getBody());
    Value from = runs.getInductionVar();
    Value to = b.createOrFold<arith::AddIOp>(from, run);
    std::optional<llvm::APInt> count = loop.getStaticTripCount();
    if (!count || count->urem(kRun) != 0)
      to = b.createOrFold<arith::MinSIOp>(to, loop.getUpperBound());
    for (const Stream &stream : streams)
      prefetch(b, stream, movement, from, to);
    loop->moveBefore(runs.getBody()->getTerminator());
    loop.setLowerBound(from);
    loop.setUpperBound(to);
  }

  static void prefetch(ImplicitLocOpBuilder &b, const Stream &stream, Movement movement, Value from,
                       Value to) {
    auto type = cast<MemRefType>(stream.argument.getType());
    int64_t bytes = bytesOf(type.getElementType());
    Value line = arith::ConstantIndexOp::create(b, std::max<int64_t>(1, kLine / bytes));
    auto lines = scf::ForOp::create(b, from, to, line);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(lines.getBody());
    // Rows may be so short that the next one comes too late.
    int64_t step = std::max<int64_t>(1, movement.step * rowBytes(stream.argument));
    int64_t ahead = movement.step * llvm::divideCeil(kAhead, step);
    IRMapping mapping;
    scf::ForOp loop = stream.loop;
    mapping.map(loop.getInductionVar(), lines.getInductionVar());
    mapping.map(movement.index, b.createOrFold<arith::AddIOp>(
                                    movement.index, arith::ConstantIndexOp::create(b, ahead)));
    SmallVector<Value> next;
    for (auto [at, extent] : llvm::zip_equal(stream.indices, type.getShape())) {
      Value moved = arith::ConstantIndexOp::create(b, 0);
      for (OpFoldResult part : at)
        moved = b.createOrFold<arith::AddIOp>(
            moved, rebuild(getValueOrCreateConstantIndexOp(b, b.getLoc(), part), mapping, loop, b));
      // Behind the last row there is nothing.
      if (dependsOn(at, movement.index))
        moved =
            b.createOrFold<arith::MinSIOp>(moved, arith::ConstantIndexOp::create(b, extent - 1));
      next.push_back(moved);
    }
    // Into the second cache: the first has what is being computed with.
    memref::PrefetchOp::create(b, stream.argument, next, /*isWrite=*/false, /*localityHint=*/2,
                               /*isDataCache=*/true);
  }
};

} // namespace
