// SPDX-License-Identifier: Apache-2.0
// Attention of a few queries, as when tokens are generated one by one: the time is that of
// reading keys and values, once for all heads that share them. Lanes are features, then keys.

#include "AttentionLowering.h"
#include "TransposeVectors.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::torsh;

/// More rows than these fill the lanes of a vector well enough.
static constexpr int64_t kMostRows = 8;
/// Keys whose scores are computed before their values are read.
static constexpr int64_t kBlock = 128;

bool AttentionLowering::hasFewRows() const {
  std::optional<int64_t> own = getConstantIntValue(query.extents[rank - 2]);
  int64_t group = StreamedAttentionOp(op).getGroup();
  return own && *own * group <= kMostRows && *own > 0 && features % lanes == 0 &&
         columns % lanes == 0 && isContiguous(key) && isContiguous(value) && isContiguous(result);
}

/// The offset of a row of the query or result: heads that share a key, then queries.
Value AttentionLowering::rowOffset(const Operand &operand, int64_t row) {
  int64_t own = *getConstantIntValue(query.extents[rank - 2]);
  Value at = add(operand.base, offset(operand, rank - 2, constant(row % own)));
  return rank > 2 ? add(at, offset(operand, rank - 3, constant(row / own))) : at;
}

/// The scores of `row` with a block of keys, masked, and the largest of them and those before.
Value AttentionLowering::emitRowScores(int64_t row, Value firstKey, Value count) {
  Value last = sub(numKeys, constant(1));
  Value lowest = number(vector, -std::numeric_limits<double>::infinity());
  auto positionType = VectorType::get({lanes}, b.getI32Type());
  SmallVector<int32_t> steps = llvm::to_vector(llvm::seq<int32_t>(lanes));
  Value step =
      arith::ConstantOp::create(b, loc, DenseElementsAttr::get(positionType, ArrayRef(steps)));
  auto below = [&](Value first, Value bound) -> Value {
    Value from = arith::IndexCastOp::create(b, loc, b.getI32Type(), first);
    Value to = arith::IndexCastOp::create(b, loc, b.getI32Type(), bound);
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                 arith::AddIOp::create(b, loc, splat(from, positionType), step),
                                 splat(to, positionType));
  };
  SmallVector<Value> most = carry(
      constant(0), count, lanes, lowest, [&](Value first, ValueRange soFar) -> SmallVector<Value> {
        SmallVector<Value> starts;
        for (int64_t i = 0; i < lanes; ++i) {
          Value own = min(add(add(firstKey, first), i), last);
          starts.push_back(add(key.base, offset(key, rank - 2, own)));
        }
        SmallVector<Value> zeros(lanes, number(vector, 0.0));
        SmallVector<Value> sums = carry(
            constant(0), constant(features), lanes, zeros,
            [&](Value feature, ValueRange sums) -> SmallVector<Value> {
              Value own = load(vector, queries, add(feature, row * features));
              SmallVector<Value> next;
              for (int64_t i = 0; i < lanes; ++i)
                next.push_back(fma(load(vector, key.flat, add(starts[i], feature)), own, sums[i]));
              return next;
            });
        // The sum over the lanes of each, in a tree.
        SmallVector<Value> columns = transposeVectors(b, loc, sums);
        for (int64_t width = lanes / 2; width > 0; width /= 2)
          for (int64_t i = 0; i < width; ++i)
            columns[i] = addf(columns[i], columns[i + width]);
        Value score = columns[0];
        Value hiddenScore = number(vector, hidden * (isBinary ? kLog2E : 1.0));
        if (copiedMask) {
          Value each = load(vector, copiedMask, add(first, row * kBlock));
          score = mask.element.isInteger(1)
                      ? select(compare(arith::CmpFPredicate::ONE, each, number(vector, 0.0)), score,
                               hiddenScore)
                      : addf(score, each);
        }
        if (op.getCausal()) {
          int64_t own = row % *getConstantIntValue(query.extents[rank - 2]);
          score = select(below(add(firstKey, first), constant(own + 1)), score, hiddenScore);
        }
        score = select(below(first, count), score, lowest);
        store(score, weights, add(first, row * kBlock));
        return {larger(score, soFar[0])};
      });
  return splat(vector::ReductionOp::create(b, loc, vector::CombiningKind::MAXNUMF, most[0]),
               vector);
}

void AttentionLowering::emitRowMask(int64_t row, Value firstKey, Value count) {
  int64_t own = *getConstantIntValue(query.extents[rank - 2]);
  Value start = add(mask.base, offset(mask, rank - 2, constant(row % own)));
  if (rank > 2)
    start = add(start, offset(mask, rank - 3, constant(row / own)));
  forLoop(constant(0), count, 1, [&](Value each) {
    Value at = add(start, offset(mask, rank - 1, add(firstKey, each)));
    Value x = mask.element.isInteger(1)
                  ? select(loadBool(mask.flat, at), number(element, 1.0), number(element, 0.0))
                  : loadScalar(element, mask.flat, at);
    store(x, copiedMask, add(each, row * kBlock));
  });
}

