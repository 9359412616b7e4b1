// SPDX-License-Identifier: Apache-2.0
// Packs an operand that the tiles of a kernel share once, in a parallel loop of its
// own before theirs, instead of in each tile that reads it; or finds the panels of a
// tile in an operand that was packed by another kernel.

#include "ContractionLowering.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "torshjit/Dialect/Torsh/IR/TorshPanels.h"
#include "torshjit/Tensor/SkinnyShape.h"

using namespace mlir;
using namespace mlir::torsh;

/// Panels that one iteration of the packing loop takes.
static constexpr int64_t kPanelsPerTask = 4;

/// The memory that a view is of.
static Value getRoot(Value memref) {
  while (auto view = memref.getDefiningOp<ViewLikeOpInterface>())
    memref = view.getViewSource();
  return memref;
}

static bool isWrittenIn(scf::ForallOp loop, Value memref) {
  Value root = getRoot(memref);
  return loop
      .walk([&](Operation *op) {
        auto effects = dyn_cast<MemoryEffectOpInterface>(op);
        if (!effects)
          return isMemoryEffectFree(op) || op->hasTrait<OpTrait::HasRecursiveMemoryEffects>()
                     ? WalkResult::advance() // Into its regions.
                     : WalkResult::interrupt();
        SmallVector<MemoryEffects::EffectInstance> instances;
        effects.getEffects(instances);
        for (const MemoryEffects::EffectInstance &effect : instances)
          if (isa<MemoryEffects::Write>(effect.getEffect()) &&
              (!effect.getValue() || getRoot(effect.getValue()) == root))
            return WalkResult::interrupt();
        return WalkResult::advance();
      })
      .wasInterrupted();
}

/// Whether a tile takes all of an axis.
static bool isWhole(memref::SubViewOp tile, unsigned axis) {
  if (getConstantIntValue(tile.getMixedOffsets()[axis]) != 0)
    return false;
  int64_t extent = tile.getSourceType().getDimSize(axis);
  if (!ShapedType::isDynamic(extent))
    return getConstantIntValue(tile.getMixedSizes()[axis]) == extent;
  FailureOr<bool> areEqual = ValueBoundsConstraintSet::areEqual(
      ValueBoundsConstraintSet::Variable(tile.getMixedSizes()[axis]),
      ValueBoundsConstraintSet::Variable(tile.getSource(), axis));
  return succeeded(areEqual) && *areEqual;
}

/// What every tile's offset along an axis is a multiple of; 0 where it always is 0.
static std::optional<int64_t> getOffsetMultiple(scf::ForallOp loop, OpFoldResult offset) {
  if (std::optional<int64_t> known = getConstantIntValue(offset))
    return *known;
  for (auto [induction, lower, step] :
       llvm::zip_equal(loop.getInductionVars(), loop.getMixedLowerBound(), loop.getMixedStep()))
    if (cast<Value>(offset) == induction && getConstantIntValue(lower) == 0)
      return getConstantIntValue(step);
  return std::nullopt;
}

/// Memory for all panels of an operand.
void ContractionLowering::allocateKernelPanels(PanelOperand &whole) {
  AffineExpr s0 = b.getAffineSymbolExpr(0), s1 = b.getAffineSymbolExpr(1);
  AffineExpr panel =
      s1.ceilDiv(whole.step) * (whole.step * whole.width) + s1.ceilDiv(depthBlock) * whole.head();
  OpFoldResult elements = affine::makeComposedFoldedAffineApply(
      b, loc, panel,
      {getAsOpFoldResult(whole.panels), getAsOpFoldResult(whole.depth.total(b, loc))});
  elements = affine::makeComposedFoldedAffineApply(b, loc, s0 * s1,
                                                   {getAsOpFoldResult(whole.panels), elements});
  SmallVector<int64_t> shape;
  SmallVector<Value> sizes;
  dispatchIndexOpFoldResult(elements, sizes, shape);
  whole.packed = memref::AllocOp::create(b, loc, MemRefType::get(shape, whole.element), sizes,
                                         b.getI64IntegerAttr(64));
}

void PanelOperand::packAll() {
  Value depthCount = depth.total(b, loc);
  auto packing = scf::ForallOp::create(b, loc, ArrayRef<OpFoldResult>{b.getIndexAttr(0)},
                                       ArrayRef<OpFoldResult>{getAsOpFoldResult(panels)},
                                       ArrayRef<OpFoldResult>{b.getIndexAttr(kPanelsPerTask)},
                                       ValueRange(), std::nullopt);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(packing.getBody());
  allocateOffsets();
  Value first = packing.getInductionVars()[0];
  Value last = min(add(first, constant(kPanelsPerTask)), panels);
  forLoop(constant(0), depthCount, depthBlock, [&](Value depthStart) {
    pack(first, last, depthStart, min(constant(depthBlock), sub(depthCount, depthStart)));
  });
}

