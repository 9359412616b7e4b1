// SPDX-License-Identifier: Apache-2.0
// Scattered writes as loops over the updates, in their order.

#include "OrderedLoops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "torshjit/Tensor/OrderedGenerics.h"

using namespace mlir;
using namespace mlir::torsh;

void mlir::torsh::emitScatter(OpBuilder &builder, linalg::GenericOp op) {
  GenericOnMemory generic(builder, op);
  Location loc = op.getLoc();
  OpBuilder &b = builder;
  auto chosen = cast<arith::SelectOp>(findMarked(op, kScatterMark));
  SmallVector<WrittenAxis> axes = getWrittenAxes(op);
  llvm::BitVector written(generic.getNumLoops()), positionLoops(generic.getNumLoops());
  for (const WrittenAxis &axis : axes) {
    if (axis.loop)
      written.set(*axis.loop);
    positionLoops |= generic.loopsOf(axis.position);
  }
  // Around the updates: the loops that the positions depend on, or that stand before what
  // is written; within: the rest, along which whole pieces are written.
  SmallVector<unsigned> outer, updates, inner;
  bool isPast = false;
  for (AffineExpr expr : op.getMatchingIndexingMap(op.getDpsInitOperand(0)).getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim)
      continue;
    unsigned loop = dim.getPosition();
    isPast |= written.test(loop);
    if (!written.test(loop))
      (isPast && !positionLoops.test(loop) ? inner : outer).push_back(loop);
  }
  for (auto [loop, iterator] : llvm::enumerate(op.getIteratorTypesArray()))
    if (iterator == utils::IteratorType::reduction)
      updates.push_back(loop);
  llvm::append_range(outer, updates);

  SmallVector<Value> index(generic.getNumLoops());
  Value zero = generic.constant(0);
  generic.forEach(outer, index, [&]() {
    IRMapping known;
    Value isInside = arith::ConstantIntOp::create(b, loc, 1, 1);
    for (const WrittenAxis &axis : axes) {
      Value position = generic.emit(axis.position, index, known);
      Value limit = axis.loop ? generic.extent(*axis.loop) : generic.constant(1);
      if (axis.loop && index[*axis.loop])
        isInside = arith::AndIOp::create(
            b, loc, isInside,
            arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, position, index[*axis.loop]));
      else if (axis.loop)
        index[*axis.loop] = position;
      Value isAbove = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, position, zero);
      Value isBelow = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, position, limit);
      isInside =
          arith::AndIOp::create(b, loc, isInside, arith::AndIOp::create(b, loc, isAbove, isBelow));
    }
    auto write = scf::IfOp::create(b, loc, isInside, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(write.thenBlock());
    generic.forEach(inner, index, [&]() {
      IRMapping own;
      own.map(op.getRegionOutputArgs()[0], generic.loadResult(index));
      generic.storeResult(generic.emit(chosen.getTrueValue(), index, own), index);
    });
  });
}
