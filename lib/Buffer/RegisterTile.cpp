// SPDX-License-Identifier: Apache-2.0
// The innermost block of a contraction: its accumulators are read from the result,
// run over the depth in registers, and are written back. At ragged edges, and
// where the result is not contiguous along the columns, they go through a small
// buffer.

#include "ContractionLowering.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::torsh;

void ContractionLowering::emitRegisterTile(Value rowPanel, Value columnPanel, Value depthStart,
                                           Value depthCount) {
  int64_t height = rows.width, width = columns.width;
  auto rowType = VectorType::get({width}, element);
  Value zero = constant(0);
  Value firstRow = mul(rowPanel, constant(height));
  Value firstColumn = mul(columnPanel, constant(width));
  Value rowCount = min(constant(height), sub(rows.total, firstRow));
  Value columnCount = min(constant(width), sub(columns.total, firstColumn));
  bool isContiguous = columns.group.uniformStride(result) == 1;

  auto rowOffset = [&](Value row) {
    return add(resultOffset, rows.group.offset(b, loc, add(firstRow, row), result));
  };
  // Copies the elements that exist between the result and the buffer.
  auto copyEdge = [&](bool toBuffer) {
    forLoop(zero, rowCount, 1, [&](Value r) {
      Value row = rowOffset(r);
      Value bufferRow = mul(r, constant(width));
      forLoop(zero, columnCount, 1, [&](Value c) {
        Value at = add(row, columns.group.offset(b, loc, add(firstColumn, c), result));
        Value inBuffer = add(bufferRow, c);
        Value from = toBuffer ? result.flat : tileBuffer, to = toBuffer ? tileBuffer : result.flat;
        Value value = memref::LoadOp::create(b, loc, from, toBuffer ? at : inBuffer);
        memref::StoreOp::create(b, loc, value, to, toBuffer ? inBuffer : at);
      });
    });
  };
  auto place = [&](int64_t r, bool direct) -> std::pair<Value, Value> {
    if (direct)
      return {result.flat, add(rowOffset(constant(r)), firstColumn)};
    return {tileBuffer, constant(r * width)};
  };
  auto load = [&](bool direct) {
    SmallVector<Value> tile;
    for (int64_t r = 0; r < height; ++r) {
      auto [memory, offset] = place(r, direct);
      tile.push_back(vector::LoadOp::create(b, loc, rowType, memory, offset));
    }
    return tile;
  };
  auto store = [&](ValueRange tile, bool direct) {
    for (int64_t r = 0; r < height; ++r) {
      auto [memory, offset] = place(r, direct);
      vector::StoreOp::create(b, loc, tile[r], memory, offset);
    }
  };

  if (!isContiguous) {
    copyEdge(/*toBuffer=*/true);
    SmallVector<Value> tile = load(/*direct=*/false);
    store(multiply(tile, rowPanel, columnPanel, firstRow, depthStart, depthCount),
          /*direct=*/false);
    return copyEdge(/*toBuffer=*/false);
  }
  Value isWhole = arith::AndIOp::create(b, loc, equal(rowCount, constant(height)),
                                        equal(columnCount, constant(width)));
  SmallVector<Type> tileTypes(height, rowType);
  auto loaded = scf::IfOp::create(b, loc, tileTypes, isWhole, /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loaded.thenBlock());
    scf::YieldOp::create(b, loc, load(/*direct=*/true));
    b.setInsertionPointToStart(loaded.elseBlock());
    copyEdge(/*toBuffer=*/true);
    scf::YieldOp::create(b, loc, load(/*direct=*/false));
  }
  SmallVector<Value> tile =
      multiply(loaded.getResults(), rowPanel, columnPanel, firstRow, depthStart, depthCount);
  ifElse(
      isWhole, [&] { store(tile, /*direct=*/true); },
      [&] {
        store(tile, /*direct=*/false);
        copyEdge(/*toBuffer=*/false);
      });
}

/// The accumulators after the loop over the depth: for each depth one vector of
/// columns, times one element of each row.
SmallVector<Value> ContractionLowering::multiply(ValueRange tile, Value rowPanel, Value columnPanel,
                                                 Value firstRow, Value depthStart,
                                                 Value depthCount) {
  int64_t height = rows.width, width = columns.width;
  auto rowType = VectorType::get({width}, element);
  Value columnBase = mul(columnPanel, constant(width * depthBlock));
  // Where each row starts: in its panel, or in place, where a row past the last
  // one is read as the last one and what becomes of it is not stored.
  SmallVector<Value> rowBases;
  for (int64_t r = 0; r < height; ++r) {
    if (rows.packed) {
      rowBases.push_back(add(mul(rowPanel, constant(height * depthBlock)), constant(r)));
      continue;
    }
    Value row = min(add(firstRow, constant(r)), sub(rows.total, constant(1)));
    Value offset = add(rows.batchOffset, rows.group.offset(b, loc, row, rows.access));
    rowBases.push_back(add(offset, depthStart));
  }
  Value rowStep = rows.packed ? constant(height) : constant(1);
  auto loop = scf::ForOp::create(
      b, loc, constant(0), depthCount, constant(1), tile,
      [&](OpBuilder &inner, Location, Value k, ValueRange accumulators) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
        Value column = vector::LoadOp::create(b, loc, rowType, columns.packed,
                                              add(columnBase, mul(k, constant(width))));
        SmallVector<Value> next;
        for (int64_t r = 0; r < height; ++r) {
          Value at = add(rowBases[r], mul(k, rowStep));
          Value scalar = rows.packed ? memref::LoadOp::create(b, loc, rows.packed, at).getResult()
                                     : loadElement(rows, at);
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
