// SPDX-License-Identifier: Apache-2.0
// Recognises scans, ranks and scattered writes by the marks in their bodies.

#include "torshjit/Tensor/OrderedGenerics.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::torsh;

Operation *mlir::torsh::findMarked(linalg::GenericOp op, StringRef mark) {
  for (Operation &inner : op.getBody()->without_terminator())
    if (inner.hasAttr(mark))
      return &inner;
  return nullptr;
}

SmallVector<WrittenAxis> mlir::torsh::getWrittenAxes(linalg::GenericOp op) {
  SmallVector<WrittenAxis> axes;
  for (auto isHere : op.getBody()->getOps<arith::CmpIOp>()) {
    if (!isHere->hasAttr(kPositionMark))
      continue;
    Value position = isHere.getLhs(), own = isHere.getRhs();
    // A constant position has been moved to the right. Where it is the index that is
    // constant, an equality may be read from either side.
    if (!own.getDefiningOp<linalg::IndexOp>() && position.getDefiningOp<linalg::IndexOp>())
      std::swap(position, own);
    auto index = own.getDefiningOp<linalg::IndexOp>();
    axes.push_back({position, index ? std::optional<unsigned>(index.getDim()) : std::nullopt});
  }
  return axes;
}

/// Adds the loop whose index is `value`.
static void addLoop(Value value, SmallVectorImpl<unsigned> &loops) {
  if (auto index = value.getDefiningOp<linalg::IndexOp>())
    if (!llvm::is_contained(loops, index.getDim()))
      loops.push_back(index.getDim());
}

SmallVector<unsigned> mlir::torsh::getOrderedLoops(linalg::LinalgOp op) {
  SmallVector<unsigned> loops;
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  if (!generic)
    return loops;
  if (Operation *taken = findMarked(generic, kScanMark)) {
    auto select = cast<arith::SelectOp>(taken);
    if (auto isBefore = select.getCondition().getDefiningOp<arith::CmpIOp>())
      addLoop(isBefore.getRhs(), loops);
  } else if (findMarked(generic, kRankMark)) {
    for (auto stands : generic.getBody()->getOps<arith::CmpIOp>())
      if (stands.getLhs().getDefiningOp<linalg::IndexOp>())
        addLoop(stands.getRhs(), loops);
  } else if (findMarked(generic, kScatterMark)) {
    for (const WrittenAxis &axis : getWrittenAxes(generic))
      if (axis.loop && !llvm::is_contained(loops, *axis.loop))
        loops.push_back(*axis.loop);
  }
  return loops;
}
