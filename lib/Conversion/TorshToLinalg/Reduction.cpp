// SPDX-License-Identifier: Apache-2.0
// Reductions over axes: an initial value and a generic with reduction loops.

#include "Generic.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "torshjit/Dialect/Torsh/IR/ElementTypes.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

using utils::IteratorType;

Value makeConstant(OpBuilder &b, Location loc, TypedAttr attr) {
  return arith::ConstantOp::create(b, loc, attr);
}

/// The smallest (or largest) value of a type, infinity for floats.
TypedAttr extremeOf(OpBuilder &b, Type type, bool hasUnsigned, bool smallest) {
  if (auto real = dyn_cast<FloatType>(type))
    return b.getFloatAttr(type, APFloat::getInf(real.getFloatSemantics(), smallest));
  unsigned width = type.getIntOrFloatBitWidth();
  if (hasUnsigned)
    return b.getIntegerAttr(type, smallest ? APInt::getMinValue(width) : APInt::getMaxValue(width));
  return b.getIntegerAttr(type, smallest ? APInt::getSignedMinValue(width)
                                         : APInt::getSignedMaxValue(width));
}

/// Floats may be added and multiplied in any order, so that a loop can keep
/// several partial results.
template <typename FloatOp, typename IntOp>
Value combine(OpBuilder &b, Location loc, Value x, Value y) {
  if (isa<FloatType>(x.getType()))
    return FloatOp::create(b, loc, x, y, arith::FastMathFlags::reassoc);
  return IntOp::create(b, loc, x, y);
}

// The initial value and the combination of each reduction, over a type as it is
// stored, of elements that may be unsigned.
template <typename OpTy> struct Monoid;
template <> struct Monoid<SumOp> {
  static TypedAttr init(OpBuilder &b, Type type, bool) { return b.getZeroAttr(type); }
  static Value step(OpBuilder &b, Location loc, Value x, Value acc, bool) {
    return combine<arith::AddFOp, arith::AddIOp>(b, loc, acc, x);
  }
};
template <> struct Monoid<MeanOp> : Monoid<SumOp> {};
template <> struct Monoid<ProdOp> {
  static TypedAttr init(OpBuilder &b, Type type, bool) { return b.getOneAttr(type); }
  static Value step(OpBuilder &b, Location loc, Value x, Value acc, bool) {
    return combine<arith::MulFOp, arith::MulIOp>(b, loc, acc, x);
  }
};
// Zeros of either sign are equal: NumPy and torch do not say which is found, and without
// the order between them a maximum is two instructions less.
template <> struct Monoid<AmaxOp> {
  static TypedAttr init(OpBuilder &b, Type type, bool hasUnsigned) {
    return extremeOf(b, type, hasUnsigned, true);
  }
  static Value step(OpBuilder &b, Location loc, Value x, Value acc, bool hasUnsigned) {
    if (isa<FloatType>(x.getType()))
      return arith::MaximumFOp::create(b, loc, acc, x, arith::FastMathFlags::nsz);
    if (hasUnsigned)
      return arith::MaxUIOp::create(b, loc, acc, x);
    return arith::MaxSIOp::create(b, loc, acc, x);
  }
};
template <> struct Monoid<AminOp> {
  static TypedAttr init(OpBuilder &b, Type type, bool hasUnsigned) {
    return extremeOf(b, type, hasUnsigned, false);
  }
  static Value step(OpBuilder &b, Location loc, Value x, Value acc, bool hasUnsigned) {
    if (isa<FloatType>(x.getType()))
      return arith::MinimumFOp::create(b, loc, acc, x, arith::FastMathFlags::nsz);
    if (hasUnsigned)
      return arith::MinUIOp::create(b, loc, acc, x);
    return arith::MinSIOp::create(b, loc, acc, x);
  }
};
template <> struct Monoid<AnyOp> {
  static TypedAttr init(OpBuilder &b, Type, bool) { return b.getBoolAttr(false); }
  static Value step(OpBuilder &b, Location loc, Value x, Value acc, bool) {
    return arith::OrIOp::create(b, loc, acc, x);
  }
};
template <> struct Monoid<AllOp> {
  static TypedAttr init(OpBuilder &b, Type, bool) { return b.getBoolAttr(true); }
  static Value step(OpBuilder &b, Location loc, Value x, Value acc, bool) {
    return arith::AndIOp::create(b, loc, acc, x);
  }
};

