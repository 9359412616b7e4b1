// SPDX-License-Identifier: Apache-2.0
// Emits the loops of one contraction: groups, blocks, and what is packed when.

#include "ContractionLowering.h"
#include "ElementwiseReader.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "torshjit/Buffer/DepthGroups.h"
#include "torshjit/Buffer/PackedProducts.h"
#include "torshjit/Dialect/Torsh/IR/TorshPanels.h"

using namespace mlir;
using namespace mlir::torsh;

/// From so many rows of a tile on, a panel of columns is packed while the one before it is
/// multiplied. With fewer there is no time for that; then several are packed together, so that
/// longer runs of memory are read.
static constexpr int64_t kRowsToPackAhead = 256, kPanelsTogether = 4;

ContractionLowering::ContractionLowering(linalg::GenericOp op, OpBuilder &builder,
                                         ScheduleAttr schedule)
    : LoopEmitter(builder, op.getLoc()), op(op), schedule(schedule), rows(builder, loc),
      columns(builder, loc) {}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

bool mlir::torsh::isZeroExtended(linalg::GenericOp op, unsigned input) {
  return llvm::any_of(op.getBody()->getArgument(input).getUsers(),
                      [](Operation *user) { return isa<arith::ExtUIOp>(user); });
}

LogicalResult ContractionLowering::classify() {
  b.setInsertionPoint(op);
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
      (work >= 0 && work <= kMostPlainMultiplications))
    return failure();
  reader = findOnlyReader(op);
  if (reader && !isComputedOnVectors(reader))
    reader = {};
  FailureOr<LinearAccess> left = LinearAccess::create(b, loc, op.getInputs()[0], maps[0]);
  FailureOr<LinearAccess> right = LinearAccess::create(b, loc, op.getInputs()[1], maps[1]);
  FailureOr<LinearAccess> product = LinearAccess::create(b, loc, out, maps[2]);
  if (failed(left) || failed(right) || failed(product))
    return failure();
  bool swap = innermost && llvm::is_contained(leftOnly.loops, *innermost);
  // What is read where it lies can only be broadcast: then the result's columns are the
  // product's rows.
  ArrayRef<int64_t> block = schedule ? schedule.getBlock() : ArrayRef<int64_t>();
  isExchanged = block.size() >= 5 && block.size() != 6 &&
                static_cast<Packing>(block[4]) == Packing::InPlace &&
                depth.uniformStride(swap ? *left : *right) == 1;
  swap ^= isExchanged;
  element = cast<MemRefType>(out.getType()).getElementType();
  rowsInput = swap ? 1 : 0;
  rows.access = std::move(swap ? *right : *left);
  rows.group = std::move(swap ? rightOnly : leftOnly);
  columns.access = std::move(swap ? *left : *right);
  columns.group = std::move(swap ? leftOnly : rightOnly);
  rows.isUnsigned = isZeroExtended(op, rowsInput);
  columns.isUnsigned = isZeroExtended(op, 1 - rowsInput);
  result = std::move(*product);
  // Outer column loops along which the result is not contiguous are batch loops:
  // a panel of columns is then one piece of the result.
  while (!isExchanged && columns.group.loops.size() > 1 &&
         columns.group.uniformStride(result) != 1) {
    batch.loops.push_back(columns.group.loops.front());
    batch.extents.push_back(columns.group.extents.front());
    columns.group.loops.erase(columns.group.loops.begin());
    columns.group.extents.erase(columns.group.extents.begin());
  }
  return success();
}

