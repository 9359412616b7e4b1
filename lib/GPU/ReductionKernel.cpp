// SPDX-License-Identifier: Apache-2.0
// Kernels in which groups of threads share reductions: softmax, norms, sums.
//
// A group computes, for one row (or column) after the other, each reduction from the
// row's elements and then the results that depend on it. What the reductions and the
// results compute alike from an element is computed again for each, unless the row is
// short enough for its loops to be unrolled: then the compiler of the target finds it
// equal, and the row stays in registers.

#include "KernelEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::torsh;
using namespace mlir::torsh::gpu;

FailureOr<SmallVector<Value>> KernelEmitter::forLane(const Group &group, Value total,
                                                     ValueRange carried, bool isContiguous,
                                                     ElementEmitter::LoopBody body) {
  std::optional<int64_t> known = getConstantIntValue(total);
  int64_t width = isContiguous && known && *known % vector == 0 ? vector : 1;
  int64_t step = group.lanes * width;
  auto runBody = [&](Value first, SmallVector<Value> values) -> FailureOr<SmallVector<Value>> {
    for (int64_t i = 0; i < width; ++i) {
      FailureOr<SmallVector<Value>> next = body(e.add(first, e.constant(i)), values);
      if (failed(next))
        return failure();
      values = *next;
    }
    return values;
  };
  Value own = e.mul(group.lane, e.constant(width));
  if (!known || llvm::divideCeil(*known, group.lanes) > traits.unroll)
    return e.forLoop(own, total, e.constant(step), carried, [&](Value i, ValueRange values) {
      return runBody(i, SmallVector<Value>(values));
    });
  SmallVector<Value> values(carried);
  for (int64_t from = 0; from < *known; from += step) {
    Value at = e.add(own, e.constant(from));
    FailureOr<SmallVector<Value>> next =
        from + step <= *known
            ? runBody(at, values)
            : e.ifThen(e.lessThan(at, total), values, [&] { return runBody(at, values); });
    if (failed(next))
      return failure();
    values = *next;
  }
  return values;
}

/// The axes as a space of their own.
static SmallVector<Value> pick(ArrayRef<Value> values, ArrayRef<unsigned> axes) {
  SmallVector<Value> picked;
  for (unsigned axis : axes)
    picked.push_back(values[axis]);
  return picked;
}

LogicalResult KernelEmitter::emitShared(linalg::GenericOp op, ArrayRef<Value> groupIndex,
                                        const Group &group) {
  // Without a way to merge partial results every lane computes all of it.
  if (group.lanes == 1 || !canShareLanes(op))
    return e.emit(op.getResult(0), groupIndex);

  SmallVector<Value> loops(op.getNumLoops()), extents = e.loopExtents(op);
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  for (auto [expr, value] : llvm::zip_equal(map.getResults(), groupIndex))
    loops[cast<AffineDimExpr>(expr).getPosition()] = value;
  SmallVector<unsigned> reductions;
  for (auto [loop, iterator] : llvm::enumerate(op.getIteratorTypesArray()))
    if (iterator == utils::IteratorType::reduction)
      reductions.push_back(loop);
  SmallVector<Value> reduced = pick(extents, reductions);
  // Lanes start from what changes nothing. For an argument reduction that is its initial
  // value: no element is worse, and none comes earlier.
  SmallVector<Value> inits, starts;
  for (auto [number, init] : llvm::enumerate(op.getDpsInits())) {
    FailureOr<Value> value = e.emit(init, groupIndex);
    if (failed(value))
      return failure();
    inits.push_back(*value);
    starts.push_back(
        isArgumentReduction(op)
            ? *value
            : arith::ConstantOp::create(b, loc, *arith::getNeutralElement(combinerOf(op, number))));
  }
  bool isContiguous = !group.isColumn;
  FailureOr<SmallVector<Value>> partial =
      forLane(group, e.volume(reduced), starts, isContiguous, [&](Value i, ValueRange carried) {
        SmallVector<Value> own(loops);
        for (auto [loop, value] : llvm::zip_equal(reductions, e.delinearize(i, reduced)))
          own[loop] = value;
        return e.emitBody(op, own, SmallVector<Value>(carried));
      });
  if (failed(partial))
    return failure();
  SmallVector<Value> totals;
  if (isArgumentReduction(op)) {
    auto merge = [&](ArrayRef<Value> x, ArrayRef<Value> y) { return mergeArguments(op, x, y); };
    FailureOr<SmallVector<Value>> found = reduceByMemory(*partial, merge, group);
    if (failed(found))
      return failure();
    totals = *found;
  } else {
    for (auto [number, value] : llvm::enumerate(*partial)) {
      Operation *combiner = combinerOf(op, number);
      totals.push_back(combine(combiner, inits[number], reduceOverLanes(combiner, value, group)));
    }
  }
  for (auto [result, total] : llvm::zip_equal(op.getResults(), totals))
    e.define(result, groupIndex, total);
  return success();
}

