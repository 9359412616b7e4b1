// SPDX-License-Identifier: Apache-2.0
// The innermost block of a contraction: its accumulators start from zero, run over a
// block of the depth in registers, and become or are added to the result. At ragged
// edges they are stored under a mask.

#include "ContractionLowering.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::torsh;

Value ContractionLowering::plus(Value x, Value y) {
  if (isa<FloatType>(element))
    return arith::AddFOp::create(b, loc, x, y);
  return add(x, y);
}

Value ContractionLowering::rowOffset(Value row) {
  return add(resultOffset, rows.group.offset(b, loc, row, result));
}

void ContractionLowering::emitRegisterTile(Value rowPanel, Value columnPanel, Value depthStart,
                                           Value depthCount) {
  Value height = constant(rows.width), width = constant(columns.width);
  Value firstRow = mul(rowPanel, height), firstColumn = mul(columnPanel, width);
  Value rowCount = min(height, sub(rows.total, firstRow));
  Value columnCount = min(width, sub(columns.total, firstColumn));
  prefetchResult(firstRow, firstColumn);
  SmallVector<Value> tile = multiply(rowPanel, columnPanel, firstRow, depthStart, depthCount);
  auto finish = [&] { finishTile(tile, firstRow, firstColumn, rowCount, columnCount, depthStart); };
  if (epilogue && hasOneBlock())
    return finish();
  auto store = [&](bool adds) {
    if (columns.group.uniformStride(result) != 1) {
      storeByElement(tile, firstRow, firstColumn, rowCount, columnCount, adds);
      return;
    }
    Value isWhole =
        arith::AndIOp::create(b, loc, equal(rowCount, height), equal(columnCount, width));
    ifElse(
        isWhole, [&] { storeTile(tile, firstRow, firstColumn, adds); },
        [&] { storeEdge(tile, firstRow, firstColumn, rowCount, columnCount, adds); });
  };
  if (!startsFromZero)
    return store(/*adds=*/true);
  if (hasOneBlock())
    return store(/*adds=*/false);
  auto storeOrAdd = [&] {
    ifElse(
        equal(depthStart, constant(0)), [&] { store(/*adds=*/false); },
        [&] { store(/*adds=*/true); });
  };
  if (!epilogue)
    return storeOrAdd();
  ifElse(less(add(depthStart, constant(depthBlock)), depthTotal), storeOrAdd, finish);
}

/// A tile that lies within the result.
void ContractionLowering::storeTile(ValueRange tile, Value firstRow, Value firstColumn, bool adds) {
  for (auto [r, row] : llvm::enumerate(tile)) {
    Value at = add(rowOffset(add(firstRow, constant(r))), firstColumn);
    Value sum = row;
    if (adds)
      sum = plus(row,
                 vector::LoadOp::create(b, loc, cast<VectorType>(row.getType()), result.flat, at));
    vector::StoreOp::create(b, loc, sum, result.flat, at);
  }
}

/// A tile of which only `rowCount` rows and `columnCount` columns exist.
void ContractionLowering::storeEdge(ValueRange tile, Value firstRow, Value firstColumn,
                                    Value rowCount, Value columnCount, bool adds) {
  unsigned bits = element.getIntOrFloatBitWidth();
  if (bits != 32 && bits != 64) // Few processors have masks for smaller elements.
    return storeByElement(tile, firstRow, firstColumn, rowCount, columnCount, adds);
  Value mask = firstLanes(columns.width, columnCount);
  for (auto [r, row] : llvm::enumerate(tile)) {
    auto storeRow = [&, r = r, row = row] {
      Value at = add(rowOffset(add(firstRow, constant(r))), firstColumn);
      Value sum = row;
      if (adds) {
        Value zeros = arith::ConstantOp::create(b, loc, b.getZeroAttr(row.getType()));
        sum = plus(
            row, vector::MaskedLoadOp::create(b, loc, row.getType(), result.flat, at, mask, zeros));
      }
      vector::MaskedStoreOp::create(b, loc, result.flat, at, mask, sum);
    };
    ifElse(less(constant(r), rowCount), storeRow, nullptr);
  }
}

/// A tile whose rows are not one piece of the result each, through a small buffer. What is
/// one piece of the result is written at once, be it along the columns or the rows.
void ContractionLowering::storeByElement(ValueRange tile, Value firstRow, Value firstColumn,
                                         Value rowCount, Value columnCount, bool adds) {
  for (auto [r, row] : llvm::enumerate(tile))
    vector::StoreOp::create(b, loc, row, tileBuffer, constant(r * columns.width));
  auto storeElement = [&](Value row, Value r, Value c) {
    Value at = add(row, columns.group.offset(b, loc, add(firstColumn, c), result));
    Value sum = memref::LoadOp::create(b, loc, tileBuffer, add(mul(r, constant(columns.width)), c));
    if (adds)
      sum = plus(sum, memref::LoadOp::create(b, loc, result.flat, at));
    memref::StoreOp::create(b, loc, sum, result.flat, at);
  };
  Value zero = constant(0);
  if (!isExchanged) {
    forLoop(zero, rowCount, 1, [&](Value r) {
      Value row = rowOffset(add(firstRow, r));
      forLoop(zero, columnCount, 1, [&](Value c) { storeElement(row, r, c); });
    });
    return;
  }
  auto wholeRows = [&] {
    forLoop(zero, columnCount, 1, [&](Value c) {
      for (int64_t r = 0; r < rows.width; ++r)
        storeElement(rowOffset(add(firstRow, constant(r))), constant(r), c);
    });
  };
  ifElse(equal(rowCount, constant(rows.width)), wholeRows, [&] {
    forLoop(zero, columnCount, 1, [&](Value c) {
      forLoop(zero, rowCount, 1, [&](Value r) { storeElement(rowOffset(add(firstRow, r)), r, c); });
    });
  });
}

