// SPDX-License-Identifier: Apache-2.0
// exp, exp2, expm1, tanh, log and log1p. The reductions are the classic ones (W. J. Cody
// and W. Waite, "Software Manual for the Elementary Functions", 1980). The polynomial of
// the exponential is that of Cephes for f32 and Taylor's for f64, the logarithm's that of
// FreeBSD's msun.

#include "Functions.h"

using namespace mlir;
using namespace mlir::torsh::formulas;

static constexpr double kLog2E = 1.44269504088896341;

namespace {

/// ln 2 in two parts: the first has so few bits that its product with an exponent is
/// exact.
struct LogarithmOfTwo {
  double high, low;
};

LogarithmOfTwo logarithmOfTwo(Scalar x) {
  if (Format::of(x).isDouble())
    return {6.93147180369123816490e-01, 1.90821492927058770002e-10};
  return {0.693359375, -2.12194440e-4};
}

/// x = exponent * ln 2 + rest, with |rest| <= ln 2 / 2, and exp(rest) - 1.
struct ReducedExponential {
  Scalar exponent;
  Scalar minusOne;
};

/// exp(r) - 1 for |r| <= ln 2 / 2.
Scalar exponentialMinusOneOfRest(Scalar r) {
  SmallVector<double> coefficients = {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
                                      4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1};
  if (Format::of(r).isDouble()) {
    coefficients.assign(12, 0);
    double factorial = 1;
    for (int n = 2; n <= 13; ++n)
      coefficients[13 - n] = 1 / (factorial *= n);
  }
  return r * r * polynomial(r, coefficients) + r;
}

/// `x` must be a number within what an exponential can be of.
ReducedExponential reduceExponential(Scalar x) {
  LogarithmOfTwo ln2 = logarithmOfTwo(x);
  Scalar n = roundEven(x * kLog2E);
  return {toInteger(n), exponentialMinusOneOfRest(x - n * ln2.high - n * ln2.low)};
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
  Format format = Format::of(x);
  // The bits of sqrt(1/2), less those that do not matter.
  double lowest = format.isDouble() ? 0x3fe6a09e00000000p0 : 0x3f3504f3p0;
  Scalar bits = toBits(x) + (format.one() - lowest);
  Scalar exponent = (bits >> format.mantissaBits) - format.bias;
  Scalar mantissa = fromBits((bits & format.mantissaMask()) + lowest);
  return {exponent, mantissa - 1};
}

/// log(1 + fraction) + exponent * ln 2 + correction.
Scalar sumLogarithm(Scalar exponent, Scalar fraction, Scalar correction) {
  Scalar f = fraction, k = exponent;
  Scalar s = f / (f + 2);
  Scalar z = s * s;
  SmallVector<double> coefficients = {0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693};
  LogarithmOfTwo ln2 = {6.9313812256e-01, 9.0580006145e-06};
  if (Format::of(f).isDouble()) {
    coefficients = {1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01,
                    2.222219843214978396e-01, 2.857142874366239149e-01, 3.999999999940941908e-01,
                    6.666666666666735130e-01};
    ln2 = logarithmOfTwo(f);
  }
  Scalar r = z * polynomial(z, coefficients);
  Scalar halfSquare = f * f * 0.5;
  Scalar low = s * (halfSquare + r) + (k * ln2.low + correction);
  return low - halfSquare + f + k * ln2.high;
}

} // namespace

Scalar mlir::torsh::formulas::exponential(Scalar x) {
  // A NaN must not become an integer.
  Scalar number = select(isNaN(x), 0, x);
  bool isDouble = Format::of(x).isDouble();
  ReducedExponential e =
      reduceExponential(clamp(number, isDouble ? -746 : -104, isDouble ? 710 : 89));
  return select(isNaN(x), x, scaleByPowerOfTwo(e.minusOne + 1, e.exponent));
}

Scalar mlir::torsh::formulas::exponentialBase2(Scalar x) {
  bool isDouble = Format::of(x).isDouble();
  Scalar number = clamp(select(isNaN(x), 0, x), isDouble ? -1075 : -150, isDouble ? 1024 : 128);
  Scalar n = roundEven(number);
  Scalar rest = exponentialMinusOneOfRest((number - n) * 0.693147180559945309);
  return select(isNaN(x), x, scaleByPowerOfTwo(rest + 1, toInteger(n)));
}

Scalar mlir::torsh::formulas::exponentialMinusOne(Scalar x) {
  Scalar number = select(isNaN(x), 0, x);
  bool isDouble = Format::of(x).isDouble();
  ReducedExponential e = reduceExponential(clamp(number, -60, isDouble ? 710 : 89));
  // Twice half of it: the power itself may be out of range.
  Scalar half = powerOfTwo(e.exponent - 1);
  Scalar result = (half * e.minusOne + (half - 0.5)) * 2;
  // Zero keeps its sign, which the sum loses.
  return select(isNaN(x) | (x == 0.0), x, result);
}

Scalar mlir::torsh::formulas::tangentHyperbolic(Scalar x) {
  Scalar magnitude = abs(x);
  Scalar clamped = select(magnitude > 20, 20, magnitude);
  Scalar e = exponentialMinusOne(clamped * 2);
  return select(isNaN(x), x, copySign(e / (e + 2), x));
}

Scalar mlir::torsh::formulas::logarithm(Scalar x) {
  Format format = Format::of(x);
  // A subnormal number is its mantissa, read as an integer, times a power of two: a
  // device may take the number itself for zero.
  Scalar bits = toBits(x);
  Scalar isSubnormal = (bits > 0) & (bits < format.smallestNormal());
  Scalar normal = select(isSubnormal, toFloat(select(isSubnormal, bits, 1)), x);
  ReducedLogarithm l = reduceLogarithm(normal);
  Scalar exponent = toFloat(
      select(isSubnormal, l.exponent - (format.bias + format.mantissaBits - 1), l.exponent));
  Scalar result = sumLogarithm(exponent, l.fraction, x.constant(0));
  Scalar infinity = x.constant(INFINITY);
  Scalar isZero = toBits(abs(x)) == 0;
  result = select(x == infinity, infinity, result);
  result = select(isZero, -INFINITY, select((bits < 0) & !isZero, NAN, result));
  return select(isNaN(x), x, result);
}

Scalar mlir::torsh::formulas::logarithmOnePlus(Scalar x) {
  Scalar sum = x + 1;
  ReducedLogarithm l = reduceLogarithm(sum);
  // What the sum lost, relative to it.
  Scalar lost = select(sum > 2, 1 - (sum - x), x - (sum - 1)) / sum;
  Scalar isLarge = l.exponent > Format::of(x).mantissaBits + 1;
  Scalar isReduced = l.exponent == 0;
  Scalar fraction = select(isReduced, x, l.fraction);
  Scalar correction = select(isReduced | isLarge, 0, lost);
  Scalar result = sumLogarithm(toFloat(l.exponent), fraction, correction);
  Scalar infinity = x.constant(INFINITY);
  result = select(x == infinity, infinity, result);
  result = select(x == -1.0, -INFINITY, select(x < -1.0, NAN, result));
  // Zero keeps its sign, which the sum loses.
  return select(isNaN(x) | (x == 0.0), x, result);
}
