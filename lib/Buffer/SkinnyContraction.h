// SPDX-License-Identifier: Apache-2.0
// Emits the loops of a product of a few rows (the thin operand) by a wide operand, which is
// read once from where it lies. Two forms, by what the wide operand's last axis is:
//
//   columns (x @ w): for a block of the depth, vectors of columns of the result are loaded,
//     get each depth's vector of the wide operand times each row's element, and are stored.
//     A short block makes reading the wide operand a few long runs through memory.
//   depth (linear): each column's vectors along the depth times each row's, summed at the end.

#ifndef TORSHJIT_LIB_BUFFER_SKINNYCONTRACTION_H
#define TORSHJIT_LIB_BUFFER_SKINNYCONTRACTION_H

#include "LoopEmitter.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Tensor/SkinnyShape.h"

namespace mlir::torsh {

class SkinnyContraction : LoopEmitter {
public:
  SkinnyContraction(linalg::GenericOp op, OpBuilder &builder, ScheduleAttr schedule);

  /// Fails where the schedule has no numbers for such products, the contraction is none,
  /// or its wide operand does not lie contiguously.
  LogicalResult classify();

  /// Emits the loops before the operation, which the caller erases. Where the number of rows
  /// is not known, `otherwise` emits what to do with more than `kSkinnyRows`.
  void emit(function_ref<void()> otherwise);

  /// Whether the number of rows is found when the kernel runs.
  bool hasUnknownRows() const { return ShapedType::isDynamic(shape.rowCount); }

private:
  /// Where sums go: row r begins at `row(r)` of `memory`, columns are `columnStride` apart.
  struct Sums {
    Value memory;
    llvm::unique_function<Value(Value)> row;
    Value columnStride; // null: 1
  };
  /// A range of the depth.
  struct DepthRange {
    Value start, end;
    std::optional<int64_t> size; // where it is static
  };

  /// The columns of a tile: neighbours from the first one on, or `apart` from each other.
  struct TileColumns {
    Value first, apart;
  };

  Value zero() { return arith::ConstantOp::create(b, loc, b.getZeroAttr(element)); }
  Value zeros() { return arith::ConstantOp::create(b, loc, b.getZeroAttr(vectorType)); }

  // SkinnyContraction.cpp
  LogicalResult readBody();
  void emitRows();
  void emitProduct();
  void emitSplit();
  void emitStaged();
  void addToResult(Value memory, int64_t parts);
  void emitRange(DepthRange range, Sums &sums);
  void clear(Value memory, Value from, Value count);
  void forPanels(function_ref<void(Value, int64_t)> body);
  Value widen(Value value, Operation *cast);
  Value splat(Value scalar);
  Value multiplyAdd(Value x, Value y, Value sum);
  Value loadWide(Value offset, Value mask);
  void prefetchWide(Value offset, Value distance);

  // ThinPanels.cpp
  bool isThinInPlace() const;
  Value thinOffset(Value row, Value depth);
  void packThinByDepth(const DepthRange &range);
  void packThinByVector(const DepthRange &range);

  // SkinnyColumns.cpp
  void emitColumns(const DepthRange &range, Sums &sums);
  void emitColumnTiles(Value depth, const DepthRange &range, Value count, Sums &sums);
  void emitColumnTile(Value row, int64_t height, Value column, int64_t vectors, Value mask,
                      Value depth, const DepthRange &range, Value count, Sums &sums);

  // SkinnyDepth.cpp
  void emitDepth(const DepthRange &range, Sums &sums);
  void emitDepthTile(Value row, int64_t height, const TileColumns &chosen, int64_t width,
                     Value depth, Value count, const DepthRange &range, Sums &sums);
  void storeSums(ArrayRef<Value> tile, Value row, int64_t width, const TileColumns &chosen,
                 Sums &sums);
  Value columnOf(const TileColumns &chosen, int64_t number);
  Value sumAcross(ArrayRef<Value> tile, function_ref<Value(Value, Value)> plus);

  linalg::GenericOp op;
  ScheduleAttr schedule;
  SkinnyShape shape;
  int64_t height = 1, vectors = 1, lanes = 4, depthBlock = 64, ahead = 0,
          split = 0; // of the schedule
  Type element;      // of the sums
  VectorType vectorType;
  Operation *thinCast = nullptr, *wideCast = nullptr; // how the body widens an element
  bool isFused = true;                                // a product and its sum are rounded as one
  bool startsFromZero = false;                        // sums are not those of the result before
  LinearAccess thin, wide, result;
  LoopGroup outer; // batch loops, and those over pieces that are not one run through memory
  LoopGroup rows, columns, depth;
  Value rowTotal, columnTotal, depthTotal;
  Value thinStart, wideStart, resultStart; // of an iteration of the outer loops
  Value thinPacked;                        // null where the thin operand is read in place
};

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_SKINNYCONTRACTION_H
