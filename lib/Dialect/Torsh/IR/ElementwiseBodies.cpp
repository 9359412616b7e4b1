// SPDX-License-Identifier: Apache-2.0
// What each elementwise operation computes, as arith and math operations on
// scalars (or vectors) of its element types.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "torshjit/Dialect/Torsh/IR/ElementTypes.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include <cmath>

using namespace mlir;
using namespace mlir::torsh;

namespace {

/// Builds arith and math operations of one type at one place.
struct Body {
  OpBuilder &b;
  Location loc;
  /// Whether the integers are unsigned, which the types of scalars do not show.
  bool isUnsigned = false;

  Type element(Value v) const { return getElementTypeOrSelf(v.getType()); }
  bool isFloat(Value v) const { return isa<FloatType>(element(v)); }

  Value constant(Type type, double value) const {
    Type scalar = getElementTypeOrSelf(type);
    TypedAttr attr = isa<FloatType>(scalar)
                         ? cast<TypedAttr>(b.getFloatAttr(scalar, value))
                         : cast<TypedAttr>(b.getIntegerAttr(scalar, static_cast<int64_t>(value)));
    if (auto vector = dyn_cast<VectorType>(type))
      attr = SplatElementsAttr::get(vector, attr);
    return arith::ConstantOp::create(b, loc, attr);
  }
  Value like(Value v, double value) const { return constant(v.getType(), value); }

  /// An integer constant by its bits, which a double cannot always hold.
  Value bitsLike(Value v, uint64_t bits) const {
    auto scalar = cast<IntegerType>(element(v));
    TypedAttr attr = b.getIntegerAttr(scalar, APInt(scalar.getWidth(), bits, false, true));
    if (auto vector = dyn_cast<VectorType>(v.getType()))
      attr = SplatElementsAttr::get(vector, attr);
    return arith::ConstantOp::create(b, loc, attr);
  }

  template <typename OpTy, typename... Args> Value make(Args &&...args) const {
    return OpTy::create(b, loc, std::forward<Args>(args)...);
  }
  template <typename FloatOp, typename IntOp> Value either(Value x, Value y) const {
    return isFloat(x) ? make<FloatOp>(x, y) : make<IntOp>(x, y);
  }
  Value add(Value x, Value y) const { return either<arith::AddFOp, arith::AddIOp>(x, y); }
  Value sub(Value x, Value y) const { return either<arith::SubFOp, arith::SubIOp>(x, y); }
  Value mul(Value x, Value y) const { return either<arith::MulFOp, arith::MulIOp>(x, y); }
  Value div(Value x, Value y) const { return make<arith::DivFOp>(x, y); }
  Value select(Value c, Value x, Value y) const { return make<arith::SelectOp>(c, x, y); }
  Value both(Value x, Value y) const { return make<arith::AndIOp>(x, y); }
  Value compare(arith::CmpFPredicate p, Value x, Value y) const {
    return make<arith::CmpFOp>(p, x, y);
  }
  Value compare(arith::CmpIPredicate p, Value x, Value y) const {
    return make<arith::CmpIOp>(p, x, y);
  }
  Value maximum(Value x, Value y) const {
    return isUnsigned ? make<arith::MaxUIOp>(x, y)
                      : either<arith::MaximumFOp, arith::MaxSIOp>(x, y);
  }
  Value minimum(Value x, Value y) const {
    return isUnsigned ? make<arith::MinUIOp>(x, y)
                      : either<arith::MinimumFOp, arith::MinSIOp>(x, y);
  }
  /// Whether `x`, a float or a signed integer, is below zero.
  Value negative(Value x) const {
    return isFloat(x) ? compare(arith::CmpFPredicate::OLT, x, like(x, 0))
                      : compare(arith::CmpIPredicate::slt, x, like(x, 0));
  }
  Value nonzero(Value x) const {
    return isFloat(x) ? compare(arith::CmpFPredicate::UNE, x, like(x, 0))
                      : compare(arith::CmpIPredicate::ne, x, like(x, 0));
  }

  // The type `target` with the vector shape of `v`.
  Type shapedAs(Value v, Type target) const {
    Type scalar = getElementTypeOrSelf(target);
    if (auto vector = dyn_cast<VectorType>(v.getType()))
      return vector.clone(scalar);
    return scalar;
  }

