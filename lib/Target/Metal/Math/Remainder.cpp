// SPDX-License-Identifier: Apache-2.0
// The exact remainder of two f32: long division of their mantissas.

#include "Functions.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::torsh::metal;

namespace {

/// The mantissa as an integer with its leading bit at 2^23, and the exponent of its
/// last bit plus 150. `bits` are those of a number above zero.
struct Parts {
  Scalar mantissa, exponent;
};

Parts split(Scalar bits) {
  Scalar isSubnormal = bits < 0x00800000;
  // A subnormal number is its mantissa, read as an integer.
  Scalar normal = select(isSubnormal, toBits(toFloat(bits)), bits);
  Scalar exponent = normal >> 23;
  exponent = select(isSubnormal, exponent - 149, exponent);
  return {(normal & 0x007fffff) | 0x00800000, exponent};
}

} // namespace

Scalar mlir::torsh::metal::remainder(Scalar x, Scalar y) {
  ImplicitLocOpBuilder &builder = x.getBuilder();
  Scalar xBits = toBits(x) & 0x7fffffff, yBits = toBits(y) & 0x7fffffff;
  Scalar isDefined = (xBits < 0x7f800000) & (yBits <= 0x7f800000) & (yBits > 0);
  // A smaller dividend is its own remainder.
  Scalar isDivided = isDefined & (xBits >= yBits);
  Parts dividend = split(select(isDivided, xBits, 0x3f800000));
  Parts divisor = split(select(isDivided, yBits, 0x3f800000));

  SmallVector<Value> initial = {dividend.mantissa.get(),
                                (dividend.exponent - divisor.exponent).get()};
  SmallVector<Type> types(2, builder.getI32Type());
  auto loop = scf::WhileOp::create(
      builder, types, initial,
      [&](OpBuilder &nested, Location loc, ValueRange state) {
        ImplicitLocOpBuilder b(loc, nested);
        Scalar isLeft = Scalar(b, state[1]) > 0;
        scf::ConditionOp::create(b, isLeft.get(), state);
      },
      [&](OpBuilder &nested, Location loc, ValueRange state) {
        ImplicitLocOpBuilder b(loc, nested);
        Scalar rest(b, state[0]), count(b, state[1]);
        // Up to 7 bits of the quotient at once: rest < 2^24 leaves room for them.
        Scalar step = select(count > 7, 7, count);
        Scalar larger = rest << step;
        Scalar next = larger.make<arith::RemUIOp>(larger.get(), divisor.mantissa.get());
        scf::YieldOp::create(b, ValueRange{next.get(), (count - step).get()});
      });
  Scalar rest(builder, loop.getResult(0));
  rest = rest.make<arith::RemUIOp>(rest.get(), divisor.mantissa.get());

  // As many bits of the divisor's unit, which may be subnormal: then the remainder is
  // shifted into place, exactly, for the divisor's own bits end there too.
  Scalar normalized = toBits(toFloat(rest));
  Scalar exponent = (normalized >> 23) - 150 + divisor.exponent;
  Scalar normal = (normalized & 0x007fffff) | (exponent << 23);
  Scalar mantissa = (normalized & 0x007fffff) | 0x00800000;
  Scalar shift = 1 - exponent;
  Scalar subnormal =
      mantissa >> select(exponent > 0, 0, select(shift > 31, shift.constant(31), shift));
  Scalar bits = select(exponent > 0, normal, subnormal);
  bits = select(rest == 0, 0, bits);
  bits = select(isDivided, bits, xBits);
  Scalar result = fromBits(bits | (toBits(x) & 0x80000000));
  return select(isDefined, result, NAN);
}