/// The loops over the axes of `input`, the map that reads it, and the map of the
/// result, in which the reduced axes are missing.
struct ReductionLoops {
  ReductionLoops(RankedTensorType input, ArrayRef<int64_t> axes) : loops(input.getContext()) {
    for (auto [axis, extent] : llvm::enumerate(input.getShape())) {
      bool reduced = llvm::is_contained(axes, static_cast<int64_t>(axis));
      AffineExpr index =
          loops.add(extent, reduced ? IteratorType::reduction : IteratorType::parallel);
      indices.push_back(index);
      if (!reduced && extent != 1)
        kept.push_back(index);
    }
    inputMap = loops.map(input, indices);
    resultMap = AffineMap::get(inputMap.getNumDims(), 0, kept, input.getContext());
  }
  Loops loops;
  SmallVector<AffineExpr> indices, kept;
  AffineMap inputMap, resultMap;
};

/// The number of elements that one result of a mean is taken over, as a float.
Value countOf(OpBuilder &b, Location loc, Value input, ArrayRef<int64_t> axes, Type type) {
  Value count = arith::ConstantIndexOp::create(b, loc, 1);
  for (int64_t axis : axes) {
    Value extent =
        getValueOrCreateConstantIndexOp(b, loc, tensor::getMixedSize(b, loc, input, axis));
    count = arith::MulIOp::create(b, loc, count, extent);
  }
  Value wide = arith::IndexCastOp::create(b, loc, b.getI64Type(), count);
  return arith::SIToFPOp::create(b, loc, type, wide);
}

// Pattern: sum, prod, amax, amin, any, all, mean -> fill; generic; (divide); (narrow)
template <typename OpTy> struct LowerReduction : OpConversionPattern<OpTy> {
  using OpConversionPattern<OpTy>::OpConversionPattern;
  LogicalResult matchAndRewrite(OpTy op, typename OpTy::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto input = cast<RankedTensorType>(op.getInput().getType());
    bool hasUnsigned = isUnsigned(input);
    Type element = getStorageType(input.getElementType()), wide = accumulatorType(element);
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    ReductionLoops loops(input, op.getAxes());
    Value neutral = makeConstant(rewriter, loc, Monoid<OpTy>::init(rewriter, wide, hasUnsigned));
    Value init = filledTensor(rewriter, loc, *extents, neutral);
    Value result = torsh::reduce(rewriter, loc, adaptor.getInput(), loops.inputMap, init,
                                 loops.resultMap, loops.loops.getIterators(),
                                 [&](OpBuilder &b, Location bodyLoc, ValueRange x) {
                                   Value value = x[0];
                                   if (element != wide)
                                     value = convertFloat(b, bodyLoc, value, wide);
                                   return Monoid<OpTy>::step(b, bodyLoc, value, x[1], hasUnsigned);
                                 });
    AffineMap identity = rewriter.getMultiDimIdentityMap(extents->size());
    if (std::is_same_v<OpTy, MeanOp>) {
      Value count = countOf(rewriter, loc, op.getInput(), op.getAxes(), wide);
      result = elementwise(rewriter, loc, *extents, result, identity, element,
                           [&](OpBuilder &b, Location bodyLoc, ValueRange x) {
                             Value mean = arith::DivFOp::create(b, bodyLoc, x[0], count);
                             return convertFloat(b, bodyLoc, mean, element);
                           });
    }
    rewriter.replaceOp(op, convertElements(rewriter, loc, result, element));
    return success();
  }
};

