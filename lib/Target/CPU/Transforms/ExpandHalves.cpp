// SPDX-License-Identifier: Apache-2.0
// Conversions from and to f16 and bf16 by integer instructions, for processors that have none of
// their own: LLVM would call functions of a compiler's library for them, which a process need not
// have. Those of f16 are after F. Giesen, "Half-float conversions", 2012 (public domain):
// float_to_half_fast3_rtne.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_EXPANDHALVESPASS
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"
} // namespace mlir::torsh

namespace {

/// The element type `type`, in the shape of another type.
Type withElement(Type shaped, Type type) {
  if (auto vector = dyn_cast<VectorType>(shaped))
    return vector.clone(type);
  return type;
}

/// Builds 32-bit arithmetic on scalars or vectors.
struct Bits {
  OpBuilder &b;
  Location loc;
  Type i32, f32;

  Bits(OpBuilder &b, Location loc, Type shaped)
      : b(b), loc(loc), i32(withElement(shaped, b.getI32Type())),
        f32(withElement(shaped, b.getF32Type())) {}

  Value constant(uint32_t bits) {
    auto element = b.getI32IntegerAttr(static_cast<int32_t>(bits));
    if (auto vector = dyn_cast<VectorType>(i32))
      return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(vector, Attribute(element)));
    return arith::ConstantOp::create(b, loc, element);
  }
  Value both(Value x, uint32_t y) { return arith::AndIOp::create(b, loc, x, constant(y)); }
  Value either(Value x, Value y) { return arith::OrIOp::create(b, loc, x, y); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value add(Value x, uint32_t y) { return add(x, constant(y)); }
  Value subtract(Value x, uint32_t y) { return arith::SubIOp::create(b, loc, x, constant(y)); }
  Value left(Value x, uint32_t y) { return arith::ShLIOp::create(b, loc, x, constant(y)); }
  Value right(Value x, uint32_t y) { return arith::ShRUIOp::create(b, loc, x, constant(y)); }
  Value asFloat(Value x) { return arith::BitcastOp::create(b, loc, f32, x); }
  Value asBits(Value x) { return arith::BitcastOp::create(b, loc, i32, x); }
  Value compare(arith::CmpIPredicate predicate, Value x, uint32_t y) {
    return arith::CmpIOp::create(b, loc, predicate, x, constant(y));
  }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(b, loc, condition, x, y);
  }
};

constexpr uint32_t kExponentMask = 0x7c00u << 13;

Value widen(OpBuilder &b, Location loc, Value half) {
  Bits f(b, loc, half.getType());
  Value bits = arith::BitcastOp::create(b, loc, withElement(half.getType(), b.getI16Type()), half);
  bits = arith::ExtUIOp::create(b, loc, f.i32, bits);
  Value magnitude = f.left(f.both(bits, 0x7fff), 13);
  Value exponent = f.both(magnitude, kExponentMask);
  Value rebiased = f.add(magnitude, (127 - 15) << 23);
  Value special = f.add(rebiased, (128 - 16) << 23);
  // A subnormal number: its implicit bit is taken away again, which normalises it.
  Value magic = f.asFloat(f.constant(113u << 23));
  Value small =
      f.asBits(arith::SubFOp::create(b, loc, f.asFloat(f.add(rebiased, 1u << 23)), magic));
  Value isSpecial = f.compare(arith::CmpIPredicate::eq, exponent, kExponentMask);
  Value isSmall = f.compare(arith::CmpIPredicate::eq, exponent, 0);
  Value result = f.select(isSpecial, special, f.select(isSmall, small, rebiased));
  return f.asFloat(f.either(result, f.left(f.both(bits, 0x8000), 16)));
}