/// The sums over a block of the depth: for each depth one vector of columns, times
/// one element of each row.
SmallVector<Value> ContractionLowering::multiply(Value rowPanel, Value columnPanel, Value firstRow,
                                                 Value depthStart, Value depthCount) {
  int64_t height = rows.width, width = columns.width;
  auto rowType = VectorType::get({width}, element);
  Value columnBase = columns.panelBase(columnPanel, depthStart, depthCount);
  // Where each row starts: in its panel, or in place, where a row past the last
  // one is read as the last one and what becomes of it is not stored.
  SmallVector<Value> rowBases;
  for (int64_t r = 0; r < height; ++r) {
    if (rows.packed) {
      rowBases.push_back(
          add(rows.panelBase(rowPanel, depthStart, depthCount), constant(r * rows.step)));
      continue;
    }
    Value row = min(add(firstRow, constant(r)), sub(rows.total, constant(1)));
    Value offset = add(rows.batchOffset, rows.group.offset(b, loc, row, rows.access));
    rowBases.push_back(add(offset, depthStart));
  }
  if (rows.step > 1)
    return multiplyGroups(rowPanel, columnPanel, rowBases, depthStart, depthCount);
  Value rowStep = rows.packed ? constant(height) : constant(1);
  Value nextColumns = columns.groupsBase(add(columnPanel, constant(1)), depthStart, depthCount);
  Value zeros = arith::ConstantOp::create(b, loc, b.getZeroAttr(rowType));
  auto loop = scf::ForOp::create(
      b, loc, constant(0), depthCount, constant(1), SmallVector<Value>(height, zeros),
      [&](OpBuilder &inner, Location, Value k, ValueRange accumulators) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
        Value column = vector::LoadOp::create(b, loc, rowType, columns.packed,
                                              add(columnBase, mul(k, constant(width))));
        prefetchRows(add(rowBases[0], mul(k, rowStep)));
        prefetchNextRows(firstRow, columnPanel, depthStart, k);
        prefetchNextColumns(rowPanel, nextColumns, k, depthCount);
        SmallVector<Value> next;
        for (int64_t r = 0; r < height; ++r) {
          Value at = add(rowBases[r], mul(k, rowStep));
          Value scalar = rows.packed ? memref::LoadOp::create(b, loc, rows.packed, at).getResult()
                                     : rows.loadElement(at);
          Value splat = vector::BroadcastOp::create(b, loc, rowType, scalar);
          if (isa<FloatType>(element))
            next.push_back(vector::FMAOp::create(b, loc, splat, column, accumulators[r]));
          else
            next.push_back(add(accumulators[r], mul(splat, column)));
        }
        scf::YieldOp::create(b, loc, next);
      });
  return SmallVector<Value>(loop.getResults());
}

/// The same where groups of the depth are multiplied and added at once.
SmallVector<Value> ContractionLowering::multiplyGroups(Value rowPanel, Value columnPanel,
                                                       ArrayRef<Value> rowBases, Value depthStart,
                                                       Value depthCount) {
  int64_t height = rows.width, width = columns.width, step = rows.step;
  auto sumType = VectorType::get({width}, element);
  auto groupType = VectorType::get({width * step}, columns.element);
  auto rowType = VectorType::get({step}, rows.element);
  Value columnBase = columns.groupsBase(columnPanel, depthStart, depthCount);
  Value start = arith::ConstantOp::create(b, loc, b.getZeroAttr(sumType));
  if (columns.sumsFactor) {
    Value base = columns.panelBase(columnPanel, depthStart, depthCount);
    start = vector::BitCastOp::create(
        b, loc, sumType, vector::LoadOp::create(b, loc, groupType, columns.packed, base));
  }
  Value rowsMemory = rows.packed ? rows.packed : rows.access.flat;
  Value rowStep = constant(rows.packed ? height * step : step);
  Value groupCount = ceilDiv(depthCount, step);
  Value nextColumns = columns.groupsBase(add(columnPanel, constant(1)), depthStart, depthCount);
  auto loop = scf::ForOp::create(
      b, loc, constant(0), groupCount, constant(1), SmallVector<Value>(height, start),
      [&](OpBuilder &inner, Location, Value k, ValueRange accumulators) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
        Value groups = vector::LoadOp::create(b, loc, groupType, columns.packed,
                                              add(columnBase, mul(k, constant(width * step))));
        prefetchRows(add(rowBases[0], mul(k, rowStep)));
        prefetchNextColumns(rowPanel, nextColumns, k, groupCount);
        SmallVector<Value> next;
        for (int64_t r = 0; r < height; ++r) {
          Value at = add(rowBases[r], mul(k, rowStep));
          Value one = vector::LoadOp::create(b, loc, rowType, rowsMemory, at);
          next.push_back(columns.dotGroups(one, rows.isUnsigned, groups, accumulators[r]));
        }
        scf::YieldOp::create(b, loc, next);
      });
  return SmallVector<Value>(loop.getResults());
}
