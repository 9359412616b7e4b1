// SPDX-License-Identifier: Apache-2.0
// Tiles of queries, and the blocks of keys that each of them goes through.

#include "AttentionLowering.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <utility>

using namespace mlir;
using namespace mlir::torsh;

AttentionLowering::AttentionLowering(StreamedAttentionOp op, OpBuilder &builder,
                                     ScheduleAttr schedule)
    : VectorForms(builder, op.getLoc()), op(op), rank(op.getQueryAxes().size()),
      hidden(op.getMaskedScore().convertToDouble()) {
  isParallel = schedule && !schedule.getTile().empty();
  if (schedule && schedule.getBlock().size() == 2) {
    rows = schedule.getBlock()[0];
    block = schedule.getBlock()[1];
  }
  if (schedule && schedule.getRegisterTile().size() == 2) {
    height = schedule.getRegisterTile()[0];
    vectors = schedule.getRegisterTile()[1];
  }
  if (schedule && schedule.getVector() > 0)
    lanes = schedule.getVector();
  rows = llvm::alignTo(rows, vectors * lanes);
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

void AttentionLowering::emit() {
  query = operand(op.getQuery(), op.getQueryAxes());
  key = operand(op.getKey(), op.getKeyAxes());
  value = operand(op.getValue(), op.getValueAxes());
  result = operand(op.getInit(), op.getInitAxes());
  if (op.getMask())
    mask = operand(op.getMask(), op.getMaskAxes());
  element = isa<Float16Type, BFloat16Type>(query.element) ? b.getF32Type()
                                                          : cast<FloatType>(query.element);
  vector = VectorType::get({lanes}, element);
  features = *getConstantIntValue(query.extents.back());
  columns = *getConstantIntValue(value.extents.back());
  width = llvm::alignTo(columns, lanes);
  numRows = asValue(query.extents[rank - 2]);
  numKeys = asValue(key.extents[rank - 2]);
  // The lowest number of the type would overflow, and what is added is to be rounded once.
  bool isAdded = op.getMask() && isa<FloatType>(mask.element);
  isBinary =
      !isAdded && (std::isinf(hidden) || std::abs(hidden) < (element.isF64() ? 1e300 : 1e38));

  bool isFew = hasFewRows();
  // Over the leading axes and tiles of queries; a few queries are one, with all of a group.
  SmallVector<OpFoldResult> to(ArrayRef(query.extents).drop_back(isFew ? 2 : 1));
  SmallVector<OpFoldResult> from(to.size(), b.getIndexAttr(0)), step(to.size(), b.getIndexAttr(1));
  if (!isFew)
    step.back() = b.getIndexAttr(rows);
  else if (op.getGroup() > 1)
    to.back() = b.getIndexAttr(*getConstantIntValue(to.back()) / op.getGroup());
  auto body = [&](ArrayRef<Value> position) {
    if (isFew)
      emitRows(position);
    else
      emitTile(position.drop_back(),
               op.getCausal() && isParallel ? pairedTile(position.back()) : position.back());
  };
  OpBuilder::InsertionGuard guard(b);
  SmallVector<Value> position;
  if (isParallel && !to.empty()) {
    auto loop = scf::ForallOp::create(b, loc, from, to, step, ValueRange{}, std::nullopt);
    b.setInsertionPoint(loop.getTerminator());
    position = loop.getInductionVars();
  } else {
    for (auto [first, end, size] : llvm::zip_equal(from, to, step)) {
      auto loop = scf::ForOp::create(b, loc, asValue(first), asValue(end), asValue(size));
      b.setInsertionPointToStart(loop.getBody());
      position.push_back(loop.getInductionVar());
    }
  }
  body(position);
  op.erase();
}

/// The tile to compute in the place of the one that begins at a row: the first, the last, the
/// second, and so on. Causal tiles have the more keys the later they are, and threads are
/// given neighbours.
Value AttentionLowering::pairedTile(Value firstRow) {
  Value size = constant(rows), two = constant(2);
  Value number = arith::DivUIOp::create(b, loc, firstRow, size);
  Value half = arith::DivUIOp::create(b, loc, number, two);
  Value isLate = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne,
                                       arith::RemUIOp::create(b, loc, number, two), constant(0));
  Value last = arith::DivUIOp::create(b, loc, sub(numRows, constant(1)), size);
  return mul(select(isLate, sub(last, half), half), size);
}

