// SPDX-License-Identifier: Apache-2.0
// The operations behind the operators of Scalar.

#include "Scalar.h"

using namespace mlir;
using namespace mlir::torsh::metal;

using FloatPredicate = arith::CmpFPredicate;
using IntPredicate = arith::CmpIPredicate;

Scalar Scalar::constant(Type type, double number) const {
  if (auto floatType = dyn_cast<FloatType>(type))
    return make<arith::ConstantOp>(builder->getFloatAttr(floatType, number));
  // Masks are written as unsigned numbers.
  APInt bits(64, static_cast<uint64_t>(static_cast<int64_t>(number)));
  return make<arith::ConstantOp>(
      builder->getIntegerAttr(type, bits.trunc(type.getIntOrFloatBitWidth())));
}

Scalar Scalar::constant(double number) const { return constant(value.getType(), number); }

template <typename FloatOp, typename IntOp> static Scalar either(Scalar x, Scalar y) {
  return x.isFloat() ? x.make<FloatOp>(x.get(), y.get()) : x.make<IntOp>(x.get(), y.get());
}

static Scalar compare(Scalar x, Scalar y, FloatPredicate floats, IntPredicate integers) {
  return x.isFloat() ? x.make<arith::CmpFOp>(floats, x.get(), y.get())
                     : x.make<arith::CmpIOp>(integers, x.get(), y.get());
}

namespace mlir::torsh::metal {

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

Scalar toBits(Scalar x) { return x.make<arith::BitcastOp>(x.getBuilder().getI32Type(), x.get()); }
Scalar fromBits(Scalar bits) {
  return bits.make<arith::BitcastOp>(bits.getBuilder().getF32Type(), bits.get());
}
Scalar toInteger(Scalar x) { return x.make<arith::FPToSIOp>(x.getBuilder().getI32Type(), x.get()); }
Scalar toFloat(Scalar x) { return x.make<arith::SIToFPOp>(x.getBuilder().getF32Type(), x.get()); }

Scalar abs(Scalar x) { return x.make<math::AbsFOp>(x.get()); }
Scalar floor(Scalar x) { return x.make<math::FloorOp>(x.get()); }
Scalar roundEven(Scalar x) { return x.make<math::RoundEvenOp>(x.get()); }
Scalar isNaN(Scalar x) { return x.make<arith::CmpFOp>(FloatPredicate::UNO, x.get(), x.get()); }
Scalar copySign(Scalar x, Scalar y) { return x.make<math::CopySignOp>(x.get(), y.get()); }

Scalar powerOfTwo(Scalar exponent) { return fromBits((exponent + 127) << 23); }

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

} // namespace mlir::torsh::metal