/// Fails where the operand is not that of all tiles, or a tile's part of it is not a
/// range of whole panels.
LogicalResult ContractionLowering::packPerKernel(PanelOperand &side, unsigned operand) {
  // Another lowering may take tiles of few rows, where their number is not known. It is
  // known to be the rows' if all of the columns' operand is.
  bool isChoice = isa<scf::IfOp>(op->getParentOp());
  if (isChoice &&
      (&side != &rows ||
       !cast<MemRefType>(getRoot(op.getInputs()[1 - operand]).getType()).hasStaticShape()))
    return failure();
  auto tiles =
      dyn_cast<scf::ForallOp>(isChoice ? op->getParentOp()->getParentOp() : op->getParentOp());
  AffineMap map = op.getIndexingMapsArray()[operand];
  AffineMap other = op.getIndexingMapsArray()[1 - operand];
  AffineMap resultMap = op.getIndexingMapsArray()[2];
  Value own = op.getInputs()[operand];
  PanelsViewOp given = findPanelsView(own);
  if ((!tiles && !given) || !map.isProjectedPermutation())
    return failure();
  for (unsigned loop : batch.loops)
    if (map.isFunctionOfDim(loop))
      return failure();
  auto tile = own.getDefiningOp<memref::SubViewOp>();
  if (tile && tiles && tiles.isDefinedOutsideOfLoop(own))
    tile = {};
  Value source = tile ? tile.getSource() : own;
  bool isShared = given ? source == given.getResult()
                        : tiles.isDefinedOutsideOfLoop(source) && !isWrittenIn(tiles, source);
  if (!isShared || (tile && (!tiles || !tile.hasUnitStride() || tile.getDroppedDims().any())))
    return failure();

  // The loops of the whole operand. Those of which a tile has one iteration are in no
  // group of the tile's.
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(tiles ? tiles : op);
  PanelOperand whole = side;
  whole.group = whole.depth = LoopGroup();
  SmallVector<unsigned> axes; // of the rows
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    std::optional<unsigned> axis = map.getResultPosition(b.getAffineDimExpr(loop));
    if (!axis)
      continue;
    OpFoldResult extent = memref::getMixedSize(b, loc, source, *axis);
    if (getConstantIntValue(extent) == 1)
      continue;
    bool isDepth = !resultMap.isFunctionOfDim(loop);
    if (isDepth ? tile && !isWhole(tile, *axis) : other.isFunctionOfDim(loop))
      return failure(); // Split along the depth, or another matrix for each of a batch.
    LoopGroup &group = isDepth ? whole.depth : whole.group;
    group.loops.push_back(loop);
    group.extents.push_back(extent);
    if (!isDepth)
      axes.push_back(*axis);
  }

  // The tile's rows have to be a range of all rows: one iteration of outer loops, a part
  // of one loop, all of inner ones. It has to begin with a panel.
  if (tile) {
    size_t split = 0;
    while (split + 1 < axes.size() && getConstantIntValue(tile.getMixedSizes()[axes[split]]) == 1)
      ++split;
    std::optional<int64_t> inner = 1;
    for (size_t i = axes.size(); i-- > 0;) {
      OpFoldResult offset = tile.getMixedOffsets()[axes[i]];
      if (i > split ? !isWhole(tile, axes[i]) : false)
        return failure();
      std::optional<int64_t> multiple = getOffsetMultiple(tiles, offset);
      if (!multiple || (*multiple != 0 && (!inner || *multiple * *inner % side.width != 0)))
        return failure();
      std::optional<int64_t> extent = getConstantIntValue(whole.group.extents[i]);
      inner = inner && extent ? std::optional<int64_t>(*inner * *extent) : std::nullopt;
    }
  }

  FailureOr<LinearAccess> access = LinearAccess::create(b, loc, source, map);
  if (failed(access))
    return failure();
  whole.access = std::move(*access);
  whole.batchOffset = constant(0);
  whole.count();
  whole.kernelPanels = whole.panels;
  if (given) {
    whole.packed = given.getPanels();
    side.packing = Packing::Given;
  } else {
    allocateKernelPanels(whole);
    if (isChoice)
      ifElse(less(constant(kSkinnyRows), whole.total), [&] { whole.packAll(); }, nullptr);
    else
      whole.packAll();
  }
  side.packed = whole.packed;
  side.kernelPanels = whole.kernelPanels;
  if (!tile)
    return success();

  b.setInsertionPoint(op);
  Value firstRow = constant(0);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    firstRow = mul(firstRow, asValue(whole.group.extents[i]));
    firstRow = add(firstRow, asValue(tile.getMixedOffsets()[axis]));
  }
  side.firstPanel = div(firstRow, side.width);
  return success();
}
