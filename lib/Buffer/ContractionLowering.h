// SPDX-License-Identifier: Apache-2.0
// Emits the loops of one contraction, after K. Goto and R. van de Geijn, "Anatomy
// of High-Performance Matrix Multiplication", 2008. The loops of the operation
// fall into four groups: batch loops, rows (in the result and one operand),
// columns (in the result and the other one) and depth (in both operands). Rows
// and columns are chosen so that the result is contiguous along the columns.

#ifndef TORSHJIT_LIB_BUFFER_CONTRACTIONLOWERING_H
#define TORSHJIT_LIB_BUFFER_CONTRACTIONLOWERING_H

#include "PanelOperand.h"
#include "torshjit/Buffer/DepthGroups.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

namespace mlir::torsh {

class ContractionLowering : LoopEmitter {
public:
  ContractionLowering(linalg::GenericOp op, OpBuilder &builder, ScheduleAttr schedule);

  /// Sorts the loops into groups. Fails where plain loops are better, or an operand
  /// is not addressed linearly.
  LogicalResult classify();

  /// Emits the loops in place of the operation. Fails, with an error, where an operand
  /// was packed by another kernel and the schedule does not fit how.
  LogicalResult emit();

private:
  Value inputOf(const PanelOperand &side) {
    return op.getInputs()[&side == &rows ? rowsInput : 1 - rowsInput];
  }

  // ContractionLowering.cpp
  void readSchedule();
  LogicalResult checkGivenPanels();
  void groupDepth(DepthGrouping grouping);
  Value allocatePanels(const PanelOperand &side);
  void emitProduct();

  /// Whether all of the depth is known to be one block: sums are complete at once.
  bool hasOneBlock() const {
    std::optional<int64_t> total = depth.staticTotal();
    return total && *total <= depthBlock;
  }

  // ProductEpilogue.cpp

  /// An operand of the elementwise operation behind the product.
  struct EpilogueOperand {
    OpOperand *use;
    LinearAccess access;
    bool isWritten = false;
    /// Whether it is the same for all columns, and for all rows.
    bool isSplat = false, isSameForRows = false;
    Value batchOffset;
    Value edge = {}; // room for a vector, where parts of one are not read under a mask

    Type element() const { return getElementTypeOrSelf(access.flat.getType()); }
  };
  /// The columns that a tile at the edge has.
  struct Edge {
    Value mask, count;
  };
  void takeEpilogue();
  void finishTile(ValueRange tile, Value firstRow, Value firstColumn, Value rowCount,
                  Value columnCount, Value depthStart);
  Value loadOperand(const EpilogueOperand &operand, Value at, const Edge *edge);
  void storeOperand(const EpilogueOperand &operand, Value x, Value at, const Edge *edge);
  Value offsetOf(const EpilogueOperand &operand, Value row, Value firstColumn);
  bool isRead(const EpilogueOperand &operand);
  static bool isMasked(Type type);

  // KernelPanels.cpp
  void allocateKernelPanels(PanelOperand &whole);
  LogicalResult packPerKernel(PanelOperand &side, unsigned operand);

  // RegisterTile.cpp
  void emitRegisterTile(Value rowPanel, Value columnPanel, Value depthStart, Value depthCount);
  SmallVector<Value> multiply(Value rowPanel, Value columnPanel, Value firstRow, Value depthStart,
                              Value depthCount);
  SmallVector<Value> multiplyGroups(Value rowPanel, Value columnPanel, ArrayRef<Value> rowBases,
                                    Value depthStart, Value depthCount);
  void storeTile(ValueRange tile, Value firstRow, Value firstColumn, bool adds);
  void storeEdge(ValueRange tile, Value firstRow, Value firstColumn, Value rowCount,
                 Value columnCount, bool adds);
  void storeByElement(ValueRange tile, Value firstRow, Value firstColumn, Value rowCount,
                      Value columnCount, bool adds);
  Value plus(Value x, Value y);
  Value rowOffset(Value row);

  // ColumnsAhead.cpp
  void emitColumnsAhead(Value x, Value depthStart, Value depthCount);

  // PrefetchPanels.cpp
  void prefetchResult(Value firstRow, Value firstColumn);
  void prefetchRows(Value at);
  void prefetchNextColumns(Value rowPanel, Value nextBase, Value k, Value count);
  void prefetchNextRows(Value firstRow, Value columnPanel, Value depthStart, Value k);

  linalg::GenericOp op;
  ScheduleAttr schedule;
  Type element; // of the accumulator
  LoopGroup batch, depth;
  PanelOperand rows, columns;
  unsigned rowsInput = 0; // the operation's input that has the rows; the other has the columns
  LinearAccess result;
  Value resultOffset, depthTotal, tileBuffer;
  int64_t depthBlock = 256;
  /// Whether the result is what is summed here, or that is added to what it holds.
  bool startsFromZero = false;
  /// Whether the result is contiguous along the rows instead.
  bool isExchanged = false;
  linalg::GenericOp reader;   // alone of the result, and elementwise
  linalg::GenericOp epilogue; // the same, if it is computed here
  SmallVector<EpilogueOperand> epilogueOperands;
};

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_CONTRACTIONLOWERING_H
