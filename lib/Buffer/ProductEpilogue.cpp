// SPDX-License-Identifier: Apache-2.0
// The elementwise operation behind a product, computed on the sums of a register tile when the
// last block of the depth is added: what is between the two is never written, or, where the
// depth has several blocks, not read again by a pass of its own.

#include "ContractionLowering.h"
#include "ElementwiseReader.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::torsh;

/// So many operations are computed for all rows of the tile one after another in the code. Of
/// more, or of functions, there is a loop over the rows, which are kept in the first cache.
static constexpr int64_t kMostUnrolled = 8;

/// The lowering needs the whole of what is summed: vectors that run along the columns of the
/// result, and what the epilogue reads and writes.
void ContractionLowering::takeEpilogue() {
  if (!reader || !startsFromZero || isExchanged || columns.group.uniformStride(result) != 1)
    return;
  FailureOr<SmallVector<AffineMap>> maps = mapsFromWriter(op, reader);
  if (failed(maps))
    return;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(reader);
  SmallVector<EpilogueOperand> taken;
  for (OpOperand &operand : reader->getOpOperands()) {
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type || operand.get() == op.getOutputs()[0])
      continue;
    FailureOr<LinearAccess> access =
        LinearAccess::create(b, loc, operand.get(), (*maps)[operand.getOperandNumber()]);
    if (failed(access))
      return;
    EpilogueOperand own{&operand, std::move(*access)};
    std::optional<int64_t> step = columns.group.uniformStride(own.access);
    own.isWritten = reader.isDpsInit(&operand);
    own.isSplat = step == 0;
    own.isSameForRows = rows.group.uniformStride(own.access) == 0;
    if (step != 1 && (step != 0 || own.isWritten))
      return;
    taken.push_back(std::move(own));
  }
  epilogue = reader;
  epilogueOperands = std::move(taken);
  b.setInsertionPoint(op);
  for (EpilogueOperand &operand : epilogueOperands)
    if (!isMasked(operand.element()))
      operand.edge = allocate(columns.width, operand.element());
}

/// Whether a vector of elements is read and written under a mask; few processors have
/// masks for smaller elements.
bool ContractionLowering::isMasked(Type type) {
  unsigned bits = type.getIntOrFloatBitWidth();
  return bits == 32 || bits == 64;
}

Value ContractionLowering::loadOperand(const EpilogueOperand &operand, Value at, const Edge *edge) {
  Type type = operand.element();
  auto vectorType = VectorType::get({columns.width}, type);
  if (operand.isSplat)
    return vector::BroadcastOp::create(b, loc, vectorType,
                                       memref::LoadOp::create(b, loc, operand.access.flat, at));
  if (!edge)
    return vector::LoadOp::create(b, loc, vectorType, operand.access.flat, at);
  if (isMasked(type)) {
    Value zeros = arith::ConstantOp::create(b, loc, b.getZeroAttr(vectorType));
    return vector::MaskedLoadOp::create(b, loc, vectorType, operand.access.flat, at, edge->mask,
                                        zeros);
  }
  forLoop(constant(0), edge->count, 1, [&](Value c) {
    Value x = memref::LoadOp::create(b, loc, operand.access.flat, add(at, c));
    memref::StoreOp::create(b, loc, x, operand.edge, c);
  });
  return vector::LoadOp::create(b, loc, vectorType, operand.edge, constant(0));
}

void ContractionLowering::storeOperand(const EpilogueOperand &operand, Value x, Value at,
                                       const Edge *edge) {
  if (!edge) {
    vector::StoreOp::create(b, loc, x, operand.access.flat, at);
  } else if (isMasked(operand.element())) {
    vector::MaskedStoreOp::create(b, loc, operand.access.flat, at, edge->mask, x);
  } else {
    vector::StoreOp::create(b, loc, x, operand.edge, constant(0));
    forLoop(constant(0), edge->count, 1, [&](Value c) {
      Value one = memref::LoadOp::create(b, loc, operand.edge, c);
      memref::StoreOp::create(b, loc, one, operand.access.flat, add(at, c));
    });
  }
}

/// Where an operand of the epilogue is at a place of the result.
Value ContractionLowering::offsetOf(const EpilogueOperand &operand, Value row, Value firstColumn) {
  Value at = add(operand.batchOffset, rows.group.offset(b, loc, row, operand.access));
  return operand.isSplat ? at : add(at, firstColumn);
}

