// SPDX-License-Identifier: Apache-2.0
// Products of matrices and convolutions: a block computes a tile of the result, with
// the operands staged in workgroup memory, and what follows the product is computed
// on the accumulators.

#include "KernelEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "torshjit/GPU/ContractionAtom.h"

using namespace mlir;
using namespace mlir::torsh;
using namespace mlir::torsh::gpu;

namespace {

/// One of the groups of loops: its loops and extents, and how many points it has.
struct LoopGroup {
  SmallVector<unsigned> loops;
  SmallVector<Value> extents;
  Value total;
};

/// An operand's tile in workgroup memory: `outer` rows or columns by `depth`.
struct StagedTile {
  OpOperand *operand;
  Value memory;
  int64_t outer, pitch;
  /// Whether neighbouring threads read along the depth.
  bool depthFirst;
};

} // namespace

static bool runsAlong(AffineMap map, ArrayRef<unsigned> loops) {
  if (map.getNumResults() == 0)
    return false;
  AffineExpr last = map.getResults().back();
  return llvm::any_of(loops, [&](unsigned loop) { return last.isFunctionOfDim(loop); });
}

LogicalResult KernelEmitter::emitContraction() {
  linalg::GenericOp op = structure.contraction;
  FailureOr<ContractionLoops> classes = classifyLoops(op);
  if (failed(classes))
    return op.emitError("not a product of matrices");
  SmallVector<Value> allExtents = e.loopExtents(op);
  auto groupOf = [&](ArrayRef<unsigned> loops) {
    LoopGroup group{SmallVector<unsigned>(loops), {}, {}};
    for (unsigned loop : loops)
      group.extents.push_back(allExtents[loop]);
    group.total = e.volume(group.extents);
    return group;
  };
  LoopGroup batch = groupOf(classes->batch), rows = groupOf(classes->rows),
            columns = groupOf(classes->columns), depth = groupOf(classes->depth);
  int64_t blockRows = schedule.getBlock()[0], blockColumns = schedule.getBlock()[1],
          blockDepth = schedule.getBlock()[2];

  ContractionTile tile{blockRows, blockColumns, blockDepth, threads, thread};
  SimtAtom simt(schedule.getRegisterTile()[0], schedule.getRegisterTile()[1]);
  const ContractionAtom *atom = &simt;
  for (auto *const *next = traits.atoms; next && *next; ++next)
    if ((*next)->accepts(op, tile)) {
      atom = *next;
      break;
    }

  auto stage = [&](unsigned number, int64_t outer, ArrayRef<unsigned> outerLoops,
                   StringRef purpose) {
    OpOperand *operand = op.getDpsInputOperand(number);
    AffineMap map = op.getMatchingIndexingMap(operand);
    int64_t pitch = atom->getPitch(blockDepth);
    return StagedTile{operand, workgroupMemory(purpose, elementOf(operand->get()), outer * pitch),
                      outer, pitch, runsAlong(map, depth.loops) || !runsAlong(map, outerLoops)};
  };
  StagedTile left = stage(classes->left, blockRows, rows.loops, "rows");
  StagedTile right = stage(classes->right, blockColumns, columns.loops, "columns");

  setGrid({{1, batch.extents}, {blockRows, rows.extents}, {blockColumns, columns.extents}});
  Value rowTiles = e.ceilDiv(rows.total, e.constant(blockRows));
  Value columnTiles = e.ceilDiv(columns.total, e.constant(blockColumns));
  Value tiles = e.mul(e.mul(batch.total, rowTiles), columnTiles);

  auto setLoops = [&](SmallVectorImpl<Value> &loops, const LoopGroup &group, Value position) {
    for (auto [loop, value] : llvm::zip_equal(group.loops, e.delinearize(position, group.extents)))
      loops[loop] = value;
  };
  auto clamp = [&](Value position, Value total) -> Value {
    return arith::MinUIOp::create(b, loc, position, e.sub(total, e.constant(1)));
  };

  return forBlock(tiles, [&](Value number, ValueRange) -> FailureOr<SmallVector<Value>> {
    Value firstColumn = e.mul(e.rem(number, columnTiles), e.constant(blockColumns));
    Value rest = e.div(number, columnTiles);
    Value firstRow = e.mul(e.rem(rest, rowTiles), e.constant(blockRows));
    SmallVector<Value> base(op.getNumLoops(), e.constant(0));
    setLoops(base, batch, e.div(rest, rowTiles));

    // What no row, column or depth of the operands is, is zero: it adds nothing. Rows
    // and columns past the end repeat the last one; their products are not stored.
    auto load = [&](const StagedTile &staged, const LoopGroup &outer, Value first,
                    Value firstDepth) -> LogicalResult {
      int64_t count = staged.outer * blockDepth;
      Type element = elementOf(staged.operand->get());
      for (int64_t from = 0; from < count; from += threads) {
        ElementEmitter::Scope scope(e);
        Value item = e.add(thread, e.constant(from));
        int64_t inner = staged.depthFirst ? blockDepth : staged.outer;
        Value fast = e.rem(item, e.constant(inner)), slow = e.div(item, e.constant(inner));
        Value ownDepth = staged.depthFirst ? fast : slow, own = staged.depthFirst ? slow : fast;
        auto move = [&]() -> FailureOr<SmallVector<Value>> {
          SmallVector<Value> loops(base);
          setLoops(loops, outer, clamp(e.add(first, own), outer.total));
          Value at = e.add(firstDepth, ownDepth);
          setLoops(loops, depth, clamp(at, depth.total));
          FailureOr<SmallVector<Value>> index =
              e.apply(op.getMatchingIndexingMap(staged.operand), loops);
          if (failed(index))
            return failure();
          FailureOr<Value> value = e.emit(staged.operand->get(), *index);
          if (failed(value))
            return failure();
          Value kept = *value;
          std::optional<int64_t> known = getConstantIntValue(depth.total);
          if (!known || *known % blockDepth != 0) {
            Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
            kept = arith::SelectOp::create(b, loc, e.lessThan(at, depth.total), kept, zero);
          }
          if (element.isInteger(1))
            kept = arith::ExtUIOp::create(b, loc, b.getI8Type(), kept);
          memref::StoreOp::create(b, loc, kept, staged.memory,
                                  e.add(e.mul(own, e.constant(staged.pitch)), ownDepth));
          return SmallVector<Value>();
        };
        if (from + threads <= count
                ? failed(move())
                : failed(e.ifThen(e.lessThan(item, e.constant(count)), {}, move)))
          return failure();
      }
      return success();
    };

    // The initial value is the same everywhere: all front ends build a fill.
    int64_t rank = cast<ShapedType>(op.getResult(0).getType()).getRank();
    FailureOr<Value> init = e.emit(op.getDpsInits()[0], SmallVector<Value>(rank, e.constant(0)));
    if (failed(init))
      return failure();
    SmallVector<Value> accumulators = atom->initialize(e, tile, *init);
    auto product =
        e.forLoop(e.constant(0), depth.total, e.constant(blockDepth), accumulators,
                  [&](Value firstDepth, ValueRange carried) -> FailureOr<SmallVector<Value>> {
                    if (failed(load(left, rows, firstRow, firstDepth)) ||
                        failed(load(right, columns, firstColumn, firstDepth)))
                      return failure();
                    barrier();
                    StagedOperand a{left.memory, left.pitch, elementOf(left.operand->get())};
                    StagedOperand c{right.memory, right.pitch, elementOf(right.operand->get())};
                    FailureOr<SmallVector<Value>> next = atom->multiply(
                        e, op, tile, a, c, classes->left == 0, SmallVector<Value>(carried));
                    barrier();
                    return next;
                  });
    if (failed(product))
      return failure();

    AffineMap resultMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    auto finish = [&](Value row, Value column, Value sum) -> LogicalResult {
      ElementEmitter::Scope scope(e);
      Value ownRow = e.add(firstRow, row), ownColumn = e.add(firstColumn, column);
      Value inside = arith::AndIOp::create(b, loc, e.lessThan(ownRow, rows.total),
                                           e.lessThan(ownColumn, columns.total));
      return e.ifThen(inside, {}, [&]() -> FailureOr<SmallVector<Value>> {
        SmallVector<Value> loops(base);
        setLoops(loops, rows, ownRow);
        setLoops(loops, columns, ownColumn);
        FailureOr<SmallVector<Value>> index = e.apply(resultMap, loops);
        if (failed(index))
          return failure();
        e.define(op.getResult(0), *index, sum);
        for (const AlignedOutput &aligned : structure.aligned) {
          SmallVector<Value> point(index->size());
          for (auto [axis, value] : llvm::zip_equal(aligned.groupAxes, *index))
            point[axis] = value;
          SmallVector<Value> extents = e.extents(aligned.space);
          Value position = e.linearize(point, extents);
          for (Value reshaped : llvm::reverse(aligned.reshapes)) {
            SmallVector<Value> outer = e.delinearize(position, e.extents(reshaped));
            e.defineSource(reshaped, outer, point);
            point = outer;
          }
          if (failed(storeElement(aligned.output, point)))
            return failure();
        }
        return SmallVector<Value>();
      });
    };
    if (failed(atom->forEach(e, tile, *product, finish)))
      return failure();
    return SmallVector<Value>();
  });
}
