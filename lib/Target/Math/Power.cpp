// SPDX-License-Identifier: Apache-2.0
// pow, after FreeBSD's msun (e_pow.c, e_powf.c): the logarithm to base 2 in two floats,
// of which the first has few enough bits for exact products.

#include "Functions.h"

using namespace mlir;
using namespace mlir::torsh::formulas;

namespace {

/// What differs by type.
struct Constants {
  /// The mantissa's bits that a head leaves away.
  int tailBits;
  /// Up to where a mantissa is next to 1, and from where next to 2.
  double nextToOne, nextToTwo;
  /// log2(1.5) and 2 / (3 ln 2) and ln 2, in two parts; the latter two whole as well.
  double logBase[2], scale[3], ln2[3];
  /// The bits left away of the sum whose power is taken.
  int sumTailBits;
  SmallVector<double> logarithm, exponential;
};

Constants getConstants(Scalar x) {
  if (Format::of(x).isDouble())
    return {32,
            0x3988effffffffp0,
            0xbb67a00000000p0,
            {5.84962487220764160156e-01, 1.35003920212974897128e-08},
            {9.61796700954437255859e-01, -7.02846165095275826516e-09, 9.61796693925975554329e-01},
            {6.93147182464599609375e-01, -1.90465429995776804525e-09, 6.93147180559945286227e-01},
            32,
            {2.06975017800338417784e-01, 2.30660745775561754067e-01, 2.72728123808534006489e-01,
             3.33333329818377432918e-01, 4.28571428578550184252e-01, 5.99999999999994648725e-01},
            {4.13813679705723846039e-08, -1.65339022054652515390e-06, 6.61375632143793436117e-05,
             -2.77777777770155933842e-03, 1.66666666666666019037e-01}};
  return {
      12,
      0x1cc471p0,
      0x5db3d7p0,
      {5.84960938e-01, 1.56322085e-06},
      {9.6191406250e-01, -1.1736857402e-04, 9.6179670095e-01},
      {6.93145752e-01, 1.42860654e-06, 6.9314718246e-01},
      15,
      {2.0697501302e-01, 2.3066075146e-01, 2.7272811532e-01, 3.3333334327e-01, 4.2857143283e-01,
       6.0000002384e-01},
      {4.1381369442e-08, -1.6533901999e-06, 6.6137559770e-05, -2.7777778450e-03, 1.6666667163e-01}};
}

Scalar withoutTail(Scalar x, int bits) { return fromBits(toBits(x) & -std::ldexp(1.0, bits)); }

/// The leading bits of a number: so few that the product of two heads is exact.
Scalar head(Scalar x) { return withoutTail(x, getConstants(x).tailBits); }

struct TwoFloats {
  Scalar high, low;
};

/// log2(x) of a positive, finite x.
TwoFloats logarithmBase2(Scalar x) {
  Format format = Format::of(x);
  Constants constants = getConstants(x);
  Scalar bits = toBits(x);
  // A subnormal number is its mantissa, read as an integer, times a power of two.
  Scalar isSubnormal = bits < format.smallestNormal();
  bits = select(isSubnormal, toBits(toFloat(bits)), bits);
  Scalar n = (bits >> format.mantissaBits) - format.bias;
  n = select(isSubnormal, n - (format.bias + format.mantissaBits - 1), n);
  Scalar mantissa = bits & format.mantissaMask();
  // x = 2^n * m, with m next to 1 or to 1.5.
  Scalar isNextToTwo = mantissa >= constants.nextToTwo;
  Scalar isOne = (mantissa <= constants.nextToOne) | isNextToTwo;
  n = select(isNextToTwo, n + 1, n);
  Scalar unit = select(isNextToTwo, bits.constant(format.one() - format.smallestNormal()),
                       bits.constant(format.one()));
  Scalar m = fromBits(mantissa | unit);
  Scalar base = select(isOne, 1.0, m.constant(1.5));
  Scalar baseHigh = select(isOne, 0.0, m.constant(constants.logBase[0]));
  Scalar baseLow = select(isOne, 0.0, m.constant(constants.logBase[1]));

  // s = (m - base) / (m + base) in two parts
  Scalar u = m - base, v = 1 / (m + base);
  Scalar s = u * v, sHigh = head(s);
  Scalar sumHigh = head(m + base);
  Scalar sumLow = m - (sumHigh - base);
  Scalar sLow = v * ((u - sHigh * sumHigh) - sHigh * sumLow);
  // log(m) - log(base) = 2 s + 2/3 s^3 + ...
  Scalar square = s * s;
  Scalar r = square * square * polynomial(square, constants.logarithm);
  r = r + sLow * (sHigh + s);
  Scalar squareHigh = sHigh * sHigh;
  Scalar tHigh = head(squareHigh + 3 + r);
  Scalar tLow = r - ((tHigh - 3) - squareHigh);
  Scalar w = sLow * tHigh + tLow * s;
  Scalar pHigh = head(sHigh * tHigh + w);
  Scalar pLow = w - (pHigh - sHigh * tHigh);
  // times 2 / (3 ln 2)
  Scalar zHigh = pHigh * constants.scale[0];
  Scalar zLow = pHigh * constants.scale[1] + pLow * constants.scale[2] + baseLow;
  Scalar exponent = toFloat(n);
  Scalar high = head(((zHigh + zLow) + baseHigh) + exponent);
  Scalar low = zLow - (((high - exponent) - baseHigh) - zHigh);
  return {high, low};
}

/// 2 to the power of high + low, where the first has few bits and the sum is within
/// what scaleByPowerOfTwo takes.
Scalar exponentialOfSum(TwoFloats x) {
  Constants constants = getConstants(x.high);
  Scalar n = roundEven(x.high + x.low);
  Scalar high = x.high - n;
  Scalar sum = withoutTail(x.low + high, constants.sumTailBits);
  Scalar u = sum * constants.ln2[0];
  Scalar v = (x.low - (sum - high)) * constants.ln2[2] + sum * constants.ln2[1];
  Scalar z = u + v;
  Scalar w = v - (z - u);
  Scalar square = z * z;
  Scalar c = z - square * polynomial(square, constants.exponential);
  Scalar r = (z * c) / (c - 2) - (w + z * w);
  return scaleByPowerOfTwo(1 - (r - z), toInteger(n));
}

Scalar clamp(Scalar x, double limit) {
  return select(x < -limit, -limit, select(x > limit, limit, x));
}

} // namespace

