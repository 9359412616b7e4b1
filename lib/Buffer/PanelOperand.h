// SPDX-License-Identifier: Apache-2.0
// An operand of a contraction as panels: `width` rows (or columns) each, in the
// order in which the register tile reads them.

#ifndef TORSHJIT_LIB_BUFFER_PANELOPERAND_H
#define TORSHJIT_LIB_BUFFER_PANELOPERAND_H

#include "LinearAccess.h"
#include "LoopEmitter.h"

namespace mlir::torsh {

/// How the elements of an operand reach the register tile: the fourth (rows) and fifth
/// (columns) number of a schedule's `block`.
enum class Packing : int64_t {
  /// Read where they lie.
  InPlace = 0,
  /// Packed by each tile of the kernel, a block of the depth at a time.
  PerTile = 1,
  /// Packed once, before the kernel's tiles.
  PerKernel = 2,
  /// Packed by another kernel (`torsh.panels_view`).
  Given = 3,
};

struct PanelOperand : LoopEmitter {
  PanelOperand(OpBuilder &builder, Location loc) : LoopEmitter(builder, loc) {}

  LinearAccess access;
  LoopGroup group, depth;
  /// Of the panels; what is narrower in memory is widened.
  Type element;
  /// Whether its integers have no sign.
  bool isUnsigned = false;
  /// Neighbours of the depth that lie together, for instructions that multiply and add
  /// as many at a time.
  int64_t step = 1;
  /// Whether bytes are packed with their highest bit flipped, which takes 128 off those
  /// without sign and adds it to those with sign.
  bool flipsSign = false;
  /// If not 0, panels begin with this times the sums of their rows, in i32.
  int64_t sumsFactor = 0;
  Packing packing = Packing::PerTile;
  int64_t width = 0;      // rows or columns of the register tile
  int64_t depthBlock = 0; // the depth that is packed together
  /// How many panels `packed` has room for where tiles pack them; 0 for all of a tile. If 2,
  /// one is multiplied while the next is packed.
  int64_t held = 0;
  Value total, panels; // iterations of the group, and panels of `width` of them
  Value packed;        // the panels; null where the operand is read in place
  Value offsets;       // of a panel's elements, where their distances differ
  Value batchOffset;
  /// Where the kernel's panels are packed at once: how many, and which of them is
  /// the tile's first.
  Value kernelPanels, firstPanel;

  /// Computes `total` and `panels`.
  void count();
  /// Allocates `offsets`, if it is needed to pack.
  void allocateOffsets();
  /// Where a panel of a block of the depth begins in `packed`. Blocks of the depth lie
  /// one behind the other, so that what is used together is one piece of memory.
  Value panelBase(Value panel, Value depthStart, Value depthCount) const;
  /// Where its groups begin, behind the sums.
  Value groupsBase(Value panel, Value depthStart, Value depthCount) const;
  /// Elements that the sums take.
  int64_t head() const { return sumsFactor ? width * step : 0; }
  /// Packs all panels, in a parallel loop.
  void packAll();
  /// Packs the panels [first, last) of a block of the depth.
  void pack(Value first, Value last, Value depthStart, Value depthCount);
  /// Whether a panel can be packed in parts of the depth, of multiples of `partMultiple`.
  bool packsInParts() const;
  int64_t partMultiple() const;
  /// Whether `packPart` may take this panel: those that are packed row by row of memory have
  /// to be whole ones.
  Value isInParts(Value panel) const;
  void packPart(Value panel, Value depthStart, Value depthCount, Value from, Value to);
  /// Asks for what `packPart` will read, so that it has arrived in the second cache by then.
  /// What is past the end is of no use, and harmless.
  void prefetchPart(Value panel, Value depthStart, Value from, Value to) const;
  /// What has to be done to panels when all of their parts are packed.
  void finish(Value first, Value last, Value depthStart, Value depthCount);
  /// One element, widened.
  Value loadElement(Value offset) const;
  /// `sums` plus the products of one group, of another operand, and each of these.
  Value dotGroups(Value one, bool oneIsUnsigned, Value groups, Value sums) const;

private:
  Type ownElement() const { return cast<MemRefType>(access.flat.getType()).getElementType(); }
  Value loadVector(int64_t count, Value offset) const;
  Value widen(Value value) const;
  /// Whether rows are packed along the depth, several at a time, being contiguous there.
  bool transposes() const;
  void packPanel(Value panel, Value depthStart, Value depthCount);
  void packContiguous(int64_t panelCount, Value firstPanel, Value from, Value depthStart,
                      Value depthCount, Value first, Value last);
  /// Fills `offsets` for a panel: the first of them, and whether the panel is whole and one
  /// piece of memory from there.
  std::pair<Value, Value> readOffsets(Value start, Value count);
  void packScattered(Value panel, Value depthStart, Value depthCount);
  int64_t runLength() const;
  void packRuns(int64_t run, Value base, Value depthStart, Value depthCount);
  void packTransposed(Value start, Value base, Value depthStart, Value first, Value last);
  void packEach(Value start, Value count, Value base, Value depthStart, Value depthCount);

  // PackGroups.cpp
  Value zeros(int64_t count) const;
  void packGroupPanel(Value panel, Value depthStart, Value depthCount);
  void interleave(int64_t panelCount, Value firstPanel, Value from, Value depthStart,
                  Value depthCount, Value first, Value last);
  void transposeGroups(Value start, Value base, Value depthStart, Value first, Value last);
  void packEachGroup(Value panel, Value start, Value count, Value depthStart, Value depthCount);
  void fillLastGroup(Value base, Value count, Value depthCount);
  Value placeInGroup(Value base, Value k, Value r) const;
  void storeSums(Value panel, Value depthStart, Value depthCount);
};

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_PANELOPERAND_H