  /// A shift, with `beyond` where the distance is none for the width.
  template <typename OpTy> Value shift(Value x, Value distance, Value beyond) const {
    Value width = like(x, element(x).getIntOrFloatBitWidth());
    Value fits = compare(arith::CmpIPredicate::ult, distance, width);
    return select(fits, make<OpTy>(x, select(fits, distance, like(x, 0))), beyond);
  }

  Value sigmoid(Value x) const {
    Value e = make<math::ExpOp>(make<arith::NegFOp>(x));
    return div(like(x, 1), add(like(x, 1), e));
  }
  Value hardsigmoid(Value x) const {
    Value low = make<arith::MaximumFOp>(add(x, like(x, 3)), like(x, 0));
    return div(make<arith::MinimumFOp>(low, like(x, 6)), like(x, 6));
  }
};

bool isHalf(Type type) { return isa<Float16Type, BFloat16Type>(getElementTypeOrSelf(type)); }

/// Computes f16 and bf16 in f32, everything else in its own type.
template <typename Fn>
Value inComputeType(OpBuilder &builder, Location loc, bool isUnsigned, ValueRange operands,
                    Type resultType, Fn &&fn) {
  Body body{builder, loc, isUnsigned};
  SmallVector<Value> widened;
  bool half = false;
  for (Value operand : operands) {
    if (isHalf(operand.getType())) {
      half = true;
      operand = body.make<arith::ExtFOp>(body.shapedAs(operand, builder.getF32Type()), operand);
    }
    widened.push_back(operand);
  }
  Value result = fn(body, widened);
  if (half && isHalf(resultType) && !isHalf(result.getType()))
    result = body.make<arith::TruncFOp>(body.shapedAs(result, resultType), result);
  return result;
}

/// The remainder with the sign of the divisor, and C's quotient adjusted to it.
/// Division by zero gives (0, 0); the divisor -1 cannot overflow.
std::pair<Value, Value> floorDivMod(const Body &f, Value x, Value y) {
  unsigned width = f.element(x).getIntOrFloatBitWidth();
  Value zero = f.like(x, 0), one = f.like(x, 1);
  Value byZero = f.compare(arith::CmpIPredicate::eq, y, zero);
  if (f.isUnsigned) {
    Value divisor = f.select(byZero, one, y);
    return {f.select(byZero, zero, f.make<arith::DivUIOp>(x, divisor)),
            f.select(byZero, zero, f.make<arith::RemUIOp>(x, divisor))};
  }
  Value minusOne = f.like(x, -1);
  Value smallest = f.like(x, -std::ldexp(1.0, width - 1));
  Value overflows = f.both(f.compare(arith::CmpIPredicate::eq, x, smallest),
                           f.compare(arith::CmpIPredicate::eq, y, minusOne));
  Value divisor = f.select(f.make<arith::OrIOp>(byZero, overflows), one, y);
  Value quotient = f.make<arith::DivSIOp>(x, divisor);
  Value rest = f.make<arith::RemSIOp>(x, divisor);
  Value adjust =
      f.both(f.nonzero(rest), f.make<arith::XOrIOp>(f.negative(rest), f.negative(divisor)));
  quotient = f.select(adjust, f.sub(quotient, one), quotient);
  rest = f.select(adjust, f.add(rest, divisor), rest);
  return {f.select(byZero, zero, quotient), f.select(byZero, zero, rest)};
}

/// The same for floats, step by step as NumPy's npy_divmod does.
std::pair<Value, Value> floorDivModFloat(const Body &f, Value x, Value y) {
  Value zero = f.like(x, 0), one = f.like(x, 1);
  Value mod = f.make<arith::RemFOp>(x, y);
  Value quotient = f.div(f.sub(x, mod), y);
  Value exact = f.compare(arith::CmpFPredicate::OEQ, mod, zero);
  Value adjust = f.both(f.compare(arith::CmpFPredicate::UNE, mod, zero),
                        f.make<arith::XOrIOp>(f.negative(mod), f.negative(y)));
  quotient = f.select(adjust, f.sub(quotient, one), quotient);
  mod = f.select(adjust, f.add(mod, y), mod);
  mod = f.select(exact, f.make<math::CopySignOp>(zero, y), mod);
  Value floored = f.make<math::FloorOp>(quotient);
  Value near = f.compare(arith::CmpFPredicate::OGT, f.sub(quotient, floored), f.like(x, 0.5));
  floored = f.select(near, f.add(floored, one), floored);
  Value signedZero = f.make<math::CopySignOp>(zero, f.div(x, y));
  floored = f.select(f.nonzero(quotient), floored, signedZero);
  Value byZero = f.compare(arith::CmpFPredicate::OEQ, y, zero);
  return {f.select(byZero, f.div(x, y), floored), mod};
}

/// Square and multiply over the bits of the exponent; all of it wraps around.
Value integerPower(const Body &f, Value base, Value exponent) {
  unsigned width = f.element(base).getIntOrFloatBitWidth();
  Value zero = f.like(base, 0), one = f.like(base, 1);
  Value power = base, result = one;
  for (unsigned bit = 0; bit < (f.isUnsigned ? width : width - 1); ++bit) {
    Value set = f.nonzero(f.both(exponent, f.bitsLike(base, uint64_t(1) << bit)));
    result = f.select(set, f.mul(result, power), result);
    power = f.mul(power, power);
  }
  if (f.isUnsigned)
    return result;
  // A negative exponent leaves 1 and -1 (by its parity), and 0 for other bases.
  Value isOne = f.compare(arith::CmpIPredicate::eq, base, one);
  Value isMinusOne = f.compare(arith::CmpIPredicate::eq, base, f.like(base, -1));
  Value odd = f.nonzero(f.both(exponent, one));
  Value inverse =
      f.select(isOne, one, f.select(isMinusOne, f.select(odd, f.like(base, -1), one), zero));
  return f.select(f.negative(exponent), inverse, result);
}

/// An f64 as f32, truncated with the last bit set where that loses something, so
/// that rounding the result again rounds the f64 once (S. Boldo and G. Melquiond,
/// "When double rounding is odd", 2005). The direct conversion to f16 or bf16 is a
/// function that not every system has.
Value roundToOdd(const Body &f, Value x) {
  Type f32 = f.shapedAs(x, f.b.getF32Type()), i32 = f.shapedAs(x, f.b.getI32Type());
  Value nearest = f.make<arith::TruncFOp>(f32, x);
  Value back = f.make<arith::ExtFOp>(x.getType(), nearest);
  Value isInexact = f.compare(arith::CmpFPredicate::ONE, back, x);
  Value isAway =
      f.compare(arith::CmpFPredicate::OGT, f.make<math::AbsFOp>(back), f.make<math::AbsFOp>(x));
  Value bits = f.make<arith::BitcastOp>(i32, nearest);
  Value truncated = f.select(isAway, f.sub(bits, f.like(bits, 1)), bits);
  Value odd = f.make<arith::OrIOp>(truncated, f.like(bits, 1));
  return f.make<arith::BitcastOp>(f32, f.select(isInexact, odd, bits));
}

/// The least and the largest number of float type `type` that an integer of `width`
/// bits holds the integer part of.
std::pair<double, double> integerRange(FloatType type, int width, bool isUnsigned) {
  int exponent = isUnsigned ? width : width - 1;
  int excess = exponent - static_cast<int>(type.getFPMantissaWidth());
  double below = excess > 0 ? std::ldexp(1.0, excess) : 1.0;
  return {isUnsigned ? 0.0 : -std::ldexp(1.0, exponent), std::ldexp(1.0, exponent) - below};
}

/// `f` says whether `x` is unsigned, `toUnsigned` whether the result is.
Value convert(const Body &f, Value x, Type resultType, bool toUnsigned) {
  Type from = f.element(x), to = getElementTypeOrSelf(resultType);
  Type type = f.shapedAs(x, to);
  if (from == to)
    return x;
  if (to.isInteger(1))
    return f.nonzero(x);
  bool fromUnsigned = f.isUnsigned || from.isInteger(1);
  auto fromFloat = dyn_cast<FloatType>(from), toFloat = dyn_cast<FloatType>(to);
  if (fromFloat && toFloat) {
    if (fromFloat.getWidth() == toFloat.getWidth()) // f16 and bf16
      return f.make<arith::TruncFOp>(type,
                                     f.make<arith::ExtFOp>(f.shapedAs(x, f.b.getF32Type()), x));
    if (from.isF64() && isHalf(to))
      return f.make<arith::TruncFOp>(type, roundToOdd(f, x));
    return fromFloat.getWidth() < toFloat.getWidth() ? f.make<arith::ExtFOp>(type, x)
                                                     : f.make<arith::TruncFOp>(type, x);
  }
  if (toFloat)
    return fromUnsigned ? f.make<arith::UIToFPOp>(type, x) : f.make<arith::SIToFPOp>(type, x);
  if (fromFloat) {
    if (isHalf(from))
      x = f.make<arith::ExtFOp>(f.shapedAs(x, f.b.getF32Type()), x);
    // The conversion is undefined outside the integer's range: clamp to it, with
    // the largest float below its upper end, and send NaN to zero.
    auto [low, high] =
        integerRange(cast<FloatType>(f.element(x)), to.getIntOrFloatBitWidth(), toUnsigned);
    Value lowest = f.like(x, low), highest = f.like(x, high);
    x = f.select(f.compare(arith::CmpFPredicate::UNO, x, x), f.like(x, 0), x);
    x = f.select(f.compare(arith::CmpFPredicate::OLT, x, lowest), lowest, x);
    x = f.select(f.compare(arith::CmpFPredicate::OGT, x, highest), highest, x);
    return toUnsigned ? f.make<arith::FPToUIOp>(type, x) : f.make<arith::FPToSIOp>(type, x);
  }
  if (from.getIntOrFloatBitWidth() > to.getIntOrFloatBitWidth())
    return f.make<arith::TruncIOp>(type, x);
  return fromUnsigned ? f.make<arith::ExtUIOp>(type, x) : f.make<arith::ExtSIOp>(type, x);
}

/// Ten rounds of the block cipher on four 32-bit words, here kept in i64: two
/// products whose halves change places, and a key that grows by a Weyl sequence.
Value philox(const Body &f, Value counter, Value key) {
  auto constant = [&](uint64_t bits) { return f.bitsLike(counter, bits); };
  Value low = constant(0xFFFFFFFF), half = constant(32);
  auto word = [&](Value x) { return f.both(x, low); };
  auto upper = [&](Value x) { return f.make<arith::ShRUIOp>(x, half); };
  Value x[] = {word(counter), upper(counter), constant(0), constant(0)};
  Value k[] = {word(key), upper(key)};
  for (int round = 0; round < 10; ++round) {
    Value first = f.make<arith::MulIOp>(x[0], constant(0xD2511F53));
    Value second = f.make<arith::MulIOp>(x[2], constant(0xCD9E8D57));
    Value next[] = {
        f.make<arith::XOrIOp>(f.make<arith::XOrIOp>(upper(second), x[1]), k[0]), word(second),
        f.make<arith::XOrIOp>(f.make<arith::XOrIOp>(upper(first), x[3]), k[1]), word(first)};
    std::copy(std::begin(next), std::end(next), x);
    k[0] = word(f.make<arith::AddIOp>(k[0], constant(0x9E3779B9)));
    k[1] = word(f.make<arith::AddIOp>(k[1], constant(0xBB67AE85)));
  }
  return f.make<arith::OrIOp>(x[0], f.make<arith::ShLIOp>(x[1], half));
}

} // namespace