// Pattern: argmax, argmin -> a generic that carries the best value and its position
template <typename OpTy> struct LowerArgReduction : OpConversionPattern<OpTy> {
  using OpConversionPattern<OpTy>::OpConversionPattern;
  LogicalResult matchAndRewrite(OpTy op, typename OpTy::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    constexpr bool isMax = std::is_same_v<OpTy, ArgmaxOp>;
    Location loc = op.getLoc();
    auto input = cast<RankedTensorType>(op.getInput().getType());
    auto axis = static_cast<int64_t>(op.getAxis());
    bool hasUnsigned = isUnsigned(input);
    Type element = getStorageType(input.getElementType()), i64 = rewriter.getI64Type();
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    ReductionLoops loops(input, axis);
    Value worst = makeConstant(rewriter, loc, extremeOf(rewriter, element, hasUnsigned, isMax));
    Value best = filledTensor(rewriter, loc, *extents, worst);
    Value position = filledTensor(rewriter, loc, *extents,
                                  makeConstant(rewriter, loc, rewriter.getI64IntegerAttr(0)));
    auto dim = dyn_cast<AffineDimExpr>(loops.indices[axis]);
    auto generic = linalg::GenericOp::create(
        rewriter, loc, TypeRange{best.getType(), position.getType()}, adaptor.getInput(),
        ValueRange{best, position},
        ArrayRef<AffineMap>{loops.inputMap, loops.resultMap, loops.resultMap},
        loops.loops.getIterators(), [&](OpBuilder &b, Location bodyLoc, ValueRange x) {
          Value better;
          if (isa<FloatType>(element)) {
            // The first NaN beats every number and is beaten by nothing.
            better = arith::CmpFOp::create(
                b, bodyLoc, isMax ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT, x[0],
                x[1]);
            Value isNan = arith::CmpFOp::create(b, bodyLoc, arith::CmpFPredicate::UNO, x[0], x[0]);
            Value bestIsNumber =
                arith::CmpFOp::create(b, bodyLoc, arith::CmpFPredicate::ORD, x[1], x[1]);
            better = arith::OrIOp::create(b, bodyLoc, better,
                                          arith::AndIOp::create(b, bodyLoc, isNan, bestIsNumber));
          } else {
            using P = arith::CmpIPredicate;
            P predicate = hasUnsigned ? (isMax ? P::ugt : P::ult) : (isMax ? P::sgt : P::slt);
            better = arith::CmpIOp::create(b, bodyLoc, predicate, x[0], x[1]);
          }
          Value index = dim ? linalg::IndexOp::create(b, bodyLoc, dim.getPosition()).getResult()
                            : arith::ConstantIndexOp::create(b, bodyLoc, 0).getResult();
          index = arith::IndexCastOp::create(b, bodyLoc, i64, index);
          Value value = arith::SelectOp::create(b, bodyLoc, better, x[0], x[1]);
          linalg::YieldOp::create(
              b, bodyLoc,
              ValueRange{value, arith::SelectOp::create(b, bodyLoc, better, index, x[2])});
        });
    // What lets threads merge what they found of parts of the axis.
    generic->setAttr("torsh.arg_reduction", rewriter.getUnitAttr());
    rewriter.replaceOp(op, generic.getResult(1));
    return success();
  }
};

} // namespace

void mlir::torsh::populateReductionPatterns(const TypeConverter &types,
                                            RewritePatternSet &patterns) {
  patterns.add<LowerReduction<SumOp>, LowerReduction<ProdOp>, LowerReduction<AmaxOp>,
               LowerReduction<AminOp>, LowerReduction<AnyOp>, LowerReduction<AllOp>,
               LowerReduction<MeanOp>, LowerArgReduction<ArgmaxOp>, LowerArgReduction<ArgminOp>>(
      types, patterns.getContext());
}
