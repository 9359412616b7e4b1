// SPDX-License-Identifier: Apache-2.0
// The operations behind the operators of Scalar.

#include "Scalar.h"

using namespace mlir;
using namespace mlir::torsh::formulas;

using FloatPredicate = arith::CmpFPredicate;
using IntPredicate = arith::CmpIPredicate;

/// A constant of the type of `like`: in every element, where that is a vector.
static Scalar makeConstant(const Scalar &like, TypedAttr element) {
  if (auto vector = dyn_cast<VectorType>(like.get().getType()))
    element = SplatElementsAttr::get(vector, element);
  return like.make<arith::ConstantOp>(element);
}

Scalar Scalar::constant(double number) const {
  if (auto type = dyn_cast<FloatType>(getElementType()))
    return makeConstant(*this, builder->getFloatAttr(type, number));
  // Masks are written as unsigned numbers.
  return integer(static_cast<uint64_t>(static_cast<int64_t>(number)));
}

Scalar Scalar::integer(uint64_t bits) const {
  APInt number = APInt(64, bits).trunc(getElementType().getIntOrFloatBitWidth());
  return makeConstant(*this, builder->getIntegerAttr(getElementType(), number));
}

template <typename FloatOp, typename IntOp> static Scalar either(Scalar x, Scalar y) {
  return x.isFloat() ? x.make<FloatOp>(x.get(), y.get()) : x.make<IntOp>(x.get(), y.get());
}

static Scalar compare(Scalar x, Scalar y, FloatPredicate floats, IntPredicate integers) {
  return x.isFloat() ? x.make<arith::CmpFOp>(floats, x.get(), y.get())
                     : x.make<arith::CmpIOp>(integers, x.get(), y.get());
}

namespace mlir::torsh::formulas {

Scalar operator+(Scalar x, Scalar y) { return either<arith::AddFOp, arith::AddIOp>(x, y); }
Scalar operator-(Scalar x, Scalar y) { return either<arith::SubFOp, arith::SubIOp>(x, y); }
Scalar operator*(Scalar x, Scalar y) { return either<arith::MulFOp, arith::MulIOp>(x, y); }
Scalar operator/(Scalar x, Scalar y) { return either<arith::DivFOp, arith::DivSIOp>(x, y); }
Scalar operator&(Scalar x, Scalar y) { return x.make<arith::AndIOp>(x.get(), y.get()); }
Scalar operator|(Scalar x, Scalar y) { return x.make<arith::OrIOp>(x.get(), y.get()); }
Scalar operator^(Scalar x, Scalar y) { return x.make<arith::XOrIOp>(x.get(), y.get()); }
Scalar operator-(Scalar x) {
  return x.isFloat() ? x.make<arith::NegFOp>(x.get()) : x.constant(0) - x;
}
Scalar operator!(Scalar x) { return x ^ x.constant(1); }
Scalar operator<<(Scalar x, Scalar y) { return x.make<arith::ShLIOp>(x.get(), y.get()); }
Scalar operator>>(Scalar x, Scalar y) { return x.make<arith::ShRSIOp>(x.get(), y.get()); }
Scalar shiftRightLogical(Scalar x, Scalar y) { return x.make<arith::ShRUIOp>(x.get(), y.get()); }

Scalar operator<(Scalar x, Scalar y) {
  return compare(x, y, FloatPredicate::OLT, IntPredicate::slt);
}
Scalar operator<=(Scalar x, Scalar y) {
  return compare(x, y, FloatPredicate::OLE, IntPredicate::sle);
}
Scalar operator>(Scalar x, Scalar y) {
  return compare(x, y, FloatPredicate::OGT, IntPredicate::sgt);
}
Scalar operator>=(Scalar x, Scalar y) {
  return compare(x, y, FloatPredicate::OGE, IntPredicate::sge);
}
Scalar operator==(Scalar x, Scalar y) {
  return compare(x, y, FloatPredicate::OEQ, IntPredicate::eq);
}
Scalar operator!=(Scalar x, Scalar y) {
  return compare(x, y, FloatPredicate::UNE, IntPredicate::ne);
}

Scalar select(Scalar condition, Scalar x, Scalar y) {
  return x.make<arith::SelectOp>(condition.get(), x.get(), y.get());
}

/// `element`, as often as in `x`.
static Type shapedAs(Scalar x, Type element) {
  auto vector = dyn_cast<VectorType>(x.get().getType());
  return vector ? Type(vector.clone(element)) : element;
}
static unsigned widthOf(Scalar x) { return x.getElementType().getIntOrFloatBitWidth(); }
static Type integerOf(Scalar x) { return shapedAs(x, x.getBuilder().getIntegerType(widthOf(x))); }
static Type floatOf(Scalar x) {
  ImplicitLocOpBuilder &builder = x.getBuilder();
  return shapedAs(x, widthOf(x) == 64 ? Type(builder.getF64Type()) : Type(builder.getF32Type()));
}

Scalar toBits(Scalar x) { return x.make<arith::BitcastOp>(integerOf(x), x.get()); }
Scalar fromBits(Scalar bits) { return bits.make<arith::BitcastOp>(floatOf(bits), bits.get()); }
Scalar toInteger(Scalar x) { return x.make<arith::FPToSIOp>(integerOf(x), x.get()); }
Scalar toFloat(Scalar x) { return x.make<arith::SIToFPOp>(floatOf(x), x.get()); }

Format Format::of(Scalar x) { return widthOf(x) == 64 ? Format{52, 1023} : Format{23, 127}; }

Scalar abs(Scalar x) { return x.make<math::AbsFOp>(x.get()); }
Scalar floor(Scalar x) { return x.make<math::FloorOp>(x.get()); }
Scalar roundEven(Scalar x) { return x.make<math::RoundEvenOp>(x.get()); }
Scalar isNaN(Scalar x) { return x.make<arith::CmpFOp>(FloatPredicate::UNO, x.get(), x.get()); }
Scalar copySign(Scalar x, Scalar y) { return x.make<math::CopySignOp>(x.get(), y.get()); }

Scalar powerOfTwo(Scalar exponent) {
  Format format = Format::of(exponent);
  return fromBits((exponent + format.bias) << format.mantissaBits);
}

Scalar scaleByPowerOfTwo(Scalar x, Scalar exponent) {
  Scalar half = exponent >> 1;
  return x * powerOfTwo(half) * powerOfTwo(exponent - half);
}

Scalar polynomial(Scalar x, ArrayRef<double> coefficients) {
  Scalar sum = x.constant(coefficients.front());
  for (double coefficient : coefficients.drop_front())
    sum = sum * x + coefficient;
  return sum;
}

} // namespace mlir::torsh::formulas