// Defines buildScalarBody of an operation from an expression over `f` (the
// builders above) and `x` (the operands, f16 and bf16 widened to f32).
#define SCALAR_BODY(OpTy, ...)                                                                     \
  Value OpTy::buildScalarBody(OpBuilder &builder, Location loc, ValueRange operands,               \
                              Type resultElementType) {                                            \
    bool hasUnsigned = isUnsigned(getOperation()->getOperand(0).getType());                        \
    return inComputeType(builder, loc, hasUnsigned, operands, resultElementType,                   \
                         [&](const Body &f, ArrayRef<Value> x) -> Value { __VA_ARGS__ });          \
  }

// Arithmetic.
SCALAR_BODY(AddOp, return f.add(x[0], x[1]);)
SCALAR_BODY(SubOp, return f.sub(x[0], x[1]);)
SCALAR_BODY(MulOp, return f.mul(x[0], x[1]);)
SCALAR_BODY(DivOp, return f.div(x[0], x[1]);)
SCALAR_BODY(FloorDivOp, return f.isFloat(x[0]) ? floorDivModFloat(f, x[0], x[1]).first
                                               : floorDivMod(f, x[0], x[1]).first;)
SCALAR_BODY(RemainderOp, return f.isFloat(x[0]) ? floorDivModFloat(f, x[0], x[1]).second
                                                : floorDivMod(f, x[0], x[1]).second;)
