// SPDX-License-Identifier: Apache-2.0
// pow of f32, after FreeBSD's msun (e_powf.c): the logarithm to base 2 in two f32, of
// which the first has few enough bits for exact products.

#include "Functions.h"

using namespace mlir;
using namespace mlir::torsh::metal;

namespace {

/// The leading 12 bits of a number.
Scalar head(Scalar x) { return fromBits(toBits(x) & 0xfffff000); }

struct TwoFloats {
  Scalar high, low;
};

/// log2(x) of a positive, finite x.
TwoFloats logarithmBase2(Scalar x) {
  Scalar bits = toBits(x);
  // A subnormal number is its mantissa, read as an integer, times 2^-149.
  Scalar isSubnormal = bits < 0x00800000;
  bits = select(isSubnormal, toBits(toFloat(bits)), bits);
  Scalar n = select(isSubnormal, bits.constant(-149), bits.constant(0)) + (bits >> 23) - 127;
  Scalar mantissa = bits & 0x007fffff;
  // x = 2^n * m, with m next to 1 or to 1.5.
  Scalar isNextToOne = mantissa <= 0x001cc471;
  Scalar isNextToTwo = mantissa >= 0x005db3d7;
  Scalar isOne = isNextToOne | isNextToTwo;
  n = select(isNextToTwo, n + 1, n);
  Scalar mBits = select(isNextToTwo, mantissa | 0x3f000000, mantissa | 0x3f800000);
  mBits = select(isNextToTwo, mantissa + 0x3f000000, mBits);
  Scalar m = fromBits(mBits);
  Scalar base = select(isOne, 1.0, m.constant(1.5));
  Scalar baseHigh = select(isOne, 0.0, m.constant(5.84960938e-01));
  Scalar baseLow = select(isOne, 0.0, m.constant(1.56322085e-06));

  // s = (m - base) / (m + base) in two parts
  Scalar u = m - base, v = 1 / (m + base);
  Scalar s = u * v, sHigh = head(s);
  Scalar sumHigh = head(m + base);
  Scalar sumLow = m - (sumHigh - base);
  Scalar sLow = v * ((u - sHigh * sumHigh) - sHigh * sumLow);
  // log(m) - log(base) = 2 s + 2/3 s^3 + ...
  Scalar square = s * s;
  Scalar r = square * square *
             polynomial(square, {2.0697501302e-01, 2.3066075146e-01, 2.7272811532e-01,
                                 3.3333334327e-01, 4.2857143283e-01, 6.0000002384e-01});
  r = r + sLow * (sHigh + s);
  Scalar squareHigh = sHigh * sHigh;
  Scalar tHigh = head(squareHigh + 3 + r);
  Scalar tLow = r - ((tHigh - 3) - squareHigh);
  Scalar w = sLow * tHigh + tLow * s;
  Scalar pHigh = head(sHigh * tHigh + w);
  Scalar pLow = w - (pHigh - sHigh * tHigh);
  // times 2 / (3 ln 2)
  Scalar zHigh = pHigh * 9.6191406250e-01;
  Scalar zLow = pHigh * -1.1736857402e-04 + pLow * 9.6179670095e-01 + baseLow;
  Scalar exponent = toFloat(n);
  Scalar high = head(((zHigh + zLow) + baseHigh) + exponent);
  Scalar low = zLow - (((high - exponent) - baseHigh) - zHigh);
  return {high, low};
}

/// 2 to the power of high + low, where the first has few bits and the sum is within
/// 200 of zero.
Scalar exponentialOfSum(TwoFloats x) {
  Scalar n = roundEven(x.high + x.low);
  Scalar high = x.high - n;
  Scalar sum = fromBits(toBits(x.low + high) & 0xffff8000);
  Scalar u = sum * 6.93145752e-01;
  Scalar v = (x.low - (sum - high)) * 6.9314718246e-01 + sum * 1.42860654e-06;
  Scalar z = u + v;
  Scalar w = v - (z - u);
  Scalar square = z * z;
  Scalar c = z - square * polynomial(square, {4.1381369442e-08, -1.6533901999e-06, 6.6137559770e-05,
                                              -2.7777778450e-03, 1.6666667163e-01});
  Scalar r = (z * c) / (c - 2) - (w + z * w);
  return scaleByPowerOfTwo(1 - (r - z), toInteger(n));
}

Scalar clamp(Scalar x, double limit) {
  return select(x < -limit, -limit, select(x > limit, limit, x));
}

} // namespace

Scalar mlir::torsh::metal::power(Scalar x, Scalar y) {
  Scalar magnitude = abs(x);
  Scalar isZero = (toBits(magnitude) == 0), isInfinite = magnitude == INFINITY;
  Scalar isOrdinary = (magnitude < INFINITY) & !isZero;
  TwoFloats log = logarithmBase2(select(isOrdinary, magnitude, 1));
  // Beyond 2^32 the result is zero, one or infinity whatever the exponent.
  Scalar exponent = select(isNaN(y), 0, clamp(y, 0x1p32));
  Scalar exponentHead = head(exponent);
  Scalar pHigh = exponentHead * log.high;
  Scalar pLow = (exponent - exponentHead) * log.high + exponent * log.low;
  Scalar isFar = abs(pHigh) > 200;
  Scalar result =
      exponentialOfSum({select(isFar, clamp(pHigh, 200), pHigh), select(isFar, 0, pLow)});

  // Numbers from 2^24 on are even.
  Scalar size = abs(exponent);
  Scalar isHuge = size >= 0x1p24;
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
