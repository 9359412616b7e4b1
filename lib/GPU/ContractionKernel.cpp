// SPDX-License-Identifier: Apache-2.0
// Products of matrices and convolutions: a block computes a tile of the result, with
// the operands staged in workgroup memory, and what follows the product is computed
// on the accumulators.

#include "ContractionEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::torsh;
using namespace mlir::torsh::gpu;

static bool runsAlong(AffineMap map, ArrayRef<unsigned> loops) {
  if (map.getNumResults() == 0)
    return false;
  AffineExpr last = map.getResults().back();
  return llvm::any_of(loops, [&](unsigned loop) { return last.isFunctionOfDim(loop); });
}

/// Whether a group's points are whole tiles of this size, as far as is known.
static bool isWhole(const ContractionEmitter::LoopGroup &group, int64_t tile) {
  std::optional<int64_t> total = getConstantIntValue(group.total);
  return total && *total % tile == 0;
}

LogicalResult KernelEmitter::emitContraction() {
  FailureOr<ContractionLoops> loops = classifyLoops(structure.contraction);
  if (failed(loops))
    return kernel.emitError("not a product of matrices");
  return ContractionEmitter(*this, structure.contraction, *loops).emit();
}

//===----------------------------------------------------------------------===//
// Set-up
//===----------------------------------------------------------------------===//

ContractionEmitter::ContractionEmitter(KernelEmitter &k, linalg::GenericOp op,
                                       const ContractionLoops &loops)
    : k(k), e(k.e), b(k.b), loc(k.loc), op(op), leftIsFirst(loops.left == 0),
      tile{k.schedule.getBlock()[0], k.schedule.getBlock()[1], k.schedule.getBlock()[2], k.threads,
           k.thread},
      simt(k.schedule.getRegisterTile()[0], k.schedule.getRegisterTile()[1]), atom(&simt) {
  for (auto *const *next = k.traits.atoms; next && *next; ++next)
    if ((*next)->accepts(op, tile)) {
      atom = *next;
      break;
    }
  SmallVector<Value> extents = e.loopExtents(op);
  auto group = [&](ArrayRef<unsigned> own) {
    LoopGroup result{SmallVector<unsigned>(own), {}, {}};
    for (unsigned loop : own)
      result.extents.push_back(extents[loop]);
    result.total = e.volume(result.extents);
    return result;
  };
  batch = group(loops.batch);
  rows = group(loops.rows);
  columns = group(loops.columns);
  depth = group(loops.depth);
  left = stage(loops.left, rows, tile.rows);
  right = stage(loops.right, columns, tile.columns);
  stages = chooseStages();
  left.memory = k.workgroupMemory("rows", k.elementOf(left.operand->get()), stages * left.size);
  right.memory =
      k.workgroupMemory("columns", k.elementOf(right.operand->get()), stages * right.size);
}

ContractionEmitter::StagedTile ContractionEmitter::stage(unsigned number, const LoopGroup &outer,
                                                         int64_t count) {
  StagedTile staged;
  staged.operand = op.getDpsInputOperand(number);
  AffineMap map = op.getMatchingIndexingMap(staged.operand);
  staged.outer = count;
  staged.depthFirst = runsAlong(map, depth.loops) || !runsAlong(map, outer.loops);
  staged.isTransposed = !staged.depthFirst && atom->takesTransposed();
  staged.pitch = atom->getPitch(staged.isTransposed ? count : tile.depth);
  staged.size = (staged.isTransposed ? tile.depth : count) * staged.pitch;
  // Neighbours that one thread takes: whole vectors along memory, none past the end.
  const LoopGroup &fast = staged.depthFirst ? depth : outer;
  int64_t fastTile = staged.depthFirst ? tile.depth : count;
  bool isPlain =
      fast.loops.size() == 1 && map.getResults().back() == b.getAffineDimExpr(fast.loops.front());
  while (staged.vector * 2 <= k.vector && isPlain && isWhole(fast, fastTile) &&
         fastTile % (staged.vector * 2) == 0 && count * tile.depth >= k.threads * staged.vector * 2)
    staged.vector *= 2;
  return staged;
}

