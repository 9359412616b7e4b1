// SPDX-License-Identifier: Apache-2.0
// Reads a contraction as a product of a few rows by a wide operand.

#include "torshjit/Tensor/SkinnyShape.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;
using namespace mlir::torsh;

/// The product of the extents, kDynamic where one is not known.
static int64_t productOf(ArrayRef<unsigned> loops, ArrayRef<int64_t> extents) {
  int64_t product = 1;
  for (unsigned loop : loops) {
    if (ShapedType::isDynamic(extents[loop]))
      return ShapedType::kDynamic;
    product *= extents[loop];
  }
  return product;
}

std::optional<SkinnyShape> mlir::torsh::matchSkinny(linalg::GenericOp op) {
  if (!isContraction(op) || op.getNumDpsInits() != 1)
    return std::nullopt;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  SkinnyShape shape;
  SmallVector<unsigned> own[2];
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    if (extents[loop] == 1)
      continue;
    bool inLeft = maps[0].isFunctionOfDim(loop), inRight = maps[1].isFunctionOfDim(loop);
    if (!maps[2].isFunctionOfDim(loop))
      shape.depth.push_back(loop);
    else if (inLeft && inRight)
      shape.batch.push_back(loop);
    else
      own[inLeft ? 0 : 1].push_back(loop);
  }
  int64_t left = productOf(own[0], extents), right = productOf(own[1], extents);
  auto isThin = [](int64_t rows) { return ShapedType::isDynamic(rows) || rows <= kSkinnyRows; };
  // Of two thin operands the one with fewer rows is streamed against; of two whose rows
  // are not known the first one, as the rows of a batch are.
  bool leftIsThin = isThin(left) && (!isThin(right) || ShapedType::isDynamic(right) ||
                                     (!ShapedType::isDynamic(left) && left <= right));
  if ((!leftIsThin && !isThin(right)) || shape.depth.empty())
    return std::nullopt;
  shape.thin = leftIsThin ? 0 : 1;
  shape.wide = 1 - shape.thin;
  shape.rows = own[shape.thin];
  shape.columns = own[shape.wide];
  shape.rowCount = leftIsThin ? left : right;
  if (shape.columns.empty() || maps[shape.wide].getNumResults() == 0)
    return std::nullopt;
  auto last = dyn_cast<AffineDimExpr>(maps[shape.wide].getResults().back());
  if (!last)
    return std::nullopt;
  shape.columnsLast = llvm::is_contained(shape.columns, last.getPosition());
  if (!shape.columnsLast && !llvm::is_contained(shape.depth, last.getPosition()))
    return std::nullopt;
  return shape;
}

std::optional<SkinnyNumbers> SkinnyNumbers::from(ScheduleAttr schedule) {
  ArrayRef<int64_t> block = schedule ? schedule.getBlock() : ArrayRef<int64_t>();
  if (block.size() != 6 && block.size() != 11)
    return std::nullopt;
  ArrayRef<int64_t> own = block.take_back(6);
  // Of a schedule that a tuner or a user wrote, what no loop could be made of.
  if (own[0] < 1 || own[1] < 1 || !llvm::isPowerOf2_64(own[2]) || own[3] < 1 || own[4] < 0 ||
      own[5] < 0)
    return std::nullopt;
  return SkinnyNumbers{own[0], own[1], own[2], own[3], own[4], own[5]};
}

void SkinnyNumbers::appendTo(SmallVectorImpl<int64_t> &block) const {
  block.append({rows, vectors, lanes, depth, ahead, split});
}

std::optional<ProductBody> mlir::torsh::matchProduct(linalg::GenericOp op) {
  Block *body = op.getBlock();
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1)
    return std::nullopt;
  auto operation = [](Value value) { return value.getDefiningOp(); };
  Operation *sum = operation(cast<linalg::YieldOp>(body->getTerminator()).getOperand(0));
  if (!isa_and_nonnull<arith::AddFOp, arith::AddIOp>(sum))
    return std::nullopt;
  bool isFirst = sum->getOperand(0) == body->getArgument(2);
  if (!isFirst && sum->getOperand(1) != body->getArgument(2))
    return std::nullopt;
  Operation *product = operation(sum->getOperand(isFirst ? 1 : 0));
  if (!isa_and_nonnull<arith::MulFOp, arith::MulIOp>(product))
    return std::nullopt;
  ProductBody result;
  bool isRead[2] = {false, false};
  for (Value factor : product->getOperands()) {
    Operation *widening = operation(factor);
    if (widening && !isa<arith::ExtFOp, arith::ExtSIOp, arith::ExtUIOp>(widening))
      return std::nullopt;
    auto argument = dyn_cast<BlockArgument>(widening ? widening->getOperand(0) : factor);
    if (!argument || argument.getOwner() != body || argument.getArgNumber() > 1)
      return std::nullopt;
    isRead[argument.getArgNumber()] = true;
    result.casts[argument.getArgNumber()] = widening;
  }
  if (!isRead[0] || !isRead[1])
    return std::nullopt;
  if (auto real = dyn_cast<arith::MulFOp>(product))
    result.isFused = arith::bitEnumContainsAll(real.getFastmath(), arith::FastMathFlags::contract);
  return result;
}

void mlir::torsh::markSkinnyProducts(func::FuncOp kernel) {
  kernel.walk([](linalg::GenericOp op) {
    if (op->hasAttr("torsh.contraction") || op.getNumReductionLoops() == 0 || !matchProduct(op) ||
        !llvm::all_of(op.getIndexingMapsArray(),
                      [](AffineMap map) { return map.isProjectedPermutation(); }))
      return;
    // Only sums that may be taken in any order.
    auto *sum = cast<linalg::YieldOp>(op.getBlock()->getTerminator()).getOperand(0).getDefiningOp();
    if (auto real = dyn_cast<arith::AddFOp>(sum);
        real && !arith::bitEnumContainsAll(real.getFastmath(), arith::FastMathFlags::reassoc))
      return;
    op->setAttr("torsh.contraction", UnitAttr::get(op.getContext()));
    std::optional<SkinnyShape> shape = matchSkinny(op);
    if (!shape || ShapedType::isDynamic(shape->rowCount))
      op->removeAttr("torsh.contraction");
  });
}
