// SPDX-License-Identifier: Apache-2.0
// Emits the loops of one contraction: groups, blocks, and what is packed when.

#include "ContractionLowering.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

using namespace mlir;
using namespace mlir::torsh;

/// Products of fewer multiplications than this are left as plain loops: packing
/// would cost more than it saves.
static constexpr int64_t kSmallestPacked = 4096;

ContractionLowering::ContractionLowering(linalg::GenericOp op, ScheduleAttr schedule)
    : op(op), b(op), loc(op.getLoc()), schedule(schedule) {}

void ContractionLowering::forLoop(Value from, Value to, int64_t step,
                                  function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(b, loc, from, to, constant(step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

void ContractionLowering::ifElse(Value condition, function_ref<void()> then,
                                 function_ref<void()> otherwise) {
  auto branch = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  then();
  b.setInsertionPointToStart(branch.elseBlock());
  otherwise();
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

LogicalResult ContractionLowering::classify() {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  Value out = op.getOutputs()[0];
  SmallVector<Range> ranges = cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(b, loc);
  LoopGroup leftOnly, rightOnly;
  std::optional<unsigned> innermost;
  for (AffineExpr index : maps[2].getResults())
    if (auto dim = dyn_cast<AffineDimExpr>(index))
      if (getConstantIntValue(ranges[dim.getPosition()].size) != 1)
        innermost = dim.getPosition();
  int64_t work = 1;
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    std::optional<int64_t> extent = getConstantIntValue(ranges[loop].size);
    if (extent == 1)
      continue; // Its index is 0.
    bool inLeft = maps[0].isFunctionOfDim(loop), inRight = maps[1].isFunctionOfDim(loop);
    LoopGroup &group = !maps[2].isFunctionOfDim(loop) ? depth
                       : inLeft && inRight            ? batch
                       : inLeft                       ? leftOnly
                                                      : rightOnly;
    group.loops.push_back(loop);
    group.extents.push_back(ranges[loop].size);
    work = extent && work >= 0 ? work * *extent : -1;
  }
  if (leftOnly.empty() || rightOnly.empty() || depth.empty() ||
      (work >= 0 && work <= kSmallestPacked))
    return failure();
  FailureOr<LinearAccess> left = LinearAccess::create(b, loc, op.getInputs()[0], maps[0]);
  FailureOr<LinearAccess> right = LinearAccess::create(b, loc, op.getInputs()[1], maps[1]);
  FailureOr<LinearAccess> product = LinearAccess::create(b, loc, out, maps[2]);
  if (failed(left) || failed(right) || failed(product))
    return failure();
  bool swap = innermost && llvm::is_contained(leftOnly.loops, *innermost);
  element = cast<MemRefType>(out.getType()).getElementType();
  rows.access = std::move(swap ? *right : *left);
  rows.group = std::move(swap ? rightOnly : leftOnly);
  columns.access = std::move(swap ? *left : *right);
  columns.group = std::move(swap ? leftOnly : rightOnly);
  result = std::move(*product);
  // Outer column loops along which the result is not contiguous are batch loops:
  // a panel of columns is then one piece of the result.
  while (columns.group.loops.size() > 1 && columns.group.uniformStride(result) != 1) {
    batch.loops.push_back(columns.group.loops.front());
    batch.extents.push_back(columns.group.extents.front());
    columns.group.loops.erase(columns.group.loops.begin());
    columns.group.extents.erase(columns.group.extents.begin());
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value ContractionLowering::allocate(int64_t elements, Type type) {
  return memref::AllocOp::create(b, loc, MemRefType::get({elements}, type),
                                 b.getI64IntegerAttr(64));
}

/// Memory for all panels of a side, of a fixed size where the tile's is bounded.
Value ContractionLowering::allocatePanels(const Side &side) {
  std::optional<int64_t> total = 1;
  for (OpFoldResult extent : side.group.extents) {
    std::optional<int64_t> bound = getConstantIntValue(extent);
    if (!bound) {
      FailureOr<int64_t> computed = ValueBoundsConstraintSet::computeConstantBound(
          presburger::BoundType::UB, ValueBoundsConstraintSet::Variable(cast<Value>(extent)),
          /*stopCondition=*/nullptr, /*closedUB=*/true);
      if (succeeded(computed))
        bound = *computed;
    }
    total = total && bound ? std::optional<int64_t>(*total * *bound) : std::nullopt;
  }
  int64_t panel = side.width * depthBlock;
  if (total)
    return allocate(llvm::divideCeil(*total, side.width) * panel, element);
  return memref::AllocOp::create(b, loc, MemRefType::get({ShapedType::kDynamic}, element),
                                 ValueRange{mul(side.panels, constant(panel))},
                                 b.getI64IntegerAttr(64));
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void ContractionLowering::emit() {
  rows.width = 4;
  columns.width = 16;
  if (schedule && schedule.getRegisterTile().size() == 2) {
    rows.width = schedule.getRegisterTile()[0];
    columns.width = schedule.getRegisterTile()[1];
  }
  if (schedule && schedule.getBlock().size() == 3)
    depthBlock = schedule.getBlock()[2];
  if (std::optional<int64_t> known = rows.group.staticTotal())
    rows.width = std::min(rows.width, *known);
  depthTotal = depth.total(b, loc);
  if (std::optional<int64_t> known = depth.staticTotal())
    depthBlock = std::min(depthBlock, *known);
  for (Side *side : {&rows, &columns}) {
    side->total = side->group.total(b, loc);
    side->panels = ceilDiv(side->total, side->width);
    // One element of a row serves a whole vector, so a few rows that are contiguous
    // along the depth are read in place. More of them would fall on one another in
    // the first cache where they are a power of two apart.
    bool isInPlace =
        side == &rows && depth.uniformStride(side->access) == 1 && side->width % 8 != 0;
    if (!isInPlace)
      side->packed = allocatePanels(*side);
    if (!isInPlace && !side->group.uniformStride(side->access))
      side->offsets = allocate(side->width, b.getIndexType());
  }
  tileBuffer = allocate(rows.width * columns.width, element);
  SmallVector<Value> indices;
  emitBatch(0, indices);
  op.erase();
}

void ContractionLowering::emitBatch(size_t next, SmallVectorImpl<Value> &indices) {
  if (next < batch.loops.size()) {
    Value extent = getValueOrCreateConstantIndexOp(b, loc, batch.extents[next]);
    forLoop(constant(0), extent, 1, [&](Value index) {
      indices.push_back(index);
      emitBatch(next + 1, indices);
    });
    return;
  }
  auto offsetIn = [&](const LinearAccess &access) {
    Value offset = constant(0);
    for (auto [loop, index] : llvm::zip_equal(batch.loops, indices))
      offset =
          add(offset, mul(index, getValueOrCreateConstantIndexOp(b, loc, access.strides[loop])));
    return offset;
  };
  rows.batchOffset = offsetIn(rows.access);
  columns.batchOffset = offsetIn(columns.access);
  resultOffset = offsetIn(result);
  emitProduct();
}

void ContractionLowering::emitProduct() {
  forLoop(constant(0), depthTotal, depthBlock, [&](Value depthStart) {
    Value depthCount = min(constant(depthBlock), sub(depthTotal, depthStart));
    for (Side *side : {&columns, &rows})
      if (side->packed)
        pack(*side, depthStart, depthCount);
    forLoop(constant(0), columns.panels, 1, [&](Value columnPanel) {
      forLoop(constant(0), rows.panels, 1, [&](Value rowPanel) {
        emitRegisterTile(rowPanel, columnPanel, depthStart, depthCount);
      });
    });
  });
}
