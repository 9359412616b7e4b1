// SPDX-License-Identifier: Apache-2.0
// The two products of attention, each with a block of its result in registers.

#include "AttentionLowering.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::torsh;

/// The scores of `height` keys at a time with all queries of a chunk; returns the largest of
/// each query with them, `known` before. Keys past the last one are read as the last one.
SmallVector<Value> AttentionLowering::emitScores(Value chunk, const Rows &keys, Value count,
                                                 ValueRange known) {
  return carry(constant(0), count, height, known, [&](Value first, ValueRange largest) {
    SmallVector<Value> starts;
    for (int64_t r = 0; r < height; ++r) {
      Value row = min(add(add(first, r), keys.first), keys.last);
      starts.push_back(add(keys.base, mul(row, keys.stride)));
    }
    SmallVector<Value> zeros(height * vectors, number(vector, 0.0));
    SmallVector<Value> scores =
        carry(constant(0), constant(features), 1, zeros, [&](Value feature, ValueRange soFar) {
          SmallVector<Value> next, own;
          for (int64_t c = 0; c < vectors; ++c)
            own.push_back(load(vector, queries, add(mul(feature, rows), lane(chunk, c))));
          Value step = mul(feature, keys.step);
          for (int64_t r = 0; r < height; ++r) {
            Value x = splat(loadScalar(element, keys.memory, add(starts[r], step)), vector);
            for (int64_t c = 0; c < vectors; ++c)
              next.push_back(fma(x, own[c], soFar[r * vectors + c]));
          }
          return next;
        });
    for (int64_t r = 0; r < height; ++r)
      for (int64_t c = 0; c < vectors; ++c)
        store(scores[r * vectors + c], weights, add(mul(add(first, r), rows), lane(chunk, c)));
    SmallVector<Value> next(largest);
    for (int64_t r = 0; r < height; ++r)
      for (int64_t c = 0; c < vectors; ++c)
        next[c] = larger(scores[r * vectors + c], next[c]);
    return next;
  });
}

/// Adds the weights of the block times its values to the sums, which are scaled first. `seen`,
/// if any, says how many of the values the rows have weights for that share a vector of queries
/// with the one it is given.
void AttentionLowering::emitProduct(const Rows &values, Value count, Value rowCount,
                                    llvm::function_ref<Value(Value)> seen) {
  int64_t total = width / lanes, pieces = llvm::divideCeil(total, vectors), done = 0;
  for (int64_t piece = 0; piece < pieces; ++piece) {
    int64_t own = (total - done) / (pieces - piece);
    int64_t strip = 1;
    for (int64_t candidate : {16, 12, 8, 6, 4, 3, 2})
      if (rows % candidate == 0 && candidate * own <= height * vectors &&
          (!op.getCausal() || lanes % candidate == 0)) {
        strip = candidate;
        break;
      }
    forLoop(constant(0), rowCount, strip, [&](Value first) {
      auto place = [&](int64_t r, int64_t c) {
        return add(mul(add(first, r), width), (done + c) * lanes);
      };
      SmallVector<Value> initial;
      for (int64_t r = 0; r < strip; ++r) {
        Value factor = splat(loadScalar(element, factors, add(first, r)), vector);
        for (int64_t c = 0; c < own; ++c)
          initial.push_back(mulf(load(vector, sums, place(r, c)), factor));
      }
      SmallVector<Value> products = carry(
          constant(0), seen ? seen(first) : count, 1, initial, [&](Value key, ValueRange soFar) {
            SmallVector<Value> next, row;
            Value start = add(values.base, mul(key, values.stride));
            for (int64_t c = 0; c < own; ++c)
              row.push_back(load(vector, values.memory, add(start, (done + c) * lanes)));
            for (int64_t r = 0; r < strip; ++r) {
              Value at = add(add(mul(key, rows), first), r);
              Value weight = splat(loadScalar(element, weights, at), vector);
              for (int64_t c = 0; c < own; ++c)
                next.push_back(fma(weight, row[c], soFar[r * own + c]));
            }
            return next;
          });
      for (int64_t r = 0; r < strip; ++r)
        for (int64_t c = 0; c < own; ++c)
          store(products[r * own + c], sums, place(r, c));
    });
    done += own;
  }
}

Value AttentionLowering::quotient(Value total) {
  Value factor = divf(number(vector, 1.0), total), zero = number(vector, 0.0);
  // Weights are 0 in all where no score is above minus infinity, or there is no key.
  if (op.getZeroMaskedRows())
    return select(compare(arith::CmpFPredicate::OEQ, total, zero), zero, factor);
  if (getConstantIntValue(key.extents[rank - 2]).value_or(0) > 0)
    return factor;
  Value isNone = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, numKeys, constant(0));
  return select(isNone, zero, factor);
}

/// Divides the sums by the totals of the weights and writes them out.
void AttentionLowering::emitResult(Value firstRow, Value rowCount) {
  forLoop(constant(0), constant(rows), lanes,
          [&](Value row) { store(quotient(load(vector, totals, row)), factors, row); });
  int64_t whole = isContiguous(result) ? columns / lanes * lanes : 0;
  forLoop(constant(0), rowCount, 1, [&](Value row) {
    Value factor = loadScalar(element, factors, row);
    Value from = mul(row, width);
    Value to = add(result.base, offset(result, rank - 2, add(firstRow, row)));
    for (int64_t column = 0; column < whole; column += lanes)
      store(mulf(load(vector, sums, add(from, column)), splat(factor, vector)), result.flat,
            add(to, column));
    if (whole < columns)
      forLoop(constant(whole), constant(columns), 1, [&](Value column) {
        store(mulf(loadScalar(element, sums, add(from, column)), factor), result.flat,
              add(to, offset(result, rank - 1, column)));
      });
  });
}
