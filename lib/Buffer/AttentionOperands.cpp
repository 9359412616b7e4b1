// SPDX-License-Identifier: Apache-2.0
// What attention reads: by strides where it is, or copied a block at a time.

#include "AttentionLowering.h"
#include "LinearAccess.h"
#include "TransposeVectors.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::torsh;

AttentionLowering::Operand AttentionLowering::operand(Value memref, ArrayRef<int64_t> axes) {
  auto type = cast<MemRefType>(memref.getType());
  FailureOr<LinearAccess> access =
      LinearAccess::create(b, loc, memref, b.getMultiDimIdentityMap(type.getRank()));
  Operand operand{access->flat, {}, {}, type.getElementType(), constant(0)};
  for (int64_t axis : axes) {
    operand.strides.push_back(axis < 0 ? b.getIndexAttr(0) : access->strides[axis]);
    operand.extents.push_back(
        axis < 0 ? OpFoldResult(b.getIndexAttr(1))
        : type.isDynamicDim(axis)
            ? OpFoldResult(memref::DimOp::create(b, loc, memref, axis).getResult())
            : b.getIndexAttr(type.getDimSize(axis)));
  }
  return operand;
}

Value AttentionLowering::offset(const Operand &operand, int64_t axis, Value index) {
  return mul(index, asValue(operand.strides[axis]));
}

void AttentionLowering::place(Operand &operand, ArrayRef<Value> lead, int64_t group) {
  operand.base = constant(0);
  for (auto [axis, index] : llvm::enumerate(lead)) {
    Value own = index;
    if (group > 1 && axis + 1 == lead.size())
      own = arith::DivUIOp::create(b, loc, index, constant(group));
    operand.base = add(operand.base, offset(operand, axis, own));
  }
}

bool AttentionLowering::isContiguous(const Operand &operand) const {
  return getConstantIntValue(operand.strides.back()) == 1;
}

/// The queries of the tile, scaled, their features one after the other. Those past the last
/// one are copies of it, which nobody reads the result of.
void AttentionLowering::packQueries(Value firstRow) {
  double scale = op.getScale().convertToDouble() * (isBinary ? kLog2E : 1.0);
  Value last = sub(numRows, constant(1));
  auto rowStart = [&](Value row) {
    return add(query.base, offset(query, rank - 2, min(add(firstRow, row), last)));
  };
  int64_t whole = isContiguous(query) ? features / lanes * lanes : 0;
  if (whole > 0)
    forLoop(constant(0), constant(rows), lanes, [&](Value row) {
      SmallVector<Value> starts;
      for (int64_t i = 0; i < lanes; ++i)
        starts.push_back(rowStart(add(row, i)));
      forLoop(constant(0), constant(whole), lanes, [&](Value feature) {
        SmallVector<Value> square;
        for (Value start : starts)
          square.push_back(load(vector, query.flat, add(start, feature)));
        Value factor = number(vector, scale);
        for (auto [i, column] : llvm::enumerate(transposeVectors(b, loc, square)))
          store(mulf(column, factor), queries, add(mul(add(feature, i), rows), row));
      });
    });
  if (whole < features)
    forLoop(constant(0), constant(rows), 1, [&](Value row) {
      Value start = rowStart(row);
      forLoop(constant(whole), constant(features), 1, [&](Value feature) {
        Value x = loadScalar(element, query.flat, add(start, offset(query, rank - 1, feature)));
        store(mulf(x, number(element, scale)), queries, add(mul(feature, rows), row));
      });
    });
}

void AttentionLowering::copyRows(const Operand &operand, Value first, Value count, int64_t columns,
                                 int64_t stride, Value memory) {
  int64_t whole = isContiguous(operand) ? columns / lanes * lanes : 0;
  forLoop(constant(0), count, 1, [&](Value row) {
    Value from = add(operand.base, offset(operand, rank - 2, add(first, row)));
    Value to = mul(row, stride);
    if (whole > 0)
      forLoop(constant(0), constant(whole), lanes, [&](Value column) {
        store(load(vector, operand.flat, add(from, column)), memory, add(to, column));
      });
    if (whole < columns)
      forLoop(constant(whole), constant(columns), 1, [&](Value column) {
        Value x = loadScalar(element, operand.flat, add(from, offset(operand, rank - 1, column)));
        store(x, memory, add(to, column));
      });
  });
}

AttentionLowering::Rows AttentionLowering::keysOf(Value firstKey, Value count) {
  // One element at a time, so that all that matters is its type.
  if (!copiedKeys)
    return {key.flat,
            key.base,
            asValue(key.strides[rank - 2]),
            asValue(key.strides[rank - 1]),
            firstKey,
            sub(add(firstKey, count), constant(1))};
  copyRows(key, firstKey, count, features, features, copiedKeys);
  return {copiedKeys,  constant(0), constant(features),
          constant(1), constant(0), sub(count, constant(1))};
}

AttentionLowering::Rows AttentionLowering::valuesOf(Value firstKey, Value count) {
  if (!copiedValues)
    return {value.flat, add(value.base, offset(value, rank - 2, firstKey)),
            asValue(value.strides[rank - 2])};
  copyRows(value, firstKey, count, columns, width, copiedValues);
  return {copiedValues, constant(0), constant(width)};
}

/// The mask of a block, transposed as the scores are: what is added, or 1 where a key is seen.
void AttentionLowering::packMask(Value firstRow, Value firstKey, Value count) {
  Value last = sub(numRows, constant(1));
  auto rowStart = [&](Value row) {
    Value own = add(mask.base, offset(mask, rank - 2, min(add(firstRow, row), last)));
    return add(own, offset(mask, rank - 1, firstKey));
  };
  bool isBool = mask.element.isInteger(1);
  Value whole = constant(0);
  if (!isBool && isContiguous(mask)) {
    whole = mul(arith::DivUIOp::create(b, loc, count, constant(lanes)), lanes);
    forLoop(constant(0), constant(rows), lanes, [&](Value row) {
      SmallVector<Value> starts;
      for (int64_t i = 0; i < lanes; ++i)
        starts.push_back(rowStart(add(row, i)));
      forLoop(constant(0), whole, lanes, [&](Value key) {
        SmallVector<Value> square;
        for (Value start : starts)
          square.push_back(load(vector, mask.flat, add(start, key)));
        for (auto [i, column] : llvm::enumerate(transposeVectors(b, loc, square)))
          store(column, copiedMask, add(mul(add(key, i), rows), row));
      });
    });
  }
  forLoop(constant(0), constant(rows), 1, [&](Value row) {
    Value start = rowStart(row);
    forLoop(whole, count, 1, [&](Value key) {
      Value at = add(start, offset(mask, rank - 1, key));
      Value x;
      if (isBool)
        x = select(loadBool(mask.flat, at), number(element, 1.0), number(element, 0.0));
      else
        x = loadScalar(element, mask.flat, at);
      store(x, copiedMask, add(mul(key, rows), row));
    });
  });
}