void ContractionEmitter::setLoops(SmallVectorImpl<Value> &loops, const LoopGroup &group,
                                  Value position) {
  for (auto [loop, value] : llvm::zip_equal(group.loops, e.delinearize(position, group.extents)))
    loops[loop] = value;
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

LogicalResult ContractionEmitter::emit() {
  k.setGrid({{1, batch.extents}, {tile.rows, rows.extents}, {tile.columns, columns.extents}});
  Value rowTiles = e.ceilDiv(rows.total, e.constant(tile.rows));
  Value columnTiles = e.ceilDiv(columns.total, e.constant(tile.columns));
  Value tiles = e.mul(e.mul(batch.total, rowTiles), columnTiles);
  return k.forBlock(tiles, [&](Value number, ValueRange) -> FailureOr<SmallVector<Value>> {
    Value rest = e.div(number, columnTiles);
    firstColumn = e.mul(e.rem(number, columnTiles), e.constant(tile.columns));
    firstRow = e.mul(e.rem(rest, rowTiles), e.constant(tile.rows));
    base.assign(op.getNumLoops(), e.constant(0));
    setLoops(base, batch, e.div(rest, rowTiles));
    FailureOr<SmallVector<Value>> product = multiply();
    if (failed(product) ||
        failed(atom->forEach(e, tile, *product, [&](Value row, Value column, Value sum) {
          return finish(row, column, sum);
        })))
      return failure();
    return SmallVector<Value>();
  });
}

FailureOr<SmallVector<Value>> ContractionEmitter::multiply() {
  // The initial value is the same everywhere: all front ends build a fill.
  int64_t rank = cast<ShapedType>(op.getResult(0).getType()).getRank();
  FailureOr<Value> init = e.emit(op.getDpsInits()[0], SmallVector<Value>(rank, e.constant(0)));
  if (failed(init))
    return failure();
  if (stages > 1)
    return multiplyInStages(atom->initialize(e, tile, *init));
  return e.forLoop(e.constant(0), depth.total, e.constant(tile.depth),
                   atom->initialize(e, tile, *init),
                   [&](Value firstDepth, ValueRange carried) -> FailureOr<SmallVector<Value>> {
                     if (failed(load(left, rows, firstRow, firstDepth)) ||
                         failed(load(right, columns, firstColumn, firstDepth)))
                       return failure();
                     k.barrier();
                     FailureOr<SmallVector<Value>> next =
                         atom->multiply(e, op, tile, asOperand(left), asOperand(right), leftIsFirst,
                                        SmallVector<Value>(carried));
                     k.barrier(); // The tiles are loaded again.
                     return next;
                   });
}

StagedOperand ContractionEmitter::asOperand(const StagedTile &staged, Value stageNumber) {
  return {staged.memory, staged.pitch, k.elementOf(staged.operand->get()), staged.isTransposed,
          stageNumber ? e.mul(stageNumber, e.constant(staged.size)) : Value()};
}

//===----------------------------------------------------------------------===//
// Staging
//===----------------------------------------------------------------------===//

LogicalResult ContractionEmitter::load(const StagedTile &staged, const LoopGroup &outer,
                                       Value first, Value firstDepth, Value stageNumber) {
  int64_t vectors = staged.outer * tile.depth / staged.vector;
  int64_t inner = (staged.depthFirst ? tile.depth : staged.outer) / staged.vector;
  for (int64_t from = 0; from < vectors; from += k.threads) {
    ElementEmitter::Scope scope(e);
    Value item = e.add(k.thread, e.constant(from));
    // Where it divides, what differs between the vectors of a thread is a constant,
    // which costs no register.
    bool isEven = from % inner == 0;
    Value number = isEven ? k.thread : item;
    Value fast = e.mul(e.rem(number, e.constant(inner)), e.constant(staged.vector));
    Value slow = e.add(e.div(number, e.constant(inner)), e.constant(isEven ? from / inner : 0));
    auto loadVector = [&]() -> FailureOr<SmallVector<Value>> {
      SmallVector<Value> values;
      for (int64_t i = 0; i < staged.vector; ++i) {
        FailureOr<Value> value =
            staged.depthFirst ? loadElement(staged, outer, e.add(first, slow),
                                            e.add(e.add(firstDepth, fast), e.constant(i)))
                              : loadElement(staged, outer, e.add(e.add(first, fast), e.constant(i)),
                                            e.add(firstDepth, slow));
        if (failed(value))
          return failure();
        values.push_back(*value);
      }
      // All are read before the first is written: neighbours merge to one access.
      for (auto [i, value] : llvm::enumerate(values)) {
        Value along = e.add(fast, e.constant(i));
        Value own = staged.depthFirst ? slow : along, ownDepth = staged.depthFirst ? along : slow;
        if (staged.isTransposed)
          std::swap(own, ownDepth);
        Value position = e.add(e.mul(own, e.constant(staged.pitch)), ownDepth);
        if (stageNumber)
          position = e.add(position, e.mul(stageNumber, e.constant(staged.size)));
        auto store = memref::StoreOp::create(b, loc, value, staged.memory, position);
        if (stageNumber)
          store->setAttr(kAsyncCopyAttrName, b.getUnitAttr());
      }
      return SmallVector<Value>();
    };
    if (from + k.threads <= vectors
            ? failed(loadVector())
            : failed(e.ifThen(e.lessThan(item, e.constant(vectors)), {}, loadVector)))
      return failure();
  }
  return success();
}

/// What is no depth of the operands is zero: it adds nothing. Rows and columns past the
/// end repeat the last one; their products are not stored.
FailureOr<Value> ContractionEmitter::loadElement(const StagedTile &staged, const LoopGroup &outer,
                                                 Value own, Value ownDepth) {
  SmallVector<Value> loops(base);
  auto clamp = [&](Value position, Value total) -> Value {
    return arith::MinUIOp::create(b, loc, position, e.sub(total, e.constant(1)));
  };
  bool wholeDepth = isWhole(depth, tile.depth);
  setLoops(loops, outer, isWhole(outer, staged.outer) ? own : clamp(own, outer.total));
  setLoops(loops, depth, wholeDepth ? ownDepth : clamp(ownDepth, depth.total));
  FailureOr<SmallVector<Value>> index = e.apply(op.getMatchingIndexingMap(staged.operand), loops);
  if (failed(index))
    return failure();
  FailureOr<Value> value = e.emit(staged.operand->get(), *index);
  if (failed(value))
    return failure();
  Value kept = *value;
  Type element = kept.getType();
  if (!wholeDepth) {
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
    kept = arith::SelectOp::create(b, loc, e.lessThan(ownDepth, depth.total), kept, zero);
  }
  if (element.isInteger(1))
    kept = arith::ExtUIOp::create(b, loc, b.getI8Type(), kept);
  return kept;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

LogicalResult ContractionEmitter::finish(Value row, Value column, Value sum) {
  ElementEmitter::Scope scope(e);
  Value ownRow = e.add(firstRow, row), ownColumn = e.add(firstColumn, column);
  auto store = [&]() -> FailureOr<SmallVector<Value>> {
    SmallVector<Value> loops(base);
    setLoops(loops, rows, ownRow);
    setLoops(loops, columns, ownColumn);
    FailureOr<SmallVector<Value>> index =
        e.apply(op.getMatchingIndexingMap(op.getDpsInitOperand(0)), loops);
    if (failed(index))
      return failure();
    e.define(op.getResult(0), *index, sum);
    for (const AlignedOutput &aligned : k.structure.aligned) {
      SmallVector<Value> point(index->size());
      for (auto [axis, value] : llvm::zip_equal(aligned.groupAxes, *index))
        point[axis] = value;
      if (failed(k.storePoint(aligned, point, e.linearize(point, e.extents(aligned.space)))))
        return failure();
    }
    return SmallVector<Value>();
  };
  Value inside;
  if (!isWhole(rows, tile.rows))
    inside = e.lessThan(ownRow, rows.total);
  if (!isWhole(columns, tile.columns)) {
    Value inColumns = e.lessThan(ownColumn, columns.total);
    inside = inside ? arith::AndIOp::create(b, loc, inside, inColumns).getResult() : inColumns;
  }
  return inside ? e.ifThen(inside, {}, store) : store();
}