SCALAR_BODY(PowOp, return f.isFloat(x[0]) ? f.make<math::PowFOp>(x[0], x[1])
                                          : integerPower(f, x[0], x[1]);)
SCALAR_BODY(MaximumOp, return f.maximum(x[0], x[1]);)
SCALAR_BODY(MinimumOp, return f.minimum(x[0], x[1]);)
SCALAR_BODY(Atan2Op, return f.make<math::Atan2Op>(x[0], x[1]);)

// Logic and bits.
SCALAR_BODY(AndOp, return f.make<arith::AndIOp>(x[0], x[1]);)
SCALAR_BODY(OrOp, return f.make<arith::OrIOp>(x[0], x[1]);)
SCALAR_BODY(XorOp, return f.make<arith::XOrIOp>(x[0], x[1]);)
SCALAR_BODY(NotOp, return f.make<arith::XOrIOp>(x[0], f.like(x[0], -1));)

SCALAR_BODY(ShiftLeftOp, return f.shift<arith::ShLIOp>(x[0], x[1], f.like(x[0], 0));)
Value ShiftRightOp::buildScalarBody(OpBuilder &builder, Location loc, ValueRange x, Type) {
  Body f{builder, loc};
  Value zero = f.like(x[0], 0);
  if (isUnsigned(getLhs().getType()))
    return f.shift<arith::ShRUIOp>(x[0], x[1], zero);
  return f.shift<arith::ShRSIOp>(x[0], x[1], f.select(f.negative(x[0]), f.like(x[0], -1), zero));
}
Value PhiloxOp::buildScalarBody(OpBuilder &builder, Location loc, ValueRange operands, Type) {
  return philox(Body{builder, loc}, operands[0], operands[1]);
}
Value BitcastOp::buildScalarBody(OpBuilder &builder, Location loc, ValueRange operands,
                                 Type resultElementType) {
  Body f{builder, loc};
  Value x = operands[0];
  if (f.element(x) == resultElementType)
    return x;
  return f.make<arith::BitcastOp>(f.shapedAs(x, resultElementType), x);
}

