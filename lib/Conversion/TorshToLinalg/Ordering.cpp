// SPDX-License-Identifier: Apache-2.0
// Scans and ranks: each element looks through its whole row, which is right on every
// target; one that can do better recognises the steps by their marks.

#include "Generic.h"
#include "OrderedBodies.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "torshjit/Tensor/OrderedGenerics.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

using utils::IteratorType;

RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

/// The loops over a tensor and once more over one of its axes.
struct RowLoops {
  RowLoops(RankedTensorType type, int64_t axis) : loops(type.getContext()) {
    for (int64_t extent : type.getShape())
      own.push_back(loops.add(extent, IteratorType::parallel));
    other = own;
    other[axis] = loops.add(type.getDimSize(axis), IteratorType::reduction);
    ownMap = loops.map(type, own);
    otherMap = loops.map(type, other);
    ownLoop = cast<AffineDimExpr>(own[axis]).getPosition();
    otherLoop = cast<AffineDimExpr>(other[axis]).getPosition();
  }

  /// Compares the positions of the other element and the own one.
  Value compare(OpBuilder &b, Location loc, arith::CmpIPredicate predicate) const {
    return arith::CmpIOp::create(b, loc, predicate, linalg::IndexOp::create(b, loc, otherLoop),
                                 linalg::IndexOp::create(b, loc, ownLoop));
  }

  Loops loops;
  SmallVector<AffineExpr> own, other;
  AffineMap ownMap, otherMap;
  unsigned ownLoop, otherLoop;
};

//===----------------------------------------------------------------------===//
// Scan
//===----------------------------------------------------------------------===//

// Pattern: scan -> fill; generic that combines what stands before each element; (narrow)
struct LowerScan : OpConversionPattern<ScanOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ScanOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    RankedTensorType type = tensorType(op.getInput());
    auto axis = static_cast<int64_t>(op.getAxis());
    Type element = tensorType(adaptor.getInput()).getElementType();
    Type wide = accumulatorType(element);
    bool isUnsigned = type.getElementType().isUnsignedInteger();
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    Value neutral = arith::ConstantOp::create(
        rewriter, loc, neutralElement(rewriter, op.getKind(), wide, isUnsigned, op.getExclusive()));
    if (type.getDimSize(axis) == 1 && !op.getExclusive()) {
      rewriter.replaceOp(op, adaptor.getInput());
      return success();
    }
    Value start = filledTensor(rewriter, loc, *extents, neutral);
    if (type.getDimSize(axis) == 1) {
      rewriter.replaceOp(op, convertElements(rewriter, loc, start, element));
      return success();
    }
    RowLoops rows(type, axis);
    DictionaryAttr mark =
        rewriter.getDictionaryAttr({rewriter.getNamedAttr("reverse", op.getReverseAttr()),
                                    rewriter.getNamedAttr("exclusive", op.getExclusiveAttr())});
    using P = arith::CmpIPredicate;
    P isBefore = op.getReverse() ? (op.getExclusive() ? P::sgt : P::sge)
                                 : (op.getExclusive() ? P::slt : P::sle);
    Value result = torsh::reduce(
        rewriter, loc, adaptor.getInput(), rows.otherMap, start, rows.ownMap,
        rows.loops.getIterators(), [&](OpBuilder &b, Location l, ValueRange x) -> Value {
          Value value = convertFloat(b, l, x[0], wide);
          auto taken = arith::SelectOp::create(b, l, rows.compare(b, l, isBefore), value, neutral);
          taken->setAttr(kScanMark, mark);
          return combine(b, l, op.getKind(), x[1], taken, isUnsigned);
        });
    rewriter.replaceOp(op, convertElements(rewriter, loc, result, element));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Rank
//===----------------------------------------------------------------------===//

// Pattern: rank -> fill; generic that counts the elements which come before each
struct LowerRank : OpConversionPattern<RankOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(RankOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    RankedTensorType type = tensorType(op.getInput());
    auto axis = static_cast<int64_t>(op.getAxis());
    Type i64 = rewriter.getI64Type(), element = type.getElementType();
    bool isUnsigned = element.isUnsignedInteger() || element.isInteger(1);
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    Value zero = arith::ConstantOp::create(rewriter, loc, rewriter.getI64IntegerAttr(0));
    Value start = filledTensor(rewriter, loc, *extents, zero);
    if (type.getDimSize(axis) == 1) {
      rewriter.replaceOp(op, start);
      return success();
    }
    RowLoops rows(type, axis);
    Value result = torsh::reduce(
        rewriter, loc, {adaptor.getInput(), adaptor.getInput()}, {rows.ownMap, rows.otherMap},
        start, rows.ownMap, rows.loops.getIterators(),
        [&](OpBuilder &b, Location l, ValueRange x) -> Value {
          Value own = orderKey(b, l, x[0]), other = orderKey(b, l, x[1]);
          Value first = op.getDescending() ? own : other;
          Value second = op.getDescending() ? other : own;
          auto predicate = isUnsigned ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt;
          Value less = arith::CmpIOp::create(b, l, predicate, first, second);
          less.getDefiningOp()->setAttr(kRankMark, b.getUnitAttr());
          Value greater = arith::CmpIOp::create(b, l, predicate, second, first);
          // Of equal elements the one that stands before.
          Value stands = rows.compare(b, l, arith::CmpIPredicate::slt);
          Value no = arith::ConstantOp::create(b, l, b.getBoolAttr(false));
          Value comes =
              arith::OrIOp::create(b, l, less, arith::SelectOp::create(b, l, greater, no, stands));
          return arith::AddIOp::create(b, l, x[2], arith::ExtUIOp::create(b, l, i64, comes));
        });
    rewriter.replaceOp(op, result);
    return success();
  }
};

} // namespace

void mlir::torsh::populateOrderingPatterns(const TypeConverter &types,
                                           RewritePatternSet &patterns) {
  patterns.add<LowerScan, LowerRank>(types, patterns.getContext());
}
