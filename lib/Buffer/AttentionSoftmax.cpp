// SPDX-License-Identifier: Apache-2.0
// The softmax between the two products of attention, a block of keys at a time.

#include "AttentionLowering.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::torsh;

SmallVector<Value> AttentionLowering::largestSoFar(Value chunk) {
  SmallVector<Value> known;
  for (int64_t c = 0; c < vectors; ++c)
    known.push_back(load(vector, largest, lane(chunk, c)));
  return known;
}

/// Masks the scores of a block that may be on the diagonal.
SmallVector<Value> AttentionLowering::maskedScores(Value chunk, ValueRange known, Value firstRow,
                                                   Value firstKey, Value count) {
  auto branch = scf::IfOp::create(b, loc, SmallVector<Type>(vectors, vector),
                                  isOnDiagonal(firstRow, firstKey, count), /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  for (bool onDiagonal : {true, false}) {
    b.setInsertionPointToStart(onDiagonal ? branch.thenBlock() : branch.elseBlock());
    scf::YieldOp::create(b, loc, maskScores(chunk, known, firstRow, firstKey, count, onDiagonal));
  }
  return SmallVector<Value>(branch.getResults());
}

/// Turns the scores of a block into weights below `next`, the largest score with the block's,
/// and brings what there is of each query from `known`, the largest before, up to it.
void AttentionLowering::emitSoftmax(Value chunk, ValueRange known, ValueRange next, Value count) {
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

/// Masks the scores of a block; returns the largest score of each query with them.
SmallVector<Value> AttentionLowering::maskScores(Value chunk, ValueRange known, Value firstRow,
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