// Comparison and selection.
Value CompareOp::buildScalarBody(OpBuilder &builder, Location loc, ValueRange operands, Type) {
  Body f{builder, loc};
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  static constexpr F floats[] = {F::OEQ, F::UNE, F::OLT, F::OLE, F::OGT, F::OGE};
  static constexpr I signeds[] = {I::eq, I::ne, I::slt, I::sle, I::sgt, I::sge};
  static constexpr I unsigneds[] = {I::eq, I::ne, I::ult, I::ule, I::ugt, I::uge};
  auto p = static_cast<unsigned>(getPredicate());
  if (f.isFloat(operands[0]))
    return f.compare(floats[p], operands[0], operands[1]);
  bool withoutSign = isUnsigned(getLhs().getType()) || f.element(operands[0]).isInteger(1);
  return f.compare(withoutSign ? unsigneds[p] : signeds[p], operands[0], operands[1]);
}
Value SelectOp::buildScalarBody(OpBuilder &builder, Location loc, ValueRange operands, Type) {
  return arith::SelectOp::create(builder, loc, operands[0], operands[1], operands[2]);
}
SCALAR_BODY(IsNanOp, return f.compare(arith::CmpFPredicate::UNO, x[0], x[0]);)

// Unary mathematics.
SCALAR_BODY(NegOp,
            return f.isFloat(x[0]) ? f.make<arith::NegFOp>(x[0]) : f.sub(f.like(x[0], 0), x[0]);)
SCALAR_BODY(AbsOp, if (f.isFloat(x[0])) return f.make<math::AbsFOp>(x[0]);
            if (f.isUnsigned) return x[0];
            return f.select(f.negative(x[0]), f.sub(f.like(x[0], 0), x[0]), x[0]);)
SCALAR_BODY(SignOp, Value zero = f.like(x[0], 0); Value positive = f.like(x[0], 1);
            if (f.isUnsigned) return f.select(f.nonzero(x[0]), positive, zero);
            Value negative = f.like(x[0], -1); Value rest = f.select(f.nonzero(x[0]), x[0], zero);
            Value above = f.isFloat(x[0]) ? f.compare(arith::CmpFPredicate::OGT, x[0], zero)
                                          : f.compare(arith::CmpIPredicate::sgt, x[0], zero);
            return f.select(above, positive, f.select(f.negative(x[0]), negative, rest));)