/// Rounds to nearest, ties to even.
Value narrow(OpBuilder &b, Location loc, Value single) {
  Bits f(b, loc, single.getType());
  Value bits = f.asBits(single);
  Value magnitude = f.both(bits, 0x7fffffff);
  Value isNaN = f.compare(arith::CmpIPredicate::ugt, magnitude, 255u << 23);
  Value overflow = f.select(isNaN, f.constant(0x7e00), f.constant(0x7c00));
  // The addition of a number whose last place is the smallest f16 rounds to that.
  constexpr uint32_t kMagic = (127 - 15 + 23 - 10 + 1) << 23;
  Value small = f.subtract(
      f.asBits(arith::AddFOp::create(b, loc, f.asFloat(magnitude), f.asFloat(f.constant(kMagic)))),
      kMagic);
  Value isOdd = f.both(f.right(magnitude, 13), 1);
  Value rounded =
      f.right(f.add(f.add(magnitude, (static_cast<uint32_t>(15 - 127) << 23) + 0xfff), isOdd), 13);
  Value isOverflow = f.compare(arith::CmpIPredicate::uge, magnitude, (127u + 16) << 23);
  Value isSmall = f.compare(arith::CmpIPredicate::ult, magnitude, 113u << 23);
  Value result = f.select(isOverflow, overflow, f.select(isSmall, small, rounded));
  result = f.either(result, f.right(f.both(bits, 0x80000000), 16));
  result = arith::TruncIOp::create(b, loc, withElement(single.getType(), b.getI16Type()), result);
  return arith::BitcastOp::create(b, loc, withElement(single.getType(), b.getF16Type()), result);
}

struct ExpandExtension : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::ExtFOp op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getIn().getType()).isF16())
      return failure();
    Value result = widen(rewriter, op.getLoc(), op.getIn());
    if (result.getType() != op.getType())
      result = arith::ExtFOp::create(rewriter, op.getLoc(), op.getType(), result);
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// From f32 only: what converts f64 rounds to f32 by itself, so that it rounds once.
struct ExpandTruncation : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncFOp op, PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF16() ||
        !getElementTypeOrSelf(op.getIn().getType()).isF32())
      return failure();
    rewriter.replaceOp(op, narrow(rewriter, op.getLoc(), op.getIn()));
    return success();
  }
};

/// Rewrites of operations that have operands or results of one type.
template <typename Op> struct WithHalf : OpRewritePattern<Op> {
  WithHalf(MLIRContext *context, Type half) : OpRewritePattern<Op>(context), half(half) {}
  bool isHalf(Type type) const { return getElementTypeOrSelf(type) == half; }
  Value extend(PatternRewriter &rewriter, Value value) const {
    Type f32 = withElement(value.getType(), rewriter.getF32Type());
    return arith::ExtFOp::create(rewriter, value.getLoc(), f32, value);
  }
  Type half;
};

/// An integer becomes f32 first. Where that rounds, f16 has long overflowed, but bf16 rounds twice.
template <typename Op> struct ConvertFromInteger : WithHalf<Op> {
  using WithHalf<Op>::WithHalf;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!this->isHalf(op.getType()))
      return failure();
    Type f32 = withElement(op.getType(), rewriter.getF32Type());
    Value single = Op::create(rewriter, op.getLoc(), f32, op.getIn());
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, op.getType(), single);
    return success();
  }
};

template <typename Op> struct ConvertToInteger : WithHalf<Op> {
  using WithHalf<Op>::WithHalf;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!this->isHalf(op.getIn().getType()))
      return failure();
    rewriter.replaceOpWithNewOp<Op>(op, op.getType(), this->extend(rewriter, op.getIn()));
    return success();
  }
};

struct CompareExtended : WithHalf<arith::CmpFOp> {
  using WithHalf::WithHalf;
  LogicalResult matchAndRewrite(arith::CmpFOp op, PatternRewriter &rewriter) const override {
    if (!isHalf(op.getLhs().getType()))
      return failure();
    Value lhs = extend(rewriter, op.getLhs()), rhs = extend(rewriter, op.getRhs());
    rewriter.replaceOpWithNewOp<arith::CmpFOp>(op, op.getPredicate(), lhs, rhs);
    return success();
  }
};

class ExpandHalvesPass : public torsh::impl::ExpandHalvesPassBase<ExpandHalvesPass> {
public:
  using ExpandHalvesPassBase::ExpandHalvesPassBase;

private:
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    if (f16)
      patterns.add<ExpandExtension, ExpandTruncation>(context);
    if (bf16)
      arith::populateExpandBFloat16Patterns(patterns);
    for (Type half : {f16 ? Type(Float16Type::get(context)) : Type(),
                      bf16 ? Type(BFloat16Type::get(context)) : Type()})
      if (half)
        patterns.add<ConvertFromInteger<arith::SIToFPOp>, ConvertFromInteger<arith::UIToFPOp>,
                     ConvertToInteger<arith::FPToSIOp>, ConvertToInteger<arith::FPToUIOp>,
                     CompareExtended>(context, half);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
