// SPDX-License-Identifier: Apache-2.0
// The exact remainder of two floats: long division of their mantissas.

#include "Functions.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::torsh::formulas;

namespace {

/// The mantissa as an integer, normalized, and the exponent as a number of its own has
/// it. `bits` are those of a number above zero.
struct Parts {
  Scalar mantissa, exponent;
};

Parts split(Scalar bits) {
  Format format = Format::of(bits);
  Scalar isSubnormal = bits < format.smallestNormal();
  // A subnormal number is its mantissa, read as an integer.
  Scalar normal = select(isSubnormal, toBits(toFloat(bits)), bits);
  Scalar exponent = normal >> format.mantissaBits;
  exponent = select(isSubnormal, exponent - (format.bias + format.mantissaBits - 1), exponent);
  return {(normal & format.mantissaMask()) | format.smallestNormal(), exponent};
}

} // namespace

Scalar mlir::torsh::formulas::remainder(Scalar x, Scalar y) {
  ImplicitLocOpBuilder &builder = x.getBuilder();
  Format format = Format::of(x);
  Type integer = toBits(x).get().getType();
  // Bits that the quotient can grow by at once: those above the mantissa.
  int stepBits = static_cast<int>(integer.getIntOrFloatBitWidth()) - 2 - format.mantissaBits;
  Scalar xBits = toBits(abs(x)), yBits = toBits(abs(y));
  Scalar infinity = toBits(x.constant(INFINITY));
  Scalar isDefined = (xBits < infinity) & (yBits <= infinity) & (yBits > 0);
  // A smaller dividend is its own remainder.
  Scalar isDivided = isDefined & (xBits >= yBits);
  Parts dividend = split(select(isDivided, xBits, format.one()));
  Parts divisor = split(select(isDivided, yBits, format.one()));

  SmallVector<Value> initial = {dividend.mantissa.get(),
                                (dividend.exponent - divisor.exponent).get()};
  SmallVector<Type> types(2, integer);
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
        Scalar step = select(count > stepBits, stepBits, count);
        Scalar larger = rest << step;
        Scalar next = larger.make<arith::RemUIOp>(larger.get(), divisor.mantissa.get());
        scf::YieldOp::create(b, ValueRange{next.get(), (count - step).get()});
      });
  Scalar rest(builder, loop.getResult(0));
  rest = rest.make<arith::RemUIOp>(rest.get(), divisor.mantissa.get());

  // In units of the divisor's last bit. The remainder may be subnormal: then it is
  // shifted into place, exactly, for the divisor's own bits end there too.
  Scalar normalized = toBits(toFloat(rest));
  Scalar exponent =
      (normalized >> format.mantissaBits) - (format.bias + format.mantissaBits) + divisor.exponent;
  Scalar fraction = normalized & format.mantissaMask();
  Scalar normal = fraction | (exponent << format.mantissaBits);
  Scalar isNormal = exponent > 0;
  Scalar shift = 1 - exponent;
  shift = select(isNormal, 0, select(shift > format.mantissaBits, format.mantissaBits, shift));
  Scalar subnormal = (fraction | format.smallestNormal()) >> shift;
  Scalar bits = select(isNormal, normal, subnormal);
  bits = select(rest == 0, 0, bits);
  bits = select(isDivided, bits, xBits);
  return select(isDefined, copySign(fromBits(bits), x), NAN);
}
