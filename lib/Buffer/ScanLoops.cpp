// SPDX-License-Identifier: Apache-2.0
// A scan as a loop along its axis, in vectors where its elements are neighbours in memory.
//
// Along the innermost axis a vector is scanned in registers, in logarithmically many steps
// (Hillis and Steele, "Data parallel algorithms", 1986), while the total of those before it is
// combined in: sums are associated in another way than one by one, with fewer roundings
// between an element and its total. Along any other axis whole rows are combined with the row
// before, in the order of the axis.

#include "OrderedLoops.h"
#include "VectorForms.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "torshjit/Tensor/OrderedGenerics.h"

using namespace mlir;
using namespace mlir::torsh;

/// Vectors of fewer elements are not worth the shuffles.
static constexpr int64_t kFewestLanes = 4;
/// Rows at a time: each is a stream that the processor reads ahead.
static constexpr int64_t kRows = 4;

namespace {

class ScanLoops {
public:
  ScanLoops(OpBuilder &builder, linalg::GenericOp op, int64_t vectorBits)
      : op(op), generic(builder, op), forms(builder, op.getLoc()),
        taken(cast<arith::SelectOp>(findMarked(op, kScanMark))), neutral(taken.getFalseValue()),
        total(op.getBody()->getTerminator()->getOperand(0)),
        accumulator(op.getRegionOutputArgs()[0]), index(op.getNumLoops()) {
    auto mark = taken->getAttrOfType<DictionaryAttr>(kScanMark);
    isReverse = mark.getAs<BoolAttr>("reverse").getValue();
    isExclusive = mark.getAs<BoolAttr>("exclusive").getValue();
    auto isBefore = taken.getCondition().getDefiningOp<arith::CmpIOp>();
    other = isBefore.getLhs().getDefiningOp<linalg::IndexOp>().getDim();
    own = isBefore.getRhs().getDefiningOp<linalg::IndexOp>().getDim();
    findLoops();
    read = inner.empty() ? other : inner.back();
    lanes = countLanes(vectorBits);
  }

  void emit() {
    dropFill();
    Value extent = generic.extent(own);
    last = forms.sub(extent, forms.constant(1));
    generic.forEach(outer, index, [&] {
      if (inner.empty())
        return emitAlongRow(extent);
      // Nothing comes before the first row.
      Value zero = forms.constant(0), one = forms.constant(1);
      forms.ifElse(
          forms.less(zero, extent),
          [&] {
            emitRows(zero, 1, /*isFirst=*/true);
            Value whole = forms.add(forms.roundDown(last, kRows), one);
            forms.forLoop(one, whole, kRows, [&](Value step) { emitRows(step, kRows); });
            forms.forLoop(whole, extent, 1, [&](Value step) { emitRows(step, 1); });
          },
          nullptr);
    });
  }

private:
  /// The loops around the axis in the order of the result's memory.
  void findLoops() {
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
  }

  /// Every element is written before it is read: what is filled with the neutral element need
  /// not be.
  void dropFill() {
    Value memory = op.getDpsInits()[0];
    for (Operation *before = op->getPrevNode(); before; before = before->getPrevNode()) {
      auto fill = dyn_cast<linalg::FillOp>(before);
      if (fill && fill.getDpsInits()[0] == memory) {
        fill.erase();
        return;
      }
      if (llvm::is_contained(before->getOperands(), memory))
        return;
    }
  }

  /// How many elements along the last axis of memory are combined at a time, 1 for one by one.
  int64_t countLanes(int64_t vectorBits) {
    unsigned written = inner.empty() ? own : inner.back();
    if (inner.empty() && !mayReorder(total.getDefiningOp()))
      return 1;
    SmallVector<Value> given{accumulator, taken.getResult()};
    Value element = taken.getTrueValue();
    unsigned bits = std::max(generic.widestBits(total, given), generic.widestBits(element, {}));
    int64_t count = vectorBits / std::max(bits, 8u);
    int64_t extent = generic.staticExtent(written);
    bool isShort = !ShapedType::isDynamic(extent) && extent < count;
    bool can = generic.canVectorize(total, read, given) &&
               generic.canVectorize(element, read, {}) && generic.isAlongResult(written);
    return can && !isShort && count >= kFewestLanes ? count : 1;
  }

  /// Whether combinations may be made in any order. Products of floats may not: what is in range
  /// one after the other need not be so among themselves.
  bool mayReorder(Operation *combiner) {
    Value element = taken.getResult();
    bool isOfBoth = combiner && combiner->getNumOperands() == 2 &&
                    llvm::is_contained(combiner->getOperands(), accumulator) &&
                    llvm::is_contained(combiner->getOperands(), element);
    return isOfBoth &&
           isa<arith::AddFOp, arith::AddIOp, arith::MulIOp, arith::MaximumFOp, arith::MinimumFOp,
               arith::MaxSIOp, arith::MinSIOp, arith::MaxUIOp, arith::MinUIOp>(combiner);
  }

  /// The place of a step along the axis; of `count` steps from there, the first one in memory.
  Value place(Value step, int64_t count = 1) {
    return isReverse ? forms.sub(last, forms.add(step, count - 1)) : step;
  }

  /// What there is so far, combined with the element of the row at `source`.
  Value combine(Value soFar, Value source) {
    IRMapping known;
    known.map(accumulator, soFar);
    index[other] = source;
    // The element is taken at every step that there is.
    known.map(taken.getResult(), generic.emit(taken.getTrueValue(), index, known));
    return generic.emit(total, index, known);
  }

