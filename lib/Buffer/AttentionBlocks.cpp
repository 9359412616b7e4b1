// SPDX-License-Identifier: Apache-2.0
// Tiles of queries, blocks of keys, and the softmax between the two products.

#include "AttentionLowering.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

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
    isFew ? emitRows(position) : emitTile(position.drop_back(), position.back());
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

void AttentionLowering::emitTile(ArrayRef<Value> lead, Value firstRow) {
  queries = allocate(features * rows, element);
  weights = allocate((block + height) * rows, element);
  sums = allocate(rows * width, element);
  for (Value *each : {&largest, &totals, &factors})
    *each = allocate(rows, element);
  if (key.element != element)
    copiedKeys = allocate(block * features, element);
  // Rows that are not whole vectors would be read past their end, and rows far apart fall on
  // few lines of the first cache, which they are read from many times.
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
    forLoop(constant(0), constant(rows / (vectors * lanes)), 1, [&](Value chunk) {
      emitScores(chunk, keys, count);
      emitSoftmax(chunk, firstRow, firstKey, count);
    });
    emitProduct(valuesOf(firstKey, count), count, rowCount);
  });
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

/// Turns the scores of a block into weights below the largest score so far, and brings what
/// there is of each query up to it.
void AttentionLowering::emitSoftmax(Value chunk, Value firstRow, Value firstKey, Value count) {
  SmallVector<Value> known, next;
  for (int64_t c = 0; c < vectors; ++c)
    known.push_back(load(vector, largest, lane(chunk, c)));
  if (op.getCausal()) {
    // Some key of the block is behind some query of the tile.
    Value isDiagonal = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt,
                                             add(firstKey, count), add(firstRow, 1));
    auto branch = scf::IfOp::create(b, loc, SmallVector<Type>(vectors, vector), isDiagonal,
                                    /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    for (bool onDiagonal : {true, false}) {
      b.setInsertionPointToStart(onDiagonal ? branch.thenBlock() : branch.elseBlock());
      scf::YieldOp::create(b, loc,
                           largestScores(chunk, known, firstRow, firstKey, count, onDiagonal));
    }
    next.assign(branch.result_begin(), branch.result_end());
  } else {
    next = largestScores(chunk, known, firstRow, firstKey, count, /*onDiagonal=*/false);
  }
  Value lowest = number(vector, -std::numeric_limits<double>::infinity());
  Value zero = number(vector, 0.0), unit = number(vector, isBinary ? 1.0 : kLog2E);
  auto power = [&](Value x) { return exp2(isBinary ? x : mulf(x, unit)); };
  SmallVector<Value> factor, reference;
  for (int64_t c = 0; c < vectors; ++c) {
    // Where no score is above minus infinity, every weight is 0.
    Value isNone = compare(arith::CmpFPredicate::OEQ, next[c], lowest);
    reference.push_back(select(isNone, zero, next[c]));
    factor.push_back(power(subf(known[c], reference[c])));
  }
  SmallVector<Value> sums(vectors, zero);
  sums = carry(constant(0), count, 1, sums, [&](Value key, ValueRange soFar) {
    SmallVector<Value> sums;
    for (int64_t c = 0; c < vectors; ++c) {
      Value at = add(mul(key, rows), lane(chunk, c));
      Value weight = power(subf(load(vector, weights, at), reference[c]));
      store(weight, weights, at);
      sums.push_back(addf(soFar[c], weight));
    }
    return sums;
  });
  for (int64_t c = 0; c < vectors; ++c) {
    Value at = lane(chunk, c);
    Value total = load(vector, totals, at);
    store(addf(mulf(total, factor[c]), sums[c]), totals, at);
    store(next[c], largest, at);
    store(factor[c], factors, at);
  }
}

/// The largest score of each query with the block's, which are masked on the way.
SmallVector<Value> AttentionLowering::largestScores(Value chunk, ValueRange known, Value firstRow,
                                                    Value firstKey, Value count, bool onDiagonal) {
  SmallVector<Value> positions(vectors);
  if (onDiagonal) {
    auto type = VectorType::get({lanes}, b.getI32Type());
    SmallVector<int32_t> steps = llvm::to_vector(llvm::seq<int32_t>(lanes));
    Value step = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, ArrayRef(steps)));
    for (int64_t c = 0; c < vectors; ++c) {
      Value first =
          arith::IndexCastOp::create(b, loc, b.getI32Type(), add(firstRow, lane(chunk, c)));
      positions[c] = arith::AddIOp::create(b, loc, splat(first, type), step);
    }
  }
  return carry(constant(0), count, 1, known, [&](Value key, ValueRange soFar) {
    SmallVector<Value> next;
    for (int64_t c = 0; c < vectors; ++c) {
      Value at = add(mul(key, rows), lane(chunk, c));
      Value score = load(vector, weights, at);
      Value masked = maskedScore(score, at, positions[c], firstKey, key);
      if (masked != score)
        store(masked, weights, at);
      next.push_back(larger(masked, soFar[c]));
    }
    return next;
  });
}

/// A key's scores, at `at` of the weights, as the mask and the queries' positions make them.
Value AttentionLowering::maskedScore(Value score, Value at, Value positions, Value firstKey,
                                     Value own) {
  Value hiddenScore = number(vector, hidden * (isBinary ? kLog2E : 1.0));
  Value position = add(firstKey, own);
  if (copiedMask) {
    Value each = load(vector, copiedMask, at);
    score = mask.element.isInteger(1)
                ? select(compare(arith::CmpFPredicate::ONE, each, number(vector, 0.0)), score,
                         hiddenScore)
                : addf(score, each);
  } else if (op.getMask()) {
    // One for all queries.
    Value place = add(mask.base, offset(mask, rank - 1, position));
    if (mask.element.isInteger(1))
      score = select(loadBool(mask.flat, place), score, hiddenScore);
    else
      score = addf(score, splat(loadScalar(element, mask.flat, place), vector));
  }
  if (positions) {
    Value each = splat(arith::IndexCastOp::create(b, loc, b.getI32Type(), position),
                       cast<VectorType>(positions.getType()));
    Value isSeen = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sle, each, positions);
    score = select(isSeen, score, hiddenScore);
  }
  return score;
}
