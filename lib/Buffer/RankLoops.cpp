// SPDX-License-Identifier: Apache-2.0
// Ranks as the inverse of a bottom-up merge sort of positions, row by row.

#include "OrderedLoops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "torshjit/Tensor/OrderedGenerics.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

/// The sort of one row.
class RowSorter {
public:
  RowSorter(GenericOnMemory &generic, unsigned own, unsigned other)
      : generic(generic), b(generic.getBuilder()), loc(generic.getLoc()), own(own), other(other),
        isLess(findMarked(generic.getOp(), kRankMark)->getResult(0)) {}

  /// Gives `order` the positions of the row in sorted order; `spare` is as long.
  void sort(Value order, Value spare, Value length, SmallVectorImpl<Value> &index) {
    Value zero = generic.constant(0), one = generic.constant(1);
    loop(zero, length, one, [&](Value i) { memref::StoreOp::create(b, loc, i, order, i); });
    // Runs of one, two, four, ... elements are sorted.
    Type indexType = b.getIndexType();
    auto passes = scf::WhileOp::create(b, loc, indexType, one);
    OpBuilder::InsertionGuard guard(b);
    Block *before = b.createBlock(&passes.getBefore(), {}, indexType, loc);
    Value width = before->getArgument(0);
    scf::ConditionOp::create(b, loc, compare(arith::CmpIPredicate::slt, width, length), width);
    Block *after = b.createBlock(&passes.getAfter(), {}, indexType, loc);
    width = after->getArgument(0);
    Value twice = add(width, width);
    loop(zero, length, twice, [&](Value start) {
      Value middle = min(add(start, width), length), end = min(add(start, twice), length);
      merge(order, spare, start, middle, end, index);
    });
    loop(zero, length, one, [&](Value i) {
      memref::StoreOp::create(b, loc, memref::LoadOp::create(b, loc, spare, i), order, i);
    });
    scf::YieldOp::create(b, loc, twice);
  }

private:
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value min(Value x, Value y) { return arith::MinSIOp::create(b, loc, x, y); }
  Value select(Value c, Value x, Value y) { return arith::SelectOp::create(b, loc, c, x, y); }
  Value both(Value x, Value y) { return arith::AndIOp::create(b, loc, x, y); }
  Value compare(arith::CmpIPredicate p, Value x, Value y) {
    return arith::CmpIOp::create(b, loc, p, x, y);
  }
  void loop(Value from, Value to, Value step, llvm::function_ref<void(Value)> body) {
    auto each = scf::ForOp::create(b, loc, from, to, step);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(each.getBody());
    body(each.getInductionVar());
  }

  /// Merges two sorted runs of `from` into `to`. Of equal elements the first run's come first.
  void merge(Value from, Value to, Value start, Value middle, Value end,
             SmallVectorImpl<Value> &index) {
    Value one = generic.constant(1), zero = generic.constant(0);
    auto each = scf::ForOp::create(b, loc, start, end, one, ValueRange{start, middle});
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(each.getBody());
    Value left = each.getRegionIterArg(0), right = each.getRegionIterArg(1);
    Value hasLeft = compare(arith::CmpIPredicate::slt, left, middle);
    Value hasRight = compare(arith::CmpIPredicate::slt, right, end);
    // A run that is used up is read at a place that there is.
    Value leftPosition = memref::LoadOp::create(b, loc, from, select(hasLeft, left, start));
    Value rightPosition = memref::LoadOp::create(b, loc, from, select(hasRight, right, start));
    index[other] = rightPosition;
    index[own] = leftPosition;
    IRMapping known;
    Value isRightFirst = generic.emit(isLess, index, known);
    Value no = arith::ConstantIntOp::create(b, loc, 0, 1);
    Value yes = arith::ConstantIntOp::create(b, loc, 1, 1);
    Value takesRight = select(hasRight, select(hasLeft, isRightFirst, yes), no);
    memref::StoreOp::create(b, loc, select(takesRight, rightPosition, leftPosition), to,
                            each.getInductionVar());
    scf::YieldOp::create(b, loc,
                         ValueRange{add(left, select(takesRight, zero, one)),
                                    add(right, select(takesRight, one, zero))});
  }

  GenericOnMemory &generic;
  OpBuilder &b;
  Location loc;
  unsigned own, other;
  /// In the body: whether the element of the other loop comes strictly before the own one.
  Value isLess;
};

} // namespace

void mlir::torsh::emitRank(OpBuilder &builder, linalg::GenericOp op) {
  GenericOnMemory generic(builder, op);
  Location loc = op.getLoc();
  unsigned own = getOrderedLoops(cast<linalg::LinalgOp>(op.getOperation())).front();
  SmallVector<unsigned> rows;
  unsigned other = 0;
  for (auto [loop, iterator] : llvm::enumerate(op.getIteratorTypesArray())) {
    if (iterator == utils::IteratorType::reduction)
      other = loop;
    else if (loop != own)
      rows.push_back(loop);
  }
  Value length = generic.extent(own);
  auto type = MemRefType::get({ShapedType::kDynamic}, builder.getIndexType());
  auto alignment = builder.getI64IntegerAttr(64);
  Value order = memref::AllocOp::create(builder, loc, type, length, alignment);
  Value spare = memref::AllocOp::create(builder, loc, type, length, alignment);
  SmallVector<Value> index(generic.getNumLoops());
  RowSorter sorter(generic, own, other);
  generic.forEach(rows, index, [&]() {
    sorter.sort(order, spare, length, index);
    auto each = scf::ForOp::create(builder, loc, generic.constant(0), length, generic.constant(1));
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(each.getBody());
    Value place = each.getInductionVar();
    index[own] = memref::LoadOp::create(builder, loc, order, place);
    Type element = getElementTypeOrSelf(op.getDpsInits()[0].getType());
    generic.storeResult(arith::IndexCastOp::create(builder, loc, element, place), index);
  });
}