  //===--------------------------------------------------------------------===//
  // Along the innermost axis
  //===--------------------------------------------------------------------===//

  void emitAlongRow(Value extent) {
    Value start = forms.constant(0), soFar = neutral;
    if (lanes > 1) {
      Value whole = forms.roundDown(extent, lanes);
      auto type = VectorType::get(lanes, neutral.getType());
      Value before = forms.carry(start, whole, lanes, forms.splat(soFar, type),
                                 [&](Value step, ValueRange carried) {
                                   return SmallVector<Value>{emitVector(step, carried[0])};
                                 })[0];
      soFar = vector::ExtractOp::create(forms.b, forms.loc, before, ArrayRef<int64_t>{0});
      start = whole;
    }
    // What there is so far stays in a register.
    forms.carry(start, extent, 1, soFar, [&](Value step, ValueRange carried) {
      index[own] = place(step);
      Value next = combine(carried[0], index[own]);
      generic.storeResult(isExclusive ? carried[0] : next, index);
      return SmallVector<Value>{next};
    });
  }

  /// Scans the vector from `step` on; the total up to its end, in every lane.
  Value emitVector(Value step, Value before) {
    index[own] = place(step, lanes);
    index[other] = index[own];
    Value scanned = emitElements();
    for (int64_t distance = 1; distance < lanes; distance *= 2)
      scanned = combineVectors(moved(scanned, distance), scanned);
    Value result = combineVectors(before, isExclusive ? moved(scanned, 1) : scanned);
    generic.storeResultVector(result, index);
    // The total of the vector does not wait for those before it.
    SmallVector<int64_t> end(lanes, isReverse ? 0 : lanes - 1);
    Value sum = vector::ShuffleOp::create(forms.b, forms.loc, scanned, scanned, end);
    return combineVectors(before, sum);
  }

  /// The lanes `distance` further along the axis, the neutral element before them.
  Value moved(Value vector, int64_t distance) {
    Value neutrals = forms.splat(neutral, cast<VectorType>(vector.getType()));
    SmallVector<int64_t> from(lanes);
    for (int64_t lane = 0; lane < lanes; ++lane) {
      int64_t source = isReverse ? lane + distance : lane - distance;
      from[lane] = source >= 0 && source < lanes ? lanes + source : lane;
    }
    return vector::ShuffleOp::create(forms.b, forms.loc, neutrals, vector, from);
  }

  /// The elements of the row at the place in `index`.
  Value emitElements() {
    IRMapping none;
    return generic.emitVector(taken.getTrueValue(), index, read, lanes, none);
  }

  Value combineVectors(Value soFar, Value element) {
    IRMapping known;
    known.map(accumulator, soFar);
    known.map(taken.getResult(), element);
    return generic.emitVector(total, index, read, lanes, known);
  }

  //===--------------------------------------------------------------------===//
  // Along another axis
  //===--------------------------------------------------------------------===//

  /// The rows of `count` steps.
  void emitRows(Value step, int64_t count, bool isFirst = false) {
    unsigned along = inner.back();
    generic.forEach(ArrayRef(inner).drop_back(), index, [&] {
      Value extent = generic.extent(along), whole = forms.constant(0);
      if (lanes > 1) {
        whole = forms.roundDown(extent, lanes);
        forms.forLoop(forms.constant(0), whole, lanes, [&](Value column) {
          index[along] = column;
          emitOfRows(step, count, isFirst, lanes);
        });
      }
      forms.forLoop(whole, extent, 1, [&](Value column) {
        index[along] = column;
        emitOfRows(step, count, isFirst, 1);
      });
    });
  }

  /// `width` elements of the rows of `count` steps, from the column in `index` on.
  void emitOfRows(Value step, int64_t count, bool isFirst, int64_t width) {
    Value soFar = neutral;
    if (isFirst && width > 1)
      soFar = forms.splat(neutral, VectorType::get(width, neutral.getType()));
    if (!isFirst) {
      index[own] = place(forms.sub(step, forms.constant(1)));
      soFar = width > 1 ? generic.loadResultVector(index, width) : generic.loadResult(index);
    }
    for (int64_t row = 0; row < count; ++row) {
      Value here = forms.add(step, row);
      if (!isExclusive || !isFirst) {
        Value source = place(isExclusive ? forms.sub(here, forms.constant(1)) : here);
        index[other] = source;
        soFar = width > 1 ? combineVectors(soFar, emitElements()) : combine(soFar, source);
      }
      index[own] = place(here);
      if (width > 1)
        generic.storeResultVector(soFar, index);
      else
        generic.storeResult(soFar, index);
    }
  }

  linalg::GenericOp op;
  GenericOnMemory generic;
  VectorForms forms;
  arith::SelectOp taken;
  Value neutral, total, last;
  BlockArgument accumulator;
  SmallVector<Value> index;
  bool isReverse, isExclusive;
  unsigned own, other;
  /// The loop along which vectors are read: within a row, that of the axis.
  unsigned read;
  SmallVector<unsigned> outer, inner;
  int64_t lanes = 1;
};

} // namespace

void mlir::torsh::emitScan(OpBuilder &builder, linalg::GenericOp op, int64_t vectorBits) {
  ScanLoops(builder, op, vectorBits).emit();
}
