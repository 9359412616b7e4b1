// SPDX-License-Identifier: Apache-2.0
// A scan as a loop along its axis. Each element is made from the one before it in memory;
// where the axis is not the innermost one, a whole row at a time, which vectorises.

#include "OrderedLoops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "torshjit/Tensor/OrderedGenerics.h"

using namespace mlir;
using namespace mlir::torsh;

void mlir::torsh::emitScan(OpBuilder &builder, linalg::GenericOp op) {
  GenericOnMemory generic(builder, op);
  Location loc = op.getLoc();
  auto taken = cast<arith::SelectOp>(findMarked(op, kScanMark));
  auto mark = taken->getAttrOfType<DictionaryAttr>(kScanMark);
  bool isReverse = mark.getAs<BoolAttr>("reverse").getValue();
  bool isExclusive = mark.getAs<BoolAttr>("exclusive").getValue();
  auto isBefore = taken.getCondition().getDefiningOp<arith::CmpIOp>();
  unsigned other = isBefore.getLhs().getDefiningOp<linalg::IndexOp>().getDim();
  unsigned own = isBefore.getRhs().getDefiningOp<linalg::IndexOp>().getDim();
  Value total = op.getBody()->getTerminator()->getOperand(0);
  BlockArgument accumulator = op.getRegionOutputArgs()[0];

  // The loops around the axis in the order of the result's memory.
  SmallVector<unsigned> outer, inner;
  bool isPast = false;
  for (AffineExpr expr : op.getMatchingIndexingMap(op.getDpsInitOperand(0)).getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim)
      continue;
    if (dim.getPosition() == own)
      isPast = true;
    else
      (isPast ? inner : outer).push_back(dim.getPosition());
  }

  OpBuilder &b = builder;
  SmallVector<Value> index(generic.getNumLoops());
  Value zero = generic.constant(0), one = generic.constant(1);
  Value extent = generic.extent(own);
  Value last = arith::SubIOp::create(b, loc, extent, one);
  auto place = [&](Value step) -> Value {
    return isReverse ? arith::SubIOp::create(b, loc, last, step).getResult() : step;
  };
  /// The element at the step, which takes the one of the row at `source`.
  auto combine = [&](Value soFar, Value source) {
    IRMapping known;
    known.map(accumulator, soFar);
    index[other] = source;
    // The element is taken at every step that there is.
    known.map(taken.getResult(), generic.emit(taken.getTrueValue(), index, known));
    return generic.emit(total, index, known);
  };
  generic.forEach(outer, index, [&]() {
    if (inner.empty()) {
      // What there is so far stays in a register.
      index[own] = zero;
      Value start = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, extent, zero);
      auto some = scf::IfOp::create(b, loc, start, /*withElseRegion=*/false);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(some.thenBlock());
      index[own] = place(zero);
      Value initial = generic.loadResult(index);
      auto along = scf::ForOp::create(b, loc, zero, extent, one, initial);
      b.setInsertionPointToStart(along.getBody());
      index[own] = place(along.getInductionVar());
      Value soFar = along.getRegionIterArg(0);
      Value next = combine(soFar, index[own]);
      generic.storeResult(isExclusive ? soFar : next, index);
      scf::YieldOp::create(b, loc, next);
      return;
    }
    auto along = scf::ForOp::create(b, loc, zero, extent, one);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(along.getBody());
    Value step = along.getInductionVar();
    Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, step, zero);
    Value before =
        arith::SelectOp::create(b, loc, isFirst, zero, arith::SubIOp::create(b, loc, step, one));
    generic.forEach(inner, index, [&]() {
      // The first element of the result holds what is neutral.
      index[own] = place(before);
      Value soFar = generic.loadResult(index);
      Value next = combine(soFar, place(isExclusive ? before : step));
      if (isExclusive)
        next = arith::SelectOp::create(b, loc, isFirst, soFar, next);
      index[own] = place(step);
      generic.storeResult(next, index);
    });
  });
}