void AttentionLowering::emitRows(ArrayRef<Value> lead) {
  int64_t count = *getConstantIntValue(query.extents[rank - 2]) * op.getGroup();
  int64_t pieces = columns / lanes;
  queries = allocate(count * features, element);
  // Scores of the last keys are whole vectors.
  weights = allocate(count * kBlock, element);
  sums = allocate(count * columns, element);
  largest = allocate(count * lanes, element);
  totals = allocate(count * lanes, element);
  if (op.getMask())
    copiedMask = allocate(count * kBlock, element);

  // The heads at hand are those of the keys: the first of each group of the query's.
  SmallVector<Value> heads(lead);
  if (!heads.empty())
    heads.back() = mul(heads.back(), op.getGroup());
  place(query, heads, 1);
  place(result, heads, 1);
  place(key, lead, 1);
  place(value, lead, 1);
  if (op.getMask())
    place(mask, heads, 1);

  Value zero = number(vector, 0.0);
  Value lowest = number(vector, -std::numeric_limits<double>::infinity());
  double scale = op.getScale().convertToDouble() * (isBinary ? kLog2E : 1.0);
  for (int64_t row = 0; row < count; ++row) {
    Value start = rowOffset(query, row);
    forLoop(constant(0), constant(features), 1, [&](Value feature) {
      Value x = loadScalar(element, query.flat, add(start, offset(query, rank - 1, feature)));
      store(mulf(x, number(element, scale)), queries, add(feature, row * features));
    });
    store(lowest, largest, constant(row * lanes));
    store(zero, totals, constant(row * lanes));
    for (int64_t piece = 0; piece < pieces; ++piece)
      store(zero, sums, constant(row * columns + piece * lanes));
  }
  forLoop(constant(0), numKeys, kBlock, [&](Value firstKey) {
    Value keys = min(constant(kBlock), sub(numKeys, firstKey));
    for (int64_t row = 0; row < count; ++row)
      emitRowBlock(row, firstKey, keys);
  });
  for (int64_t row = 0; row < count; ++row) {
    Value total = splat(vector::ReductionOp::create(b, loc, vector::CombiningKind::ADD,
                                                    load(vector, totals, constant(row * lanes))),
                        vector);
    Value factor = quotient(total);
    Value to = rowOffset(result, row);
    for (int64_t piece = 0; piece < pieces; ++piece)
      store(mulf(load(vector, sums, constant(row * columns + piece * lanes)), factor), result.flat,
            add(to, piece * lanes));
  }
}

void AttentionLowering::emitRowBlock(int64_t row, Value firstKey, Value count) {
  if (copiedMask)
    emitRowMask(row, firstKey, count);
  Value known = load(vector, largest, constant(row * lanes));
  Value next = larger(emitRowScores(row, firstKey, count), known);
  Value lowest = number(vector, -std::numeric_limits<double>::infinity());
  Value zero = number(vector, 0.0), unit = number(vector, isBinary ? 1.0 : kLog2E);
  auto power = [&](Value x) { return exp2(isBinary ? x : mulf(x, unit)); };
  Value reference = select(compare(arith::CmpFPredicate::OEQ, next, lowest), zero, next);
  Value factor = power(subf(known, reference));
  Value total = carry(constant(0), count, lanes, zero, [&](Value each, ValueRange soFar) {
    Value at = add(each, row * kBlock);
    Value weight = power(subf(load(vector, weights, at), reference));
    store(weight, weights, at);
    return SmallVector<Value>{addf(soFar[0], weight)};
  })[0];
  store(addf(mulf(load(vector, totals, constant(row * lanes)), factor), total), totals,
        constant(row * lanes));
  store(next, largest, constant(row * lanes));

  constexpr int64_t kMostPieces = 8;
  for (int64_t first = 0; first < columns / lanes; first += kMostPieces) {
    int64_t own = std::min(kMostPieces, columns / lanes - first);
    auto at = [&](int64_t piece) { return constant(row * columns + (first + piece) * lanes); };
    SmallVector<Value> initial;
    for (int64_t piece = 0; piece < own; ++piece)
      initial.push_back(mulf(load(vector, sums, at(piece)), factor));
    SmallVector<Value> products =
        carry(constant(0), count, 1, initial, [&](Value each, ValueRange soFar) {
          Value weight = splat(loadScalar(element, weights, add(each, row * kBlock)), vector);
          Value start = add(value.base, offset(value, rank - 2, add(firstKey, each)));
          SmallVector<Value> next;
          for (int64_t piece = 0; piece < own; ++piece)
            next.push_back(fma(weight,
                               load(vector, value.flat, add(start, (first + piece) * lanes)),
                               soFar[piece]));
          return next;
        });
    for (int64_t piece = 0; piece < own; ++piece)
      store(products[piece], sums, at(piece));
  }
}
