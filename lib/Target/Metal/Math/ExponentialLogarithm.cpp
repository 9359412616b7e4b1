// SPDX-License-Identifier: Apache-2.0
// exp, exp2, expm1, tanh, log and log1p of f32. The reductions are the classic ones (W. J.
// Cody and W. Waite, "Software Manual for the Elementary Functions", 1980); the
// polynomial of the exponential is that of Cephes, the logarithm's that of FreeBSD's msun.

#include "Functions.h"

using namespace mlir;
using namespace mlir::torsh::metal;

// ln 2 in two parts: the first has so few bits that its product with a small integer
// is exact.
static constexpr double kLn2High = 0.693359375, kLn2Low = -2.12194440e-4;
static constexpr double kLog2E = 1.44269504088896341;

namespace {

/// x = exponent * ln 2 + rest, with |rest| <= ln 2 / 2, and exp(rest) - 1.
struct ReducedExponential {
  Scalar exponent;
  Scalar minusOne;
};

/// exp(r) - 1 for |r| <= ln 2 / 2.
Scalar exponentialMinusOneOfRest(Scalar r) {
  Scalar p = polynomial(r, {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2,
                            1.6666665459e-1, 5.0000001201e-1});
  return r * r * p + r;
}

/// `x` must be a number within what an f32's exponential can be of.
ReducedExponential reduceExponential(Scalar x) {
  Scalar n = roundEven(x * kLog2E);
  return {toInteger(n), exponentialMinusOneOfRest(x - n * kLn2High - n * kLn2Low)};
}

Scalar clamp(Scalar x, double low, double high) {
  return select(x < low, low, select(x > high, high, x));
}

/// x = 2^exponent * (1 + fraction), with 1 + fraction in [sqrt(1/2), sqrt(2)). `x` must
/// be positive and normal.
struct ReducedLogarithm {
  Scalar exponent;
  Scalar fraction;
};

ReducedLogarithm reduceLogarithm(Scalar x) {
  Scalar bits = toBits(x) + (0x3f800000 - 0x3f3504f3);
  Scalar exponent = (bits >> 23) - 127;
  Scalar mantissa = fromBits((bits & 0x007fffff) + 0x3f3504f3);
  return {exponent, mantissa - 1};
}

/// log(1 + fraction) + exponent * ln 2 + correction.
Scalar sumLogarithm(Scalar exponent, Scalar fraction, Scalar correction) {
  Scalar f = fraction, k = exponent;
  Scalar s = f / (f + 2);
  Scalar z = s * s;
  Scalar r = z * polynomial(z, {0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693});
  Scalar halfSquare = f * f * 0.5;
  Scalar low = s * (halfSquare + r) + (k * 9.0580006145e-06 + correction);
  return low - halfSquare + f + k * 6.9313812256e-01;
}

} // namespace

Scalar mlir::torsh::metal::exponential(Scalar x) {
  // A NaN must not become an integer.
  Scalar number = select(isNaN(x), 0, x);
  ReducedExponential e = reduceExponential(clamp(number, -104, 89));
  return select(isNaN(x), x, scaleByPowerOfTwo(e.minusOne + 1, e.exponent));
}

Scalar mlir::torsh::metal::exponentialBase2(Scalar x) {
  Scalar number = clamp(select(isNaN(x), 0, x), -150, 128);
  Scalar n = roundEven(number);
  Scalar rest = exponentialMinusOneOfRest((number - n) * 0.693147180559945309);
  return select(isNaN(x), x, scaleByPowerOfTwo(rest + 1, toInteger(n)));
}

Scalar mlir::torsh::metal::exponentialMinusOne(Scalar x) {
  Scalar number = select(isNaN(x), 0, x);
  ReducedExponential e = reduceExponential(clamp(number, -30, 89));
  // Twice half of it: the power itself may be out of range.
  Scalar half = powerOfTwo(e.exponent - 1);
  Scalar result = (half * e.minusOne + (half - 0.5)) * 2;
  return select(isNaN(x), x, result);
}

Scalar mlir::torsh::metal::tangentHyperbolic(Scalar x) {
  Scalar magnitude = abs(x);
  Scalar clamped = select(magnitude > 10, 10, magnitude);
  Scalar e = exponentialMinusOne(clamped * 2);
  return select(isNaN(x), x, copySign(e / (e + 2), x));
}

Scalar mlir::torsh::metal::logarithm(Scalar x) {
  // A subnormal number is its mantissa times 2^-149, read as an integer: a device may
  // take the number itself for zero.
  Scalar bits = toBits(x);
  Scalar isSubnormal = (bits > 0) & (bits < 0x00800000);
  Scalar normal = select(isSubnormal, toFloat(select(isSubnormal, bits, 1)), x);
  ReducedLogarithm l = reduceLogarithm(normal);
  Scalar exponent = toFloat(select(isSubnormal, l.exponent - 149, l.exponent));
  Scalar result = sumLogarithm(exponent, l.fraction, x.constant(0));
  Scalar infinity = x.constant(INFINITY);
  Scalar isZero = (bits & 0x7fffffff) == 0;
  result = select(x == infinity, infinity, result);
  result = select(isZero, -INFINITY, select((bits < 0) & !isZero, NAN, result));
  return select(isNaN(x), x, result);
}

Scalar mlir::torsh::metal::logarithmOnePlus(Scalar x) {
  Scalar sum = x + 1;
  ReducedLogarithm l = reduceLogarithm(sum);
  // What the sum lost, relative to it.
  Scalar lost = select(sum > 2, 1 - (sum - x), x - (sum - 1)) / sum;
  Scalar isLarge = l.exponent > 24;
  Scalar isReduced = l.exponent == 0;
  Scalar fraction = select(isReduced, x, l.fraction);
  Scalar correction = select(isReduced | isLarge, 0, lost);
  Scalar result = sumLogarithm(toFloat(l.exponent), fraction, correction);
  Scalar infinity = x.constant(INFINITY);
  result = select(x == infinity, infinity, result);
  result = select(x == -1.0, -INFINITY, select(x < -1.0, NAN, result));
  return select(isNaN(x), x, result);
}