/// Writes what the epilogue makes of a tile of sums, to which those of earlier blocks of the
/// depth are added.
void ContractionLowering::finishTile(ValueRange tile, Value firstRow, Value firstColumn,
                                     Value rowCount, Value columnCount, Value depthStart) {
  auto sumType = cast<VectorType>(tile.front().getType());
  int64_t work = llvm::range_size(epilogue.getBody()->without_terminator());
  bool isLong = work > kMostUnrolled ||
                llvm::any_of(epilogue.getBody()->without_terminator(), [](Operation &inner) {
                  return isa<math::MathDialect>(inner.getDialect()) && !isa<math::AbsFOp>(inner);
                });

  auto finish = [&](const Edge *edge) {
    // What is the same for all rows is read once.
    DenseMap<const EpilogueOperand *, Value> shared;
    for (const EpilogueOperand &operand : epilogueOperands)
      if (!operand.isWritten && operand.isSameForRows && isRead(operand))
        shared[&operand] = loadOperand(operand, offsetOf(operand, constant(0), firstColumn), edge);
    auto finishRow = [&](Value row, Value sums) {
      if (!hasOneBlock()) {
        // Where this is the only block, what is read has never been written.
        Value at = add(rowOffset(row), firstColumn);
        Value zeros = arith::ConstantOp::create(b, loc, b.getZeroAttr(sumType));
        Value before = !edge ? vector::LoadOp::create(b, loc, sumType, result.flat, at).getResult()
                             : vector::MaskedLoadOp::create(b, loc, sumType, result.flat, at,
                                                            edge->mask, zeros);
        Value isFirst = equal(depthStart, constant(0));
        sums = arith::SelectOp::create(b, loc, isFirst, sums, plus(sums, before));
      }
      IRMapping mapping;
      for (const EpilogueOperand &operand : epilogueOperands) {
        if (operand.isWritten || !isRead(operand))
          continue;
        Value x = shared.lookup(&operand);
        if (!x)
          x = loadOperand(operand, offsetOf(operand, row, firstColumn), edge);
        mapping.map(epilogue.getMatchingBlockArgument(operand.use), x);
      }
      for (OpOperand *input : epilogue.getDpsInputOperands()) {
        BlockArgument argument = epilogue.getMatchingBlockArgument(input);
        if (input->get() == op.getOutputs()[0])
          mapping.map(argument, sums);
        else if (!isa<MemRefType>(input->get().getType()))
          mapping.map(argument, vector::BroadcastOp::create(
                                    b, loc, VectorType::get({columns.width}, argument.getType()),
                                    input->get()));
      }
      SmallVector<Value> results = computeOnVectors(b, epilogue, mapping, columns.width);
      for (const EpilogueOperand &operand : epilogueOperands)
        if (operand.isWritten)
          storeOperand(operand,
                       results[operand.use->getOperandNumber() - epilogue.getNumDpsInputs()],
                       offsetOf(operand, row, firstColumn), edge);
    };
    if (!isLong && !edge) {
      for (auto [r, sums] : llvm::enumerate(tile))
        finishRow(add(firstRow, constant(r)), sums);
      return;
    }
    for (auto [r, sums] : llvm::enumerate(tile))
      vector::StoreOp::create(b, loc, sums, tileBuffer, constant(r * columns.width));
    forLoop(constant(0), edge ? rowCount : constant(rows.width), 1, [&](Value r) {
      Value sums =
          vector::LoadOp::create(b, loc, sumType, tileBuffer, mul(r, constant(columns.width)));
      finishRow(add(firstRow, r), sums);
    });
  };
  Value isWhole = arith::AndIOp::create(b, loc, equal(rowCount, constant(rows.width)),
                                        equal(columnCount, constant(columns.width)));
  ifElse(
      isWhole, [&] { finish(nullptr); },
      [&] {
        Edge edge{firstLanes(columns.width, columnCount), columnCount};
        finish(&edge);
      });
}

bool ContractionLowering::isRead(const EpilogueOperand &operand) {
  return !epilogue.getMatchingBlockArgument(operand.use).use_empty();
}