void AttentionLowering::emitTile(ArrayRef<Value> lead, Value firstRow) {
  queries = allocate(features * rows, element);
  // Scores are computed some keys at a time, the last of which nobody reads.
  weights = allocate((block + std::max(height, kNarrowHeight)) * rows, element);
  sums = allocate(rows * width, element);
  for (Value *each : {&largest, &totals, &factors})
    *each = allocate(rows, element);
  // Rows far apart fall on few lines of the first cache, which they are read from many times.
  if (key.element != element ||
      (isContiguous(key) && getConstantIntValue(key.strides[rank - 2]) != features))
    copiedKeys = allocate(block * features, element);
  // Rows that are not whole vectors would be read past their end.
  if (value.element != element || width != columns || !isContiguous(value) ||
      getConstantIntValue(value.strides[rank - 2]) != columns)
    copiedValues = allocate(block * width, element);
  if (op.getMask() && getConstantIntValue(mask.extents[rank - 2]) != 1)
    copiedMask = allocate(block * rows, element);

  place(query, lead, 1);
  place(key, lead, op.getGroup());
  place(value, lead, op.getGroup());
  place(result, lead, 1);
  if (op.getMask())
    place(mask, lead, 1);

  Value rowCount = min(constant(rows), sub(numRows, firstRow));
  Value zero = number(vector, 0.0);
  forLoop(constant(0), constant(rows * width), lanes, [&](Value at) { store(zero, sums, at); });
  forLoop(constant(0), constant(rows), lanes, [&](Value at) {
    store(number(vector, -std::numeric_limits<double>::infinity()), largest, at);
    store(zero, totals, at);
  });
  packQueries(firstRow);
  if (!op.getCausal()) {
    emitBlocks(firstRow, rowCount, constant(0), numKeys);
  } else {
    // Keys that no query of the tile sees are skipped.
    Value seen = min(numKeys, add(firstRow, rowCount));
    if (std::isinf(hidden)) {
      emitBlocks(firstRow, rowCount, constant(0), seen);
    } else {
      // Unless their score, which is a number, is as good as those that are seen.
      forLoop(constant(0), constant(2), 1, [&](Value round) {
        Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, round, constant(0));
        Value rest = select(hiddenCounts(), numKeys, seen);
        emitBlocks(firstRow, rowCount, select(isFirst, constant(0), seen),
                   select(isFirst, seen, rest));
      });
    }
  }
  emitResult(firstRow, rowCount);
}

Value AttentionLowering::hiddenCounts() {
  // Beyond this distance the exponential is 0.
  double distance = (element.isF64() ? 1100.0 : 160.0) / (isBinary ? 1.0 : kLog2E);
  double scaled = hidden * (isBinary ? kLog2E : 1.0);
  Value least = number(element, std::numeric_limits<double>::infinity());
  Value lowest = carry(constant(0), constant(rows), 1, least, [&](Value row, ValueRange soFar) {
    Value own = loadScalar(element, largest, row);
    Value isLess = compare(arith::CmpFPredicate::OLT, own, soFar[0]);
    return SmallVector<Value>{select(isLess, own, soFar[0])};
  })[0];
  return compare(arith::CmpFPredicate::OLE, lowest, number(element, scaled + distance));
}

void AttentionLowering::emitBlocks(Value firstRow, Value rowCount, Value from, Value to) {
  forLoop(from, to, block, [&](Value firstKey) {
    Value count = min(constant(block), sub(to, firstKey));
    Rows keys = keysOf(firstKey, count);
    if (copiedMask)
      packMask(firstRow, firstKey, count);
    Rows values = valuesOf(firstKey, count);
    auto emitWhole = [&](bool mayBeOnDiagonal) {
      forLoop(constant(0), constant(rows / (vectors * lanes)), 1, [&](Value chunk) {
        SmallVector<Value> known = largestSoFar(chunk);
        SmallVector<Value> next = emitScores(chunk, keys, count, known);
        if (mayBeOnDiagonal)
          next = maskedScores(chunk, known, firstRow, firstKey, count);
        else if (op.getMask())
          next = maskScores(chunk, known, firstRow, firstKey, count, /*onDiagonal=*/false);
        emitSoftmax(chunk, known, next, count);
      });
      emitProduct(values, count, rowCount, {});
    };
    // A hidden score that is a number may count after all.
    if (!op.getCausal() || !std::isinf(hidden))
      return emitWhole(op.getCausal());
    auto branch =
        scf::IfOp::create(b, loc, isOnDiagonal(firstRow, firstKey, count), /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    emitDiagonal(keys, values, firstRow, rowCount, firstKey, count);
    b.setInsertionPointToStart(branch.elseBlock());
    emitWhole(/*mayBeOnDiagonal=*/false);
  });
}

/// Whether some key of the block is behind some query of the tile.
Value AttentionLowering::isOnDiagonal(Value firstRow, Value firstKey, Value count) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, add(firstKey, count),
                               add(firstRow, 1));
}

/// A block on the diagonal, of which each vector of queries sees the keys up to its last one:
/// no others are computed.
void AttentionLowering::emitDiagonal(const Rows &keys, const Rows &values, Value firstRow,
                                     Value rowCount, Value firstKey, Value count) {
  int64_t wideHeight = std::exchange(height, kNarrowHeight), wide = std::exchange(vectors, 1);
  Value distance = sub(firstRow, firstKey);
  // Of the queries from `first` on, a vector of them.
  auto seen = [&](Value first) {
    Value end = add(add(distance, first), lanes);
    return arith::MaxSIOp::create(b, loc, min(end, count), constant(0)).getResult();
  };
  forLoop(constant(0), constant(rows / lanes), 1, [&](Value chunk) {
    Value own = seen(lane(chunk, 0));
    SmallVector<Value> known = largestSoFar(chunk);
    emitScores(chunk, keys, own, known);
    emitSoftmax(chunk, known,
                maskScores(chunk, known, firstRow, firstKey, own, /*onDiagonal=*/true), own);
  });
  height = wideHeight, vectors = wide;
  emitProduct(values, count, rowCount, [&](Value first) {
    return seen(mul(arith::DivUIOp::create(b, loc, first, constant(lanes)), lanes));
  });
}
