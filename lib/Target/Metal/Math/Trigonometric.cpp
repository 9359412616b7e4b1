// SPDX-License-Identifier: Apache-2.0
// sin, cos and atan2 of f32. Polynomials are those of Cephes. Large arguments are
// reduced with as many bits of 2 / pi as it takes (M. Payne and R. Hanek, "Radian
// reduction for trigonometric functions", 1983).

#include "Functions.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::torsh::metal;

namespace {

/// x = quadrant * pi / 2 + rest, with |rest| <= pi / 4 and the quadrant modulo 4.
struct ReducedAngle {
  Scalar quadrant;
  Scalar rest;
};

/// `magnitude` must be within 2^15.
ReducedAngle reduceSmall(Scalar magnitude) {
  Scalar n = roundEven(magnitude * 0.636619772367581343);
  // pi / 2 in four parts; products with the first three are exact.
  Scalar rest = magnitude - n * 1.5703125;
  rest = rest - n * 4.83512878417968750e-4;
  rest = rest - n * 3.13855707645416260e-7;
  rest = rest - n * 6.07710050650619224e-11;
  return {toInteger(n), rest};
}

/// `magnitude` must be at least 2^15, and finite.
ReducedAngle reduceLarge(Scalar magnitude) {
  // Zeros, then 2 / pi in words of 32 bits behind the binary point.
  static constexpr uint32_t kTwoOverPi[] = {0,          0xa2f9836e, 0x4e441529, 0xfc2757d1,
                                            0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab};
  Scalar bits = toBits(magnitude), one = bits.constant(1), zero = bits.constant(0);
  auto shiftDown = [](Scalar x, int count) { return shiftRightLogical(x, x.constant(count)); };
  // magnitude = mantissa * 2^exponent
  Scalar exponent = (bits >> 23) - 150;
  Scalar mantissa = (bits & 0x007fffff) | 0x00800000;
  // The product of the mantissa with the first exponent - 2 bits of 2 / pi is a multiple
  // of 4: the 96 bits after those, as a fraction, times the mantissa, are a quarter of
  // the angle in quadrants, modulo 1.
  Scalar first = exponent + 30;
  Scalar word = first >> 5, bit = first & 31;
  SmallVector<Scalar> words;
  for (int i = 0; i < 4; ++i) {
    words.push_back(bits.constant(kTwoOverPi[i]));
    for (int j = 1; j <= 4; ++j)
      words.back() = select(word == j, bits.constant(kTwoOverPi[i + j]), words.back());
  }
  SmallVector<Scalar> part;
  for (int i = 0; i < 3; ++i) // In two steps: a shift by 32 is undefined.
    part.push_back((words[i] << bit) | shiftRightLogical(shiftDown(words[i + 1], 1), 31 - bit));
  auto multiply = [&](Scalar x) {
    auto op = arith::MulUIExtendedOp::create(x.getBuilder(), x.get(), mantissa.get());
    return std::pair(Scalar(x.getBuilder(), op.getLow()), Scalar(x.getBuilder(), op.getHigh()));
  };
  auto [low1, high1] = multiply(part[1]);
  Scalar high2 = multiply(part[2]).second;
  Scalar low = low1 + high2;
  Scalar carries = low.make<arith::CmpIOp>(arith::CmpIPredicate::ult, low.get(), low1.get());
  Scalar high = part[0] * mantissa + high1 + select(carries, one, zero);

  Scalar quadrant = shiftDown(high, 30);
  high = (high << 2) | shiftDown(low, 30);
  low = low << 2;
  // Half a quadrant or more belongs to the next one, less what is missing.
  Scalar isUpper = high < 0;
  Scalar flip = select(isUpper, -one, zero);
  Scalar fraction = toFloat(high ^ flip) * 0x1p-32 + toFloat(shiftDown(low ^ flip, 1)) * 0x1p-63;
  Scalar rest = fraction * 1.57079632679489662;
  return {(quadrant + select(isUpper, one, zero)) & 3, select(isUpper, -rest, rest)};
}

/// The sine of `rest` + (quadrant + ahead) * pi / 2.
Scalar evaluate(ReducedAngle angle, int ahead) {
  Scalar r = angle.rest, z = r * r;
  Scalar sine = r + r * z * polynomial(z, {-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1});
  Scalar cosine =
      z * z * polynomial(z, {2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2}) -
      0.5 * z + 1;
  Scalar quadrant = angle.quadrant + ahead;
  Scalar result = select((quadrant & 1) == 0, sine, cosine);
  return select((quadrant & 2) == 0, result, -result);
}

/// The reduction that the magnitude asks for. Few threads need the second.
ReducedAngle reduce(Scalar magnitude) {
  ImplicitLocOpBuilder &builder = magnitude.getBuilder();
  Scalar isSmall = magnitude < 32768;
  Scalar finite = select(magnitude < INFINITY, magnitude, 0);
  SmallVector<Type> types = {builder.getI32Type(), builder.getF32Type()};
  auto choice = scf::IfOp::create(builder, types, isSmall.get(), /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(builder);
  for (bool small : {true, false}) {
    builder.setInsertionPointToEnd(small ? choice.thenBlock() : choice.elseBlock());
    ReducedAngle angle = small ? reduceSmall(finite) : reduceLarge(finite);
    scf::YieldOp::create(builder, ValueRange{angle.quadrant.get(), angle.rest.get()});
  }
  return {Scalar(builder, choice.getResult(0)), Scalar(builder, choice.getResult(1))};
}

Scalar nanUnlessFinite(Scalar x, Scalar result) { return select(abs(x) < INFINITY, result, NAN); }

} // namespace

Scalar mlir::torsh::metal::sine(Scalar x) {
  Scalar result = evaluate(reduce(abs(x)), 0);
  return nanUnlessFinite(x, select(toBits(x) < 0, -result, result));
}

Scalar mlir::torsh::metal::cosine(Scalar x) {
  return nanUnlessFinite(x, evaluate(reduce(abs(x)), 1));
}

Scalar mlir::torsh::metal::arctangent(Scalar y, Scalar x) {
  Scalar width = abs(x), height = abs(y);
  Scalar isSteep = height > width;
  Scalar larger = select(isSteep, height, width), smaller = select(isSteep, width, height);
  // Both infinite is the diagonal, both zero the axis.
  Scalar ratio = smaller / select(larger == 0, 1, larger);
  ratio = select(smaller == INFINITY, 1, ratio);
  // Within tan(pi / 8) of zero or of one.
  Scalar isFar = ratio > 0.414213562373095;
  Scalar r = select(isFar, (ratio - 1) / (ratio + 1), ratio);
  Scalar z = r * r;
  Scalar angle = r * z *
                     polynomial(z, {8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1,
                                    -3.33329491539e-1}) +
                 r;
  angle = select(isFar, angle + 0.785398163397448309, angle);
  angle = select(isSteep, 1.57079632679489662 - angle, angle);
  angle = select(toBits(x) < 0, 3.14159265358979324 - angle, angle);
  return select(isNaN(x) | isNaN(y), NAN, copySign(angle, y));
}