void ContractionLowering::readSchedule() {
  rows.width = 4;
  columns.width = 16;
  if (schedule && schedule.getRegisterTile().size() >= 2) {
    rows.width = schedule.getRegisterTile()[0];
    columns.width = schedule.getRegisterTile()[1];
  }
  ArrayRef<int64_t> block = schedule ? schedule.getBlock() : ArrayRef<int64_t>();
  if (block.size() == 6) // Of products of a few rows alone.
    block = {};
  if (block.size() >= 3)
    depthBlock = block[2];
  if (std::optional<int64_t> known = rows.group.staticTotal();
      known && !findPanelsView(inputOf(rows)))
    rows.width = std::min(rows.width, std::max<int64_t>(*known, 1));
  if (std::optional<int64_t> known = depth.staticTotal())
    depthBlock = std::min(depthBlock, std::max<int64_t>(*known, 1));
  bool isContiguous = depth.uniformStride(rows.access) == 1;
  if (block.size() >= 5) {
    rows.packing = static_cast<Packing>(block[isExchanged ? 4 : 3]);
    columns.packing = static_cast<Packing>(block[isExchanged ? 3 : 4]);
  } else if (isContiguous && rows.width % 8 != 0) {
    // One element of a row serves a whole vector, so a few rows can be read in place.
    // More of them would fall on one another in the first cache where they are a
    // power of two apart.
    rows.packing = Packing::InPlace;
  }
  // Rows are read in place along the depth; columns are vectors, and always packed.
  if (rows.packing == Packing::InPlace && !isContiguous)
    rows.packing = Packing::PerTile;
  if (columns.packing == Packing::InPlace)
    columns.packing = Packing::PerTile;
  // What another kernel packed says itself how.
  for (PanelOperand *side : {&rows, &columns}) {
    if (PanelsViewOp given = findPanelsView(inputOf(*side))) {
      side->packing = Packing::Given;
      side->width = given.getLayout().width;
      depthBlock = given.getLayout().block;
    } else if (side->packing == Packing::Given) {
      side->packing = Packing::PerTile;
    }
  }
  rows.element = columns.element = element;
  if (schedule)
    groupDepth(DepthGrouping::read(schedule.getRegisterTile()));
  for (PanelOperand *side : {&rows, &columns}) {
    side->depth = depth;
    side->depthBlock = depthBlock;
    side->count();
  }
  if (!isExchanged && !block.empty() && columns.packing == Packing::PerTile)
    columns.held = block[0] >= kRowsToPackAhead && columns.packsInParts() ? 2 : kPanelsTogether;
}

/// Lets neighbours of the depth be multiplied and added by one instruction, if there are
/// such instructions for the elements.
void ContractionLowering::groupDepth(DepthGrouping grouping) {
  int64_t step = grouping.step;
  Type narrow = getElementTypeOrSelf(rows.access.flat.getType());
  std::optional<DepthGroups> groups =
      torsh::groupDepth({narrow, getElementTypeOrSelf(columns.access.flat.getType()), element,
                         rows.isUnsigned, columns.isUnsigned},
                        grouping, columns.width);
  if (!groups)
    return;
  for (PanelOperand *side : {&rows, &columns}) {
    side->element = groups->element;
    side->step = step;
  }
  rows.flipsSign = groups->flipsRows;
  rows.isUnsigned ^= groups->flipsRows;
  columns.sumsFactor = groups->sumsOfColumns;
  depthBlock = llvm::divideCeil(depthBlock, step) * step;
  // A group that is not whole would read past its row.
  std::optional<int64_t> known = depth.staticTotal();
  if (rows.packing == Packing::InPlace &&
      (rows.flipsSign || rows.element != narrow || !known || *known % step != 0))
    rows.packing = Packing::PerTile;
}

