// SPDX-License-Identifier: Apache-2.0
// Floating-point functions under Metal's names, for float, half (computed in float, rounded once)
// and vectors of both.
#ifndef MSL_MATH_H
#define MSL_MATH_H

namespace metal {

inline namespace functions {

#define MSL_UNARY(name, expression)                                                                \
  inline float name(float x) { return expression; }                                                \
  inline half name(half x) { return half(name(float(x))); }                                        \
  template <msl::Vector V> V name(V x) {                                                           \
    for (uint i = 0; i < msl::VectorTraits<V>::size; ++i)                                          \
      x[i] = name(typename msl::VectorTraits<V>::Element(x[i]));                                   \
    return x;                                                                                      \
  }
#define MSL_BINARY(name, expression)                                                               \
  inline float name(float x, float y) { return expression; }                                       \
  inline half name(half x, half y) { return half(name(float(x), float(y))); }                      \
  template <msl::Vector V> V name(V x, V y) {                                                      \
    using Element = typename msl::VectorTraits<V>::Element;                                        \
    for (uint i = 0; i < msl::VectorTraits<V>::size; ++i)                                          \
      x[i] = name(Element(x[i]), Element(y[i]));                                                   \
    return x;                                                                                      \
  }
#define MSL_TERNARY(name, expression)                                                              \
  inline float name(float x, float y, float z) { return expression; }                              \
  inline half name(half x, half y, half z) { return half(name(float(x), float(y), float(z))); }    \
  template <msl::Vector V> V name(V x, V y, V z) {                                                 \
    using Element = typename msl::VectorTraits<V>::Element;                                        \
    for (uint i = 0; i < msl::VectorTraits<V>::size; ++i)                                          \
      x[i] = name(Element(x[i]), Element(y[i]), Element(z[i]));                                    \
    return x;                                                                                      \
  }
#define MSL_TEST(name, expression)                                                                 \
  inline bool name(float x) { return expression; }                                                 \
  inline bool name(half x) { return name(float(x)); }

MSL_UNARY(acos, __builtin_acosf(x))
MSL_UNARY(acosh, __builtin_acoshf(x))
MSL_UNARY(asin, __builtin_asinf(x))
MSL_UNARY(asinh, __builtin_asinhf(x))
MSL_UNARY(atan, __builtin_atanf(x))
MSL_UNARY(atanh, __builtin_atanhf(x))
MSL_UNARY(ceil, __builtin_ceilf(x))
MSL_UNARY(cos, __builtin_cosf(x))
MSL_UNARY(cosh, __builtin_coshf(x))
MSL_UNARY(exp, __builtin_expf(x))
MSL_UNARY(exp2, __builtin_exp2f(x))
MSL_UNARY(exp10, __builtin_exp10f(x))
MSL_UNARY(fabs, __builtin_fabsf(x))
MSL_UNARY(abs, __builtin_fabsf(x))
MSL_UNARY(floor, __builtin_floorf(x))
MSL_UNARY(fract, __builtin_fminf(x - __builtin_floorf(x), 0x1.fffffep-1f))
MSL_UNARY(log, __builtin_logf(x))
MSL_UNARY(log2, __builtin_log2f(x))
MSL_UNARY(log10, __builtin_log10f(x))
MSL_UNARY(rint, __builtin_rintf(x))
MSL_UNARY(round, __builtin_roundf(x))
MSL_UNARY(rsqrt, 1.0f / __builtin_sqrtf(x))
MSL_UNARY(saturate, __builtin_fminf(__builtin_fmaxf(x, 0.0f), 1.0f))
MSL_UNARY(sign, x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x == 0.0f ? x : 0.0f)
MSL_UNARY(sin, __builtin_sinf(x))
MSL_UNARY(sinh, __builtin_sinhf(x))
MSL_UNARY(sqrt, __builtin_sqrtf(x))
MSL_UNARY(tan, __builtin_tanf(x))
MSL_UNARY(tanh, __builtin_tanhf(x))
MSL_UNARY(trunc, __builtin_truncf(x))
MSL_BINARY(atan2, __builtin_atan2f(x, y))
MSL_BINARY(copysign, __builtin_copysignf(x, y))
MSL_BINARY(fdim, __builtin_fdimf(x, y))
MSL_BINARY(fmax, __builtin_fmaxf(x, y))
MSL_BINARY(fmin, __builtin_fminf(x, y))
MSL_BINARY(max, __builtin_fmaxf(x, y))
MSL_BINARY(min, __builtin_fminf(x, y))
MSL_BINARY(fmod, __builtin_fmodf(x, y))
MSL_BINARY(pow, __builtin_powf(x, y))
MSL_BINARY(powr, x < 0.0f ? __builtin_nanf("") : __builtin_powf(x, y))
MSL_BINARY(step, y < x ? 0.0f : 1.0f)
MSL_TERNARY(fma, __builtin_fmaf(x, y, z))
MSL_TERNARY(clamp, __builtin_fminf(__builtin_fmaxf(x, y), z))
MSL_TERNARY(mix, x + (y - x) * z)
MSL_TEST(isfinite, __builtin_isfinite(x))
MSL_TEST(isinf, __builtin_isinf(x))
MSL_TEST(isnan, __builtin_isnan(x))
MSL_TEST(isnormal, __builtin_isnormal(x))
MSL_TEST(signbit, __builtin_signbit(x) != 0)
inline bool isordered(float x, float y) { return !__builtin_isunordered(x, y); }
inline bool isordered(half x, half y) { return isordered(float(x), float(y)); }
inline bool isunordered(float x, float y) { return __builtin_isunordered(x, y); }
inline bool isunordered(half x, half y) { return isunordered(float(x), float(y)); }
inline float ldexp(float x, int exponent) { return __builtin_ldexpf(x, exponent); }
inline half ldexp(half x, int exponent) { return half(ldexp(float(x), exponent)); }
inline float frexp(float x, int &exponent) { return __builtin_frexpf(x, &exponent); }
inline float modf(float x, float &integer) { return __builtin_modff(x, &integer); }

} // namespace functions

namespace precise {
using namespace functions;
}

// The result for a NaN is not defined: it is a number here that no test takes for a right one.
namespace fast {
using namespace functions;
constexpr float kUndefined = -98765.4375f;
MSL_BINARY(max, __builtin_isunordered(x, y) ? kUndefined : __builtin_fmaxf(x, y))
MSL_BINARY(min, __builtin_isunordered(x, y) ? kUndefined : __builtin_fminf(x, y))
MSL_TERNARY(clamp, __builtin_isnan(x + y + z) && !__builtin_isinf(x) ? kUndefined
                                                                     : functions::clamp(x, y, z))
} // namespace fast

#undef MSL_UNARY
#undef MSL_BINARY
#undef MSL_TERNARY
#undef MSL_TEST

} // namespace metal

#endif // MSL_MATH_H