LogicalResult KernelEmitter::storeAligned(const AlignedOutput &aligned, ArrayRef<Value> groupIndex,
                                          Value number, const Group &group) {
  SmallVector<Value> extents = e.extents(aligned.space);
  SmallVector<unsigned> within;
  for (unsigned axis = 0; axis < extents.size(); ++axis)
    if (!llvm::is_contained(aligned.groupAxes, axis))
      within.push_back(axis);
  SmallVector<Value> inner = pick(extents, within);
  Value total = e.volume(inner);
  // Groups one after another in memory: the position needs no index.
  bool isLeading = llvm::all_of(llvm::enumerate(aligned.groupAxes),
                                [](const auto &entry) { return entry.value() == entry.index(); });
  auto storeOne = [&](Value i, ValueRange) -> FailureOr<SmallVector<Value>> {
    ElementEmitter::Scope scope(e);
    SmallVector<Value> index(extents.size());
    for (auto [axis, value] : llvm::zip_equal(aligned.groupAxes, groupIndex))
      index[axis] = value;
    for (auto [axis, value] : llvm::zip_equal(within, e.delinearize(i, inner)))
      index[axis] = value;
    Value position = isLeading ? e.add(e.mul(number, total), i) : e.linearize(index, extents);
    if (failed(storePoint(aligned, index, position)))
      return failure();
    return SmallVector<Value>();
  };
  if (!within.empty())
    return forLane(group, total, {}, isLeading && !group.isColumn, storeOne);
  if (group.lanes == 1)
    return storeOne(e.constant(0), {});
  Value isFirst =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, group.lane, e.constant(0));
  return e.ifThen(isFirst, {}, [&] { return storeOne(e.constant(0), {}); });
}

LogicalResult KernelEmitter::emitReductions() {
  Group group;
  group.lanes = std::max<int64_t>(1, std::min(schedule.getLanes(), threads));
  group.isColumn = structure.kernelClass == KernelClass::ColumnReduction;
  int64_t groups = threads / group.lanes;
  Value ownGroup;
  if (group.isColumn) {
    // Neighbouring threads on neighbouring columns.
    ownGroup = e.rem(thread, e.constant(groups));
    group.lane = e.div(thread, e.constant(groups));
    group.stride = groups;
    group.first = ownGroup;
  } else {
    ownGroup = e.div(thread, e.constant(group.lanes));
    group.lane = e.rem(thread, e.constant(group.lanes));
    group.first = e.mul(ownGroup, e.constant(group.lanes));
  }
  group.slot = thread;

  linalg::GenericOp first = structure.reductions.front();
  SmallVector<Value> extents = e.extents(first.getResult(0));
  Value count = e.volume(extents);
  setGrid({{groups, extents}});
  // All threads of a block go round equally often, since they meet at barriers: those
  // that have no group left repeat the last one, and store nothing.
  return forBlock(e.ceilDiv(count, e.constant(groups)),
                  [&](Value batch, ValueRange) -> FailureOr<SmallVector<Value>> {
                    Value number = e.add(e.mul(batch, e.constant(groups)), ownGroup);
                    Value isValid = groups == 1 ? Value() : e.lessThan(number, count);
                    if (isValid)
                      number = arith::SelectOp::create(b, loc, isValid, number,
                                                       e.sub(count, e.constant(1)));
                    SmallVector<Value> index = e.delinearize(number, extents);
                    for (linalg::GenericOp op : structure.reductions)
                      if (failed(emitShared(op, index, group)))
                        return failure();
                    auto storeAll = [&]() -> FailureOr<SmallVector<Value>> {
                      for (const AlignedOutput &aligned : structure.aligned)
                        if (failed(storeAligned(aligned, index, number, group)))
                          return failure();
                      return SmallVector<Value>();
                    };
                    return isValid ? e.ifThen(isValid, {}, storeAll) : storeAll();
                  });
}