LogicalResult ContractionLowering::checkGivenPanels() {
  for (PanelOperand *side : {&rows, &columns}) {
    PanelsViewOp given = findPanelsView(inputOf(*side));
    if (!given)
      continue;
    PanelLayout layout = given.getLayout();
    if (side->step != layout.step || side->depthBlock != layout.block ||
        side->flipsSign != layout.flips || side->sumsFactor != layout.sums ||
        side->isUnsigned != layout.withoutSign ||
        side->element != given.getPanels().getType().getElementType())
      return op.emitError("the schedule reads its operands otherwise than ")
             << *given.getOperation() << " says";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// Memory for all panels of a tile's block, of a fixed size where the tile's is bounded.
Value ContractionLowering::allocatePanels(const PanelOperand &side) {
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
  int64_t panel = side.width * depthBlock + side.head();
  if (side.held == 2)
    return allocate(2 * panel, side.element);
  if (side.held) {
    int64_t panels = total ? llvm::divideCeil(*total, side.width) : side.held;
    return allocate(std::min(side.held, panels) * panel, side.element);
  }
  if (total)
    return allocate(llvm::divideCeil(*total, side.width) * panel, side.element);
  return allocate(mul(side.panels, constant(panel)), side.element);
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

LogicalResult ContractionLowering::emit() {
  b.setInsertionPoint(op);
  startsFromZero = removeZeroFill(op); // The first block of the depth overwrites it.
  readSchedule();
  if (failed(checkGivenPanels()))
    return failure();
  depthTotal = depth.total(b, loc);
  for (PanelOperand *side : {&rows, &columns}) {
    unsigned input = side == &rows ? rowsInput : 1 - rowsInput;
    if (side->packing == Packing::Given && failed(packPerKernel(*side, input)))
      return op.emitError("the schedule has tiles that are no whole panels of operand ")
             << input << ", which is packed " << side->width << " at a time";
    if (side->packing == Packing::PerKernel && failed(packPerKernel(*side, input)))
      side->packing = Packing::PerTile;
    if (side->packing != Packing::PerTile)
      continue;
    side->packed = allocatePanels(*side);
    side->allocateOffsets();
  }
  tileBuffer = allocate(rows.width * columns.width, element);
  takeEpilogue();
  if (epilogue) // What it reads may be made on the way to it.
    b.setInsertionPoint(epilogue);
  SmallVector<const LinearAccess *> accesses{&rows.access, &columns.access, &result};
  for (const EpilogueOperand &operand : epilogueOperands)
    accesses.push_back(&operand.access);
  forEach(batch, accesses, SmallVector<Value>(accesses.size(), constant(0)),
          [&](ArrayRef<Value> offsets) {
            rows.batchOffset = offsets[0];
            columns.batchOffset = offsets[1];
            resultOffset = offsets[2];
            for (auto [operand, offset] : llvm::zip_equal(epilogueOperands, offsets.drop_front(3)))
              operand.batchOffset = offset;
            emitProduct();
          });
  if (epilogue)
    epilogue.erase();
  op.erase();
  return success();
}

void ContractionLowering::emitProduct() {
  // An empty depth still makes zeros: one block of nothing.
  Value end = startsFromZero ? arith::MaxSIOp::create(b, loc, depthTotal, constant(1)).getResult()
                             : depthTotal;
  if (columns.held == 2)
    ifElse(
        less(constant(0), mul(columns.total, depthTotal)),
        [&] {
          columns.pack(constant(0), constant(1), constant(0),
                       min(constant(depthBlock), depthTotal));
        },
        nullptr);
  forLoop(constant(0), end, depthBlock, [&](Value depthStart) {
    Value depthCount = min(constant(depthBlock), sub(depthTotal, depthStart));
    for (PanelOperand *side : {&columns, &rows})
      if (side->packing == Packing::PerTile && side->held == 0)
        side->pack(constant(0), side->panels, depthStart, depthCount);
    // A panel stays in the nearest caches while the other side's stream past it: that of the
    // columns, being packed, or that of rows which come from memory for the first time.
    PanelOperand &outer = isExchanged ? rows : columns, &inner = isExchanged ? columns : rows;
    auto tiles = [&](Value x) {
      forLoop(constant(0), inner.panels, 1, [&](Value y) {
        emitRegisterTile(isExchanged ? x : y, isExchanged ? y : x, depthStart, depthCount);
      });
    };
    if (outer.held == 2)
      return forLoop(constant(0), outer.panels, 1,
                     [&](Value x) { emitColumnsAhead(x, depthStart, depthCount); });
    if (outer.held == 0)
      return forLoop(constant(0), outer.panels, 1, tiles);
    forLoop(constant(0), outer.panels, outer.held, [&](Value first) {
      Value last = min(add(first, constant(outer.held)), outer.panels);
      outer.pack(first, last, depthStart, depthCount);
      forLoop(first, last, 1, tiles);
    });
  });
}
