// SPDX-License-Identifier: Apache-2.0
// Emits attention as one pass over the keys, after M. Milakov and N. Gimelshein, "Online
// normalizer calculation for softmax", 2018, M. Rabe and C. Staats, "Self-attention does not
// need O(n^2) memory", 2021, and T. Dao et al., "FlashAttention", 2022.
//
// A tile of queries is the lanes of vectors: the scores of a block are computed transposed,
// one row per key, so that largest scores and sums are vectors, keys are read one element at a
// time where they are, and the scores already lie as the product with the values reads them.

#ifndef TORSHJIT_LIB_BUFFER_ATTENTIONLOWERING_H
#define TORSHJIT_LIB_BUFFER_ATTENTIONLOWERING_H

#include "VectorForms.h"
#include "torshjit/Dialect/Torsh/IR/TorshAttention.h"

namespace mlir::torsh {

class AttentionLowering : VectorForms {
public:
  static constexpr double kLog2E = 1.4426950408889634;
  /// Keys of a register tile of one vector of queries.
  static constexpr int64_t kNarrowHeight = 12;

  AttentionLowering(StreamedAttentionOp op, OpBuilder &builder, ScheduleAttr schedule);

  /// Emits the loops in place of the operation.
  void emit();

private:
  /// An operand by its strides along the axes of torsh.attention's description.
  struct Operand {
    Value flat;
    SmallVector<OpFoldResult> strides, extents;
    Type element;
    /// Where the heads at hand start.
    Value base;
  };
  /// The keys or values of a block, in place or copied: rows `stride` apart, their elements
  /// `step` apart, of which the block's are those from `first` on, at most `last`.
  struct Rows {
    Value memory, base, stride, step, first, last;
  };

  // AttentionOperands.cpp: what is read, and in which form.
  Operand operand(Value memref, ArrayRef<int64_t> axes);
  /// The operand's base at the position `lead` of the leading axes, its heads shared by `group`.
  void place(Operand &operand, ArrayRef<Value> lead, int64_t group);
  Value offset(const Operand &operand, int64_t axis, Value index);
  bool isContiguous(const Operand &operand) const;
  void packQueries(Value firstRow);
  /// Copies rows of `columns` elements to `memory`, `stride` apart.
  void copyRows(const Operand &operand, Value first, Value count, int64_t columns, int64_t stride,
                Value memory);
  void packMask(Value firstRow, Value firstKey, Value count);
  Rows keysOf(Value firstKey, Value count);
  Rows valuesOf(Value firstKey, Value count);

  // AttentionBlocks.cpp: tiles and blocks.
  Value pairedTile(Value firstRow);
  void emitTile(ArrayRef<Value> lead, Value firstRow);
  void emitBlocks(Value firstRow, Value rowCount, Value from, Value to);
  void emitDiagonal(const Rows &keys, const Rows &values, Value firstRow, Value rowCount,
                    Value firstKey, Value count);
  Value isOnDiagonal(Value firstRow, Value firstKey, Value count);
  /// Whether a score that is hidden counts for some query: none that it sees is far above.
  Value hiddenCounts();

  // AttentionSoftmax.cpp: between the products.
  SmallVector<Value> largestSoFar(Value chunk);
  SmallVector<Value> maskedScores(Value chunk, ValueRange known, Value firstRow, Value firstKey,
                                  Value count);
  void emitSoftmax(Value chunk, ValueRange known, ValueRange next, Value count);
  SmallVector<Value> maskScores(Value chunk, ValueRange known, Value firstRow, Value firstKey,
                                Value count, bool onDiagonal);
  Value maskedScore(Value score, Value at, Value queryPositions, Value firstKey, Value key);

  // AttentionProducts.cpp: scores, and weights times values.
  SmallVector<Value> emitScores(Value chunk, const Rows &keys, Value count, ValueRange known);
  void emitProduct(const Rows &values, Value count, Value rowCount,
                   llvm::function_ref<Value(Value)> seen);
  void emitResult(Value firstRow, Value rowCount);

  /// One over the total of some queries' weights.
  Value quotient(Value total);

  // AttentionRows.cpp: a few queries of all heads that share a key.
  bool hasFewRows() const;
  Value rowOffset(const Operand &operand, int64_t row);
  void emitRows(ArrayRef<Value> lead);
  void emitRowMask(int64_t row, Value firstKey, Value count);
  void emitRowBlock(int64_t row, Value firstKey, Value count);
  Value emitRowScores(int64_t row, Value firstKey, Value count);

  Value lane(Value chunk, int64_t number) {
    return add(mul(chunk, vectors * lanes), number * lanes);
  }

  StreamedAttentionOp op;
  bool isParallel;
  FloatType element; // in which it is computed
  VectorType vector; // `lanes` of it
  Operand query, key, value, mask, result;
  Value numRows, numKeys;
  int64_t rank, features, columns;
  // Queries of a tile, keys of a block, keys and vectors of queries of a register tile, and
  // elements of a vector.
  int64_t rows = 64, block = 64, height = 6, vectors = 4, lanes = 16;
  /// Columns of a tile of the result, whole vectors.
  int64_t width;
  double hidden;
  /// Whether scores are in units of log 2: not where that would overflow or round a mask.
  bool isBinary;
  // Of a tile: the queries transposed, the weights of a block, the result so far; for each
  // query the largest score, the sum of weights, and the factor of what is there already.
  Value queries, weights, sums, largest, totals, factors;
  Value copiedKeys, copiedValues, copiedMask;
};

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_ATTENTIONLOWERING_H
