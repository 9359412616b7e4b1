// SPDX-License-Identifier: Apache-2.0
// The pair of reductions that finds the place of the largest or smallest element.

#include "Structured.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::torsh;

// Pattern:
//   %best = maximumf %x, %bestSoFar        (or minimumf, maxsi, minsi)
//   %is = cmpf ogt, %x, %bestSoFar         (olt, sgt, slt)
//   %place = select %is, %index, %placeSoFar
// The place is that of the first best element, and the initial place if none is better than the
// initial value.
std::optional<LogicalResult> mlir::torsh::importArgReduction(Structured &s) {
  if (s.numInits() != 2 || s.reduction.size() != 1)
    return std::nullopt;
  BlockArgument bestSoFar = s.argument(s.numInputs), placeSoFar = s.argument(s.numInputs + 1);
  if (!bestSoFar || !placeSoFar)
    return std::nullopt;
  Operation *best = s.yielded(0).getDefiningOp();
  auto place = s.yielded(1).getDefiningOp<arith::SelectOp>();
  if (!place || place.getFalseValue() != placeSoFar || !placeSoFar.hasOneUse() ||
      !isa_and_present<arith::MaximumFOp, arith::MinimumFOp, arith::MaxSIOp, arith::MinSIOp>(best))
    return std::nullopt;
  bool largest = isa<arith::MaximumFOp, arith::MaxSIOp>(best);
  Value element = best->getOperand(best->getOperand(0) == bestSoFar ? 1 : 0);
  Operation *test = place.getCondition().getDefiningOp();
  if (!isa_and_present<arith::CmpFOp, arith::CmpIOp>(test) || test->getOperand(0) != element ||
      test->getOperand(1) != bestSoFar || element.getType().isInteger(1))
    return std::nullopt;
  bool fits = false;
  if (auto floats = dyn_cast<arith::CmpFOp>(test))
    fits =
        floats.getPredicate() == (largest ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT);
  if (auto integers = dyn_cast<arith::CmpIOp>(test))
    fits = integers.getPredicate() ==
           (largest ? arith::CmpIPredicate::sgt : arith::CmpIPredicate::slt);
  for (Operation *user : bestSoFar.getUsers())
    fits &= user == best || user == test;
  if (!fits || !Structured::loopsOf(s.initMap(0)) || !Structured::loopsOf(s.initMap(1)))
    return std::nullopt;

  TensorBuilder &t = s.t;
  SmallVector<Value> aligned;
  for (auto [number, x] : llvm::enumerate(s.operands))
    aligned.push_back(s.align(x, s.maps[number]));
  if (failed(s.importBody(aligned)))
    return failure();
  Extents wide(s.loops.begin(), s.loops.end());
  Value x = s.repeat(s.im.tensorOf(s.im.get(element)), wide);
  // Comparisons with NaN are false, so the first one ends the search: what comes before it counts.
  // Those bodies give the place of the best element up to there, which argmax does not; only
  // elements without NaN have the same place.
  Value number = x;
  if (t.isFloat(x)) {
    Value isNaN = t.cast(t.isNaN(x), t.builder().getI64Type());
    Value seen =
        t.op("scan", {isNaN},
             {t.builder().getNamedAttr("axis", t.builder().getI64IntegerAttr(s.reduction.front())),
              t.builder().getNamedAttr("kind",
                                       ScanKindAttr::get(t.builder().getContext(), ScanKind::sum)),
              t.builder().getNamedAttr("reverse", t.builder().getBoolAttr(false)),
              t.builder().getNamedAttr("exclusive", t.builder().getBoolAttr(false))});
    Value isAfter = t.compare(ComparePredicate::gt, seen, t.like(seen, 0));
    number = t.select(isAfter, t.like(x, largest ? -INFINITY : INFINITY), x);
  }
  Value first =
      t.op(largest ? "argmax" : "argmin", {number},
           {t.builder().getNamedAttr("axis", t.builder().getI64IntegerAttr(s.reduction.front())),
            t.builder().getNamedAttr("keepdims", t.builder().getBoolAttr(true))});
  Value value = t.reduce(largest ? "amax" : "amin", x, s.reduction, /*keepdims=*/true);
  Value reached = t.reduce(largest ? "amax" : "amin", number, s.reduction, /*keepdims=*/true);
  // The index that the body selects, at the place that was found.
  Value label = s.repeat(s.im.tensorOf(s.im.get(place.getTrueValue())), wide);
  Value here = t.compare(ComparePredicate::eq, s.places()[s.reduction.front()], first);
  Value chosen = t.reduce("sum", t.select(here, label, t.like(label, 0)), s.reduction, true);
  Value start = aligned[s.numInputs], startPlace = aligned[s.numInputs + 1];
  Value isBetter = t.compare(largest ? ComparePredicate::gt : ComparePredicate::lt, reached, start);
  Value combined = t.op(largest ? "maximum" : "minimum", {start, value});
  Value placed = t.select(isBetter, chosen, startPlace);
  Extents kept;
  for (int64_t loop : s.parallel)
    kept.push_back(s.loops[loop]);
  for (auto [index, result] : llvm::enumerate(ArrayRef<Value>{combined, placed})) {
    Value flat = result ? t.pick(result, s.reduction.front(), 0) : Value();
    if (failed(s.im.set(s.op->getResult(index), s.toResult(flat, s.parallel, s.initMap(index)))))
      return failure();
  }
  return success();
}
