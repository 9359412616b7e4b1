// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions, others with few outputs for each input, and pools: vectors run
// along the width. A register tile is some rows of one vector each; where the windows
// of its rows overlap, a vector of the input is read once for all of them.

#ifndef TORSHJIT_LIB_BUFFER_GROUPEDCONVOLUTION_H
#define TORSHJIT_LIB_BUFFER_GROUPEDCONVOLUTION_H

#include "ConvolutionNest.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::torsh {

class GroupedConvolution : public ConvolutionNest {
public:
  using ConvolutionNest::ConvolutionNest;

  /// Whether an operation combines the elements of each window of its first operand; the
  /// second one has the window's extents and nothing else.
  static bool isPool(linalg::GenericOp op);

  /// Fails where the operation is no convolution of this kind, nor a pool.
  LogicalResult classify();

  /// Emits the loops in place of the operation.
  void emit();

private:
  /// A register tile: `rows` rows of `lanes` neighbouring results of each output, of
  /// which `count` exist where a mask is needed.
  struct Tile {
    int64_t rows, lanes;
    Value count;
  };
  /// Where a tile starts in each operand.
  struct Place {
    Value input, weight;
    SmallVector<Value> result;
  };

  void emitRows(const Place &place);
  void emitRow(int64_t rows, const Place &place);
  void emitTile(const Tile &tile, const Place &place);
  SmallVector<Value> accumulate(const Tile &tile, const Place &place, ArrayRef<Loop> channels,
                                SmallVector<Value> sums);
  Value loadInput(const Tile &tile, Value offset);
  Value loadPart(int64_t lanes, Value offset, Value count);

  SmallVector<Loop> channels, window;
  std::optional<Loop> row, column;
  int64_t numOutputs = 1, columnStride = 1, rowsOfTile = 1, lanes = 16;
  Value initial;
  Operation *combination = nullptr; // of a pool: of what it has and an element
};

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_GROUPEDCONVOLUTION_H