Scalar mlir::torsh::formulas::power(Scalar x, Scalar y) {
  Scalar magnitude = abs(x);
  Scalar isZero = (toBits(magnitude) == 0), isInfinite = magnitude == INFINITY;
  Scalar isOrdinary = (magnitude < INFINITY) & !isZero;
  TwoFloats log = logarithmBase2(select(isOrdinary, magnitude, 1));
  Format format = Format::of(x);
  // Beyond that the result is zero, one or infinity whatever the exponent.
  double largest = format.isDouble() ? 0x1p66 : 0x1p32;
  double limit = format.isDouble() ? 1200 : 200;
  Scalar exponent = select(isNaN(y), 0, clamp(y, largest));
  Scalar exponentHead = head(exponent);
  Scalar pHigh = exponentHead * log.high;
  Scalar pLow = (exponent - exponentHead) * log.high + exponent * log.low;
  Scalar isFar = abs(pHigh) > limit;
  Scalar result =
      exponentialOfSum({select(isFar, clamp(pHigh, limit), pHigh), select(isFar, 0, pLow)});

  // Numbers from there on are even.
  Scalar size = abs(exponent);
  Scalar isHuge = size >= 2 * format.smallestNormal();
  Scalar integer = toInteger(select(isHuge, 0, size));
  Scalar isInteger = isHuge | (toFloat(integer) == size);
  Scalar isOdd = !isHuge & isInteger & ((integer & 1) != 0);

  Scalar infinity = x.constant(INFINITY), zero = x.constant(0);
  result = select(isZero, select(y < 0, infinity, zero), result);
  result = select(isInfinite, select(y < 0, zero, infinity), result);
  Scalar isNegative = toBits(x) < 0;
  result = select(isNegative & isOdd, -result, result);
  result = select(isNegative & isOrdinary & !isInteger, NAN, result);
  result = select((magnitude == 1) & (abs(y) == INFINITY), 1, result);
  result = select(isNaN(x) | isNaN(y), NAN, result);
  return select((y == 0) | (x == 1), 1, result);
}
