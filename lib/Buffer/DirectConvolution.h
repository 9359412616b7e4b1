// SPDX-License-Identifier: Apache-2.0
// Convolutions with many outputs: vectors run along the outputs. A register tile is some
// neighbouring positions of the image times a block of outputs; for each place of the
// window and each channel one vector of filters is read, and one element of the input for
// each position. So extents, strides and dilations of the image need no vector to fit,
// and nothing is packed but the filters.

#ifndef TORSHJIT_LIB_BUFFER_DIRECTCONVOLUTION_H
#define TORSHJIT_LIB_BUFFER_DIRECTCONVOLUTION_H

#include "ConvolutionNest.h"

namespace mlir::torsh {

class DirectConvolution : public ConvolutionNest {
public:
  using ConvolutionNest::ConvolutionNest;

  /// Fails where the operation is no convolution of this kind.
  LogicalResult classify();

  /// Emits the loops in place of the operation. Fails, with an error, where the filters were
  /// packed by another kernel and the schedule does not fit how.
  LogicalResult emit();

private:
  /// Where a piece of work starts in each operand.
  struct Place {
    Value input, filters;
    SmallVector<Value> result;
  };
  /// Iterations of the outermost loop of the depth.
  struct DepthRange {
    Value from, to;
    bool isAll;
  };

  // PackFilters.cpp
  bool usesFiltersOnce();
  FailureOr<Value> packFilters();
  LogicalResult checkGivenFilters(Value source);
  int64_t layOutDepth();
  void packBlock(const LinearAccess &source, Value from, Value target, Value to, Value block,
                 Value depthFrom, Value depthCount);
  void pairBlock(Value wide, Value to);
  Type filterElement() const { return step > 1 ? b.getBF16Type() : element; }
  /// The axis of the filters whose neighbours are pairs.
  int64_t pairedAxis();

  // PackImage.cpp
  bool packsImage() const;
  void layOutImage();
  void packImage(Value from);
  void packWide(int64_t count, Value from, Value to);
  void packPairs(int64_t count, Value from, Value next, Value to);

  // MarginTaps.cpp
  void findTaps();
  Value canSkip(Value rows);
  Value isAnySumInfinite(Value rows);
  void emitSkipping(Value rows, function_ref<void()> emit);
  std::pair<int64_t, int64_t> columnsInMargin(Value x, int64_t columns);
  SmallVector<Value> accumulateTaps(Value top, Value x, int64_t rows, int64_t columns, Value from,
                                    Value factors, ArrayRef<Value> pixels, const DepthRange &range,
                                    SmallVector<Value> tile);
  SmallVector<Value> accumulateChannels(Value channelFrom, Value channelTo, Value from,
                                        Value factors, ArrayRef<Value> pixels,
                                        ArrayRef<int64_t> inside, ValueRange tile);

  // DirectConvolution.cpp
  int64_t depthExtent() const;
  int64_t depthStep() const;
  void emitChunk(const Place &place, Value rows);
  void emitSums(const Place &place, Value rows, const DepthRange &range);
  void emitColumns(const Place &place, Value y, int64_t rows, const DepthRange &range);
  void emitTile(const Place &place, Value y, Value x, int64_t rows, int64_t columns,
                const DepthRange &range);
  SmallVector<Value> accumulate(size_t loop, Value from, Value factors, ArrayRef<Value> pixels,
                                const DepthRange &range, SmallVector<Value> sums);
  void planPrefetch(const Place &place, Value y, Value x, int64_t tilePixels);
  void prefetchFilters(Value factors);
  void planLines(const Place &place, Value y, Value x, Value nextPixels, const DepthRange &range);
  void prefetchLines(Value k, int64_t iterations);
  void storeSums(const Place &place, Value rows, Value firstOutput);
  void storeRun(Value firstSum, Value count, ArrayRef<Value> at, Value firstOutput);
  void storeSquares(Value firstSum, Value count, ArrayRef<Value> at, Value firstOutput,
                    bool isWhole);

  /// The loop of the window along an axis of the image: it reads `stride` times the position and
  /// `dilation` times the tap, which is in the margin but from `low` up to `end`.
  struct Taps {
    Loop loop;
    int64_t stride, dilation;
    OpFoldResult low, end;
  };
  std::optional<Taps> rowTaps, columnTaps; // the former only where taps in the margin are left out
  Value firstRow, skips;                   // of a chunk, and whether its taps are left out
  std::optional<Loop> row;
  Loop column;
  int64_t numColumns = 0, numOutputs = 0, numBlocks = 0, depthTotal = 0;
  int64_t filterOutputs = 0; // those of all tiles
  int64_t width = 16;        // outputs of a register tile
  int64_t numPixels = 4;     // positions of a register tile, at most
  int64_t depthBlock = 2048; // places of the depth whose filters stay in cache
  int64_t chunkRows = 1;     // rows of the image whose sums are kept at a time
  int64_t step = 1;          // channels that are multiplied at once
  bool packsBlocks = false;  // of filters where they are used, rather than all of them before
  /// Where the filters of a register tile begin, how much of the next block the tiles before it
  /// asked for, times the positions of a chunk, and its own positions.
  struct {
    Value first, done;
    int64_t tilePixels = 0;
  } filtersAhead;
  /// Lines that are asked for while a register tile is computed: `count` of them, `stride`
  /// elements apart.
  struct LinesAhead {
    Value memory, first, stride;
    int64_t count = 0;
    bool isWrite;
  };
  SmallVector<LinesAhead> linesAhead;
  /// The loops of the depth as the filters have them. Where channels are multiplied in pairs, those
  /// of `depth` have the pairs last.
  SmallVector<Loop> channelsFirst;
  LinearAccess filters;         // packed: a vector of outputs for each place of the depth
  LinearAccess image;           // the input, or what a tile reads of it packed
  Value imageRun;               // elements of it that are packed as they lie,
  SmallVector<Loop> imageSteps; // for each step of these loops, from the innermost
  Value sums, initial;          // a vector of outputs for each position of a chunk
};

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_DIRECTCONVOLUTION_H