SCALAR_BODY(SqrtOp, return f.make<math::SqrtOp>(x[0]);)
SCALAR_BODY(RsqrtOp, return f.div(f.like(x[0], 1), f.make<math::SqrtOp>(x[0]));)
SCALAR_BODY(ReciprocalOp, return f.div(f.like(x[0], 1), x[0]);)
SCALAR_BODY(ExpOp, return f.make<math::ExpOp>(x[0]);)
SCALAR_BODY(Expm1Op, return f.make<math::ExpM1Op>(x[0]);)
SCALAR_BODY(LogOp, return f.make<math::LogOp>(x[0]);)
SCALAR_BODY(Log1pOp, return f.make<math::Log1pOp>(x[0]);)
SCALAR_BODY(SinOp, return f.make<math::SinOp>(x[0]);)
SCALAR_BODY(CosOp, return f.make<math::CosOp>(x[0]);)
SCALAR_BODY(TanhOp, return f.make<math::TanhOp>(x[0]);)
SCALAR_BODY(ErfOp, return f.make<math::ErfOp>(x[0]);)
SCALAR_BODY(FloorOp, return f.make<math::FloorOp>(x[0]);)
SCALAR_BODY(CeilOp, return f.make<math::CeilOp>(x[0]);)
SCALAR_BODY(TruncOp, return f.make<math::TruncOp>(x[0]);)
SCALAR_BODY(RoundOp, return f.make<math::RoundEvenOp>(x[0]);)

// Activations.
SCALAR_BODY(ReluOp, return f.isUnsigned ? x[0] : f.maximum(x[0], f.like(x[0], 0));)
SCALAR_BODY(SigmoidOp, return f.sigmoid(x[0]);)
SCALAR_BODY(SiluOp, Value e = f.make<math::ExpOp>(f.make<arith::NegFOp>(x[0]));
            return f.div(x[0], f.add(f.like(x[0], 1), e));)
SCALAR_BODY(
    GeluOp, Value half = f.mul(x[0], f.like(x[0], 0.5)); Value one = f.like(x[0], 1);
    if (getApproximate() == GeluApproximation::none) {
      Value scaled = f.mul(x[0], f.like(x[0], M_SQRT1_2));
      return f.mul(half, f.add(one, f.make<math::ErfOp>(scaled)));
    } Value cube = f.mul(f.mul(x[0], x[0]), x[0]);
    Value inner = f.mul(f.add(x[0], f.mul(cube, f.like(x[0], 0.044715))),
                        f.like(x[0], std::sqrt(2.0 / M_PI)));
    return f.mul(half, f.add(one, f.make<math::TanhOp>(inner)));)
SCALAR_BODY(SoftplusOp, Value magnitude = f.make<math::AbsFOp>(x[0]);
            Value e = f.make<math::ExpOp>(f.make<arith::NegFOp>(magnitude));
            return f.add(f.make<arith::MaximumFOp>(x[0], f.like(x[0], 0)),
                         f.make<math::Log1pOp>(e));)
SCALAR_BODY(LeakyReluOp, Value above = f.compare(arith::CmpFPredicate::OGT, x[0], f.like(x[0], 0));
            return f.select(above, x[0],
                            f.mul(x[0], f.like(x[0], getNegativeSlope().convertToDouble())));)
SCALAR_BODY(EluOp, Value above = f.compare(arith::CmpFPredicate::OGT, x[0], f.like(x[0], 0));
            return f.select(above, x[0],
                            f.mul(f.make<math::ExpM1Op>(x[0]),
                                  f.like(x[0], getAlpha().convertToDouble())));)
SCALAR_BODY(HardsigmoidOp, return f.hardsigmoid(x[0]);)
SCALAR_BODY(HardswishOp, return f.mul(x[0], f.hardsigmoid(x[0]));)

// Cast.
Value CastOp::buildScalarBody(OpBuilder &builder, Location loc, ValueRange operands,
                              Type resultElementType) {
  return convert(Body{builder, loc, isUnsigned(getInput().getType())}, operands[0],
                 resultElementType, isUnsigned(getDtype()));
}
