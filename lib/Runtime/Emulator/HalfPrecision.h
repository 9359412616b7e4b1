// SPDX-License-Identifier: Apache-2.0
// The 16-bit floats of matrix instructions.
#ifndef TORSHJIT_RUNTIME_EMULATOR_HALFPRECISION_H
#define TORSHJIT_RUNTIME_EMULATOR_HALFPRECISION_H

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace torsh::runtime {

inline float floatOfBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline uint32_t bitsOfFloat(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float floatOfBF16(uint16_t bits) { return floatOfBits(uint32_t(bits) << 16); }

inline float floatOfHalf(uint16_t bits) {
  int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  float magnitude = exponent == 31 ? (mantissa ? NAN : INFINITY)
                    : exponent     ? std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25)
                                   : std::ldexp(static_cast<float>(mantissa), -24);
  return bits >> 15 ? -magnitude : magnitude;
}

/// The float of `mantissaBits` and `exponentBits` that is nearest to a double, ties
/// to even, in its low bits.
inline uint16_t roundToBits(double value, int mantissaBits, int exponentBits) {
  int bias = (1 << (exponentBits - 1)) - 1;
  auto sign = static_cast<uint16_t>(std::signbit(value) ? 0x8000 : 0);
  auto infinity = static_cast<uint16_t>(((1 << exponentBits) - 1) << mantissaBits);
  if (std::isnan(value))
    return static_cast<uint16_t>(sign | infinity | 1 << (mantissaBits - 1));
  double magnitude = std::fabs(value);
  if (magnitude == 0)
    return sign;
  if (std::isinf(magnitude))
    return sign | infinity;
  int exponent;
  std::frexp(magnitude, &exponent);
  // The distance of neighbours; below the normal numbers it stays the same.
  int scale = std::max(exponent - 1, 1 - bias) - mantissaBits;
  double steps = std::nearbyint(std::ldexp(magnitude, -scale));
  // Counted in steps of the lowest exponent's, the encodings are consecutive.
  double encoded =
      steps + std::ldexp(static_cast<double>(scale + mantissaBits + bias - 1), mantissaBits);
  if (encoded >= infinity)
    return sign | infinity;
  return static_cast<uint16_t>(sign | static_cast<uint16_t>(encoded));
}

inline uint16_t bf16OfDouble(double value) { return roundToBits(value, 7, 8); }
inline uint16_t halfOfDouble(double value) { return roundToBits(value, 10, 5); }

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_EMULATOR_HALFPRECISION_H
