// SPDX-License-Identifier: Apache-2.0
// Asks for memory before it is read: rows stream from the third cache, and processors do not
// follow a stream over the end of a page of 4 KiB; columns that are packed next come from wherever
// they lie; the result is written for the first time.

#include "ContractionLowering.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::torsh;

static constexpr int64_t kLineBytes = 64;
/// How far ahead of their use packed rows are asked for: about 2000 cycles of multiplications,
/// and a page.
static constexpr int64_t kRowsAhead = 4096;

static int64_t elementsOfLine(Type element) {
  return std::max<int64_t>(1, kLineBytes * 8 / element.getIntOrFloatBitWidth());
}

void PanelOperand::prefetchPart(Value panel, Value depthStart, Value from, Value to) const {
  int64_t line = elementsOfLine(ownElement());
  Value first = mul(panel, constant(width));
  forLoop(from, to, transposes() ? line : 1, [&](Value k) {
    Value at = add(batchOffset, depth.offset(b, loc, add(depthStart, k), access));
    if (transposes()) {
      forLoop(constant(0), constant(width), 1, [&](Value r) {
        prefetchLine(access.flat, add(at, group.offset(b, loc, add(first, r), access)),
                     /*isWrite=*/false, /*locality=*/2);
      });
      return;
    }
    for (int64_t c = 0; c < width; c += line)
      prefetchLine(access.flat, add(at, add(first, constant(c))), /*isWrite=*/false,
                   /*locality=*/2);
  });
}

/// The lines that a tile will write: of the result, or of what is computed from it.
void ContractionLowering::prefetchResult(Value firstRow, Value firstColumn) {
  if (columns.group.uniformStride(result) != 1)
    return;
  auto prefetch = [&](Value memory, Type type, function_ref<Value(Value)> offsetOfRow) {
    for (int64_t r = 0; r < rows.width; ++r) {
      Value at = offsetOfRow(add(firstRow, constant(r)));
      for (int64_t c = 0; c < columns.width; c += elementsOfLine(type))
        prefetchLine(memory, add(at, constant(c)), /*isWrite=*/true, /*locality=*/3);
    }
  };
  if (!epilogue || !hasOneBlock())
    prefetch(result.flat, element, [&](Value row) { return add(rowOffset(row), firstColumn); });
  else
    for (const EpilogueOperand &operand : epilogueOperands)
      if (operand.isWritten)
        prefetch(operand.access.flat, operand.element(),
                 [&](Value row) { return offsetOf(operand, row, firstColumn); });
}

/// The rows that the multiplications get to a page later: panels lie one behind the other.
void ContractionLowering::prefetchRows(Value at) {
  if (!rows.packed)
    return;
  int64_t ahead = kRowsAhead * 8 / rows.element.getIntOrFloatBitWidth();
  prefetchLine(rows.packed, add(at, constant(ahead)), /*isWrite=*/false, /*locality=*/3);
}

/// Columns that are packed already, at multiplication `k` of `count`: the panel behind, which the
/// tiles of this one share among them.
void ContractionLowering::prefetchNextColumns(Value rowPanel, Value nextBase, Value k,
                                              Value count) {
  std::optional<int64_t> total = rows.group.staticTotal();
  bool isPacked = columns.packing == Packing::PerKernel || columns.packing == Packing::Given;
  if (isExchanged || !isPacked || !total)
    return;
  int64_t tiles = llvm::divideCeil(*total, rows.width);
  Value done = mul(add(mul(rowPanel, count), k), constant(columns.width * columns.step));
  prefetchLine(columns.packed, add(nextBase, div(done, tiles)), /*isWrite=*/false, /*locality=*/2);
}

/// Rows that are read where they lie: those of the panel behind, which the tiles of this one share
/// among them, a line for each few multiplications.
void ContractionLowering::prefetchNextRows(Value firstRow, Value columnPanel, Value depthStart,
                                           Value k) {
  std::optional<int64_t> total = columns.group.staticTotal();
  if (rows.packed || !isExchanged || !total || !rows.group.uniformStride(rows.access))
    return;
  int64_t own = llvm::divideCeil(rows.width, llvm::divideCeil(*total, columns.width));
  int64_t turns = llvm::PowerOf2Ceil(own);
  if (turns > elementsOfLine(rows.element)) // Some of the lines would be left out.
    return;
  Value turn = min(arith::RemUIOp::create(b, loc, k, constant(turns)), constant(own - 1));
  Value row = add(add(firstRow, constant(rows.width)), add(mul(columnPanel, constant(own)), turn));
  Value at = add(rows.batchOffset, rows.group.offset(b, loc, row, rows.access));
  prefetchLine(rows.access.flat, add(at, add(depthStart, k)), /*isWrite=*/false, /*locality=*/3);
}
